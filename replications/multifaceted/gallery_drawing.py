"""How a gallery is drawn: blocks of rows of small pictures, with words beneath each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from replications.drawing import GRID, INK, MUTED, PALETTE, mosaic, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.5  # inches
_LINE, _SIZE = 0.108, 6.2  # of the words: inches, points
_GAP, _BETWEEN = 0.06, 0.22  # between columns, between groups of columns
_TITLE = 0.3
_ABOVE, _BELOW = 0.4, 0.08  # of a block: its title, the space after it


@dataclasses.dataclass(frozen=True, eq=False)
class Cell:
    """image: (H, W, 3) in [0, 1]. lines: words beneath it. strange: whether the first line isn't what it should be.

    smooth: whether pixels are averaged to fit, which many small images in one need.
    """

    image: np.ndarray
    lines: Sequence[str] = ()
    strange: bool = False
    smooth: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """Rows of cells, all of as many columns as the sheet has; None leaves a place empty."""

    title: str
    rows: Sequence[Sequence[Cell | None]]


def several(images: Tensor, columns: int) -> np.ndarray:
    """Images (n, 3, H, W) in [0, 1] as one square of `columns` rows, white where there are fewer."""
    missing = columns**2 - len(images)
    blanks = [images.new_ones(images.shape[1:])] * missing
    return mosaic([*images[: columns**2], *blanks], columns, gap=max(1, images.shape[-1] // 32))


def single(image: Tensor) -> np.ndarray:
    """An image (3, H, W) in [0, 1] as a cell's."""
    return mosaic([image], 1)


def sheet(
    title: str, groups: Sequence[tuple[str, Sequence[str]]], blocks: Sequence[Block], *, headings: str = "each"
) -> Figure:
    """All blocks below each other.

    groups: of columns, with the words above a group and above each of its columns. headings: above "each" block, or
    above the "first" alone.
    """
    columns = sum(len(words) for _, words in groups)
    side = (WIDTH - (columns - len(groups)) * _GAP - (len(groups) - 1) * _BETWEEN) / columns
    lines = max((len(cell.lines) for b in blocks for row in b.rows for cell in row if cell), default=0)
    step = side + (lines + 0.8) * _LINE
    words = (1 + max(head.count("\n") + 1 for _, heads in groups for head in heads)) * 1.1 * _LINE + 0.08
    above = [_ABOVE + (words if headings == "each" or i == 0 else 0) for i in range(len(blocks))]
    heights = [a + len(b.rows) * step + _BELOW for a, b in zip(above, blocks, strict=True)]
    figure = new_figure("", WIDTH, sum(heights) + _TITLE)
    axes = figure.subplots()
    lefts = _lefts(groups, side)
    top = _TITLE
    axes.text(WIDTH / 2, top / 3, title, fontsize=9.5, fontweight="bold", color=INK, ha="center", va="center")
    for block, before, height in zip(blocks, above, heights, strict=True):
        axes.plot([0, WIDTH], [top + 0.08] * 2, color=GRID, linewidth=1)
        axes.text(0, top + 0.22, block.title, fontsize=8.5, fontweight="bold", color=INK, va="center")
        if before > _ABOVE:
            _headings(axes, groups, lefts, side, top + _ABOVE + 0.03, words)
        for i, row in enumerate(block.rows):
            for left, cell in zip(lefts, row, strict=True):
                if cell is not None:
                    _draw(axes, cell, left, top + before + i * step, side)
        top += height
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(top, 0)
    return figure


def _lefts(groups: Sequence[tuple[str, Sequence[str]]], side: float) -> list[float]:
    found, left = [], 0.0
    for _, words in groups:
        found += [left + i * (side + _GAP) for i in range(len(words))]
        left = found[-1] + side + _BETWEEN
    return found


def _headings(
    axes: Axes,
    groups: Sequence[tuple[str, Sequence[str]]],
    lefts: Sequence[float],
    side: float,
    top: float,
    height: float,
) -> None:
    start = 0
    for title, words in groups:
        first, last = lefts[start], lefts[start + len(words) - 1] + side
        axes.text((first + last) / 2, top, title, fontsize=6.8, fontweight="bold", color=INK, ha="center", va="center")
        axes.plot([first, last], [top + 0.08] * 2, color=MUTED, linewidth=0.6)
        for left, word in zip(lefts[start:], words, strict=False):
            axes.text(
                left + side / 2, top + height - 0.09, word, fontsize=_SIZE, color=MUTED, ha="center", va="bottom",
                linespacing=1.05,
            )  # fmt: skip
        start += len(words)


def _draw(axes: Axes, cell: Cell, left: float, top: float, side: float) -> None:
    fit, extent = "antialiased" if cell.smooth else "nearest", (left, left + side, top + side, top)
    axes.imshow(cell.image, extent=extent, interpolation=fit, aspect="auto")
    for i, line in enumerate(cell.lines):
        colour = (PALETTE[1] if cell.strange else INK) if i == 0 else MUTED
        y = top + side + (i + 0.65) * _LINE
        axes.text(left + side / 2, y, line, fontsize=_SIZE, color=colour, ha="center", va="center")
