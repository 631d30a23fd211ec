"""What a dissection of a layer found: counts in blocks of images, and the IoU of every unit with every concept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from metrics.statistics import Interval
from replications.survey.dissection import rules
from replications.survey.dissection.bootstrap import bootstrap
from replications.survey.dissection.rules import THRESHOLD, Detector, Rule

Counts = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Dissection:
    """Of one layer, or of sums of its channels.

    layer: its name. thresholds: (K,) float32, the level that each unit exceeds at `quantile` of all positions.
    concepts: for each category its concepts by number; number 0 is "none". images: how many it was dissected on.
    intersections[category]: (blocks, K, concepts) pixels, summed over images that have a label of the category, where
        the unit is above its threshold and the concept is seen. unit_areas[category]: (blocks, K) where the unit is.
    concept_areas[category]: (blocks, concepts) pixels of the concept. concept_images: images that show it.
    counted[category]: (concepts,) bool, shown by enough images to be detected; the IoU of others is 0.
    """

    layer: str
    concepts: Mapping[str, tuple[str, ...]]
    images: int
    quantile: float
    thresholds: NDArray[np.float32]
    intersections: Mapping[str, Counts]
    unit_areas: Mapping[str, Counts]
    concept_areas: Mapping[str, Counts]
    concept_images: Mapping[str, Counts]
    counted: Mapping[str, NDArray[np.bool_]]

    @property
    def units(self) -> int:
        return len(self.thresholds)

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(self.concepts)

    @property
    def blocks(self) -> int:
        """In how many blocks of images was counted; 1 for a resample."""
        return len(next(iter(self.concept_areas.values())))

    def iou(self, category: str) -> NDArray[np.float64]:
        """(K, concepts): intersection over union of each unit with each concept, over all images; 0 for "none", for
        concepts without pixels and for those that too few images show. Raises KeyError for a category it hasn't."""
        if category not in self.concepts:
            raise KeyError(f"the dissection has the categories {', '.join(self.concepts)}, not '{category}'")
        both = self.intersections[category].sum(0)
        either = self.unit_areas[category].sum(0)[:, None] + self.concept_areas[category].sum(0)[None] - both
        found = np.divide(both, either, out=np.zeros(both.shape), where=either > 0)
        return np.where(self.counted[category], found, 0.0)

    def top(self, rule: Rule) -> list[Detector]:
        """Each unit's best concept ("top"), or its best of each category ("per category"), however small the IoU.

        Nothing for a unit that meets no concept at all.
        """
        return rules.labelled(self, rule)

    def detectors(self, rule: Rule, threshold: float = THRESHOLD) -> list[Detector]:
        """Those of `top` whose IoU is above the threshold, by unit."""
        return [detector for detector in self.top(rule) if detector.iou > threshold]

    def detector_units(self, threshold: float = THRESHOLD) -> list[int]:
        """The units that detect something; the same by both rules."""
        return [detector.unit for detector in self.detectors("top", threshold)]

    def unique(self, rule: Rule, threshold: float = THRESHOLD) -> int:
        """How many concepts have a detector."""
        return sum(self.unique_by_category(rule, threshold).values())

    def unique_by_category(self, rule: Rule, threshold: float = THRESHOLD) -> dict[str, int]:
        """How many concepts of each category have a detector."""
        found = {(detector.category, detector.concept) for detector in self.detectors(rule, threshold)}
        return {category: sum(c == category for c, _ in found) for category in self.concepts}

    def weighted(self, weights: NDArray[np.int64]) -> Dissection:
        """The dissection as if each block of images had been seen `weights` (blocks,) times; of one block.

        The thresholds and which concepts are counted stay.
        """
        if weights.shape != (self.blocks,):
            raise ValueError(f"expected a weight for each of the {self.blocks} blocks, found {weights.shape}")

        def summed(counts: Mapping[str, Counts]) -> dict[str, Counts]:
            return {name: np.tensordot(weights, values, axes=1)[None] for name, values in counts.items()}

        return dataclasses.replace(
            self,
            intersections=summed(self.intersections),
            unit_areas=summed(self.unit_areas),
            concept_areas=summed(self.concept_areas),
            concept_images=summed(self.concept_images),
        )

    def bootstrap(
        self,
        statistic: Callable[[Dissection], float],
        *,
        confidence: float = 0.95,
        resamples: int = 1000,
        seed: int = 0,
    ) -> Interval:
        """`statistic` with its interval over images; see `bootstrap.bootstrap`."""
        return bootstrap(
            [self], lambda found: statistic(found[0]), confidence=confidence, resamples=resamples, seed=seed
        )
