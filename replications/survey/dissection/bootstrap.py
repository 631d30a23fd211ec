"""Intervals over images for whatever is computed from dissections: whole blocks of images are drawn again.

Counts are sums over blocks of images, so a resample of the images needs no new pass: the blocks are drawn with
replacement and their counts added. What is drawn are blocks of equal size, made at random, so with 50 of them the
spread is that of drawing images (Davison & Hinkley 1997, Sec. 2.2 and 3.8). Thresholds stay those of all images.

The interval is the bias-corrected percentile interval (Efron 1987, with acceleration 0): a resample's noise raises the
best of many IoUs and the count of those above a level, so resamples lie to one side of the estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from metrics.statistics import Interval


class InBlocks(Protocol):
    """What is counted in blocks of images, and can be had with each block any number of times."""

    @property
    def blocks(self) -> int: ...

    def weighted(self, weights: NDArray[np.int64]) -> Self: ...


B = TypeVar("B", bound=InBlocks)


def bootstrap(
    counted: Sequence[B],
    statistic: Callable[[Sequence[B]], float],
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """`statistic` of dissections on the same images, with its interval over these images.

    counted: one dissection or more; each resample draws the same blocks for all of them, so differences are paired.

    Raises:
        ValueError: fewer than ten blocks, from which no spread can be told, or blocks of different number.
    """
    numbers = {one.blocks for one in counted}
    if len(numbers) != 1 or min(numbers) < 10:
        raise ValueError(
            f"resampling needs dissections with the same blocks of images, at least ten, found {sorted(numbers)} blocks"
        )
    blocks = numbers.pop()
    estimate = float(statistic([one.weighted(np.ones(blocks, dtype=np.int64)) for one in counted]))
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples).astype(np.int64)
    values = np.array([statistic([one.weighted(weights) for one in counted]) for weights in drawn], dtype=np.float64)
    return bias_corrected(estimate, values, confidence)


def bias_corrected(estimate: float, values: NDArray[np.float64], confidence: float) -> Interval:
    """The bias-corrected percentile interval of resampled `values`; it always holds the estimate."""
    # ties count half: counts take few values
    below = ((values < estimate).mean() + (values <= estimate).mean()) / 2
    shift = stats.norm.ppf(np.clip(below, 1 / (2 * len(values)), 1 - 1 / (2 * len(values))))
    z = stats.norm.ppf([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = np.quantile(values, stats.norm.cdf(2 * shift + z))
    return Interval(estimate, float(min(low, estimate)), float(max(high, estimate)))
