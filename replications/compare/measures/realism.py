"""How near pictures are to natural images that the unit likes, in the judge's features at unit length."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

from metrics.feature_space import euclidean
from metrics.manifold import expected_coverage
from metrics.realism import kernel_distance, plausibility
from replications.compare.looked import Looked
from replications.compare.measure import Measure
from replications.compare.references import NEAR


@dataclasses.dataclass(frozen=True)
class Plausibility(Measure):
    """Mean over the pictures. nan for five natural images or fewer. Floor: a tenth of what natural images have, 1."""

    name: ClassVar[str] = "plausibility"
    title: ClassVar[str] = "distance to natural images"
    unit: ClassVar[str] = "to the five nearest natural images; 1: theirs to each other"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = None
    floor: ClassVar[float] = 0.1

    def value(self, looked: Looked) -> float:
        natural = looked.natural
        if natural.near is None:
            return math.nan
        return float(plausibility(looked.seen.features, natural.features, k=NEAR).mean())


@dataclasses.dataclass(frozen=True)
class Kernel(Measure):
    """Squared maximum mean discrepancy under the cubic kernel; about 0 for natural images, below it by chance. nan for
    fewer than three pictures or natural images.

    Floor: a tenth of what natural images of another class of facetworld have, about 3.
    """

    name: ClassVar[str] = "kernel"
    title: ClassVar[str] = "kernel distance"
    unit: ClassVar[str] = "squared maximum mean discrepancy to natural images, about 0 for these"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    low: ClassVar[float | None] = None
    high: ClassVar[float | None] = None
    floor: ClassVar[float] = 0.3

    def value(self, looked: Looked) -> float:
        pictures, natural = looked.seen.features, looked.natural.features
        if min(len(pictures), len(natural)) < 3:
            return math.nan
        return kernel_distance(pictures, natural, relative=True).value


@dataclasses.dataclass(frozen=True)
class Precision(Measure):
    """Kynkäänniemi et al. 2019, with three neighbours, of any number of pictures."""

    name: ClassVar[str] = "precision"
    title: ClassVar[str] = "precision"
    unit: ClassVar[str] = "share of pictures inside a natural image's neighbourhood, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        natural = looked.natural
        if natural.close is None:
            return math.nan
        apart = euclidean(looked.seen.features.values, natural.features.values)
        return float((apart <= natural.close).any(1).double().mean())


@dataclasses.dataclass(frozen=True)
class Coverage(Measure):
    """Naeem et al. 2020, with five neighbours, over what as many natural images are expected to cover."""

    name: ClassVar[str] = "coverage"
    title: ClassVar[str] = "coverage"
    unit: ClassVar[str] = "share of natural images with a picture near; 1: as natural images would have"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = None
    floor: ClassVar[float] = 0.1

    def value(self, looked: Looked) -> float:
        natural = looked.natural
        if natural.near is None:
            return math.nan
        apart = euclidean(looked.seen.features.values, natural.features.values)
        share = float((apart <= natural.near).any(0).double().mean())
        return share / expected_coverage(len(looked), len(natural.features), NEAR)
