"""The drawing of Fig. 3 (see `fig3_architecture`): a network as a row of stacks of maps and bars of units.

The side of a square grows with the square root of the maps' side, its depth with that of their number, the height of
a bar with that of the number of units: else a map of 13 would be a dot beside an image of 224.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from replications.drawing import INK, MUTED, new_figure
from replications.networks.blocks import Block

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 13.0  # inches
IN_A_ROW = 12
COLOURS = {
    "input": "#f3e9c6",
    "conv": "#cfe3f3",
    "cat": "#cfe3f3",
    "add": "#cfe3f3",
    "multiply": "#cfe3f3",
    "linear": "#d7ecdf",
}
POOLED = "#f6d9c4"
UNITS = 0.13  # height of a bar over the square root of its units
DEPTH = 0.14  # of a stack over the square root of its maps
SLANT = (0.8, 0.6)  # direction of depth
LEAST_PITCH = 6.7
LINE = 1.6  # from one line of words to the next, in the units of the drawing, as all below
WORDS_MARGIN = 6.4  # around the words below a row
WINDOW = "#b91c1c"


def draw(title: str, network: Sequence[Block]) -> Figure:
    """The blocks from left to right, in as many rows as they need."""
    rows = -(-len(network) // IN_A_ROW)
    length = -(-len(network) // rows)
    parts = [network[i : i + length] for i in range(0, len(network), length)]
    drawn = [_Row(part, network[-1]) for part in parts]
    span = max(row.width for row in drawn)
    heights = [row.height / span * WIDTH for row in drawn]
    figure = new_figure(title, WIDTH, sum(heights) + 0.45)
    figure.set_layout_engine("none")
    total, top = sum(heights) + 0.45, sum(heights)
    for row, height in zip(drawn, heights, strict=True):
        axes = figure.add_axes((0.0, (top - height) / total, 1.0, height / total))
        axes.set_xlim((row.width - span) / 2, (row.width + span) / 2)
        axes.set_ylim(-row.below, row.top)
        axes.set_axis_off()
        row.draw(axes)
        top -= height
    return figure


class _Row:
    """Places of the blocks of one row; y = 0 is the middle of the squares."""

    def __init__(self, blocks: Sequence[Block], last: Block) -> None:
        self.blocks = blocks
        self.centres: list[float] = []
        self.edges: list[float] = [0.6]
        for block in blocks:
            pitch = max(LEAST_PITCH, _width(block) + 1.6)
            self.centres.append(self.edges[-1] + pitch / 2)
            self.edges.append(self.edges[-1] + pitch)
        self.width = self.edges[-1] + 0.6
        self.half = max(_height(b) for b in blocks) / 2
        self.top = max(_height(b) / 2 + _depth(b) * SLANT[1] for b in blocks) + 1.0
        self.words = [_operation(block) + (["softmax"] if block is last else []) for block in blocks]
        self.below = self.half + max(len(lines) for lines in self.words) * LINE + WORDS_MARGIN
        self.height = self.below + self.top

    def draw(self, axes: Axes) -> None:
        for k, (block, x) in enumerate(zip(self.blocks, self.centres, strict=True)):
            left = x - _width(block) / 2
            if _is_bar(block):
                _bar(axes, left, block)
            else:
                _stack(axes, left, block)
            if k + 1 < len(self.blocks):
                following = self.blocks[k + 1]
                _connection(axes, block, left, following, self.centres[k + 1] - _width(following) / 2)
            self._words(axes, k, x)
        self._layers(axes)

    def _words(self, axes: Axes, k: int, x: float) -> None:
        y = -self.half - 1.8
        axes.text(x, y, _size(self.blocks[k]), ha="center", fontsize=8.5, color=INK, fontweight="bold")
        for i, line in enumerate(self.words[k]):
            axes.text(x, y - (i + 1) * LINE, line, ha="center", fontsize=8, color=INK if i < 2 else MUTED)

    def _layers(self, axes: Axes) -> None:
        """Brackets with the paper's names of the layers."""
        y = -self.below + 2.3
        start = 0
        for k in range(1, len(self.blocks) + 1):
            if k < len(self.blocks) and self.blocks[k].layer == self.blocks[start].layer:
                continue
            left, right = self.edges[start] + 0.4, self.edges[k] - 0.4
            axes.plot([left, left, right, right], [y + 0.5, y, y, y + 0.5], color=MUTED, linewidth=1)
            number = self.blocks[start].layer
            name = "Input image" if number == 0 else "Output" if number is None else f"Layer {number}"
            axes.text((left + right) / 2, y - 1.5, name, ha="center", fontsize=10, color=INK)
            start = k


def _is_bar(block: Block) -> bool:
    return len(block.shape) == 1 or block.shape[1] == 1


def _height(block: Block) -> float:
    """Of the square or the bar."""
    return max(1.5, UNITS * math.sqrt(block.shape[0])) if _is_bar(block) else 0.75 * math.sqrt(block.shape[1])


def _depth(block: Block) -> float:
    return 0.0 if _is_bar(block) else DEPTH * math.sqrt(block.shape[0])


def _width(block: Block) -> float:
    return 0.9 if _is_bar(block) else _height(block) + _depth(block) * SLANT[0]


def _colour(block: Block) -> str:
    return COLOURS.get(block.kind, POOLED)


def _stack(axes: Axes, left: float, block: Block) -> None:
    """A box: the square of a map in front, depth for the number of maps."""
    from matplotlib.patches import Polygon

    side, depth = _height(block), _depth(block)
    dx, dy = depth * SLANT[0], depth * SLANT[1]
    low, high, right = -side / 2, side / 2, left + side
    style: Any = {"edgecolor": INK, "linewidth": 0.9, "closed": True}
    colour = _colour(block)
    axes.add_patch(
        Polygon(
            [(left, high), (left + dx, high + dy), (right + dx, high + dy), (right, high)],
            facecolor=_shade(colour, 0.94),
            **style,
        )
    )
    axes.add_patch(
        Polygon(
            [(right, low), (right + dx, low + dy), (right + dx, high + dy), (right, high)],
            facecolor=_shade(colour, 0.82),
            **style,
        )
    )
    axes.add_patch(Polygon([(left, low), (right, low), (right, high), (left, high)], facecolor=colour, **style))
    axes.text(
        right + dx / 2 + 0.25, low + dy / 2 - 0.15, str(block.shape[0]), ha="left", va="top", fontsize=8, color=INK
    )


def _bar(axes: Axes, left: float, block: Block) -> None:
    """A bar of units, rounded as in the paper."""
    from matplotlib.patches import FancyBboxPatch

    height, width = _height(block), _width(block)
    axes.add_patch(
        FancyBboxPatch(
            (left, -height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.44",
            facecolor=_colour(block), edgecolor=INK, linewidth=0.9,
        )
    )  # fmt: skip


def _connection(axes: Axes, block: Block, left: float, following: Block, target: float) -> None:
    """The window that one unit of the next block reads, and lines from it to that unit; an arrow for whole maps."""
    from matplotlib.patches import Rectangle

    end = _height(following) / 2
    if following.window is None or _is_bar(block):
        start = left + _width(block)
        axes.annotate("", (target - 0.1, 0), (start + 0.1, 0), arrowprops={"arrowstyle": "-|>", "color": MUTED})
        return
    side = _height(block)
    share = min(1.0, following.window / block.shape[1])
    size = share * side
    x, y = left + side - size - min(0.12 * side, side - size), -size / 2
    axes.add_patch(Rectangle((x, y), size, size, fill=False, edgecolor=WINDOW, linewidth=1.1, zorder=4))
    point = (target + min(0.35, end), 0.0)
    for corner in (y, y + size):
        axes.plot([x + size, point[0]], [corner, point[1]], color=WINDOW, linewidth=0.7, zorder=4)


def _shade(colour: str, factor: float) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    return red * factor, green * factor, blue * factor


def _size(block: Block) -> str:
    if _is_bar(block):
        return f"{block.shape[0]:,} units"
    return f"{block.shape[1]}×{block.shape[2]}×{block.shape[0]}"


def _operation(block: Block) -> list[str]:
    """What makes the block, in two lines, and what is done to it afterwards."""
    window = f"{block.window}×{block.window}, stride {block.stride}" if block.window else ""
    match block.kind:
        case "input":
            lines = ["image", f"{block.shape[0]} colour planes"]
        case "conv":
            lines = [f"{block.shape[0]} filters", window]
        case "max_pool":
            lines = ["max pool", window]
        case "avg_pool":
            lines = ["average pool", window]
        case "global_avg_pool":
            lines = ["average over", "all positions"]
        case "linear":
            lines = ["fully", "connected"]
        case _:
            lines = [{"cat": "joined", "add": "sum", "multiply": "product"}[block.kind] + " of", _branches(block)]
    return [*lines, *block.afterwards]


def _branches(block: Block) -> str:
    """The windows of the convolutions in the branches, in their order."""
    windows = [getattr(n.module, "kernel_size", (0,))[0] for n in block.inside if n.kind == "conv"]
    if not windows:
        return "branches"
    join = ", " if block.kind == "cat" else "–"
    shown = [f"{w}×{w}" for w in windows]
    return join.join(shown) if len(shown) <= 3 else f"{join.join(shown[:3])}, …"
