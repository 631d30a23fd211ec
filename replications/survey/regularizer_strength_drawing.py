"""How pre-images found with several strengths of the regularizer are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from metrics.statistics import seed_interval
from replications.drawing import INK, PALETTE, legend, line_with_interval, new_figure, show_image, style
from replications.suite.interface import Picture


def picture_of_strengths(
    images: Tensor, pictures: Mapping[tuple[str, float], Tensor], layers: Sequence[str], strengths: Sequence[float]
) -> Picture:
    """images: (n, 3, S, S). pictures: by layer and strength (n, 3, S, S)."""
    lines = len(strengths) * len(images)
    figure = new_figure(
        "Pre-images by strength of the total variation", max(6.5, 1.35 * (len(layers) + 1)), 0.5 + 1.35 * lines
    )
    grid = figure.subplots(lines, len(layers) + 1, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for i, image in enumerate(images):
        show_image(grid[i * len(strengths), 0], image, "image")
        for k, strength in enumerate(strengths):
            row = grid[i * len(strengths) + k]
            for axes, layer in zip(row[1:], layers, strict=True):
                show_image(axes, pictures[layer, strength][i].nan_to_num(1.0), layer if k == 0 else "")
            place = {"transform": row[1].transAxes, "ha": "right", "va": "center"}
            row[1].text(-0.06, 0.5, f"weight {strength:g}", fontsize=8, color=INK, **place)
    caption = (
        "Pre-images of the same images from the same starts, with the weight of the total variation that stands at the "
        "row. White: the layer doesn't respond to the image."
    )
    return Picture("strengths", "Pre-images by strength of the regularizer", caption, figure)


def picture_of_trade(
    values: Mapping[tuple[str, float], Mapping[str, Sequence[float]]],
    layers: Sequence[str],
    strengths: Sequence[float],
) -> Picture:
    """values: by layer and strength, by measure, of each image."""
    figure = new_figure("What the regularizer costs and gives", 12, 4)
    labels = {
        "feature error": "error (% of the average distance)",
        "image error": "distance to the image (% of the average)",
        "roughness": "total variation over the image's",
    }
    arrays = {}
    for axes, (name, label) in zip(figure.subplots(1, 3), labels.items(), strict=True):
        style(axes, name, "layer", label)
        for strength, colour in zip(strengths, PALETTE, strict=False):
            places = [i for i, layer in enumerate(layers) if len(values[layer, strength][name]) > 1]
            numbers = [values[layers[i], strength][name] for i in places]
            if numbers:
                means, low, high = np.array([seed_interval(one) for one in numbers]).T
                line_with_interval(axes, places, means, low, high, f"weight {strength:g}", colour)
            for i, one in zip(places, numbers, strict=True):
                arrays[f"{name}_{layers[i]}_{strength:g}".replace(" ", "_")] = np.array(one, dtype=np.float32)
        axes.set_xticks(range(len(layers)), list(layers), rotation=90)
        if name == "roughness":
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        legend(axes)
    caption = (
        "For each layer and weight of the total variation: how far the pre-image's features are from the image's, how "
        "far the pre-image is from the image, both in % of the average distance between two test images, and how rough "
        "it is, where 1 is as rough as the image. Means over images with 95 % intervals."
    )
    return Picture("trade", "Error, distance and roughness", caption, figure, arrays)
