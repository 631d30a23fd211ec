from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.zeiler.table2_pretrained import Table2Pretrained
from tests.zeiler.training_context import TrainingContext


def most_of_a_colour(classes: Sequence[str]) -> Network:
    """Answers with the colour that an image has most of, whatever the order of its classes."""
    reads = nn.Conv2d(3, len(classes), 1, bias=False)
    with torch.no_grad():
        reads.weight.zero_()
        for output, name in enumerate(classes):
            if name in ("red", "green", "blue"):
                reads.weight[output, ("red", "green", "blue").index(name)] = 100
    module = nn.Sequential(reads, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Network(module, name="colours", classes=classes, preprocessing=Preprocessing(64))


@dataclasses.dataclass
class WithNetwork(TrainingContext):
    network: Network = dataclasses.field(default_factory=lambda: most_of_a_colour(("red", "green", "blue")))


@pytest.mark.parametrize(
    ("classes", "errors"),
    [
        (("blue", "white", "red", "green"), {"val top-1/1 view": 0, "val top-1/10 views": 0}),
        (("blue", *"abcde", "red", "green"), {f"val top-{k}/{v}": 0 for k in (1, 5) for v in ("1 view", "10 views")}),
    ],
)
def test_finds_the_images_classes_among_the_networks(
    classes: tuple[str, ...], errors: dict[str, float], tmp_path: Path
) -> None:
    outcome = Table2Pretrained(images=100).run(WithNetwork(tmp_path, network=most_of_a_colour(classes)))
    assert {m.name: max(m.values) for m in outcome.measurements} == errors
    assert all(len(m.values) == 18 for m in outcome.measurements)


def test_counts_mistakes_image_by_image(tmp_path: Path) -> None:
    context = WithNetwork(tmp_path)
    context.data.validation.labels = (context.data.validation.labels + 1) % 3
    context.data.validation.labels[4] = (context.data.validation.labels[4] - 1) % 3
    values = Table2Pretrained(images=100).run(context).measurements[0].values
    assert [i for i, value in enumerate(values) if value == 0] == [4]
    assert sum(values) == 1700


def test_says_which_class_the_network_lacks(tmp_path: Path) -> None:
    context = WithNetwork(tmp_path, network=most_of_a_colour(("red", "green", "black")))
    assert "no class 'blue'" in str(Table2Pretrained(images=4).missing(context))
    assert Table2Pretrained(images=4).missing(WithNetwork(tmp_path)) is None
