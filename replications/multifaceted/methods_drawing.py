"""How the comparison of methods is drawn: the pictures side by side, and the scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from metrics.statistics import cluster_bootstrap
from replications.drawing import INK, MUTED, PALETTE, dot_with_interval, mosaic, new_figure, show_image, style
from replications.multifaceted.method_scores import MEASURES
from replications.multifaceted.methods_report import EARLIER, MULTIFACETED, NATURAL, STARTS, YARDSTICKS, Found
from replications.suite.interface import Picture

_PANELS = 4  # in a row
_SIDE = 0.68  # inches, of a picture
_FROM_ZERO_TO_ONE = ("quantile", "class", "top1", "recall", "purity", "purity within", "choice", "hard choice")
_KINDS = ("earlier methods", MULTIFACETED, "later methods", "yardsticks, not optimized")
_COLOURS = dict(zip(_KINDS, (PALETTE[1], PALETTE[0], PALETTE[2], MUTED), strict=True))


def picture_of_pictures(
    found: Found, pictures: Mapping[str, Tensor], means: Tensor, liked: Mapping[int, Tensor]
) -> Picture:
    """Methods in rows, classes in columns.

    pictures: by method (sets x count, 3, H, W). means: what the multifaceted ones start from. liked: by set that is
    drawn the natural images that drive the unit most.
    """
    methods = [title for title in found.titles if title in pictures]
    rows = [NATURAL, *methods]
    rows.insert(rows.index(MULTIFACETED), STARTS)
    figure = new_figure("", _SIDE * found.count * len(liked) + 1.5, _SIDE * len(rows) + 0.4)
    grid = figure.subplots(len(rows), len(liked), squeeze=False, gridspec_kw={"wspace": 0.03, "hspace": 0.03})
    for i, (title, cells) in enumerate(zip(rows, grid, strict=True)):
        for axes, (place, exemplars) in zip(cells, liked.items(), strict=True):
            own = slice(place * found.count, (place + 1) * found.count)
            shown = exemplars if title == NATURAL else means[own] if title == STARTS else pictures[title][own]
            show_image(axes, mosaic(shown, found.count, gap=max(1, shown.shape[3] // 32)))
            if i == 0:
                axes.set_title(found.classes[place], fontsize=10, color=INK)
        label = {"transform": cells[0].transAxes, "ha": "right", "va": "center", "fontsize": 10}
        cells[0].text(-0.03, 0.5, title, color=_COLOURS[_kind(title)], **label)
    caption = (
        f"{found.count} pictures of each class's unit by each method. 'natural images': the validation images that "
        "drive the unit most; 'mean images': what the multifaceted pictures below them start from. Orange: "
        "earlier methods; blue: multifaceted; green: later methods; grey: not optimized. Passes of the network for a "
        "picture: " + ", ".join(f"{title} {found.passes[title]}" for title in methods) + "."
    )
    return Picture("pictures", "The same units by different methods", caption, figure)


def picture_of_scores(found: Found) -> Picture:
    """Each measure in a panel: a dot for each class, and the mean with its interval."""
    from matplotlib.lines import Line2D

    titles, measures = found.titles, found.measures
    rows = -(-len(measures) // _PANELS)
    figure = new_figure("", 13.5, 0.6 + rows * (0.24 * len(titles) + 0.85))
    grid = figure.subplots(rows, _PANELS, squeeze=False, sharey=True)
    arrays = {}
    for axes in grid.flat[len(measures) :]:
        axes.set_axis_off()
    for axes, measure in zip(grid.flat, measures, strict=False):
        about = MEASURES[measure]
        style(axes, about.title, f"{about.better} is better")
        for y, title in enumerate(titles):
            values, colour = found.scores[title][measure], _COLOURS[_kind(title)]
            arrays[f"{measure}_{title}".replace(" ", "_").replace("'", "")] = values
            means = found.by_class(title, measure)
            axes.plot(means, np.full(len(means), y), "o", color=colour, alpha=0.25, markersize=4, markeredgewidth=0)
            dot_with_interval(axes, cluster_bootstrap(values, found.classes), y, colour)
        if measure in _FROM_ZERO_TO_ONE:
            axes.set_xlim(-0.03, 1.03)
        if "choice" in measure:
            axes.axvline(0.5, color=MUTED, linestyle=":")
        axes.set_yticks(range(len(titles)), titles)
        axes.set_ylim(len(titles) - 0.5, -0.5)
    handles = [Line2D([], [], marker="o", linestyle="", color=colour, label=kind) for kind, colour in _COLOURS.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=9, frameon=False)
    caption = (
        f"{found.count} pictures of each class's unit and set of images, as {found.judge} judges them. Small dots: "
        "classes; large: the mean with its 95 % interval from a bootstrap over the classes. Dotted: chance. "
        + " ".join(f"{MEASURES[measure].title}: {MEASURES[measure].unit}." for measure in measures)
    )
    return Picture("scores", "Scores by method", caption, figure, arrays)


def _kind(title: str) -> str:
    if title in YARDSTICKS:
        return _KINDS[3]
    if title == MULTIFACETED:
        return _KINDS[1]
    return _KINDS[0] if title in EARLIER else _KINDS[2]
