"""A small network that knows a few rendered images by heart, so that attacks and pruning have something to spoil."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from replications.data.facetworld.dataset import FacetSet
from replications.data.image_set import DataSource
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.suite.context import seed_of

SIZE = 32
CONCEPTS = {
    "_target_": "replications.data.concepts.facetworld.facetworld",
    "images": 60,
    "part": "validation",
    "size": None,
    "workers": 1,
}


@functools.cache
def images(count: int = 240) -> FacetSet:
    return FacetSet("validation", count, SIZE, workers=1)


def modules(seed: int = 0, dead: int = 0) -> OrderedDict[str, nn.Module]:
    """Two convolutional layers, drawn to like colours; the first `dead` units of the second one never fire."""
    torch.manual_seed(seed)
    conv1, conv2 = nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.Conv2d(8, 16, 3, padding=1)
    with torch.no_grad():
        conv1.weight += 0.3 * torch.randn(8, 3, 1, 1)
        conv2.weight[:, :, 1, 1] += torch.eye(8).repeat(2, 1)
        conv2.weight[:dead] = 0
        assert conv2.bias is not None
        conv2.bias[:dead] = -1
    return OrderedDict(
        conv1=conv1,
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=conv2,
        relu2=nn.ReLU(),
        flat=nn.Flatten(),
        fc3=nn.Linear(16 * 64, 12),
    )


@functools.cache
def network(count: int = 240, dead: int = 0) -> Network:
    """Classifies `images(count)` without a mistake: its last layer is fitted to them by ridge regression."""
    layers = modules(dead=dead)
    data = images(count)
    with torch.no_grad():
        shown = (data.images(range(count)) - 0.5) / 0.25
        codes = nn.Sequential(OrderedDict(list(layers.items())[:-1]))(shown).double()
        wanted = 10 * nn.functional.one_hot(data.labels, 12).double() - 5
        last: Any = layers["fc3"]
        gram = codes @ codes.T + 1e-4 * torch.eye(count, dtype=torch.float64)
        last.weight.copy_((codes.T @ torch.linalg.solve(gram, wanted)).T)
        last.bias.zero_()
    return Network(
        nn.Sequential(layers),
        name="toy",
        classes=data.classes,
        preprocessing=Preprocessing(SIZE, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)),
        unit_layers={1: "relu1", 2: "relu2"},
    )


def data(count: int = 240) -> DataSource:
    """The same images to rank on and to test on: what is tested is the bookkeeping."""
    return DataSource("toy", images(count), images(count))


def given(**changes: Any) -> Any:
    """A context on the CPU with the toy's network and images."""

    def progress(items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
        return iter(items)

    parts = {"network": network(), "data": data()} | changes
    return SimpleNamespace(
        profile="laptop",
        seed=0,
        device=torch.device("cpu"),
        progress=progress,
        generator=lambda *name: torch.Generator().manual_seed(seed_of(0, *name)),
        **parts,
    )
