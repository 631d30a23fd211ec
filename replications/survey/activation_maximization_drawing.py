"""How activation maximization by layer is drawn: the pictures by layer and method, and their scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from metrics.statistics import mean_interval
from replications.drawing import INK, MUTED, PALETTE, mosaic, new_figure, show_image, style
from replications.suite.interface import Picture

if TYPE_CHECKING:
    from replications.survey.activation_maximization import OfLayer

_PANEL = 1.9  # inches
_NATURAL = "natural images"
_SCORES = {
    "quantile": ("Activation reached", "quantile among natural images"),
    "deviations": ("Beyond natural images", "standard deviations above their mean"),
    "roughness": ("Roughness", "times natural patches"),
}


def picture_of_layers(made: Mapping[str, OfLayer], methods: Sequence[str], shown: int) -> Picture:
    """A row for each layer, a column for each method; in a cell the same units at the same places."""
    columns = math.ceil(math.sqrt(shown))
    figure = new_figure("What units of each layer prefer", _PANEL * (len(methods) + 1) + 0.8, _PANEL * len(made) + 0.7)
    grid = figure.subplots(len(made), len(methods) + 1, squeeze=False)
    for row, (title, one) in zip(grid, made.items(), strict=True):
        side = one.patches.shape[-1]
        gap = max(1, side // 16)
        show_image(row[0], mosaic(one.patches[:shown], columns, gap=gap))
        for axes, method in zip(row[1:], methods, strict=True):
            show_image(axes, mosaic(one.pictures[method][:shown], columns, gap=gap))
        place = {"transform": row[0].transAxes, "ha": "right", "va": "center", "rotation": 90}
        row[0].text(-0.04, 0.5, f"{title}\n{one.patches.shape[-2]} x {side} pixels", fontsize=9, color=INK, **place)
    for axes, name in zip(grid[0], ["natural images\nthat excite them most", *methods], strict=True):
        axes.set_title(name, fontsize=9, color=INK)
    caption = (
        f"For {shown} units of each layer, drawn at random, what the unit sees of the natural image that excites it "
        "most (left), and the picture that each method of activation maximization makes of it (columns); the same "
        "units at the same places of every panel. The upper layers see the whole image. Methods: see conf/method."
    )
    return Picture("layers", "Activation maximization, layer by layer", caption, figure)


def picture_of_scores(made: Mapping[str, OfLayer], methods: Sequence[str]) -> Picture:
    """Each score in a panel, by layer; a line for each method."""
    figure = new_figure("Activation maximization by layer", 13, 4.4)
    places = np.arange(len(made))
    handles, labels = [], []
    for axes, (measure, (title, unit)) in zip(figure.subplots(1, len(_SCORES)), _SCORES.items(), strict=True):
        style(axes, title, "", unit)
        for i, method in enumerate([*methods, _NATURAL]):
            if any(measure not in one.values[method] for one in made.values()):
                continue
            found = np.array([mean_interval(one.values[method][measure]) for one in made.values()])
            spread = np.abs(found[:, 1:] - found[:, :1]).T
            colour = MUTED if method == _NATURAL else PALETTE[i % len(PALETTE)]
            x = places + (i - len(methods) / 2) * 0.06
            line = axes.errorbar(x, found[:, 0], spread, marker="o", markersize=4, capsize=2, color=colour)
            if method not in labels:
                handles.append(line)
                labels.append(method)
        if measure == "roughness":
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")
        axes.set_xticks(places, list(made), rotation=45, ha="right")
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)
    caption = (
        "Means over units with 95 % intervals. Left: quantile of a picture's activation among the unit's on natural "
        "images. Middle: the same in standard deviations of these above their mean; grey: the natural image that "
        "excites the unit most. Right: root mean square difference of neighbouring pixels, over that of natural "
        "patches of the same size (1, logarithmic scale)."
    )
    arrays = {
        f"{measure}_{method}_{title}".replace(" ", "_"): values.astype(np.float32)
        for title, one in made.items()
        for method, by_measure in one.values.items()
        for measure, values in by_measure.items()
    }
    return Picture("scores", "How strongly pictures drive units, and how rough they are", caption, figure, arrays)
