"""Operations on large tensors that torch does slowly on a CPU, by numpy there.

Measured on one core: places of true values 10 times as fast, the largest of each row 8 times, division of integers 5
times. A row is picked by `index_select` throughout, which is 10 times as fast as brackets.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def true_places(mask: Tensor) -> Tensor:
    """(n,) int64, the places of true values in the flattened mask, in order."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero().flatten()


def split_places(places: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Row and column of places in rows of `size`; (n,) int64 each, places >= 0."""
    if places.device.type == "cpu":
        rows = torch.from_numpy(places.numpy() // size)
    else:
        rows = places.div(size, rounding_mode="floor")
    return rows, places - rows * size


def largest(rows: Tensor, count: int) -> Tensor:
    """rows: (n, m >= count) -> (n, count), the largest of each row, the smallest of them first, else in no order."""
    if rows.device.type == "cpu":
        first = rows.shape[1] - count
        return torch.from_numpy(np.partition(rows.numpy(), first, axis=1)[:, first:])
    return rows.topk(count, dim=1).values.flip(1)


def pick(rows: Tensor, numbers: Tensor) -> Tensor:
    """The rows of these numbers."""
    return rows.index_select(0, numbers)
