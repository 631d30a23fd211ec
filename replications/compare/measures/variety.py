"""How varied pictures of a unit are, at matched activation: pictures that don't drive it count as copies do.

Perceptual distances are in the judge's maps, over the mean distance between natural images that the unit likes: so 1
is as varied as these, whatever the judge and the unit, and the floor a tenth.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

from metrics.clusters import cluster_recall
from metrics.diversity import gaussian_similarity, matched_pairs, vendi_score
from replications.compare.looked import Looked
from replications.compare.measure import Measure


@dataclasses.dataclass(frozen=True)
class ClusterRecall(Measure):
    """Stands for facet recall where facets aren't known: clusters of natural images in the judge's features. nan where
    there are no more natural images than clusters."""

    name: ClassVar[str] = "cluster_recall"
    title: ClassVar[str] = "cluster recall"
    unit: ClassVar[str] = "share of clusters of natural images found among the pictures, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        clusters = looked.natural.clusters
        return math.nan if clusters is None else cluster_recall(looked.seen.features.values, clusters).value


@dataclasses.dataclass(frozen=True)
class Diversity(Measure):
    name: ClassVar[str] = "diversity"
    title: ClassVar[str] = "diversity"
    unit: ClassVar[str] = "mean perceptual distance of pairs that drive the unit; 1: natural images' distance"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = None
    floor: ClassVar[float] = 0.1

    def value(self, looked: Looked) -> float:
        if len(looked) < 2 or not looked.natural.apart > 0:
            return math.nan
        return matched_pairs(looked.distances, looked.matched).mean().value / looked.natural.apart


@dataclasses.dataclass(frozen=True)
class Dissimilarity(Measure):
    """nan for pictures that are too small for a window."""

    name: ClassVar[str] = "dissimilarity"
    title: ClassVar[str] = "1 - MS-SSIM"
    unit: ClassVar[str] = "mean of 1 - MS-SSIM over pairs that drive the unit, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        if len(looked) < 2 or looked.structural is None:
            return math.nan
        return matched_pairs(looked.structural, looked.matched).mean().value


@dataclasses.dataclass(frozen=True)
class Vendi(Measure):
    """Pictures count as mostly different at the mean distance between natural images. As a share of the pictures, so
    that sets of different size compare: 1 where no picture is like another, 1 / n for copies that drive the unit.

    Floor: pictures as far apart as natural images are come to about 0.84 of four; a tenth of that.
    """

    name: ClassVar[str] = "vendi"
    title: ClassVar[str] = "Vendi score"
    unit: ClassVar[str] = "effective number of different pictures that drive the unit, over all, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.08

    def value(self, looked: Looked) -> float:
        if not looked.natural.apart > 0:
            return math.nan
        similarity = gaussian_similarity(looked.distances, looked.natural.apart)
        found = vendi_score(similarity, kernel=looked.distances.measure, matched=looked.matched)
        return found.value / len(looked)
