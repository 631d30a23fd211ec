"""How the comparison of starts is drawn: the pictures from each start, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from metrics.statistics import cluster_bootstrap
from replications.drawing import INK, MUTED, PALETTE, dot_with_interval, mosaic, new_figure, show_image, style
from replications.multifaceted.scores import BETTER, UNITS, Scores
from replications.suite.interface import Picture

_PANELS = 4  # in a row


def picture_of_pictures(
    starts: Mapping[str, Tensor | None],
    sets: Mapping[str, Tensor],
    titles: Sequence[str],
    samples: Sequence[int],
    count: int,
) -> Picture:
    """For some classes and each start what the pictures start from, above the pictures.

    starts, sets: by words for the start, (samples x count, 3, H, W) in [0, 1]; samples: which are drawn; titles: of
    these.
    """
    panel = 3.2
    height = 0.9 + len(samples) * (2 * panel / count + 0.12)
    figure = new_figure("What comes of each start", panel * len(starts) + 0.6, height)
    grid = figure.subplots(len(samples), len(starts), squeeze=False)
    for i, (row, title, sample) in enumerate(zip(grid, titles, samples, strict=True)):
        own = slice(sample * count, (sample + 1) * count)
        for axes, (words, begun) in zip(row, starts.items(), strict=True):
            made = sets[words][own]
            above = made.new_ones(made.shape) if begun is None else begun[own]
            show_image(axes, mosaic([*above, *made], count, gap=3))
            if i == 0:
                axes.set_title(f"from {words}", fontsize=10, color=INK)
        place = {"transform": row[0].transAxes, "ha": "right", "va": "center", "rotation": 90}
        row[0].text(-0.03, 0.5, title, fontsize=10, color=INK, **place)
    caption = (
        f"{count} pictures of each class's unit by the same method and number of steps from different starts "
        "(columns). Upper row of a panel: what the pictures start from; lower row: the pictures. 'facets of layer n': "
        "mean images of the clusters by that layer's features; 'random means': means of as many images of the class "
        "drawn at random; 'noise': random numbers, not shown."
    )
    return Picture("pictures", "Pictures from each start", caption, figure)


def picture_of_scores(
    scores: Mapping[str, Sequence[Scores]], classes: Sequence[str], measures: Sequence[str], count: int
) -> Picture:
    """Each measure in a panel: a dot for each class, and the mean with its interval."""
    rows = -(-len(measures) // _PANELS)
    figure = new_figure("Starting from a mean image, or at random", 13.5, 0.75 + rows * (0.35 * len(scores) + 0.9))
    grid = figure.subplots(rows, _PANELS, squeeze=False, sharey=True)
    names = list(dict.fromkeys(classes))
    arrays = {}
    for axes in grid.flat[len(measures) :]:
        axes.set_axis_off()
    for axes, measure in zip(grid.flat, measures, strict=False):
        style(axes, _title(measure, count), f"{BETTER[measure]} is better")
        for y, (title, found) in enumerate(scores.items()):
            values = np.array([one.value(measure) for one in found], dtype=np.float64)
            arrays[f"{measure}_{title}".replace(" ", "_").replace(",", "")] = values
            by_class = [values[[c == name for c in classes]].mean() for name in names]
            colour = PALETTE[0] if "optimized" not in title and title != "natural images" else MUTED
            axes.plot(by_class, np.full(len(names), y), "o", color=colour, alpha=0.25, markersize=4, markeredgewidth=0)
            dot_with_interval(axes, cluster_bootstrap(values, classes), y, colour)
        if measure in ("recall", "purity", "class"):
            axes.set_xlim(-0.03, 1.03)
        axes.set_yticks(range(len(scores)), list(scores))
        axes.set_ylim(len(scores) - 0.5, -0.5)
    caption = (
        f"{count} pictures of each class's unit and set of images. Small dots: classes; large: the mean with its 95 % "
        "interval from a bootstrap over the classes. Blue: optimized pictures; grey: what they start from, and natural "
        "images. " + " ".join(f"{_title(measure, count)}: {UNITS[measure]}." for measure in measures)
    )
    return Picture("scores", "Scores by start", caption, figure, arrays)


def _title(measure: str, count: int) -> str:
    titles = {"recall": f"facets found among {count}", "class": "class probability", "colour": "colour distance"}
    return titles.get(measure, measure)
