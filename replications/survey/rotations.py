"""Rotations of a representation, and their fractional powers.

Source: Bau et al. 2017, "Network Dissection", Sec. 3.2: Q is drawn uniformly from SO(n), and Q^alpha with
0 <= alpha <= 1 lies between the representation as learnt (alpha = 0) and the full change of basis (alpha = 1).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]

_ROUNDING = 1e-8


def random_rotation(n: int, generator: torch.Generator) -> Tensor:
    """An n x n rotation, uniform by Haar's measure on SO(n), float64.

    The Q of a Gaussian matrix's QR decomposition with R's diagonal made positive is uniform on O(n) (Mezzadri 2007,
    "How to generate random matrices from the classical compact groups"); negating a column of those that mirror makes
    it uniform on SO(n). Raises ValueError for n < 1.
    """
    if n < 1:
        raise ValueError(f"a rotation needs at least 1 dimension, found {n}")
    gaussian = torch.randn(n, n, dtype=torch.float64, generator=generator)
    q, r = torch.linalg.qr(gaussian)
    q = q * torch.where(r.diagonal() < 0, -1.0, 1.0)
    if torch.linalg.det(q) < 0:
        q[:, 0].neg_()
    return q


def fractional_power(rotation: Tensor, alpha: float) -> Tensor:
    """rotation^alpha, real: each plane that the rotation turns by an angle in (-pi, pi] is turned by alpha times that.

    rotation: (n, n) of SO(n). Returns (n, n) float64, the point at the share `alpha` of the shortest way from the
    identity to the rotation; where a plane turns by half a turn there are two such ways, and one is taken.

    Raises:
        ValueError: the matrix isn't square, not orthogonal, or mirrors.
    """
    from scipy.linalg import schur

    given = _checked(rotation)
    # A normal matrix's real Schur form is block-diagonal: 1 or -1 alone, or 2 x 2 rotations.
    form, basis = schur(given, output="real")
    return torch.from_numpy(basis @ _power_of_blocks(form, alpha) @ basis.T)


def _checked(rotation: Tensor) -> Floats:
    given: Floats = rotation.detach().cpu().double().numpy()
    if given.ndim != 2 or given.shape[0] != given.shape[1]:
        raise ValueError(f"expected a square matrix, found one of shape {tuple(given.shape)}")
    if not np.allclose(given @ given.T, np.eye(len(given)), atol=1e-5):
        raise ValueError("expected a rotation, found a matrix that isn't orthogonal")
    if np.linalg.det(given) < 0:
        raise ValueError("expected a rotation, found a matrix of determinant -1, which mirrors and has no real powers")
    return given


def _power_of_blocks(form: Floats, alpha: float) -> Floats:
    n = len(form)
    power = np.eye(n)
    halves: list[int] = []  # axes that are negated; an even number of them, each two of which are half a turn
    i = 0
    while i < n:
        if i + 1 < n and abs(form[i + 1, i]) > _ROUNDING:
            angle = np.arctan2(form[i + 1, i] - form[i, i + 1], form[i, i] + form[i + 1, i + 1])
            _turn(power, i, i + 1, alpha * angle)
            i += 2
        else:
            if form[i, i] < 0:
                halves.append(i)
            i += 1
    for first, second in zip(halves[::2], halves[1::2], strict=True):
        _turn(power, first, second, alpha * np.pi)
    return power


def _turn(matrix: Floats, first: int, second: int, angle: float) -> None:
    axes = np.ix_([first, second], [first, second])
    matrix[axes] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
