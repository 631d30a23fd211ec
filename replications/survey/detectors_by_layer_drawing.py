"""How detectors by layer are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from replications.drawing import legend, new_figure, style
from replications.suite.interface import Picture
from replications.survey.detector_counts import RULES
from replications.survey.detectors_drawing import stacked_bars

if TYPE_CHECKING:
    from replications.survey.detectors_by_layer import Layer


def picture_of_layers(layers: Sequence[Layer]) -> Picture:
    """Unique detectors of each layer by both rules, and the share of its units that detect."""
    figure = new_figure("What the units of each layer detect", 12.5, 4.2)
    first, second, third = figure.subplots(1, 3)
    arrays = {}
    for axes, rule in zip((first, second), RULES, strict=True):
        style(axes, f"unique detectors, {rule}", "layer", "concepts")
        heights = {c: [float(layer.found[rule].unique[c][0]) for layer in layers] for c in layers[0].categories}
        stacked_bars(axes, range(len(layers)), heights, [layer.unique(rule) for layer in layers])
        arrays[f"unique_{rule}".replace(" ", "_")] = np.array(list(heights.values()))
    highest = max(axes.get_ylim()[1] for axes in (first, second))
    for axes in (first, second):
        axes.set_ylim(0, highest)
    style(third, "units, by their best label", "layer", "% of the layer's units")
    shares = {
        c: [100 * float(layer.found["top"].units[c][0]) / layer.units for layer in layers] for c in layers[0].categories
    }
    stacked_bars(third, range(len(layers)), shares, [layer.detecting() for layer in layers])
    arrays["units"] = np.array(list(shares.values()))
    for axes in (first, second, third):
        axes.set_xticks(range(len(layers)), [f"{layer.number}\n{layer.name}" for layer in layers])
    legend(third, loc="upper left", bbox_to_anchor=(1.0, 1.0), title="category", title_fontsize=8)
    caption = (
        "Left and middle: concepts that at least one unit of the layer detects (IoU above 0.04), by category; 'top' "
        "counts a unit's best concept alone, 'per category' its best of every category. Right: the share of units that "
        "detect anything, by the category of their best label. Bars end in 95 % intervals over images."
    )
    return Picture("layers", "Detectors by category and layer", caption, figure, arrays)
