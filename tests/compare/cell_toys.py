"""A tiny comparison: coloured clouds, a network with units that like two colours, methods that paint plainly."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import pytest
import torch
from facet_world import CLASSES, SIZE, Clouds, facet_judge
from torch import nn

from replications.compare.looked import Looked
from replications.compare.material import Material
from replications.compare.measure import Measure
from replications.compare.method import ComparedMethod, Family, Made
from replications.data.image_set import DataSource
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.suite.context import seed_of

# What a channel of relu1 likes: red and green, green and blue, red and blue; red alone; nothing.
LIKES = [[2.0, 2, -3], [-3.0, 2, 2], [2.0, -3, 2], [1.0, -1, -1], [0.0, 0, 0]]
TWO_FACETS = (0, 1, 2)
RULES: dict[str, Any] = {
    "pictures": 3,
    "seeds": [0, 1],
    "classes": None,
    "hidden": {1: 2},
    "passes": 8,
    "training_images": 60,
    "validation_images": 240,
    "liked": 12,
    "least_share": 0.1,
    "trials": 4,
    "hard_queries": None,
    "natural_clusters": 2,
}


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("REPLICATIONS_CACHE", str(folder))
    return folder


def network(classes: tuple[str, ...] = CLASSES, name: str = "liking") -> Network:
    """conv1, relu1 (maps), then the classes of the mean colours."""
    colours, last = nn.Conv2d(3, len(LIKES), 1), nn.Linear(len(LIKES), 2, bias=False)
    with torch.no_grad():
        colours.weight.copy_(torch.tensor(LIKES)[:, :, None, None])
        colours.bias.fill_(-0.2)  # type: ignore[union-attr]
        last.weight.copy_(torch.tensor([[1.0, 0, -1, 1, 0], [-1.0, 1, 0, -1, 0]]))
    module = nn.Sequential()
    parts = {"conv1": colours, "relu1": nn.ReLU(), "mean": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": last}
    for key, part in parts.items():
        module.add_module(key, part)
    plain = Preprocessing(size=SIZE, mean=(0.0,) * 3, std=(1.0,) * 3)
    return Network(
        module, name=name, classes=classes, preprocessing=plain, paper_layers={1: "relu1"}, unit_layers={1: "relu1"}
    )


def context(workspace: Path | None = None, *, seed: int = 0, known: bool = True, **parts: Any) -> Any:
    """What a cell is given. known: whether the facets of images are."""

    def progress(items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
        return iter(items)

    given = {
        "network": network(),
        "evaluator": facet_judge(),
        "data": DataSource("clouds", Clouds(160, seed=5, known=known), Clouds(280, seed=6, known=known)),
    }
    return SimpleNamespace(
        profile="laptop",
        seed=seed,
        device=torch.device("cpu"),
        workspace=workspace,
        progress=progress,
        generator=lambda *name: torch.Generator().manual_seed(seed_of(seed, *name)),
        **{**given, **parts},
    )


CALLS: list[tuple[str, int, int | None]] = []  # how often pictures were made: by which method, which set, how long


@dataclasses.dataclass(frozen=True)
class Paint(ComparedMethod):
    """Plain pictures as bright as passes were given; `fails` at a set, as often as it is called."""

    family: ClassVar[Family] = "maximization"
    optimizes: ClassVar[bool] = True

    title: str
    brightness: float = 0.5
    fails: int | None = None
    lacks: str | None = None
    shape: int = SIZE

    def missing(self, context: Any, protocol: Any) -> str | None:
        return self.lacks

    def visualize(self, material: Material, passes: int | None) -> Made:
        CALLS.append((self.title, material.number, passes))
        (material.workspace / "part").write_text("a finished part")
        if material.number == self.fails:
            raise InterruptedError("the light went out")
        count = len(material.subjects)
        noise = torch.rand(count, material.pictures, 3, self.shape, self.shape, generator=material.generator("paint"))
        return Made(self.brightness * noise, float(passes or 100), 2.0, notes=(f"{count} were painted.",))


@dataclasses.dataclass(frozen=True)
class Still(Paint):
    optimizes: ClassVar[bool] = False


@dataclasses.dataclass(frozen=True)
class Brightness(Measure):
    """The mean of a set's pictures; of hidden units nothing where `classes_only`."""

    name: ClassVar[str] = "brightness"
    title: ClassVar[str] = "brightness"
    unit: ClassVar[str] = "mean of the pictures, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    factor: float = 1.0
    classes_only: bool = False

    def value(self, looked: Looked) -> float:
        if self.classes_only and looked.subject.kind == "hidden":
            return float("nan")
        return self.factor * float(looked.images.double().mean())


def cell(kind: Any, *, method: str = "Paint", setting: str = "equal", measure: Any = None, **settings: Any) -> Any:
    """A cell of `kind`. measure: what is set of `Brightness`. settings: of the method, but for `rules` (changes of the
    protocol) and `others`."""
    rules, others = settings.pop("rules", {}), settings.pop("others", {})
    return kind(
        name="painted",
        setting=setting,
        method={"_target_": f"cell_toys.{method}", "title": "painted", **settings},
        protocol={**RULES, **rules},
        measures={"brightness": {"_target_": "cell_toys.Brightness", **(measure or {})}},
        others=others,
    )
