"""A small network, a short method and what is wanted of them, for the tests of many pictures."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from maximization_networks import convolutional
from torch import Tensor

from replications.images import pictures
from replications.images.optimizers import Ascent
from replications.images.parametrization import Pixels
from replications.images.pictures import Pictures
from replications.images.presets import Method
from replications.images.schedule import Octave
from replications.networks.network import Network
from replications.networks.unit import Unit

WANTED = [Unit("7", i % 4) for i in range(7)]
METHOD = Method("short", [Octave(6, 0.05)], Pixels(0.5, 0.2), Ascent("mean"))


def cores(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", str(count))


def natural(n: int = 4) -> Tensor:
    return torch.rand(n, 3, 24, 24, generator=torch.Generator().manual_seed(0))


def network() -> Network:
    found = convolutional()
    found.unit_layers = {1: "1", 2: "4"}
    return found


def same(a: Pictures, b: Pictures) -> bool:
    return all(torch.equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(Pictures))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets the number of pictures of each part when it is made."""
    made: list[int] = []
    original = pictures._Part.made

    def counting(self: pictures._Part) -> tuple[Tensor, ...]:
        made.append(len(self.wanted))
        return original(self)

    monkeypatch.setattr(pictures._Part, "made", counting)
    return made
