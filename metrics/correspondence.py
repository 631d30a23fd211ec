"""Correspondence of parts between images: do features change alike when the same part is hidden?

Zeiler & Fergus 2014, Sec. 4.3 and Table 1: for each image i of a set, eps_i is its feature vector minus that of the
image with a part covered, and

    Delta = sum over i != j of H(sign(eps_i), sign(eps_j)),

H the Hamming distance. A lower Delta means more consistent changes, that is a closer correspondence. The numbers of the
paper (0.06 to 0.11) are those of a mean over the dimensions, which it doesn't say; so H here is the share of dimensions
that differ, and Delta by default the mean over the pairs too, in [0, 1], which doesn't depend on the size of a set. The
sum over the ordered pairs is n (n - 1) times that (20 times in sets of five).
"""

from __future__ import annotations

import torch
from torch import Tensor


def change_signs(features: Tensor, covered: Tensor) -> Tensor:
    """int8 signs in {-1, 0, 1} of features - covered, both of one shape (..., n, D).

    Equal values, such as a rectified unit silent in both, have sign 0, which differs from both others.
    """
    if features.shape != covered.shape:
        raise ValueError(f"expected features of one shape, found {tuple(features.shape)} and {tuple(covered.shape)}")
    return (features - covered).sign().to(torch.int8)


def pairwise_hamming(signs: Tensor) -> Tensor:
    """(..., n, n) float64: for each two images of a set the share of dimensions with different signs, in [0, 1].

    signs: (..., n, D) in {-1, 0, 1}. Counts agreements with one matrix product a set; exact up to 2^24 dimensions.
    """
    if signs.ndim < 2 or signs.shape[-1] == 0:
        raise ValueError(f"expected signs (..., n, D) with at least one dimension, found {tuple(signs.shape)}")
    indicators = torch.cat([signs == value for value in (-1, 0, 1)], dim=-1).float()
    agreements = (indicators @ indicators.mT).double()
    return 1 - agreements / signs.shape[-1]


def delta(signs: Tensor) -> Tensor:
    """(...) float64 in [0, 1]: the mean Hamming distance over the pairs of a set; lower is more consistent.

    signs: (..., n, D) of the n >= 2 images of each set.
    """
    count = signs.shape[-2]
    if count < 2:
        raise ValueError(f"a set needs at least two images to compare, found {count}")
    distances = pairwise_hamming(signs)  # zero on the diagonal
    return distances.sum((-2, -1)) / (count * (count - 1))
