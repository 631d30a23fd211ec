"""Contrasts of several conditions over a few seeds: sums of their means with weights, with an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from metrics.statistics import Interval


def seed_contrast(samples: Sequence[ArrayLike], weights: Sequence[float], confidence: float = 0.95) -> Interval:
    """sum_k weights[k] * mean(samples[k]) with a t interval by Welch and Satterthwaite.

    samples: for each condition the values of at least two seeds; conditions may differ in number of seeds and in
    spread. With weights (1, -1) this is Welch's interval of a difference. Conditions are taken as independent; where
    the same seeds correlate them (the same order of images), a difference comes out with too wide an interval rather
    than too narrow a one.
    Source: Satterthwaite 1946, "An approximate distribution of estimates of variance components". Raises ValueError for
    fewer than two values, values that aren't finite, or weights that don't match.
    """
    values = [np.asarray(sample, np.float64).ravel() for sample in samples]
    if len(values) != len(weights) or not values:
        raise ValueError(f"each condition needs its weight: found {len(values)} conditions and {len(weights)} weights")
    if any(len(v) < 2 or not np.isfinite(v).all() for v in values):
        raise ValueError("each condition needs at least two finite values")
    factors = np.asarray(weights, np.float64)
    counts = np.array([len(v) for v in values])
    estimate = float(factors @ np.array([v.mean() for v in values]))
    shares = factors**2 * np.array([v.var(ddof=1) for v in values]) / counts
    variance = float(shares.sum())
    if variance == 0.0:
        return Interval(estimate, estimate, estimate)
    freedom = variance**2 / float((shares**2 / (counts - 1)).sum())
    half = float(stats.t.ppf((1 + confidence) / 2, freedom)) * np.sqrt(variance)
    return Interval(estimate, float(estimate - half), float(estimate + half))
