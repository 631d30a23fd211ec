"""The pictures of `network_design`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from replications.drawing import INK, MUTED, PALETTE, legend, mosaic, new_figure, show_image, style
from replications.suite.interface import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def filters_picture(weights: Mapping[str, Tensor], dead: Mapping[str, Tensor], columns: int) -> Picture:
    """The first layer of each design's first network. weights: (K, 3, h, w); dead: (K,) bool."""
    rows = -(-len(weights) // columns)
    figure = new_figure("First layers that the rule looks at", 3.4 * columns, 2.2 * rows + 0.4)
    for axes, (title, weight) in zip(figure.subplots(rows, columns, squeeze=False).flat, weights.items(), strict=True):
        per_row = math.ceil(math.sqrt(2 * len(weight)))
        filters = weight.float()
        show_image(axes, mosaic(filters / (2 * filters.abs().max()) + 0.5, per_row, gap=1))
        _cross_out(axes, dead[title], per_row, weight.shape[-1] + 1)
        axes.set_title(f"{title}\n{int(dead[title].sum())} of {len(weight)} dead", fontsize=8.5, color=INK)
    return Picture(
        "filters",
        "First layers",
        "All first-layer filters of each design's first seed; those of dead features are crossed out. One scale of "
        "contrast for all filters of a network: where one dominates, the others look grey.",
        figure,
        {title: weight.numpy().astype(np.float16) for title, weight in weights.items()},
    )


def _cross_out(axes: Axes, dead: Tensor, columns: int, pitch: int) -> None:
    for index in dead.nonzero().flatten().tolist():
        left, top = index % columns * pitch - 0.5, index // columns * pitch - 0.5
        right, bottom = left + pitch - 1, top + pitch - 1
        axes.plot([left, right], [top, bottom], color=PALETTE[1], linewidth=1.5)
        axes.plot([left, right], [bottom, top], color=PALETTE[1], linewidth=1.5)


def designs_picture(
    titles: Sequence[str],
    looks: Mapping[str, Sequence[Sequence[float]]],
    errors: Sequence[Sequence[float]],
    tolerances: Mapping[str, float],
    units: Mapping[str, str],
    paths: Sequence[Sequence[int]],
) -> Picture:
    """What each design looks like, its error, and where the rule leads.

    titles: of the designs. looks: by name, for each design one value a seed. paths: for each start the designs that the
    rule goes through, by position.
    """
    figure = new_figure("What is seen in first layers, and what they are good for", 12.5, 0.42 * len(titles) + 1.7)
    panels = figure.subplots(1, len(looks) + 1, sharey=True)
    for axes, (name, values) in zip(panels, looks.items(), strict=False):
        style(axes, name, units[name])
        axes.axvline(tolerances[name], color=MUTED, linestyle="--", linewidth=1, label="tolerance")
        _dots(axes, values, PALETTE[0])
    legend(panels[0], loc="lower right")
    last = style(panels[-1], "validation error", "% error")
    _dots(last, errors, PALETTE[1])
    means = [float(np.mean(one)) for one in errors]
    for start, following in sorted({pair for path in paths for pair in itertools.pairwise(path)}):
        last.annotate(
            "",
            (means[following], following),
            (means[start], start),
            arrowprops={"arrowstyle": "->", "color": PALETTE[2], "connectionstyle": "arc3,rad=0.2"},
        )
    panels[0].set_yticks(range(len(titles)), titles)
    panels[0].set_ylim(len(titles) - 0.5, -0.5)
    for axes in panels:
        axes.set_xlim(left=0)
    return Picture(
        "designs",
        "What is seen in first layers, and what they are good for",
        "The three numbers that the rule looks at, with the tolerances above which something is wrong (dashed), and "
        "the validation error, which it never sees; a dot a seed, a bar their mean. Arrows: the changes that the rule "
        "makes, from each start those of the seed with the longest walk.",
        figure,
        {
            **{
                f"{name}, {t}": np.asarray(v) for name, each in looks.items() for t, v in zip(titles, each, strict=True)
            },
            **{f"error, {title}": np.asarray(values) for title, values in zip(titles, errors, strict=True)},
        },
    )


def _dots(axes: Axes, values: Sequence[Sequence[float]], colour: str) -> None:
    for row, one in enumerate(values):
        axes.plot(one, [row] * len(one), "o", color=colour, markersize=4, alpha=0.8)
        axes.plot([np.mean(one)] * 2, [row - 0.3, row + 0.3], color=colour, linewidth=2)
