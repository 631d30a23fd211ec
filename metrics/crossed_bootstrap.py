"""An interval for values that every seed has of every image: both are resampled.

Values of one seed share its weights and values of one image share the image, so neither the values nor the seeds' means
are independent. Resampling seeds and, independently, images (Owen 2007, "The pigeonhole bootstrap") gives a variance
that is at least that of the mean in every model of random row and column effects, and hardly more where those outweigh
what is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from metrics.statistics import Interval


def crossed_interval(values: ArrayLike, confidence: float = 0.95, *, seed: int = 0, resamples: int = 4000) -> Interval:
    """The mean of values (rows, columns) with a percentile interval from resampling rows and columns.

    Raises ValueError unless there are two rows and two columns of finite values.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise ValueError(f"expected finite values of at least 2 rows and 2 columns, found the shape {table.shape}")
    generator = np.random.default_rng(seed)
    rows, columns = (
        generator.multinomial(extent, np.full(extent, 1 / extent), size=resamples) / extent for extent in table.shape
    )
    means = ((rows @ table) * columns).sum(1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(table.mean()), float(low), float(high))
