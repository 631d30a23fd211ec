"""Tables 4 to 7 and Fig. 9 on planted features, with networks from scratch that really are trained (a little)."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from replications.data.image_set import DataSource
from replications.data.voc import CLASSES
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.suite.interface import Outcome
from replications.suite.outcome_json import encode
from replications.zeiler.fig9_few_images import Fig9
from replications.zeiler.items import ItemSettings, item_precisions
from replications.zeiler.scratch import Scratch, Shown
from replications.zeiler.table4_caltech101 import Table4
from replications.zeiler.table6_pascal import PAPER_NAMES, Table6, _row
from replications.zeiler.table7_feature_analysis import CLAIM, Table7, evidence
from tests.zeiler.training_context import Squares, TrainingContext

TASK: dict[str, Any] = {
    "name": "squares",
    "title": "Squares",
    "labels": "class",
    "skip_classes": 0,
    "pooled": False,
    "largest": 6,
    "test_images": 10,
}
ITEMS: dict[str, Any] = {
    "name": "things",
    "title": "Things",
    "covers": {},
    "skip_classes": 0,
    "pooled": True,
    "train_images": 48,
    "test_images": 40,
    "folds": 2,
}
SIZE = 64  # that of zfnet_small


def network(classes: tuple[str, ...] = ("x", "y", "z")) -> Network:
    """Layer 7 is the mean of the brightest: it tells the squares' classes apart."""
    module = nn.Sequential(
        OrderedDict(pool1=nn.MaxPool2d(SIZE // 2), pool5=nn.AvgPool2d(2), flatten=nn.Flatten(), fc8=nn.Linear(3, 3))
    )
    return Network(
        module,
        name="planted",
        classes=classes,
        preprocessing=Preprocessing(SIZE, mean=(0, 0, 0), std=(1, 1, 1)),
        paper_layers={1: "pool1", 5: "pool5", 7: "flatten"},
    )


@dataclasses.dataclass
class PlantedContext(TrainingContext):
    """Small squares, the planted network, and the outcome of `scratch` where there is one."""

    data: DataSource = dataclasses.field(
        default_factory=lambda: DataSource("squares", Squares(90, SIZE), Squares(60, SIZE, seed=1))
    )
    network: Network = dataclasses.field(default_factory=network)
    found: Outcome | None = None

    def outcome(self, experiment: str) -> Any:
        assert experiment == "scratch"
        return None if self.found is None else encode(self.found, [])


def scratch(**changes: Any) -> Scratch:
    recipe = {"epochs": 1, "batch_size": 6, "learning_rate": 1e-4}
    tasks = {"first": {"settings": TASK, "reads": "data", "sizes": [3, 6]}}
    items = {"settings": ITEMS, "reads": "data"}
    arguments: dict[str, Any] = {"updates": 4, "folds": 2, "tasks": tasks, "items": items}
    return Scratch(architecture="zfnet_small", recipe=recipe, **{**arguments, **changes})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What `scratch` finds on the pictures that the planted network looks at."""
    return scratch().run(context(tmp_path_factory.mktemp("zoo")))


def context(folder: Path, found: Outcome | None = None, seed: int = 0) -> PlantedContext:
    return PlantedContext(folder, found=found, seed=seed)


def test_scratch_trains_on_the_images_of_each_fold(trained: Outcome) -> None:
    (table,) = trained.tables
    expected = [["squares", size, fold] for size in (3, 6) for fold in (0, 1)]
    assert [row[:3] for row in table.rows[:4]] == expected
    assert len({row[4] for row in table.rows}) == len(table.rows)
    assert {len(m.values) for m in trained.measurements} == {2}


def test_pretrained_features_are_held_against_the_networks_trained_on_the_same_images(
    tmp_path: Path, trained: Outcome
) -> None:
    outcome = Table4(task=TASK, layer=7, images=[3, 6], folds=3).run(context(tmp_path, trained))
    values = {m.name: m for m in outcome.measurements}
    assert values["pretrained/6 per class"].values == (100, 100, 100)
    assert values["pretrained/6 per class"].reported == "ZF-T4-4"
    (found,) = outcome.evidence
    hardly_trained = [values[f"scratch/{size} per class"].values for size in (3, 6)]
    assert found.effect == pytest.approx(100 - sum(max(pair) for pair in zip(*hardly_trained, strict=True)) / 2)
    assert found.n == found.seeds == 2


@pytest.mark.parametrize("seed", [0, 1])
def test_without_networks_trained_on_the_same_images_there_is_no_evidence(
    tmp_path: Path, trained: Outcome, seed: int
) -> None:
    outcome = Table4(task=TASK, layer=7, images=[3], folds=2).run(context(tmp_path, trained if seed else None, seed))
    assert not outcome.evidence
    assert "no evidence" in outcome.notes[0]


def test_few_images_are_held_against_many(tmp_path: Path, trained: Outcome) -> None:
    outcome = Fig9(task=TASK, layer=7, images=[3], folds=2, few=3, many=6).run(context(tmp_path, trained))
    values = {m.name: m.values for m in outcome.measurements}
    (found,) = outcome.evidence
    means = [sum(values[name]) / 2 for name in ("pretrained/3 per class", "scratch/6 per class")]
    assert found.effect == pytest.approx(means[0] - means[1])


def test_a_network_that_has_seen_the_other_classes_is_refused(tmp_path: Path) -> None:
    given = context(tmp_path)
    given.network = network(("red", "green", "blue"))
    sentence = Table4(task={**TASK, "skip_classes": 1}, layer=7, images=[3], folds=2).missing(given)
    assert sentence is not None
    assert "hasn't seen the class 'green'" in sentence
    assert Table4(task=TASK, layer=7, images=[3], folds=2).missing(given) is None
    assert "asks for 30" in str(Table4(task=TASK, layer=7, images=[30], folds=2).missing(given))
    assert "layer 6" in str(Table4(task=TASK, layer=6, images=[3], folds=2).missing(given))


def test_items_are_ranked_and_held_against_scratch(tmp_path: Path, trained: Outcome) -> None:
    outcome = Table6(items=ITEMS, layer=7).run(context(tmp_path, trained))
    values = {m.name: m.values for m in outcome.measurements}
    assert values["pretrained/red"] == (100, 100)
    (found,) = outcome.evidence
    scratch_mean = sum(sum(values[f"scratch/{name}"]) for name in ("red", "green", "blue")) / 6
    assert found.effect == pytest.approx(100 - scratch_mean)


def test_every_class_of_voc_has_its_row() -> None:
    assert {_row(name) for name in CLASSES} == {f"ZF-T6-{name}" for name in PAPER_NAMES}
    assert _row("stone") is None


def test_what_surrounds_the_object_is_what_the_pixels_say() -> None:
    from replications.data.facetworld.dataset import facetworld

    data = facetworld(120, 60, size=32)
    settings = ItemSettings.of(
        {**ITEMS, "covers": {"scene": 0.0, "colour": 0.3}, "skip_classes": 6, "pooled": False, "train_images": 30}
    )
    task = settings.task(data, 0)
    fold = task.folds[0]
    assert bool((data.train.labels[fold.train] >= 6).all())
    known = data.train.annotations(fold.train)  # type: ignore[attr-defined]
    for name, category, column in zip(task.names, task.categories, fold.train_targets.T, strict=True):
        share = (known.labels[category] == known.names[category].index(name)).mean((1, 2))
        assert torch.equal(column > 0, torch.from_numpy(share > (0.3 if category == "colour" else 0)))
    assert torch.equal(task.folds[0].test, task.folds[1].test)
    assert task.folds[0].digest() != task.folds[1].digest()


def test_difficult_things_are_not_judged() -> None:
    scores = torch.tensor([[0.9], [0.8], [0.1]])
    assert item_precisions(scores, torch.tensor([[0], [1], [-1]])).tolist() == [100]


def test_a_picture_is_shown_once_for_each_item() -> None:
    data = Squares(5, 8)
    shown = Shown(data, torch.tensor([3, 3, 1]), torch.tensor([0, 2, 1]), ("a", "b", "c"))
    assert len(shown) == 3
    torch.testing.assert_close(shown.images([1]), data.images([3]))


def test_depth_is_tested_over_the_layers_of_the_svm(tmp_path: Path) -> None:
    config = {"settings": TASK, "reads": "data", "images": 6}
    second = config | {"settings": {**TASK, "name": "again"}}
    outcome = Table7(first=config, second=second, folds=2, largest_map=None).run(context(tmp_path))
    values = {m.name: m.values for m in outcome.measurements}
    assert values["squares/svm on layer 7"] == values["squares/softmax on layer 7"] == (100, 100)
    assert {e.claim for e in outcome.evidence} == {CLAIM}


@pytest.mark.parametrize(("slope", "rank"), [(1.0, 1.0), (-1.0, -1.0), (0.0, 0.0)])
def test_the_tests_of_depth_have_the_sign_of_the_slope(slope: float, rank: float) -> None:
    layers = (1, 2, 3, 4, 5, 7)
    found: dict[Any, list[float]] = {
        (place, "svm", n): [50 + slope * n + fold for fold in range(3)] for place in ("first", "second") for n in layers
    }
    correlation, gain = evidence(found)
    assert (correlation.effect, gain.effect) == pytest.approx((rank, 5 * slope))
    assert correlation.holds == gain.holds == (slope > 0)
