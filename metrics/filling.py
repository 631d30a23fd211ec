"""How well a hole in an image was filled in.

| metric | direction | bounds | what it says |
|---|---|---|---|
| `region_error` | lower | [0, 255] | root mean square difference from the real image, in grey levels, within a region |
| `edge_step` | as the real image's own | [0, 255] | mean step across the hole's edge, in grey levels |

Both give a number an image; intervals are `metrics.statistics`'. The error can't tell a likely filling from an unlikely
one: where several would do, their mean has the least, which is why a smooth filling is hard to beat by it. A filling
that ignores its surroundings has a larger step across the edge than real images, a smooth one a smaller.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = 255.0


def region_error(images: Tensor, real: Tensor, region: Tensor) -> Tensor:
    """(N,) float64 in [0, 255]: the root mean square difference over the pixels and channels of each image's region.

    images, real: (N, C, H, W) in [0, 1]. region: (N, H, W) bool. Raises ValueError for other shapes, or no pixels.
    """
    _check(images, region)
    if images.shape != real.shape:
        raise ValueError(f"expected as many images as real ones, found {tuple(images.shape)} and {tuple(real.shape)}")
    counts = region.flatten(1).sum(1)
    if not bool((counts > 0).all()):
        raise ValueError("an error within a region needs a pixel there, and an image's region has none")
    squares = (images.double() - real.double()).square().mean(1) * region
    return LEVELS * (squares.flatten(1).sum(1) / counts).sqrt()


def edge_step(images: Tensor, hole: Tensor) -> Tensor:
    """(N,) float64 in [0, 255]: the mean difference of neighbours of which one lies in the hole, the other around it.

    images: (N, C, H, W) in [0, 1]. hole: (N, H, W) bool. Neighbours are those above, below, left and right.
    Raises ValueError for other shapes, or where a hole has no edge: it is nowhere, or everywhere.
    """
    _check(images, hole)
    total, count = images.new_zeros(len(images), dtype=torch.float64), hole.new_zeros(len(hole), dtype=torch.int64)
    for axis in (1, 2):
        length = hole.shape[axis] - 1
        edge = hole.narrow(axis, 0, length) ^ hole.narrow(axis, 1, length)
        values = images.double()
        steps = (values.narrow(axis + 1, 1, length) - values.narrow(axis + 1, 0, length)).abs().mean(1)
        total += (steps * edge).flatten(1).sum(1)
        count += edge.flatten(1).sum(1)
    if not bool((count > 0).all()):
        raise ValueError("a step across a hole's edge needs an edge, and an image's hole is nowhere or everywhere")
    return LEVELS * total / count


def _check(images: Tensor, region: Tensor) -> None:
    if images.ndim != 4 or region.dtype != torch.bool or region.shape != images[:, 0].shape:
        raise ValueError(
            f"expected images (N, C, H, W) and for each a region (N, H, W) of type bool, found {tuple(images.shape)} "
            f"and {tuple(region.shape)} {region.dtype}"
        )
