"""Square holes in images, and fillings that know nothing of images: the plain baselines of inpainting."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def random_hole(size: int, side: int, generator: torch.Generator) -> Tensor:
    """(size, size) bool: True in a square of `side` pixels, anywhere in the image with equal probability.

    Raises ValueError for a square that leaves nothing around it, or has no pixel.
    """
    if not 1 <= side < size:
        raise ValueError(f"a hole has a side of 1 to {size - 1} pixels in an image of {size}, found {side}")
    top, left = torch.randint(size - side + 1, (2,), generator=generator).tolist()
    hole = torch.zeros(size, size, dtype=torch.bool)
    hole[top : top + side, left : left + side] = True
    return hole


def mean_filled(image: Tensor, hole: Tensor) -> Tensor:
    """The image (C, H, W) with each channel's mean around the hole within it. hole: (H, W) bool."""
    around = image[:, ~hole].mean(1)
    return torch.where(hole, around[:, None, None], image)


def harmonic_filled(image: Tensor, hole: Tensor) -> Tensor:
    """The image (C, H, W) with the smoothest filling: each pixel of the hole is the mean of its neighbours.

    That is Laplace's equation with the surroundings as boundary values; beyond the image's own border there are no
    neighbours. hole: (H, W) bool. Raises ValueError where nothing is around it.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    if not bool((~hole).any()):
        raise ValueError("a hole is filled from its surroundings, and this one leaves none")
    rows, columns = (np.asarray(part) for part in hole.nonzero(as_tuple=True))
    number: NDArray[np.int64] = np.full(tuple(hole.shape), -1)
    number[rows, columns] = np.arange(len(rows))
    values = image.detach().cpu().double().numpy()
    degrees, known = np.zeros(len(rows)), np.zeros((len(rows), len(image)))
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        y, x = rows + down, columns + right
        there = (y >= 0) & (y < hole.shape[0]) & (x >= 0) & (x < hole.shape[1])
        own, y, x = np.flatnonzero(there), y[there], x[there]
        degrees[own] += 1
        unknown = number[y, x] >= 0
        known[own[~unknown]] += values[:, y[~unknown], x[~unknown]].T
        pairs.append((own[unknown], number[y, x][unknown]))
    first, second = (np.concatenate(part) for part in zip(*pairs, strict=True))
    entries = np.concatenate([degrees, -np.ones(len(first))])
    at = (np.concatenate([np.arange(len(rows)), first]), np.concatenate([np.arange(len(rows)), second]))
    matrix = coo_array((entries, at), shape=(len(rows), len(rows))).tocsc()
    found = image.clone()
    found[:, hole] = torch.from_numpy(spsolve(matrix, known).reshape(len(rows), -1).T.copy()).to(image)
    return found
