"""What a method looks at, in small: a network with random weights, stripes of three classes, units of every kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from replications.compare.material import Material
from replications.compare.protocol import Protocol
from replications.compare.subjects import Subject
from replications.data.image_set import DataSource, ImageSet
from replications.multifaceted.unit_fields import before_rectification
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.unit import Unit
from replications.networks.zfnet import zfnet_small

SIZE = 32
CLASSES = ("red", "green", "blue")


class Stripes(ImageSet):
    """Two plain colours above each other, the upper one with more of what the class is called."""

    name, classes, size = "stripes", CLASSES, SIZE

    def __init__(self, count: int, seed: int = 0) -> None:
        random = torch.Generator().manual_seed(seed)
        self.labels, self.seed = torch.arange(count) % 3, seed
        colours = 0.6 * torch.rand(count, 3, 2, 1, generator=random)
        colours[torch.arange(count), self.labels, 0] += 0.4
        self.pixels = colours.repeat_interleave(SIZE // 2, 2).expand(-1, -1, -1, SIZE).contiguous()

    @property
    def fingerprint(self) -> str:
        return f"stripes {len(self)} {self.seed}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self.pixels[torch.as_tensor(indices)]


def network(**preprocessing: Any) -> Network:
    """ZFNet's layers with a few maps each; relu6 has 12 numbers."""
    module = zfnet_small(3, input_size=SIZE, widths=(6, 6, 6, 6, 5), fc_widths=(12, 6), init="he")
    return Network(
        module,
        name="tiny",
        classes=CLASSES,
        preprocessing=Preprocessing(SIZE, mean=(0.5,) * 3, std=(0.25,) * 3, **preprocessing),
        paper_layers={4: "relu4", 5: "pool5", 6: "relu6", 7: "relu7"},
        unit_layers={4: "relu4", 5: "relu5"},
    )


def subject(network: Network, unit: Unit, number: int | None = None) -> Subject:
    """A unit without what is measured by."""
    hidden = not unit.is_class(network)
    return Subject(
        title=unit.label(network),
        kind="hidden" if hidden else "class",
        number=number,
        unit=unit,
        asked=before_rectification(network, unit)[0],
        name=None if hidden else network.classes[unit.channel],
        natural=torch.zeros(1),
        liked=torch.zeros(1, dtype=torch.int64),
        facets={},
    )


def protocol(**changes: Any) -> Protocol:
    """Three pictures, all that is looked at drawn of it."""
    settings: dict[str, Any] = {
        "pictures": 3,
        "seeds": (0, 1),
        "classes": None,
        "hidden": {4: 1, 6: 1},
        "passes": 4,
        "training_images": 90,
        "validation_images": 30,
        "liked": 12,
        "least_share": 0.1,
        "trials": 2,
        "hard_queries": None,
        "natural_clusters": 2,
    }
    return Protocol(**{**settings, **changes})


def context(folder: Path, network: Network, images: ImageSet | None = None) -> Any:
    """What an experiment is given."""

    def progress(items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
        return iter(items)

    train = images or Stripes(120)
    return SimpleNamespace(
        seed=0,
        device=torch.device("cpu"),
        network=network,
        data=DataSource("stripes", train, Stripes(30, seed=1)),
        workspace=folder,
        progress=progress,
    )


def material(
    folder: Path,
    network: Network,
    subjects: Sequence[Subject],
    *,
    number: int = 0,
    images: ImageSet | None = None,
    **changes: Any,
) -> Material:
    """Of the set `number`. The cache must be a folder of the test's own."""
    return Material(context(folder, network, images), protocol(**changes), subjects, number, folder / str(number))
