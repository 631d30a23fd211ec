"""The crossed interval with gaps: without gaps that of `crossed_interval`, with gaps a slow restatement's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from metrics.crossed_bootstrap import crossed_interval
from metrics.crossed_missing import crossed_interval_with_gaps


def table(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def test_without_gaps_it_is_the_crossed_interval() -> None:
    for seed in range(3):
        values = table(3, 14, seed)
        found, expected = crossed_interval_with_gaps(values, seed=seed), crossed_interval(values, seed=seed)
        assert found == pytest.approx(expected, rel=1e-12)


def test_with_gaps_each_resample_averages_what_it_draws() -> None:
    values = table(3, 8)
    values[0, :3] = values[:, 5] = values[2, 7] = np.nan
    generator = np.random.default_rng(0)
    rows, columns = (generator.multinomial(n, np.full(n, 1 / n), size=500) for n in (3, 8))
    means = []
    for r, c in zip(rows, columns, strict=True):
        drawn = [values[i, j] for i in range(3) for j in range(8) for _ in range(r[i] * c[j])]
        known = [value for value in drawn if not math.isnan(value)]
        if known:
            means.append(np.mean(known))
    low, high = np.quantile(means, [0.025, 0.975])
    expected = (np.nanmean(values), low, high)
    assert crossed_interval_with_gaps(values, resamples=500) == pytest.approx(expected, rel=1e-12)


def test_one_row_is_kept_and_one_column_has_no_interval() -> None:
    values = table(1, 40)
    mean, low, high = crossed_interval_with_gaps(values)
    half = 1.96 * values.std() / math.sqrt(40)
    assert (mean - low, high - mean) == pytest.approx((half, half), rel=0.15)
    lone = np.full((3, 4), np.nan)
    lone[:2, 1] = 1.0, 3.0
    mean, low, high = crossed_interval_with_gaps(lone)
    assert mean == 2.0
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize("values", [np.full((2, 3), np.nan), np.ones(4), np.array([[1.0, np.inf], [1.0, 2.0]])])
def test_nothing_to_average_is_refused(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="at least one value and none infinite"):
        crossed_interval_with_gaps(values)
