"""The drawing of Fig. 1 (see `fig1_deconvnet`): the convnet layer upwards, the deconvnet layer downwards, the switches.

Maps are drawn on one diverging colour scale a stack: white is zero, red positive, blue negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from replications.drawing import INK, MUTED, new_figure, show_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 11.0, 12.6  # inches
DOWN_COLOUR, UP_COLOUR = "#fbe3d0", "#d9e8f5"
ZONES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7f7f7f", "#17becf")
REGIONS = 3  # pooling regions along a side of the magnified part

ROW_BOTTOMS = (0.338, 0.522, 0.660, 0.798)  # of the stacks, lowest first
ROW_HEIGHTS = (0.122, 0.076, 0.076, 0.076)
COLUMNS = (0.03, 0.545)  # left edges of the deconvnet's and the convnet's stacks
COLUMN_WIDTH = 0.425


def draw(panels: Mapping[str, np.ndarray], names: Mapping[str, str], pool: Any) -> Figure:
    """The whole figure. panels: the arrays, by the names that `fig1_deconvnet` gives; pool: the layer's max pool."""
    figure = new_figure("", WIDTH, HEIGHT)
    figure.set_layout_engine("none")
    figure.text(0.5, 0.978, "A deconvnet layer attached to a convnet layer", ha="center", fontsize=13, color=INK,
                fontweight="bold")  # fmt: skip
    for left, title in zip(COLUMNS, ("deconvnet ↓", "convnet ↑"), strict=True):
        figure.text(left + COLUMN_WIDTH / 2, 0.945, title, ha="center", fontsize=12, color=INK)
    rows = (
        ("reconstruction", "reconstruction", "image", "layer below"),
        ("rectified_unpooled_maps", "rectified unpooled maps", "feature_maps", "feature maps"),
        ("unpooled_maps", "unpooled maps", "rectified_feature_maps", "rectified feature maps"),
        ("layer_above_reconstruction", "layer above reconstruction", "pooled_maps", "pooled maps"),
    )
    for row, (down, down_title, up, up_title) in enumerate(rows):
        _stack(figure, COLUMNS[0], row, panels[down], down_title)
        _stack(figure, COLUMNS[1], row, panels[up], up_title)
    _operations(figure, names)
    _layer_above(figure, panels["above"], names["top"])
    _magnified(figure, panels, names, pool)
    return figure


# ------------------------------------------------------------------------------------------------------- upper part


def _stack(figure: Figure, left: float, row: int, maps: np.ndarray, title: str) -> None:
    """Maps (C, h, w) beside each other; in the lowest row also (3, H, W) in [0, 1], an image."""
    coloured = row == 0 and len(maps) == 3
    pictures = [maps] if coloured else list(maps)
    gap, bottom = 0.01, ROW_BOTTOMS[row]
    width = min(ROW_HEIGHTS[row] * HEIGHT / WIDTH, (COLUMN_WIDTH + gap) / len(pictures) - gap)
    height = width * WIDTH / HEIGHT
    start = left + (COLUMN_WIDTH - len(pictures) * width - (len(pictures) - 1) * gap) / 2
    scale = float(np.abs(maps).max())
    for k, picture in enumerate(pictures):
        _map(figure.add_axes((start + k * (width + gap), bottom, width, height)), picture, scale)
    size = f"{maps.shape[-2]}×{maps.shape[-1]}"
    if coloured:
        legend = f"{size} pixels, mid-grey = 0" if title == "reconstruction" else f"{size} pixels"
        title = title if title == "reconstruction" else "layer below: the image"
    else:
        legend = f"{size}; full colour = {scale:.3g}"
    figure.text(left + COLUMN_WIDTH / 2, bottom + height + 0.0045, f"{title}  ({legend})", ha="center", fontsize=9,
                color=INK)  # fmt: skip


def _map(axes: Axes, picture: np.ndarray, scale: float) -> None:
    if picture.ndim == 3:
        show_image(axes, picture.transpose(1, 2, 0), aspect="auto")
    else:
        show_image(axes, picture, cmap="RdBu_r", vmin=-scale or -1.0, vmax=scale or 1.0, aspect="auto")
    _frame(axes)


def _frame(axes: Axes, colour: str = MUTED, width: float = 0.8) -> None:
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(colour)
        spine.set_linewidth(width)


def _operations(figure: Figure, names: Mapping[str, str]) -> None:
    """The boxes between the stacks, as in the paper, with arrows down on the left and up on the right."""
    pairs = (
        ("convolutional filtering {Fᵀ}", "convolutional filtering {F}", names["filtering"]),
        ("rectified linear function", "rectified linear function", names["rectification"]),
        ("max unpooling", "max pooling", names["pool"]),
    )
    for row, (down, up, name) in enumerate(pairs):
        low, high = ROW_BOTTOMS[row] + ROW_HEIGHTS[row] + 0.018, ROW_BOTTOMS[row + 1] - 0.004
        middle = (low + high) / 2
        for left, text, colour, start, end in (
            (COLUMNS[0], f"{down}: {name}", DOWN_COLOUR, high, low),
            (COLUMNS[1], f"{up}: {name}", UP_COLOUR, low, high),
        ):
            centre = left + COLUMN_WIDTH / 2
            _arrow(figure, (centre, start), (centre, end))
            _box(figure, centre, middle, text, colour)
        if row == 2:
            _arrow(figure, (COLUMNS[1] + 0.09, middle), (COLUMNS[0] + COLUMN_WIDTH - 0.09, middle), "#b91c1c")
            figure.text(0.5, middle + 0.005, "switches", ha="center", fontsize=10, color="#b91c1c", style="italic")


def _layer_above(figure: Figure, maps: np.ndarray, name: str) -> None:
    """The one map of the layer above that everything on the left comes from, between the two columns at the top."""
    from matplotlib.lines import Line2D

    width = 0.055
    height = width * WIDTH / HEIGHT
    left, bottom = 0.5 - width / 2, 0.902
    axes = figure.add_axes((left, bottom, width, height))
    _map(axes, maps[0], float(np.abs(maps).max()))
    figure.text(0.5, bottom - 0.005, f"{name};\nall other maps set to 0", ha="center", va="top", fontsize=8, color=INK)
    middle, low = bottom + height / 2, ROW_BOTTOMS[3] + ROW_HEIGHTS[3] + 0.018
    corners = COLUMNS[0] + COLUMN_WIDTH - 0.09, COLUMNS[1] + 0.09
    figure.add_artist(Line2D([corners[1]] * 2, [low, middle], color=INK, linewidth=1.3))
    figure.add_artist(Line2D([left - 0.006, corners[0]], [middle] * 2, color=INK, linewidth=1.3))
    _arrow(figure, (corners[1] + 0.0005, middle), (left + width + 0.006, middle))
    _arrow(figure, (corners[0], middle + 0.001), (corners[0], low - 0.003))
    for x, text in ((corners[1], "layers above"), (corners[0], "their deconvnets")):
        figure.text(x, middle + 0.004, text, ha="center", fontsize=8, color=MUTED)


def _arrow(figure: Figure, start: tuple[float, float], end: tuple[float, float], colour: str = INK) -> None:
    from matplotlib.patches import FancyArrowPatch

    figure.add_artist(
        FancyArrowPatch(
            start, end, transform=figure.transFigure, arrowstyle="-|>", mutation_scale=13, color=colour, linewidth=1.3
        )
    )


def _box(figure: Figure, x: float, y: float, text: str, colour: str) -> None:
    figure.text(
        x, y, text, ha="center", va="center", fontsize=9, color=INK, zorder=5,
        bbox={"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": MUTED, "linewidth": 0.8},
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------- lower part


def _magnified(figure: Figure, panels: Mapping[str, np.ndarray], names: Mapping[str, str], pool: Any) -> None:
    """Unpooling on the left, pooling on the right and the switches between them, in a part of one map."""
    rows, columns = _busiest(panels["layer_above_reconstruction"][0], panels["pooled_maps"][0])
    pooled = panels["pooled_maps"][0][rows, columns]
    above = panels["layer_above_reconstruction"][0][rows, columns]
    height, width = panels["rectified_feature_maps"].shape[1:]
    kernel, stride, padding = (_pair(v) for v in (pool.kernel_size, pool.stride, pool.padding))
    spans = [
        (max(r.start * s - p, 0), min((r.stop - 1) * s - p + k, extent))
        for r, k, s, p, extent in zip((rows, columns), kernel, stride, padding, (height, width), strict=True)
    ]
    (top, bottom), (left, right) = spans
    part = np.s_[top:bottom, left:right]
    places = panels["switches"][0][rows, columns]
    marks = [(int(place) // width - top, int(place) % width - left) for place in places.flatten()]

    figure.text(0.5, 0.288, f"The same in map {names['maps'].split(',')[0]}, magnified: {REGIONS}×{REGIONS} pooling "
                f"regions of {kernel[0]}×{kernel[1]}, stride {stride[0]}", ha="center", fontsize=11,
                color=INK)  # fmt: skip
    side, floor = 0.165, 0.085
    lefts = (0.015, 0.215, 0.4175, 0.62, 0.82)
    titles = (
        "layer above\nreconstruction", "unpooled map", "max locations\n“switches”",
        "rectified feature map", "pooled map",
    )  # fmt: skip
    boxes = [figure.add_axes((x, floor, side, side * WIDTH / HEIGHT)) for x in lefts]
    for axes, title in zip(boxes, titles, strict=True):
        axes.set_title(title, fontsize=9, color=INK)
    _regions(boxes[0], above)
    _places(boxes[1], panels["unpooled_maps"][0][part], marks)
    _places(boxes[2], np.zeros((bottom - top, right - left)), marks, filled=True)
    _places(boxes[3], panels["rectified_feature_maps"][0][part], marks)
    _regions(boxes[4], pooled)
    middle = floor + side * WIDTH / HEIGHT / 2
    for start, end in ((lefts[0], lefts[1]), (lefts[3], lefts[4])):
        _arrow(figure, (start + side + 0.004, middle), (end - 0.004, middle))
    for start, end in ((lefts[3] - 0.004, lefts[2] + side + 0.004), (lefts[2] - 0.004, lefts[1] + side + 0.004)):
        _arrow(figure, (start, middle), (end, middle), "#b91c1c")
    figure.text((lefts[0] + lefts[1] + side) / 2, 0.06, "unpooling", ha="center", fontsize=10, color=INK)
    figure.text((lefts[3] + lefts[4] + side) / 2, 0.06, "pooling", ha="center", fontsize=10, color=INK)
    figure.text(0.5, 0.03, "A colour is one pooling region; its ring stands where the region's maximum is. Where "
                "regions overlap they may share a place, and unpooling adds.", ha="center", fontsize=9,
                color=MUTED)  # fmt: skip


def _busiest(above: np.ndarray, pooled: np.ndarray) -> tuple[slice, slice]:
    """Where REGIONS x REGIONS neighbouring regions have the strongest signal both ways."""
    size = tuple(min(REGIONS, extent) for extent in pooled.shape)
    strength = np.abs(above) / max(float(np.abs(above).max()), 1e-12) + pooled / max(float(pooled.max()), 1e-12)
    sums = np.lib.stride_tricks.sliding_window_view(strength, size).sum((2, 3))
    y, x = np.unravel_index(int(sums.argmax()), sums.shape)
    return slice(int(y), int(y) + size[0]), slice(int(x), int(x) + size[1])


def _regions(axes: Axes, values: np.ndarray) -> None:
    """One value a pooling region, printed, in a frame of the region's colour."""
    from matplotlib.patches import Rectangle

    scale = float(np.abs(values).max()) or 1.0
    show_image(axes, values, cmap="RdBu_r", vmin=-2 * scale, vmax=2 * scale, aspect="auto")
    for index, value in enumerate(values.flatten()):
        y, x = divmod(index, values.shape[1])
        axes.add_patch(Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, edgecolor=ZONES[index], linewidth=2.5))
        axes.text(x, y, _short(float(value)), ha="center", va="center", fontsize=9, color=INK)


def _places(axes: Axes, values: np.ndarray, marks: list[tuple[int, int]], filled: bool = False) -> None:
    """The map, with a ring (or a disc) in the region's colour where each region's maximum stands."""
    scale = float(np.abs(values).max()) or 1.0
    show_image(axes, values, cmap="RdBu_r", vmin=-scale, vmax=scale, aspect="auto")
    height, width = values.shape
    axes.set_xticks(np.arange(width - 1) + 0.5, labels=[], minor=False)
    axes.set_yticks(np.arange(height - 1) + 0.5, labels=[], minor=False)
    axes.tick_params(length=0)
    axes.grid(True, color="#d5d9de", linewidth=0.5)
    _frame(axes)
    for index, (y, x) in enumerate(marks):
        inner = marks[:index].count((y, x))  # regions that share a place are drawn one within the other
        axes.scatter(
            [x], [y], s=(115 if not filled else 130) / (1 + 1.6 * inner), marker="o", linewidths=2.2,
            facecolors=ZONES[index] if filled else "none", edgecolors=ZONES[index], zorder=3 + inner,
        )  # fmt: skip


def _short(value: float) -> str:
    """At most about five characters."""
    size = abs(value)
    return "0" if size == 0 else f"{value:.1g}" if size < 0.1 else f"{value:.2f}" if size < 10 else f"{value:.0f}"


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
