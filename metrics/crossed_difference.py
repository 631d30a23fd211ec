"""The difference of two conditions where every seed of each saw the same images.

As `metrics.crossed_bootstrap` for one condition (Owen 2007, "The pigeonhole bootstrap"): images are resampled together
for both conditions, the seeds of each apart. A condition of one seed (where nothing is random) keeps it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.statistics import Interval

Floats = NDArray[np.float64]


def crossed_difference(
    a: ArrayLike, b: ArrayLike, confidence: float = 0.95, *, seed: int = 0, resamples: int = 4000
) -> Interval:
    """mean(a) - mean(b) of values (S, N) and (T, N) with its percentile interval; S and T seeds, the same N images.

    With few seeds their share in the interval is rough. Raises ValueError for fewer than two images, for unequal
    numbers of them, and for values that aren't finite.
    """
    first, second = _checked(a), _checked(b)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"both need values of the same images, found {first.shape[1]} and {second.shape[1]} images")
    generator = np.random.default_rng(seed)
    images = _weights(first.shape[1], resamples, generator)
    means = _means(first, images, generator) - _means(second, images, generator)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(first.mean() - second.mean()), float(low), float(high))


def _checked(values: ArrayLike) -> Floats:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or not len(table):
        raise ValueError(f"expected values of shape (seeds, images) with at least two images, found {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("the values must be finite; found nan or infinity among them")
    return table


def _weights(count: int, resamples: int, generator: np.random.Generator) -> Floats:
    """(resamples, count): how often each is drawn, as a share."""
    return generator.multinomial(count, np.full(count, 1 / count), size=resamples) / count


def _means(table: Floats, images: Floats, generator: np.random.Generator) -> Floats:
    seeds = _weights(len(table), len(images), generator)
    means: Floats = ((images @ table.T) * seeds).sum(1)
    return means
