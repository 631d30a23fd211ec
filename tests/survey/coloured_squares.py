"""Pictures of squares whose colours are concepts, networks that find exactly these, and a context for experiments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from dissection_toys import Labelled
from torch import Tensor, nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.suite.context import seed_of

SIZE, SIDE = 16, 6
CONCEPTS = {"colour": ("red", "green", "blue"), "object": ("apple", "leaf")}
# of each unit what it takes of red, green and blue; the last never fires
UNITS = ((1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0), (-1.0, -1.0, -1.0))


def squares(count: int = 60) -> Labelled:
    """On black a red (an apple), green (a leaf) or blue square, as bright as no other, and a brighter white one.

    The white one is nothing; of the others every third is of a colour, in the order of CONCEPTS.
    """
    generator = torch.Generator().manual_seed(0)
    pictures = torch.zeros(count, 3, SIZE, SIZE)
    labels = {category: torch.zeros(count, 1, SIZE, SIZE, dtype=torch.int16) for category in CONCEPTS}
    for i in range(count):
        colour, top = i % 3, int(torch.randint(0, SIZE - SIDE, (1,), generator=generator))
        place = (slice(top, top + SIDE), slice(1, 1 + SIDE))
        pictures[i, colour][place] = 0.4 + 0.4 * (i + 1) / count
        pictures[i, :, -3:, -3:] = 0.9 + 0.1 * (i + 1) / count
        labels["colour"][i, 0][place] = colour + 1
        labels["object"][i, 0][place] = colour + 1 if colour < 2 else 0
    return Labelled(pictures, labels, CONCEPTS)


def network(units: Sequence[Sequence[float]] = UNITS, name: str = "planted") -> Network:
    """The layers conv1, relu1 (the paper's layers 1 and 5), flatten and fc; its units weigh the colours of a pixel."""
    module = nn.Sequential()
    module.add_module("conv1", nn.Conv2d(3, len(units), 1))
    module.add_module("relu1", nn.ReLU())
    module.add_module("flatten", nn.Flatten())
    module.add_module("fc", nn.Linear(len(units) * SIZE * SIZE, 2))
    convolution: Any = module[0]
    convolution.weight.data = torch.tensor(units)[:, :, None, None]
    convolution.bias.data.zero_()
    for parameter in module[3].parameters():
        parameter.data.zero_()
    return Network(
        module,
        name=name,
        classes=("a", "b"),
        preprocessing=Preprocessing(SIZE),
        unit_layers={1: "relu1", 5: "relu1"},
    )


def slow_iou(maps: Tensor, labels: Tensor, concept: int, quantile: float = 0.005) -> Tensor:
    """(K,) the IoU of units with positions at every pixel, by its definition. maps: (n, K, S, S); labels: (n, 1, S, S).

    Only images with a label of the category count.
    """
    values = maps.transpose(0, 1).flatten(1).double()
    rank = int(quantile * values.shape[1]) + 1
    levels = values.sort(dim=1, descending=True).values[:, rank - 1]
    above = maps > levels.float()[None, :, None, None]
    labelled = (labels != 0).flatten(1).any(1)
    above, seen = above[labelled], (labels == concept)[labelled]
    both, either = (above & seen).sum((0, 2, 3)), (above | seen).sum((0, 2, 3))
    return both.double() / either


def context(given: Network, seed: int = 0) -> Any:
    """What an experiment is given, without the suite around it."""

    def progress(items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
        return iter(items)

    return SimpleNamespace(
        profile="laptop",
        seed=seed,
        device=torch.device("cpu"),
        network=given,
        progress=progress,
        generator=lambda *name: torch.Generator().manual_seed(seed_of(seed, *name)),
    )


def plant(monkeypatch: pytest.MonkeyPatch, cache: Any, module: str, networks: dict[str, Network] | None = None) -> None:
    """Lets an experiment's module see the squares, and the given networks by the "name" of a configuration."""
    monkeypatch.setenv("REPLICATIONS_CACHE", str(cache))
    concepts = squares()
    monkeypatch.setattr(f"{module}.concept_set", lambda config, network: concepts)
    if networks is not None:
        monkeypatch.setattr(f"{module}.load", lambda config, device: networks[config["name"]])
