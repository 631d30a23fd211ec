"""How inpainting is drawn: the fillings of some images side by side, and what the context's weight does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from metrics.statistics import cluster_bootstrap
from replications.drawing import INK, MUTED, PALETTE, legend, line_with_interval, new_figure, show_image, style
from replications.ppgn.comparisons import BETTER, Floats, Scored
from replications.ppgn.inpainting_scores import MEASURES, Cases
from replications.suite.interface import Picture

HOLE = 0.85  # the grey of a hole


def picture_of_fillings(
    cases: Cases,
    filled: Mapping[str, Tensor],
    generated: tuple[str, Tensor],
    scores: Mapping[str, Mapping[str, Floats]],
    real: str,
    columns: Sequence[str],
    rows: Sequence[int],
) -> Picture:
    """A row for each of some images: the image, its hole, what was generated, the fillings.

    filled: by title (n, 3, S, S). generated: a title and what was generated before it was pasted. real: the title of
    the images themselves. columns: titles in order. rows: which images.
    """
    holed = torch.where(cases.holes[:, None], torch.tensor(HOLE), cases.images)
    panels = {real: cases.images, "what is given": holed, f"generated:\n{generated[0]}": generated[1]}
    panels |= {f"filled:\n{title}": filled[title] for title in columns}
    judged = {real: real} | {f"filled:\n{title}": title for title in columns}
    figure = new_figure("Filling in a hole", 1.25 * len(panels) + 0.4, 1.42 * len(rows) + 0.8)
    grid = figure.subplots(len(rows), len(panels), squeeze=False)
    for i, row in enumerate(rows):
        for axes, (title, images) in zip(grid[i], panels.items(), strict=True):
            show_image(axes, images[row])
            if i == 0:
                axes.set_title(_wrapped(title), fontsize=8, color=INK)
            if title in judged:
                axes.set_xlabel(f"p = {scores[judged[title]]['class probability'][row]:.2f}", fontsize=7, color=MUTED)
        grid[i][0].set_ylabel(cases.classes[row], fontsize=9, color=INK)
    caption = (
        f"Validation images with a hole of {cases.side} x {cases.side} of {cases.size} pixels at a random place; of "
        "each class that one of the first set whose object, where it is known, is hidden most. Left to right: the "
        f"image; what chains are given; what is generated with {generated[0]}; and what each way leaves after pasting "
        "into the hole. p: the held-out evaluator's probability of the image's class, 0 to 1."
    )
    return Picture("fillings", "Filled holes", caption, figure)


def picture_of_weights(weights: Sequence[float], swept: Scored, main: float) -> Picture:
    """Errors and class probability by epsilon 4. weights: rising, from 0 on, in the order of the ways in `swept`."""
    figure = new_figure("What the weight of the context term does", 10.5, 3.4)
    panels = figure.subplots(1, 2)
    ways = list(swept.scores)
    smallest = min(weight for weight in weights if weight > 0)
    arrays = {"epsilon4": np.array(weights)}
    drawn = (("error around the hole", "error in the hole"), ("class probability",))
    for axes, measures in zip(panels, drawn, strict=True):
        for measure, colour in zip(measures, PALETTE, strict=False):
            found = np.array([cluster_bootstrap(swept.scores[way][measure], swept.groups) for way in ways])
            arrays[measure.replace(" ", "_")] = found
            line_with_interval(axes, weights, found[:, 0], found[:, 1], found[:, 2], measure, colour)
            axes.plot(weights, found[:, 0], "o", color=colour, markersize=4)
        axes.set_xscale("symlog", linthresh=smallest, linscale=0.5)
        axes.axvline(main, color=MUTED, linewidth=0.8, linestyle=":", label="the experiment's")
        unit = MEASURES[measures[0]].unit.partition(",")[0]
        style(axes, " and ".join(measures), "epsilon 4, per squared grey level", f"{unit} ({_better(measures[0])})")
        legend(axes)
    panels[1].set_ylim(-0.03, 1.03)
    caption = (
        f"Class and context on the first set of {len(swept.groups)} images, by epsilon 4, the weight of the context "
        "term; 0 is the class alone. Bands: 95 % intervals from a bootstrap over the classes. "
        + swept.legend([measure for measures in drawn for measure in measures])
    )
    return Picture("weights", "What the weight of the context term does", caption, figure, arrays)


def _better(measure: str) -> str:
    return BETTER[MEASURES[measure].better]


def _wrapped(title: str) -> str:
    first, _, rest = title.partition("\n")
    return title if len(rest) <= 17 else first + "\n" + rest.replace(" of ", " of\n", 1)
