from __future__ import annotations

import math

import numpy as np
import pytest

from metrics.settling import settling_epoch


def test_an_exponential_settles_when_the_formula_says() -> None:
    epochs = np.linspace(0, 40, 2001)
    for rate in (0.5, 2.0):
        curve = 3 - 5 * np.exp(-rate * epochs)
        assert settling_epoch(epochs, curve, 0.1) == pytest.approx(math.log(10) / rate, abs=1e-3)


def test_coarse_epochs_are_interpolated() -> None:
    assert settling_epoch([0, 10], [1.0, 0.0], 0.1) == pytest.approx(9.0)
    assert settling_epoch([1, 2, 4], [10.0, 2.0, 0.0], 0.1) == pytest.approx(3.0)


def test_a_late_excursion_counts() -> None:
    assert settling_epoch([0, 1, 2, 3, 4], [1, 0, 0.5, 0, 0], 0.1) == pytest.approx(2.8)
    assert settling_epoch([0, 1, 2], [5, 5, 5]) == 0


def test_unit_and_sign_do_not_matter_and_curves_are_independent() -> None:
    generator = np.random.default_rng(0)
    curves = np.cumsum(generator.normal(size=(9, 3, 2)), 0)
    together = settling_epoch(range(9), curves)
    assert together.shape == (3, 2)
    for i in range(3):
        for j in range(2):
            assert settling_epoch(range(9), 7 - 100 * curves[:, i, j]) == pytest.approx(together[i, j])


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="increasing"):
        settling_epoch([1, 1], [0, 1])
    with pytest.raises(ValueError, match="finite"):
        settling_epoch([1, 2], [0, np.nan])
    with pytest.raises(ValueError, match="tolerance"):
        settling_epoch([1, 2], [0, 1], 0)
