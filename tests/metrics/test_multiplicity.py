"""Adjusted p-values are those of Holm's steps."""

from __future__ import annotations

import numpy as np
import pytest

from metrics.multiplicity import holm


def stepwise(p: np.ndarray, level: float) -> np.ndarray:
    """Holm's procedure as published: go up from the smallest until one is above level / (hypotheses left)."""
    rejected = np.zeros(len(p), dtype=bool)
    for step, place in enumerate(np.argsort(p, kind="stable")):
        if p[place] > level / (len(p) - step):
            break
        rejected[place] = True
    return rejected


def test_known_values() -> None:
    # Holm's steps by hand: 0.01 * 4, 0.02 * 3, 0.03 * 2 is not below the one before, 0.5
    np.testing.assert_allclose(holm([0.5, 0.01, 0.03, 0.02]), [0.5, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.7, 0.6]), [1, 1])
    assert holm([0.2]) == [0.2]
    assert len(holm([])) == 0


def test_rejects_what_the_steps_reject() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        p = random.uniform(size=7) ** 3
        for level in (0.01, 0.05, 0.2):
            np.testing.assert_array_equal(holm(p) <= level, stepwise(p, level))


@pytest.mark.parametrize("wrong", [[1.2], [-0.1], [float("nan")], [[0.1]]])
def test_what_is_no_p_value(wrong: list) -> None:
    with pytest.raises(ValueError, match="p-values"):
        holm(wrong)
