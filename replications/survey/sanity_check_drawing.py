"""How the sanity check is drawn: similarity by the layers that lost their weights, and the maps themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from metrics.crossed_bootstrap import crossed_interval
from replications.drawing import INK, PALETTE, line_with_interval, new_figure, show_image, style
from replications.suite.interface import Picture
from replications.survey.sanity_maps import MEASURES, METHODS, MODES
from replications.zeiler.deconvnet import normalize_for_display

if TYPE_CHECKING:
    from replications.survey.sanity_check import Found


def picture_of_curves(found: Found) -> Picture:
    """Each measure in a column, each way of losing weights in a row; a line for each method."""
    figure = new_figure("Does a picture change when the network forgets?", 3.6 * len(MEASURES), 7.2)
    grid = figure.subplots(len(MODES), len(MEASURES), squeeze=False, sharey="col")
    places, first = np.arange(len(found.groups)), next(iter(MEASURES))
    for mode, row in zip(MODES, grid, strict=True):
        for measure, axes in zip(MEASURES, row, strict=True):
            below = "random weights from the classes down to" if mode == "cascading" else "random weights in one alone"
            style(
                axes, f"{measure}, {mode}", below, "similarity to the trained network's map" if measure == first else ""
            )
            for method in found.methods:
                colour = PALETTE[METHODS.index(method)]
                intervals = [crossed_interval(found.of(mode, int(g), method, measure)) for g in places]
                mean, low, high = np.array(intervals).T
                line_with_interval(axes, places, mean, low, high, method, colour)
                axes.axhline(found.unrelated(method, measure).mean(), color=colour, linestyle=":", linewidth=1)
            axes.set_xticks(places, [_lowest(group) for group in found.groups], rotation=45, ha="right")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(METHODS), fontsize=9, frameon=False)
    seeds, images = found.similarity.shape[0], found.similarity.shape[-1]
    caption = (
        f"How alike the class's map is to that of the trained network (1: the same), mean over {images} images and "
        f"{seeds} draws of random weights; bands: 95 % intervals from resampling both. Upper row: all layers from the "
        "classes down to the one named have random weights; lower row: that one alone. Dotted, in each method's "
        "colour: the trained network's map of another image, the level of pictures that have nothing in common. Where "
        "several layers lose their weights together, the lowest is named."
    )
    arrays = {
        "similarity": found.similarity.astype(np.float16),
        "another_image": found.another.astype(np.float16),
        "edges": found.edges.astype(np.float16),
        "probability": found.probability.astype(np.float16),
    }
    return Picture("similarity", "Similarity by what the network has forgotten", caption, figure, arrays)


def picture_of_maps(
    images: Tensor, names: Sequence[str], maps: Mapping[str, Tensor], groups: Sequence[str], *, bgr: bool
) -> Picture:
    """Each method in a row: its map by the trained network, and by networks that have forgotten more and more.

    images: (n, 3, H, W) in [0, 1]; names: the class of each. maps: by method (1 + groups, n, 3, H, W), the trained
    network's first. bgr: whether maps have blue first.
    """
    columns, rows = len(groups) + 2, len(maps) * len(images)
    figure = new_figure(
        "The same class explained by networks that forget layer by layer", 1.25 * columns, 1.35 * rows + 0.6
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for i, (image, name) in enumerate(zip(images, names, strict=True)):
        for k, (method, found) in enumerate(maps.items()):
            row = grid[i * len(maps) + k]
            if k == 0:
                show_image(row[0], image, name)
            shown = normalize_for_display(found[:, i].flip(1) if bgr else found[:, i])
            for g, picture in enumerate(shown):
                show_image(row[g + 1], picture)
            place = {"transform": row[1].transAxes, "ha": "right", "va": "center", "rotation": 90}
            row[1].text(-0.04, 0.5, method.replace(" ", "\n", 1), fontsize=7.5, color=INK, **place)
    for axes, title in zip(grid[0, 1:], ["trained", *(f"down to\n{_lowest(group)}" for group in groups)], strict=True):
        axes.set_title(title, fontsize=8, color=INK)
    caption = (
        f"For {len(images)} images what each method shows of the class named above the image: by the trained network, "
        "then with random weights from the classes down to the layer named. Grey is zero; each picture's contrast is "
        "stretched, so only where something is seen counts, not how strong it is."
    )
    arrays = {
        method.replace(" ", "_").replace("×", "times"): (
            normalize_for_display(found.flatten(0, 1)).mul(255).round().to(torch.uint8).numpy()
        )
        for method, found in maps.items()
    }
    return Picture("maps", "Pictures by networks that forget", caption, figure, arrays)


def _lowest(group: str) -> str:
    """ "conv4" of "conv4 to conv5"."""
    return group.split(" to ")[0]
