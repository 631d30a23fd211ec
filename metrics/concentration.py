"""Whether what a picture shows is in its centre.

Maps are (N, H, W), of which the part above zero counts, as energy. Two measures that fail in different ways: an even
map, or one that is the same at opposite sides, has its centre of mass in the middle but no excess in the centre; an
excess says nothing of where the rest is. A map that is nowhere above zero is taken as even: it has no centre.
"""

from __future__ import annotations

import torch
from torch import Tensor


def central_excess(maps: Tensor, part: float) -> Tensor:
    """(N,) float64 in [-part^2, 1 - part^2]: the share of the energy in the central square, less its share of area.

    part: the square's side relative to the map's, in (0, 1). 0: as an even map; higher is more central; the largest has
    all in the centre. A position that lies partly in the square counts by its area in it.
    """
    if not 0 < part < 1:
        raise ValueError(f"the central part of a map has a side above 0 and below 1 of the map's, found {part}")
    energy = _energy(maps)
    rows, columns = (_overlap(extent, part) for extent in energy.shape[1:])
    inside = torch.einsum("nij,i,j->n", energy, rows, columns)
    return inside / energy.sum((1, 2)) - part**2


def centre_distance(maps: Tensor) -> Tensor:
    """(N,) float64 in [0, 0.71): how far the energy's centre of mass is from the middle, in sides of the map.

    Lower is more central; 0 for an even map too.
    """
    energy = _energy(maps)
    total = energy.sum((1, 2))
    down, right = ((energy.sum(3 - axis) @ _places(energy.shape[axis])) / total for axis in (1, 2))
    return (down.square() + right.square()).sqrt()


def contrast_energy(images: Tensor) -> Tensor:
    """(N, H - 1, W - 1): the squared differences of neighbouring pixels, to the right and below, over the colours.

    images: (N, 3, H, W) in [0, 1].
    """
    right = (images[:, :, :-1, 1:] - images[:, :, :-1, :-1]).square()
    below = (images[:, :, 1:, :-1] - images[:, :, :-1, :-1]).square()
    return (right + below).sum(1)


def _energy(maps: Tensor) -> Tensor:
    if maps.ndim != 3 or not bool(maps.isfinite().all()):
        raise ValueError(
            f"expected finite maps (N, H, W), found the shape {tuple(maps.shape)}, or nan or infinity in them"
        )
    energy = maps.detach().cpu().double().clamp_min(0)
    empty = energy.sum((1, 2), keepdim=True) == 0
    return torch.where(empty, torch.ones_like(energy), energy)


def _places(extent: int) -> Tensor:
    """(extent,) in (-0.5, 0.5): where the middle of each position is."""
    return (torch.arange(extent, dtype=torch.float64) + 0.5) / extent - 0.5


def _overlap(extent: int, part: float) -> Tensor:
    """(extent,) in [0, 1]: how much of each position lies in the central part."""
    edges = torch.arange(extent + 1, dtype=torch.float64) / extent
    low, high = (1 - part) / 2, (1 + part) / 2
    return (edges[1:].clamp(low, high) - edges[:-1].clamp(low, high)) * extent
