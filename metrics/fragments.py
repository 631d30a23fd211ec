"""How many things a map shows: the peaks that stand out of it, by height and by prominence.

A peak's prominence is how far one has to go down from it to reach a higher one. All peaks are found at once by flooding
the map from its top downwards and noting where the areas of two peaks meet (the persistence of the connected components
of the superlevel sets; Edelsbrunner, Letscher & Zomorodian 2002, "Topological persistence and simplification"). In one
dimension it is the prominence of scipy.signal.

Counting relative to a map's own maximum says how often the strongest thing is repeated, not whether it is anything: a
map of noise has many peaks. State beside it what the maximum is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Peak(NamedTuple):
    """A local maximum of a map. height: its value. prominence: in (0, height]; that of the highest is its height."""

    row: int
    column: int
    height: float
    prominence: float


def peaks(map_: NDArray[np.floating]) -> list[Peak]:
    """All peaks of a map above zero, highest first; a plateau is one peak, at its first position.

    map_: (H, W), finite. Each position has eight neighbours; beyond the border is zero.
    """
    values = np.asarray(map_, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"expected a finite map (H, W), found the shape {values.shape}, or nan or infinity in it")
    height, width = values.shape
    flat = values.ravel()
    owner = np.full(flat.size, -1)  # for a flooded position the peak of its area, or one that was merged into that
    lowest: dict[int, float] = {}  # by peak the level at which it met a higher one; 0 as long as it hasn't

    def peak_of(position: int) -> int:
        while owner[position] != position:
            position = int(owner[position])
        return position

    for position in np.argsort(-flat, kind="stable").tolist():
        level = float(flat[position])
        if level <= 0:
            break
        row, column = divmod(position, width)
        rows = range(max(row - 1, 0), min(row + 2, height))
        columns = range(max(column - 1, 0), min(column + 2, width))
        flooded = (y * width + x for y in rows for x in columns if owner[y * width + x] >= 0)
        met = sorted({peak_of(place) for place in flooded}, key=lambda peak: (-flat[peak], peak))
        owner[position] = met[0] if met else position
        if not met:
            lowest[position] = 0.0
        for lower in met[1:]:
            owner[lower] = met[0]
            lowest[lower] = level
    found = []
    for position, base in lowest.items():
        level = float(flat[position])
        found.append(Peak(position // width, position % width, level, level - base))
    return sorted((peak for peak in found if peak.prominence > 0), key=lambda peak: -peak.height)


def counted_peaks(map_: NDArray[np.floating], height: float, prominence: float) -> list[Peak]:
    """The peaks whose height and prominence are at least these shares of the map's maximum, highest first."""
    for name, share in (("height", height), ("prominence", prominence)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} is a share of the map's maximum, from 0 to 1; found {share}")
    found = peaks(map_)
    if not found:
        return []
    top = found[0].height
    return [peak for peak in found if peak.height >= height * top and peak.prominence >= prominence * top]


def count_peaks(maps: Tensor | Sequence[Tensor], height: float, prominence: float) -> Tensor:
    """(N,) float64: of each map (H, W) the number of `counted_peaks`; 0 for a map that is nowhere above zero.

    1 is one thing, more are repetitions. At least 1 where the map is anywhere above zero.
    """
    found = [len(counted_peaks(one.detach().cpu().numpy(), height, prominence)) for one in maps]
    return torch.tensor(found, dtype=torch.float64)
