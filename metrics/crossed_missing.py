"""The interval of `metrics.crossed_bootstrap` where some values don't exist.

A value may be undefined (a diversity of pictures none of which drives the unit). The mean is then over the values that
there are, in the estimate and in each resample. Where all are there, it is `crossed_interval` number for number.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.statistics import Interval

Floats = NDArray[np.float64]


def crossed_interval_with_gaps(
    values: ArrayLike, confidence: float = 0.95, *, seed: int = 0, resamples: int = 4000
) -> Interval:
    """The mean of values (rows, columns), nan where there is none, with a percentile interval; see `crossed_bootstrap`.

    One row is kept as it is, and then only columns are resampled. The ends are nan where fewer than two columns hold a
    value. Raises ValueError where none does, or one is infinite.
    """
    table = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(table)
    if table.ndim != 2 or not known.any() or np.isinf(table).any():
        raise ValueError(f"expected a table with at least one value and none infinite, found the shape {table.shape}")
    filled, mean = np.where(known, table, 0.0), float(table[known].mean())
    if known.any(0).sum() < 2:
        return Interval(mean, math.nan, math.nan)
    rows, columns = _weights(table.shape[0], table.shape[1], seed, resamples)
    sums, shares = (((rows @ part) * columns).sum(1) for part in (filled, known.astype(np.float64)))
    drawn = shares > 0  # a resample of nothing but gaps has no mean
    means = sums[drawn] / shares[drawn]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(mean, float(low), float(high))


@functools.lru_cache(maxsize=16)
def _weights(rows: int, columns: int, seed: int, resamples: int) -> tuple[Floats, Floats]:
    """(resamples, rows) and (resamples, columns): how often each is drawn, as a share; as `crossed_interval` draws."""
    generator = np.random.default_rng(seed)
    found = [generator.multinomial(n, np.full(n, 1 / n), size=resamples) / n for n in (rows, columns)]
    return found[0], found[1]
