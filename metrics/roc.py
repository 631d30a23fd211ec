"""How well a score tells attacked images from clean ones: the area under the ROC curve, with bootstrap intervals.

The area is the probability that an attacked image scores higher than a clean one, ties counting half (Mann & Whitney
1947; Bamber 1975): 0.5 is chance, 1 perfect. Clean and attacked versions of one image depend on each other, so whole
images are resampled, with both versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics.statistics import Interval

Floats = NDArray[np.float64]

LEAST = 5  # attacked images of a group: with fewer, resamples without any become common


class ScoredImages(NamedTuple):
    """Scores of N images and of their attacked versions, higher is more suspicious.

    clean, attacked: (N,). counted: (N,) bool, the attacked versions to be told from the clean images (such as those
    that fool the network).
    """

    clean: Floats
    attacked: Floats
    counted: NDArray[np.bool_]


def roc_auc(positive: Floats, negative: Floats) -> float:
    """The area in [0, 1] of the scores of positives (P,) over those of negatives (N,).

    Raises ValueError where either is empty or a score isn't finite.
    """
    if not len(positive) or not len(negative):
        raise ValueError(f"an area needs positives and negatives, found {len(positive)} and {len(negative)}")
    return float(_wins(positive, negative).mean())


def auc_interval(
    groups: Sequence[ScoredImages], confidence: float = 0.95, *, seed: int = 0, resamples: int = 2000
) -> Interval:
    """The mean area over groups (such as seeds, each with its own images), with a percentile bootstrap interval.

    Images are resampled within each group. Raises ValueError where a group has fewer than `LEAST` counted images.
    """
    return _interval(*_resampled(groups, seed, resamples), confidence)


def auc_difference(
    first: Sequence[ScoredImages],
    second: Sequence[ScoredImages],
    confidence: float = 0.95,
    *,
    seed: int = 0,
    resamples: int = 2000,
) -> Interval:
    """The mean area of `first` minus that of `second`, two scores of the same images, resampled together."""
    same = len(first) == len(second) and all(
        np.array_equal(a.counted, b.counted) for a, b in zip(first, second, strict=True)
    )
    if not same:
        raise ValueError("a difference of areas needs two scores of the same images")
    estimates = [_resampled(groups, seed, resamples) for groups in (first, second)]
    return _interval(estimates[0][0] - estimates[1][0], estimates[0][1] - estimates[1][1], confidence)


def _wins(positive: Floats, negative: Floats) -> Floats:
    first, second = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("scores must be finite; found nan or infinity among them")
    difference = first[:, None] - second[None, :]
    return (difference > 0) + 0.5 * (difference == 0)


def _resampled(groups: Sequence[ScoredImages], seed: int, resamples: int) -> tuple[float, Floats]:
    """The mean area and that of each resample."""
    if not groups:
        raise ValueError("an area needs at least one group of images, found none")
    generator = np.random.default_rng(seed)
    estimates, means = [], np.zeros(resamples)
    for group in groups:
        counted, count = np.flatnonzero(group.counted), len(group.clean)
        if len(counted) < LEAST:
            raise ValueError(f"an interval needs at least {LEAST} counted images in each group, found {len(counted)}")
        wins = _wins(np.asarray(group.attacked)[counted], group.clean)
        weights = generator.multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)
        of_counted = weights[:, counted]
        # a resample without any counted image says nothing, and is left out with its whole draw
        with np.errstate(invalid="ignore"):
            means += ((of_counted @ wins) * weights).sum(1) / (of_counted.sum(1) * count)
        estimates.append(wins.mean())
    return float(np.mean(estimates)), means / len(groups)


def _interval(estimate: float, samples: Floats, confidence: float) -> Interval:
    low, high = np.nanquantile(samples, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate, float(low), float(high))
