"""How strongly pictures drive their unit."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

import torch

from replications.compare.looked import MATCHED_QUANTILE, Looked
from replications.compare.measure import Measure


@dataclasses.dataclass(frozen=True)
class Activation(Measure):
    """Without a unit of its own: 0 is the median of the unit's activations on natural images, 1 their 0.95 quantile.

    So logits, whose zero means nothing, compare with rectified units. nan where the two are one, as for a unit that
    hardly fires. Floor: a tenth of the way from the median to the quantile.
    """

    name: ClassVar[str] = "activation"
    title: ClassVar[str] = "activation"
    unit: ClassVar[str] = "the unit's activation; 0: natural images' median, 1: their 0.95 quantile"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = None
    high: ClassVar[float | None] = None
    floor: ClassVar[float] = 0.1

    def value(self, looked: Looked) -> float:
        natural = looked.subject.natural.double()
        zero, one = torch.quantile(natural, 0.5), torch.quantile(natural, MATCHED_QUANTILE)
        if not one > zero:
            return math.nan
        return float((looked.activations.double().mean() - zero) / (one - zero))


@dataclasses.dataclass(frozen=True)
class Quantile(Measure):
    name: ClassVar[str] = "quantile"
    title: ClassVar[str] = "activation quantile"
    unit: ClassVar[str] = "of the activation among the unit's own on natural images, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        return float(looked.quantiles.mean())


@dataclasses.dataclass(frozen=True)
class Driving(Measure):
    name: ClassVar[str] = "driving"
    title: ClassVar[str] = "driving share"
    unit: ClassVar[str] = "share of pictures at least at the 0.95 quantile of activation, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        return float(looked.driving.double().mean())
