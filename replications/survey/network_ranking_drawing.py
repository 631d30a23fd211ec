"""How a ranking of networks is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from replications.drawing import legend, new_figure, style
from replications.suite.interface import Picture
from replications.survey.detectors_drawing import stacked_bars

if TYPE_CHECKING:
    from replications.survey.dissection.rules import Rule
    from replications.survey.trained_and_random import Compared


def picture_of_ranking(ranked: Sequence[Compared], rule: Rule) -> Picture:
    """All networks, trained and random, by falling number of unique detectors."""
    bars = []
    for one in ranked:
        trained = {category: float(numbers[0]) for category, numbers in one.trained[rule].unique.items()}
        random = {c: float(np.mean([other.unique[c][0] for other in one.random[rule]])) for c in trained}
        bars.append((f"{one.name}\n{one.units} units", trained, one.own(rule)))
        bars.append((f"{one.name}\nrandom weights", random, one.others(rule)))
    bars.sort(key=lambda bar: -bar[2].estimate)
    figure = new_figure(
        "Networks ranked by unique detectors of the last convolutional layer", 2.4 + 1.5 * len(bars), 4.4
    )
    axes = style(figure.subplots(), "", "", f"unique detectors ({rule}), concepts")
    heights = {category: [heights[category] for _, heights, _ in bars] for category in bars[0][1]}
    stacked_bars(axes, range(len(bars)), heights, [interval for _, _, interval in bars])
    axes.set_xticks(range(len(bars)), [name for name, _, _ in bars], fontsize=8)
    legend(axes, loc="upper right", title="category", title_fontsize=8)
    caption = (
        "Concepts that at least one unit of the last convolutional layer detects, by category. 95 % intervals: of "
        "trained networks over images; of random weights, whose bar is the mean over draws, over draws and images."
    )
    arrays = {"intervals": np.array([tuple(interval) for _, _, interval in bars])}
    return Picture("ranking", "Networks ranked by unique detectors", caption, figure, arrays)
