"""How inversions by up-convolutional networks are drawn: layer by layer as in the survey, and what they keep."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

import numpy as np
from torch import Tensor

from replications.drawing import INK, MUTED, PALETTE, line_with_interval, new_figure, show_image, style
from replications.suite.interface import Picture
from replications.survey.inversion_scores import ANY, OF_CLASS, OWN, QUANTITIES, interval

COLOURS = {OWN: PALETTE[0], OF_CLASS: PALETTE[4], ANY: PALETTE[1]}


def picture_of_inversions(images: Tensor, pictures: Mapping[str, Tensor], errors: Mapping[str, float]) -> Picture:
    """images: (n, 3, S, S). pictures: by layer (n, 3, S, S), all in [0, 1]. errors: by layer, in %."""
    columns = len(pictures) + 1
    figure = new_figure("What is left of images, layer by layer", 1.35 * columns, 0.75 + 1.35 * len(images))
    grid = figure.subplots(len(images), columns, squeeze=False)
    for row, image in enumerate(images):
        show_image(grid[row, 0], image, "image" if row == 0 else "")
        for axes, (layer, found) in zip(grid[row, 1:], pictures.items(), strict=True):
            show_image(axes, found[row], f"{layer}\n{errors[layer]:.0f} %" if row == 0 else "")
    caption = (
        "Held-out images, and what up-convolutional networks make of what each layer says of them: the mean of the "
        "images that it could be. Above, the mean distance from the image, in % of that of two images."
    )
    return Picture("inversions", "Inversions layer by layer", caption, figure)


def picture_of_quantities(
    found: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]],
    real: Mapping[str, np.ndarray],
    constant: Mapping[str, np.ndarray],
) -> Picture:
    """found: by layer, pairing and quantity (networks, images). real, constant: by quantity, of the images themselves
    and, for some, of the mean image."""
    names = list(real)
    rows = -(-len(names) // 3)
    figure = new_figure("What inversions keep of the image", 13, 0.6 + 3.5 * rows)
    grid = figure.subplots(rows, 3, squeeze=False)
    layers = list(found)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes, name in zip(grid.flat, names, strict=False):
        quantity = QUANTITIES[name]
        style(axes, quantity.title, "", fill(f"{quantity.unit}; {quantity.better} is better", 36))
        for pairing, colour in COLOURS.items():
            means, low, high = np.array([interval(found[layer][pairing][name]) for layer in layers]).T
            line_with_interval(axes, range(len(layers)), means, low, high, pairing, colour)
        axes.axhline(real[name].mean(), color=INK, linestyle="--", linewidth=1, label="the image itself")
        if name in constant:
            axes.axhline(constant[name].mean(), color=MUTED, linestyle=":", linewidth=1.4, label="the mean image")
        axes.set_xticks(range(len(layers)), layers, rotation=40, ha="right")
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    labels = [f"inversion against {label}" if label in COLOURS else label for label in labels]
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=9, frameon=False, labelcolor=INK)
    caption = (
        "Each quantity by the layer inverted, with 95 % intervals: of inversions against their own image, against "
        "another image of the same class, and against any other. What lies between the first two lines is known of "
        "this very image (of the class the two are one); what lies between the last two, of its class. Place, class "
        "and facet are read off the last maps of a held-out network that has only seen real images: by its own answers "
        "(the place linearly, learnt from real images), and linearly by who learnt from inversions of the layer."
    )
    arrays = {
        f"{name}_{layer}_{pairing}".replace(" ", "_"): found[layer][pairing][name].astype(np.float16)
        for name in names
        for layer in layers
        for pairing in COLOURS
    }
    return Picture("kept", "What inversions keep", caption, figure, arrays)
