"""Whether other networks find in the pictures what the unit likes."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

from replications.compare.looked import Looked
from replications.compare.measure import Measure


@dataclasses.dataclass(frozen=True)
class Recognized(Measure):
    """The judge's probability of the class, or of all facets that a hidden unit likes together; nan for a hidden unit
    where facets aren't told."""

    name: ClassVar[str] = "recognized"
    title: ClassVar[str] = "recognized"
    unit: ClassVar[str] = "the judge's probability of what the unit likes, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        outputs = looked.liked_outputs
        return float(looked.probabilities[:, outputs].double().sum(1).mean()) if outputs else math.nan


@dataclasses.dataclass(frozen=True)
class Transferred(Measure):
    """Mean over the networks that no method optimizes and that know the class; nan for hidden units."""

    name: ClassVar[str] = "transfer"
    title: ClassVar[str] = "transfer"
    unit: ClassVar[str] = "other networks' probability of the class, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        return math.nan if looked.transferred is None else float(looked.transferred.mean())


@dataclasses.dataclass(frozen=True)
class OneThing(Measure):
    """The judge's evidence for the class has one peak that counts (`multifaceted.evidence_maps`, `metrics.fragments`);
    none, where there is no evidence at all, isn't one. nan for hidden units, and where the judge can't count."""

    name: ClassVar[str] = "one_thing"
    title: ClassVar[str] = "one thing"
    unit: ClassVar[str] = "share of pictures in which the judge finds the class in one place, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        return math.nan if looked.things is None else float((looked.things == 1).double().mean())
