"""How pre-images are drawn: layer by layer as in the survey, from several starts, and their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

import numpy as np
from torch import Tensor

from metrics.statistics import seed_interval
from replications.drawing import INK, MUTED, PALETTE, legend, line_with_interval, new_figure, show_image, style
from replications.suite.interface import Picture

_COLUMNS = 11
_LONGEST = 12  # letters of a layer's name in one line


def picture_of_layers(images: Tensor, pictures: Mapping[str, Tensor], errors: Mapping[str, Sequence[float]]) -> Picture:
    """images: (n, 3, S, S). pictures: by layer (n, 3, S, S), all in [0, 1]. errors: by layer, in %."""
    layers = list(pictures)
    lines, columns = -(-(len(layers) + 1) // _COLUMNS), min(_COLUMNS, len(layers) + 1)
    names = {layer: _in_lines(layer) for layer in layers}
    row = 1.28 + 0.14 * max(name.count("\n") for name in names.values())
    figure = new_figure("The same images from ever higher layers", 1.14 * columns, 0.5 + row * lines * len(images))
    grid = figure.subplots(lines * len(images), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for i, image in enumerate(images):
        cells = grid[i * lines : (i + 1) * lines].flat
        show_image(next(cells), image, "image")
        for axes, layer in zip(cells, layers, strict=False):
            mean = f", {np.mean(errors[layer]):.0f} %" if errors[layer] else ""
            show_image(axes, pictures[layer][i].nan_to_num(1.0), f"{names[layer]}{mean}")
    caption = (
        "Each image and its pre-images: pictures found by optimization whose features in the layer named come as near "
        "as they may to those of the image. Beside the layer its error, the mean over all images inverted, in % of the "
        "average distance between the features of two test images. White: the layer doesn't respond to the image."
    )
    return Picture("layers", "Pre-images layer by layer", caption, figure)


def picture_of_starts(image: Tensor, pictures: Mapping[str, Tensor]) -> Picture:
    """image: (3, S, S). pictures: by layer (starts, 3, S, S)."""
    starts = max(len(found) for found in pictures.values())
    figure = new_figure("What a layer leaves open", max(5.0, 1.5 * (len(pictures) + 1)), 0.6 + 1.5 * starts)
    grid = figure.subplots(starts, len(pictures) + 1, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    show_image(grid[0, 0], image, "image")
    for column, (layer, found) in enumerate(pictures.items(), 1):
        for row, picture in enumerate(found):
            show_image(grid[row, column], picture.nan_to_num(1.0), _in_lines(layer) if row == 0 else "")
    for row in range(starts):
        place = {"transform": grid[row, 1].transAxes, "ha": "right", "va": "center"}
        grid[row, 1].text(-0.06, 0.5, f"start {row + 1}", fontsize=8, color=INK, **place)
    caption = (
        "Pre-images of one image from different random starts, one start a row. What differs between them, and isn't "
        "like the image, the layer hardly tells apart: the features of all are the image's but for the error."
    )
    return Picture("starts", "Pre-images from different starts", caption, figure)


def picture_of_errors(values: Mapping[str, Mapping[str, Sequence[float]]]) -> Picture:
    """values: by layer, by measure, of each image."""
    figure = new_figure("How well each layer is inverted", 11, 4.4)
    features, pixels = figure.subplots(1, 2)
    style(features, "features of the pre-image against the image's", "layer", "error (% of the average distance)")
    style(pixels, "the pre-images themselves", "layer", "distance (% of the average between test images)")
    for axes, name, label, colour in (
        (features, "feature error", "as found", PALETTE[0]),
        (features, "feature error, pixels cut", "pixels cut to [0, 1]", PALETTE[1]),
        (pixels, "image error", "to the image", PALETTE[0]),
        (pixels, "distance between starts", "between two starts", PALETTE[2]),
    ):
        here = {layer: found[name] for layer, found in values.items() if len(found[name]) > 1}
        places = [list(values).index(layer) for layer in here]
        if here:
            means, low, high = np.array([seed_interval(numbers) for numbers in here.values()]).T
            line_with_interval(axes, places, means, low, high, label, colour)
    for axes in (features, pixels):
        axes.axhline(100, color=MUTED, linestyle="--", linewidth=1, label="another test image")
        axes.set_xticks(range(len(values)), list(values), rotation=90)
        axes.set_ylim(bottom=0)
        legend(axes)
    caption = (
        "Left: distance of the pre-image's features from the image's; right: distances between pictures. Both in % of "
        "the average distance between two test images; means over images with 95 % intervals."
    )
    arrays = {
        f"{name}/{layer}".replace("/", "_"): np.array(numbers, dtype=np.float32)
        for layer, found in values.items()
        for name, numbers in found.items()
    }
    return Picture("errors", "Errors by layer", caption, figure, arrays)


def _in_lines(layer: str) -> str:
    """The name of a layer, a long one broken after its underscores."""
    return "\n".join(wrap(layer.replace("_", "_ "), _LONGEST)).replace("_ ", "_")
