"""How the pruning of units is drawn: accuracy by share of units removed, and the units that an order calls empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from replications.drawing import INK, MUTED, PALETTE, legend, line_with_interval, new_figure, show_image, style
from replications.suite.interface import Picture

_PANELS = 2  # in a row


def picture_of_curves(
    curves: Mapping[int, Mapping[str, NDArray[np.float64]]], shares: Sequence[float], seeds: int, draws: int
) -> Picture:
    """curves: by layer and order (shares, 3), the accuracy in [0, 1] with its interval."""
    rows = -(-len(curves) // _PANELS)
    figure = new_figure("Accuracy as units are removed", 5.2 * min(_PANELS, len(curves)), 0.6 + 3.6 * rows)
    panels = figure.subplots(rows, min(_PANELS, len(curves)), squeeze=False, sharey=True).flatten()
    for axes in panels[len(curves) :]:
        axes.set_axis_off()
    arrays: dict[str, NDArray[np.float64]] = {"shares": np.asarray(shares, dtype=np.float64)}
    for axes, (number, found) in zip(panels, curves.items(), strict=False):
        style(axes, f"layer {number}", "share of the layer's units removed", "accuracy on held-out images")
        for i, (name, values) in enumerate(found.items()):
            colour = MUTED if name == "random" else PALETTE[i % len(PALETTE)]
            line_with_interval(axes, shares, values[:, 0], values[:, 1], values[:, 2], name, colour)
            arrays[f"layer_{number}_{name}".replace(" ", "_").replace(",", "")] = values
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
    legend(panels[0], loc="lower left")
    caption = (
        "Accuracy on held-out images when ever more units of one layer are set to zero, without training again; "
        f"lowest score first. Means over {seeds} sets of images to rank on ({draws} orders at random, one by the L1 "
        "norm) with 95 % intervals from resampling images and orders."
    )
    return Picture("curves", "Accuracy by share of units removed", caption, figure, arrays)


def picture_of_units(
    name: str,
    layer: str,
    order: str,
    units: Sequence[int],
    scores: Sequence[float],
    images: Tensor,
    projections: Tensor,
) -> Picture:
    """The units of lowest score (first half) and of highest: the image that drives each most above its projection.

    images: (U, 3, H, W) in [0, 1]; projections: (U, 3, h, w). All projections have one contrast.
    """
    half = len(units) // 2
    figure = new_figure(f"Units of {layer} that look empty and full by {order}", 1.35 * half + 1.2, 6.4)
    grid = figure.subplots(4, half, squeeze=False)
    # one contrast for all: an empty projection must look empty
    full = float(np.quantile(np.abs(projections.numpy()).reshape(len(units), -1).max(1), 0.75)) or 1.0
    pictures = (0.5 + projections / (2 * full)).clamp(0, 1)
    for position, unit in enumerate(units):
        row, column = 2 * (position // half), position % half
        show_image(grid[row, column], images[position], f"unit {unit}\n{scores[position]:.3g}")
        show_image(grid[row + 1, column], pictures[position])
    for row, text in ((0, "lowest:\nremoved first"), (2, "highest:\nremoved last")):
        place = {"transform": grid[row, 0].transAxes, "ha": "right", "va": "center", "fontsize": 9, "color": INK}
        grid[row, 0].text(-0.1, 0.5, text, **place)
    caption = (
        f"Units of {layer} with the lowest and the highest score by {order} (the number above each). Upper rows: the "
        "image that drives the unit most; lower rows: the projection of its strongest activation by the deconvnet, "
        "all with the same contrast."
    )
    return Picture(name.replace(" ", "-"), f"Units that look empty and full by {order}", caption, figure)
