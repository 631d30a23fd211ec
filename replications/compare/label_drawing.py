"""Labels beside the marks of a scatter plot, where they cover neither marks nor each other as far as there is room.

adjustText 1.4 leaves labels upon marks where marks touch, as methods of equal cost do.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from replications.drawing import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 7.0  # of letters, in points
LETTER = 0.6 * SIZE  # the width of a digit
MARK = 4.5  # half the width of a mark, in points
RINGS = (6.0, 12.0, 20.0)  # how far a label may be from its mark, in points

Box = tuple[float, float, float, float]  # left, bottom, right, top


def label_points(axes: Axes, points: Mapping[str, tuple[float, float]], labels: Mapping[str, str]) -> None:
    """Write a label beside each point; a line leads to one that had to go far.

    points: by name, in the axes' own units. labels: by the same names. The figure must be laid out before
    (`figure.draw_without_rendering()`), for what overlaps depends on its size.
    """
    shown = {name: point for name, point in points.items() if np.isfinite(point).all()}
    if not shown:
        return
    per_point = axes.figure.dpi / 72
    centres = [tuple(at) for at in axes.transData.transform(list(shown.values())) / per_point]
    for name, shift in zip(shown, offsets(centres, [len(labels[name]) for name in shown]), strict=True):
        far = max(map(abs, shift)) > RINGS[1]
        axes.annotate(
            labels[name],
            shown[name],
            xytext=shift,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SIZE,
            color=INK,
            arrowprops=cast(Any, {"arrowstyle": "-", "color": INK, "linewidth": 0.4} if far else None),
        )


def offsets(centres: Sequence[tuple[float, ...]], letters: Sequence[int]) -> list[tuple[float, float]]:
    """How far the middle of each label is from its mark, (right, up) in points.

    centres: of the marks, in points. letters: of each label. Each label takes the first place, near ones and those to
    the upper right first, that covers least of the marks and of the labels placed before it.
    """
    marks = [(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in centres]
    placed: list[Box] = []
    found = []
    for (x, y), count in zip(centres, letters, strict=True):
        half = (count * LETTER / 2 + 1, SIZE / 2)
        best = min(_around(half), key=lambda shift: _covered(_box(x, y, shift, half), [*marks, *placed]))
        found.append(best)
        placed.append(_box(x, y, best, half))
    return found


def _around(half: tuple[float, float]) -> list[tuple[float, float]]:
    directions = [(1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0)]
    return [(dx * (ring + half[0] - 1), dy * (ring + 1)) for ring, (dx, dy) in itertools.product(RINGS, directions)]


def _box(x: float, y: float, shift: tuple[float, float], half: tuple[float, float]) -> Box:
    x, y = x + shift[0], y + shift[1]
    return x - half[0], y - half[1], x + half[0], y + half[1]


def _covered(box: Box, others: Sequence[Box]) -> float:
    """The area of `box` that others cover, those that overlap counted twice; rounded, so that ties are ties."""
    area = 0.0
    for left, bottom, right, top in others:
        width, height = min(box[2], right) - max(box[0], left), min(box[3], top) - max(box[1], bottom)
        area += max(0.0, width) * max(0.0, height)
    return round(area, 6)
