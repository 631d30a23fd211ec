"""Network Dissection restated slowly from its definition, in float64: a loop over images, units and concepts.

For the tests and the benchmark, which compare the fast counts with these. Source: Bau et al. 2017, Sec. 2.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from replications.networks.receptive_field import Axis, ReceptiveField

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def threshold(values: Floats, quantile: float) -> float:
    """values: (n,) of one unit at all positions -> the smallest that at most `quantile` of them exceed."""
    levels, counts = np.unique(values, return_counts=True)
    exceeding = len(values) - counts.cumsum()
    return float(levels[exceeding <= math.floor(quantile * len(values) + 1e-6)][0])


def interpolated(unit_map: Floats, field: ReceptiveField, size: int) -> Floats:
    """unit_map: (H, W) -> (size, size), bilinear between the centres of the receptive fields, and flat beyond them."""
    top, down = _neighbours(field.rows, unit_map.shape[0], size)
    left, across = _neighbours(field.columns, unit_map.shape[1], size)
    bottom, right = np.minimum(top + 1, unit_map.shape[0] - 1), np.minimum(left + 1, unit_map.shape[1] - 1)
    corners = [unit_map[np.ix_(y, x)] for y in (top, bottom) for x in (left, right)]
    above, below = corners[0] + across * (corners[1] - corners[0]), corners[2] + across * (corners[3] - corners[2])
    return above + down[:, None] * (below - above)


def _neighbours(axis: Axis, positions: int, size: int) -> tuple[Integers, Floats]:
    """For each pixel the position at or before it, and how far from that to the next it lies."""
    centre = axis.offset + (axis.size - 1) / 2
    places = np.clip((np.arange(size) - centre) / axis.stride, 0, positions - 1)
    before = np.floor(places).astype(np.int64)
    return before, places - before


def tally(
    maps: Floats, thresholds: Floats, field: ReceptiveField, labels: Mapping[str, Integers], concepts: Mapping[str, int]
) -> tuple[dict[str, Integers], dict[str, Integers], dict[str, Integers]]:
    """Intersections (n, K, concepts), areas of units (n, K) and of concepts (n, concepts), for each category.

    maps: (n, K, H, W). thresholds: (K,). labels[category]: (n, L, size, size) with 0 for none. concepts: how many
    numbers each category has, 0 included.
    """
    images, units = maps.shape[:2]
    both = {c: np.zeros((images, units, count), dtype=np.int64) for c, count in concepts.items()}
    of_unit = {c: np.zeros((images, units), dtype=np.int64) for c in concepts}
    of_concept = {c: np.zeros((images, count), dtype=np.int64) for c, count in concepts.items()}
    for image in range(images):
        shown = {c: np.unique(labels[c][image][labels[c][image] > 0]).tolist() for c in concepts}
        for category, numbers in shown.items():
            for number in numbers:
                of_concept[category][image, number] = (labels[category][image] == number).any(0).sum()
        for unit in range(units):
            mask = interpolated(maps[image, unit], field, labels[next(iter(concepts))].shape[-1]) > thresholds[unit]
            for category, numbers in shown.items():
                if numbers:
                    of_unit[category][image, unit] = mask.sum()
                for number in numbers:
                    seen = (labels[category][image] == number).any(0)
                    both[category][image, unit, number] = (mask & seen).sum()
    return both, of_unit, of_concept
