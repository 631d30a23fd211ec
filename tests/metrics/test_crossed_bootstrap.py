"""Intervals of values by seed and image, against distributions that are known."""

from __future__ import annotations

import numpy as np
import pytest

from metrics.crossed_bootstrap import crossed_interval


def drawn(rows: float, columns: float, rest: float, shape: tuple[int, int], seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    noise = random.normal(0, rest, shape)
    return random.normal(0, rows, (shape[0], 1)) + random.normal(0, columns, (1, shape[1])) + noise


@pytest.mark.parametrize(("rows", "columns"), [(1.0, 0.0), (0.0, 1.0), (1.0, 2.0)])
def test_its_width_is_that_of_the_two_effects(rows: float, columns: float) -> None:
    table = drawn(rows, columns, 0.0, (40, 60), seed=1)
    _, low, high = crossed_interval(table)
    of_rows, of_columns = table.mean(1).std() / 40**0.5, table.mean(0).std() / 60**0.5
    expected = 2 * 1.96 * np.hypot(of_rows, of_columns)
    assert high - low == pytest.approx(expected, rel=0.06)


def test_it_covers_the_mean_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(300):
        _, low, high = crossed_interval(drawn(1.0, 1.0, 0.5, (20, 30), seed), resamples=400)
        covered += low <= 0 <= high
    assert 0.88 <= covered / 300 <= 0.98


def test_equal_values_have_no_width_and_the_estimate_is_the_mean() -> None:
    assert crossed_interval(np.full((3, 4), 0.7)) == pytest.approx((0.7, 0.7, 0.7))
    assert crossed_interval([[1, 2], [3, 6]]).estimate == 3


@pytest.mark.parametrize("values", [[1.0, 2.0], [[1.0, 2.0]], [[1.0], [2.0]], [[1.0, np.nan], [1.0, 2.0]]])
def test_too_little_to_resample_is_refused(values: list) -> None:
    with pytest.raises(ValueError, match="at least 2 rows and 2 columns"):
        crossed_interval(values)
