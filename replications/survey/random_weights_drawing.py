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

_WIDTH, _APART, _NETWORKS = 0.4, 0.48, 1.28  # of a bar; from bar to bar of a network; from network to network


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
        places = [i * _NETWORKS, i * _NETWORKS + _APART]
        intervals = [one.own(rule), one.others(rule)]
        stacked_bars(axes, places, heights, intervals, _WIDTH, labelled=i == 0)
        values = one.drawn(rule)
        axes.plot(np.full(len(values), places[1]) + 0.3 * _WIDTH, values, ".", color=INK, alpha=0.5, markersize=4)
        arrays[f"{one.name}_trained"], arrays[f"{one.name}_random"] = (
            np.array([intervals[0].estimate]),
            np.array(values),
        )
    places = [i * _NETWORKS + shift for i in range(len(compared)) for shift in (0.0, _APART)]
    axes.set_xticks(places, ["trained", "random"] * len(compared))
    for i, one in enumerate(compared):
        centre = i * _NETWORKS + _APART / 2
        axes.annotate(
            f"{one.name}, {one.units} units",
            (centre, 0),
            (0, -22),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8.5,
            color=INK,
        )
    axes.set_xlim(places[0] - _WIDTH, places[-1] + _WIDTH)
    legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0), title="category", title_fontsize=8)
    caption = (
        "Concepts that at least one unit of the last convolutional layer detects, by category. Left bar of a network: "
        "as trained, with the 95 % interval over images; right bar: the mean over draws of random weights, with the "
        "interval over draws and images; dots: the draws."
    )
    return Picture("detectors", "Unique detectors, trained and random", caption, figure, arrays)
