from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from metrics.contrasts import seed_contrast
from metrics.statistics import seed_difference, seed_interval

A, B, C = [3.0, 4.5, 4.0], [1.0, 2.0, 2.5, 1.2], [7.0, 7.5, 9.0]


def test_of_one_sample_it_is_students_interval() -> None:
    assert seed_contrast([A], [1.0]) == pytest.approx(seed_interval(A))


def test_of_two_samples_it_is_welchs_interval() -> None:
    assert seed_contrast([A, B], [1.0, -1.0]) == pytest.approx(seed_difference(A, B))
    reference = stats.ttest_ind(A, B, equal_var=False).confidence_interval(0.9)
    assert seed_contrast([A, B], [1, -1], 0.9)[1:] == pytest.approx((reference.low, reference.high))


def test_weights_scale_the_estimate_and_its_width() -> None:
    estimate, low, high = seed_contrast([A, B, C], [0.5, -1.0, 0.5])
    assert estimate == pytest.approx(0.5 * np.mean(A) - np.mean(B) + 0.5 * np.mean(C))
    double = seed_contrast([A, B, C], [1.0, -2.0, 1.0])
    assert double == pytest.approx((2 * estimate, 2 * low, 2 * high))


def test_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        samples = [generator.normal(mean, spread, 3) for mean, spread in ((1, 1.0), (2, 0.3), (4, 2.0))]
        _, low, high = seed_contrast(samples, [1, 1, -1])
        hits += low <= -1 <= high
    # Satterthwaite's approximation errs to the wide side where one condition dominates
    assert 0.935 < hits / 2000 < 0.985


def test_equal_values_have_no_width_and_bad_input_is_named() -> None:
    assert seed_contrast([[2.0, 2.0], [1.0, 1.0]], [1, -1]) == (1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="two finite"):
        seed_contrast([[1.0]], [1])
    with pytest.raises(ValueError, match="weight"):
        seed_contrast([A], [1, -1])
