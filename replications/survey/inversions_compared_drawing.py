"""How the two families of inversion are drawn side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from metrics.statistics import mean_interval
from replications.drawing import INK, MUTED, PALETTE, line_with_interval, new_figure, show_image, style
from replications.suite.interface import Picture


def picture_of_both(images: Tensor, pictures: Mapping[str, Mapping[str, Tensor]]) -> Picture:
    """images: (n, 3, S, S). pictures: by layer and family (n, 3, S, S), all in [0, 1]; nan where there is none."""
    families = list(next(iter(pictures.values())))
    columns, rows = len(pictures) + 1, len(images) * len(families)
    figure = new_figure("Two families of inversion, layer by layer", 0.9 + 1.35 * columns, 0.6 + 1.32 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for i, image in enumerate(images):
        for j, family in enumerate(families):
            row = grid[i * len(families) + j]
            show_image(row[0], image, "image" if i == j == 0 else "")
            for axes, (layer, found) in zip(row[1:], pictures.items(), strict=True):
                show_image(axes, found[family][i].nan_to_num(1.0), layer if i == j == 0 else "")
            place = {"transform": row[0].transAxes, "ha": "right", "va": "center"}
            row[0].text(-0.06, 0.5, family.replace("by ", "by\n"), fontsize=8, color=INK, **place)
    caption = (
        "Each image twice: above, pictures found by optimization whose features come near the image's; below, what an "
        "up-convolutional network makes of these features, the mean of the images that it could be. White: the layer "
        "doesn't respond to the image, or the optimization ran away."
    )
    return Picture("both", "Both families of inversion, layer by layer", caption, figure)


def picture_of_measures(
    found: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]], units: Mapping[str, str]
) -> Picture:
    """found: by layer (at least one), family and measure (images,). units: by measure."""
    names = [name for name in units if all(name in own for by in found.values() for own in by.values())]
    figure = new_figure("Two families of inversion by four measures", 12, 0.6 + 3.9 * -(-len(names) // 2))
    grid = figure.subplots(-(-len(names) // 2), 2, squeeze=False)
    layers = list(found)
    families = list(next(iter(found.values())))
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes, name in zip(grid.flat, names, strict=False):
        style(axes, name, "", units[name])
        for family, colour in zip(families, PALETTE, strict=False):
            means, low, high = np.array([mean_interval(found[layer][family][name]) for layer in layers]).T
            line_with_interval(axes, range(len(layers)), means, low, high, family, colour)
        if units[name].startswith("%"):
            axes.axhline(100, color=MUTED, linestyle="--", linewidth=1, label="another test image")
        axes.set_xticks(range(len(layers)), layers)
        axes.set_ylim(bottom=0)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False, labelcolor=INK)
    caption = (
        "The same images inverted by both families, by four measures: distances of the layer's features and of the "
        "pixels from the image's, structural similarity over scales, and perceptual distance in a held-out network. "
        "Means over images with 95 % intervals."
    )
    arrays = {
        f"{name}_{layer}_{family}".replace(" ", "_"): own[name].astype(np.float32)
        for layer, by in found.items()
        for family, own in by.items()
        for name in names
    }
    return Picture("measures", "Both families by four measures", caption, figure, arrays)
