"""Which of the facets that a unit likes its pictures show, and how purely: the truth, where facets are known.

nan where the judge doesn't tell facets. Recall is for as many pictures as were made, so sets of one size compare.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

from metrics.facets import facet_purity, facet_recall, found_facets, recall_of
from replications.compare.looked import Looked
from replications.compare.measure import Measure


@dataclasses.dataclass(frozen=True)
class _OfFacets(Measure):
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05
    truth: ClassVar[bool] = True


@dataclasses.dataclass(frozen=True)
class FacetRecall(_OfFacets):
    name: ClassVar[str] = "facet_recall"
    title: ClassVar[str] = "facet recall"
    unit: ClassVar[str] = "share of the facets that the unit likes found among its pictures, 0 to 1"

    def value(self, looked: Looked) -> float:
        if not looked.members:
            return math.nan
        return facet_recall(looked.probabilities, looked.members, evaluator=looked.eyes.judge.name).value


@dataclasses.dataclass(frozen=True)
class FacetPurity(_OfFacets):
    name: ClassVar[str] = "facet_purity"
    title: ClassVar[str] = "facet purity"
    unit: ClassVar[str] = "probability of the likeliest facet that the unit likes, less the next one's, 0 to 1"

    def value(self, looked: Looked) -> float:
        return float(facet_purity(looked.probabilities, looked.members).mean()) if looked.members else math.nan


@dataclasses.dataclass(frozen=True)
class MatchedRecall(_OfFacets):
    """As `ppgn.unit_scores`: a picture that doesn't drive the unit shows none of its facets."""

    name: ClassVar[str] = "matched_recall"
    title: ClassVar[str] = "facet recall at matched activation"
    unit: ClassVar[str] = "share of the unit's facets found among pictures that drive it, 0 to 1"

    def value(self, looked: Looked) -> float:
        if not looked.members:
            return math.nan
        found = found_facets(looked.probabilities, looked.members) & looked.driving[:, None]
        return recall_of(found, "at matched activation").value


@dataclasses.dataclass(frozen=True)
class MatchedPurity(_OfFacets):
    """As `ppgn.unit_scores`: a picture that doesn't drive the unit has none."""

    name: ClassVar[str] = "matched_purity"
    title: ClassVar[str] = "facet purity at matched activation"
    unit: ClassVar[str] = "facet purity, 0 for pictures that don't drive the unit, 0 to 1"

    def value(self, looked: Looked) -> float:
        if not looked.members:
            return math.nan
        return float((facet_purity(looked.probabilities, looked.members) * looked.driving).mean())
