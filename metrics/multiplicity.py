"""p-values of many comparisons at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """(m,) in [0, 1]: adjusted p-values, in the order given.

    The i-th smallest of m is multiplied by m + 1 - i, and none is below a smaller one's. Rejecting where the adjusted
    value is at most a level keeps the probability of any false rejection at most at that level, however the tests
    depend on each other. Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    Raises ValueError for what isn't a p-value.
    """
    found = np.asarray(p_values, np.float64)
    if found.ndim != 1 or not ((found >= 0) & (found <= 1)).all():
        raise ValueError(f"expected p-values (m,) in [0, 1], found {found}")
    order = np.argsort(found, kind="stable")
    raised = np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1)).clip(max=1)
    adjusted = np.empty_like(found)
    adjusted[order] = raised
    return adjusted
