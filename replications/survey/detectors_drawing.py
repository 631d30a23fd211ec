"""How numbers of detectors are drawn: bars stacked by category, with the interval of their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from replications.drawing import INK, MUTED, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {
    "object": PALETTE[0],
    "part": PALETTE[5],
    "scene": PALETTE[2],
    "material": PALETTE[6],
    "texture": PALETTE[4],
    "colour": PALETTE[3],
}


def colour_of(category: str) -> str:
    """The colour in which a category of concepts is drawn everywhere."""
    return _COLOURS.get(category, MUTED)


def in_drawing_order(categories: Sequence[str]) -> list[str]:
    """Categories of things first, as in the paper's figures; unknown ones last."""
    known = list(_COLOURS)
    return sorted(categories, key=lambda name: known.index(name) if name in known else len(known))


def stacked_bars(
    axes: Axes,
    places: ArrayLike,
    heights: Mapping[str, ArrayLike],
    intervals: Sequence[tuple[float, float, float] | None],
    width: float = 0.7,
    *,
    labelled: bool = True,
) -> None:
    """A bar at each place, of one piece for each category; with the interval (estimate, low, high) of the whole.

    heights: for each category one number a place. labelled: whether the categories come into the legend.
    """
    at = np.asarray(places, dtype=np.float64)
    bottom = np.zeros(len(at))
    for category in in_drawing_order(list(heights)):
        height = np.asarray(heights[category], dtype=np.float64)
        label = category if labelled else None
        axes.bar(at, height, width, bottom, color=colour_of(category), label=label, edgecolor="white", linewidth=0.5)
        bottom += height
    for place, interval in zip(at, intervals, strict=True):
        if interval is not None:
            middle, low, high = interval
            spread = [[max(0.0, middle - low)], [max(0.0, high - middle)]]
            axes.errorbar([place], [middle], spread, fmt="none", ecolor=INK, capsize=3, linewidth=1.2)
