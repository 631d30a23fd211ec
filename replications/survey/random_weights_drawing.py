"""How trained and random weights are drawn side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from replications.drawing import INK, legend, new_figure, style
from replications.suite.interface import Picture
from replications.survey.detectors_drawing import stacked_bars

if TYPE_CHECKING:
    from replications.survey.dissection.rules import Rule
    from replications.survey.trained_and_random import Compared

_APART = 0.4


def picture_of_networks(compared: Sequence[Compared], rule: Rule) -> Picture:
    """For each network a bar of its unique detectors as trained, and one of their mean with random weights."""
    figure = new_figure("What training adds to the last convolutional layer", 2.2 + 1.9 * len(compared), 4.4)
    axes = style(figure.subplots(), "", "", f"unique detectors ({rule}), concepts")
    arrays = {}
    for i, one in enumerate(compared):
        drawn = one.random[rule]
        pairs: list[dict[str, float]] = [
            {category: float(numbers[0]) for category, numbers in one.trained[rule].unique.items()},
            {c: float(np.mean([other.unique[c][0] for other in drawn])) for c in one.trained[rule].unique},
        ]
        heights = {category: [pair[category] for pair in pairs] for category in pairs[0]}
        places = [2 * i * _APART * 1.6, 2 * i * _APART * 1.6 + _APART * 1.2]
        intervals = [one.own(rule), one.others(rule)]
        stacked_bars(axes, places, heights, intervals, _APART, labelled=i == 0)
        values = one.drawn(rule)
        axes.plot(np.full(len(values), places[1]) + _APART * 0.32, values, ".", color=INK, alpha=0.5, markersize=4)
        arrays[f"{one.name}_trained"], arrays[f"{one.name}_random"] = (
            np.array([intervals[0].estimate]),
            np.array(values),
        )
    centres = [2 * i * _APART * 1.6 + k * _APART * 1.2 for i in range(len(compared)) for k in (0, 1)]
    names = [f"{one.name}\n{what}" for one in compared for what in ("trained", "random")]
    axes.set_xticks(centres, names, fontsize=7.5)
    axes.set_xlim(centres[0] - _APART, centres[-1] + _APART)
    legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0), title="category", title_fontsize=8)
    caption = (
        "Concepts that at least one unit of the last convolutional layer detects, by category. Left bar of a network: "
        "as trained, with the 95 % interval over images; right bar: the mean over draws of random weights, with the "
        "interval over draws and images; dots: the draws."
    )
    return Picture("detectors", "Unique detectors, trained and random", caption, figure, arrays)
