"""Rotations against closed forms, Haar moments and the matrix logarithm."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import expm, logm
from torch import Tensor

from replications.survey.rotations import fractional_power, random_rotation


def _drawn(n: int, seed: int) -> Tensor:
    return random_rotation(n, torch.Generator().manual_seed(seed))


def _plane(angle: float) -> Tensor:
    return torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 33])
def test_what_is_drawn_is_a_rotation_that_the_generator_determines(n: int) -> None:
    q = _drawn(n, 3)
    torch.testing.assert_close(q @ q.T, torch.eye(n, dtype=torch.float64))
    assert float(torch.linalg.det(q)) == pytest.approx(1)
    assert torch.equal(q, _drawn(n, 3))


def test_rotations_of_a_plane_are_uniform_in_their_angle() -> None:
    """By the test of Kolmogorov and Smirnov; the decomposition's own signs would leave half the circle out."""
    from scipy.stats import kstest

    generator = torch.Generator().manual_seed(0)
    drawn = [random_rotation(2, generator) for _ in range(500)]
    turns = [math.atan2(float(q[1, 0]), float(q[0, 0])) / (2 * math.pi) % 1 for q in drawn]
    assert kstest(turns, "uniform").pvalue > 0.01


def test_the_trace_has_the_moments_of_haar_s_measure() -> None:
    """On SO(n), n > 4: E tr = 0, E tr^2 = 1, E tr^4 = 3 (Diaconis & Shahshahani 1994)."""
    generator = torch.Generator().manual_seed(1)
    traces = np.array([float(random_rotation(6, generator).trace()) for _ in range(1500)])
    for power, moment in ((1, 0.0), (2, 1.0), (4, 3.0)):
        values = traces**power
        assert abs(values.mean() - moment) < 4 * values.std() / len(values) ** 0.5


@pytest.mark.parametrize("angle", [0.0, 0.3, -2.9, 3.1])
@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5, 1.0])
def test_a_plane_is_turned_by_the_share_of_its_angle(angle: float, alpha: float) -> None:
    torch.testing.assert_close(fractional_power(_plane(angle), alpha), _plane(alpha * angle))


@pytest.mark.parametrize(("n", "seed"), [(4, 0), (5, 1), (16, 2), (64, 3)])
def test_powers_are_those_by_the_matrix_logarithm(n: int, seed: int) -> None:
    q = _drawn(n, seed)
    logarithm = logm(q.numpy())
    for alpha in (0.2, 0.7, 1.0):
        slow = expm(alpha * logarithm)
        assert np.abs(slow.imag).max() < 1e-9
        torch.testing.assert_close(fractional_power(q, alpha), torch.from_numpy(slow.real.copy()), atol=1e-9, rtol=0)


def test_powers_add_up_and_end_at_the_rotation() -> None:
    q = _drawn(31, 4)
    torch.testing.assert_close(fractional_power(q, 0.3) @ fractional_power(q, 0.7), q)
    torch.testing.assert_close(fractional_power(q, 0.0), torch.eye(31, dtype=torch.float64))


@pytest.mark.parametrize("signs", [[-1.0, -1.0, 1.0], [-1.0, -1.0, -1.0, -1.0], [1.0, 1.0]])
def test_half_turns_have_real_powers_too(signs: list[float]) -> None:
    given = torch.diag(torch.tensor(signs, dtype=torch.float64))
    half = fractional_power(given, 0.5)
    torch.testing.assert_close(half @ half, given)
    torch.testing.assert_close(half @ half.T, torch.eye(len(signs), dtype=torch.float64))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (torch.ones(2, 3), "expected a square matrix"),
        (torch.ones(2, 2), "isn't orthogonal"),
        (torch.diag(torch.tensor([-1.0, 1.0])), "determinant -1"),
    ],
)
def test_what_is_no_rotation_is_refused(matrix: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fractional_power(matrix, 0.5)


def test_no_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 dimension, found 0"):
        _drawn(0, 0)
