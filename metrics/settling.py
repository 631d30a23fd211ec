"""When a curve over training settles (for Zeiler & Fergus 2014, Fig. 4: lower layers converge first)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def settling_epoch(epochs: ArrayLike, values: ArrayLike, tolerance: float = 0.1) -> NDArray[np.float64]:
    """The epoch from which on a curve stays close to its last value; earlier is faster.

    epochs: (T,) increasing, at least two; values: (T, ...) the curves, finite. Close means within `tolerance` of the
    curve's total movement, the largest distance of any of its points from the last one, so the unit of a curve
    doesn't matter. Between the last point outside the band and the next one the crossing is found linearly, so the
    answer isn't tied to the epochs at which it was measured. A curve that never moves settles at the first epoch; one
    that moves up to the end settles just before the last, so an answer there says that training was too short.
    Returns (...) float64 in [epochs[0], epochs[-1]].
    """
    times, curves = np.asarray(epochs, np.float64), np.asarray(values, np.float64)
    if times.ndim != 1 or len(times) < 2 or curves.shape[:1] != times.shape or (np.diff(times) <= 0).any():
        raise ValueError("expected at least two increasing epochs and one value (or row) for each")
    if not np.isfinite(curves).all():
        raise ValueError("the curve must be finite; found nan or infinity in it")
    if not 0 < tolerance < 1:
        raise ValueError(f"the tolerance is a share of the total movement, in (0, 1), found {tolerance}")
    distance = np.abs(curves - curves[-1]).reshape(len(times), -1)
    settled = np.array([_one(times, column, tolerance) for column in distance.T])
    return settled.reshape(curves.shape[1:])


def _one(times: NDArray[np.float64], distance: NDArray[np.float64], tolerance: float) -> float:
    band = tolerance * distance.max()
    outside = np.flatnonzero(distance > band)
    if len(outside) == 0:
        return float(times[0])
    last = int(outside[-1])
    share = (distance[last] - band) / (distance[last] - distance[last + 1])
    return float(times[last] + share * (times[last + 1] - times[last]))
