"""How many concepts the units of a layer detect, and how sure that number is over images and over repetitions.

The counting rules are those of `dissection.rules`; here many resamples are counted at once. Images are resampled in the
blocks that a dissection keeps, as in `dissection.bootstrap`: every dissection of the same images is resampled alike, so
that differences between dissections are paired.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.statistics import Interval, welch_interval
from replications.survey.dissection.result import Dissection
from replications.survey.dissection.rules import Rule

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RULES: tuple[Rule, ...] = get_args(Rule)

_CHUNK = 2_000_000  # numbers of one category at a time, which bounds the memory


@dataclasses.dataclass(frozen=True)
class Counts:
    """Numbers for each of R resamples of the images.

    units: by category, the units that detect a concept of it, (R,). unique: by category, its concepts that a unit
    detects, (R,). detectors: units that detect anything, (R,).
    """

    units: Mapping[str, Ints]
    unique: Mapping[str, Ints]
    detectors: Ints

    @property
    def total(self) -> Ints:
        """Concepts of all categories that a unit detects, (R,): the unique detectors."""
        return np.sum(list(self.unique.values()), axis=0)


def as_they_are(blocks: int) -> Floats:
    """The weights of all images once: (1, blocks)."""
    return np.ones((1, blocks))


def resampled(blocks: int, resamples: int, seed: int) -> Floats:
    """How often each block of images is drawn in each bootstrap resample: (resamples, blocks).

    Raises ValueError for fewer than two blocks.
    """
    if blocks < 2:
        raise ValueError(f"resampling images needs at least 2 blocks of them, found {blocks}")
    drawn = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples)
    return drawn.astype(np.float64)


def counts(dissection: Dissection, threshold: float, weights: Floats) -> dict[Rule, Counts]:
    """What the units detect in each resample of the images, by each of the rules (see `dissection.rules`).

    threshold: the IoU above which a label counts. weights: (R, blocks), how often each block of images counts.
    """
    best, concepts = {}, {}
    for name in dissection.categories:
        best[name], concepts[name] = _best(dissection, name, weights)
    highest = np.max(list(best.values()), axis=0)
    found: dict[Rule, Counts] = {}
    for rule in RULES:
        claimed = np.zeros(highest.shape, dtype=bool)
        units, unique = {}, {}
        for name, names in dissection.concepts.items():
            labelled = best[name] > threshold
            if rule == "top":  # of equal ones the first category's
                labelled &= (best[name] == highest) & ~claimed
            claimed |= labelled
            units[name] = labelled.sum(1)
            unique[name] = _distinct(np.where(labelled, concepts[name], -1), len(names))
        found[rule] = Counts(units, unique, claimed.sum(1))
    return found


def _best(dissection: Dissection, category: str, weights: Floats) -> tuple[Floats, Ints]:
    """For each resample and unit the highest IoU in a category, and the concept's number: (R, K) each."""
    numbers = dissection.counted[category].nonzero()[0]
    if not len(numbers):
        shape = (len(weights), dissection.units)
        return np.zeros(shape), np.zeros(shape, dtype=np.int64)
    intersections = dissection.intersections[category][:, :, numbers].astype(np.float64)
    unit_areas = dissection.unit_areas[category].astype(np.float64)
    concept_areas = dissection.concept_areas[category][:, numbers].astype(np.float64)
    blocks, count, concepts = intersections.shape
    flat = intersections.reshape(blocks, count * concepts)
    best, where = [], []
    rows = max(1, _CHUNK // (count * concepts))
    for part in (weights[i : i + rows] for i in range(0, len(weights), rows)):
        shared = (part @ flat).reshape(len(part), count, concepts)
        union = (part @ unit_areas)[:, :, None] + (part @ concept_areas)[:, None, :] - shared
        iou = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
        where.append(iou.argmax(2))
        best.append(np.take_along_axis(iou, where[-1][:, :, None], 2)[:, :, 0])
    return np.concatenate(best), numbers[np.concatenate(where)]


def _distinct(numbers: Ints, concepts: int) -> Ints:
    """How many different numbers from 0 each row has; -1 is none."""
    seen = np.zeros((len(numbers), concepts + 1), dtype=bool)
    seen[np.arange(len(numbers))[:, None], numbers + 1] = True
    found: Ints = seen[:, 1:].sum(1)
    return found


def over_repetitions_and_images(
    repetitions: ArrayLike, resamples: ArrayLike, blocks: int, confidence: float = 0.95
) -> Interval:
    """The mean over repetitions (drawn rotations, random weights) with a t interval over these and over images.

    repetitions: the value of each, on all images; at least two. resamples: the mean over the repetitions in each
    resample of the images. blocks: of images, which are resampled.
    The variance is the sum of that of the mean over the repetitions, and that of the resamples; degrees of freedom by
    Satterthwaite. Part of the images' noise is in both, which makes the interval wider, not narrower.
    """
    values = np.asarray(repetitions, dtype=np.float64)
    if len(values) < 2:
        raise ValueError(f"an interval over repetitions needs at least 2, found {len(values)}")
    shares = np.array([values.var(ddof=1) / len(values), np.asarray(resamples, dtype=np.float64).var(ddof=1)])
    return welch_interval(float(values.mean()), shares, np.array([len(values) - 1, blocks - 1]), confidence)
