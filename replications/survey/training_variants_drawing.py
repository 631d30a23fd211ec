"""The pictures of `training_variants`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from replications.drawing import INK, MUTED, PALETTE, legend, new_figure, style
from replications.suite.interface import Picture
from replications.survey.detector_numbers import RELEASED, SHARE, unique_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = Mapping[str, Mapping[str, Sequence[float]]]  # change -> name -> one value a seed


def numbers_picture(
    numbers: Numbers, categories: Numbers, accuracy: Mapping[str, Sequence[float]], layer: int
) -> Picture:
    """Unique detectors by category, the share of units that detect, and accuracy, of each change."""
    changes = list(numbers)
    figure = new_figure(f"What layer {layer} detects after different trainings", 11.0, 0.45 * len(changes) + 1.8)
    unique, share, right = figure.subplots(1, 3, width_ratios=(2, 1, 1))
    style(unique, "unique detectors, by category", "concepts")
    _stacked(unique, categories, changes)
    _dots(unique, [numbers[change][unique_name(RELEASED)] for change in changes], INK)
    legend(unique, loc="lower left", bbox_to_anchor=(0, 1.06), ncols=5, columnspacing=1.0, handlelength=1.0)
    style(share, "units that detect", "% of units")
    _dots(share, [numbers[change][SHARE] for change in changes], PALETTE[0])
    style(right, "accuracy", "validation top-1 (%)")
    _dots(right, [accuracy[change] for change in changes], PALETTE[1])
    for axes in (unique, share, right):
        axes.set_ylim(len(changes) - 0.5, -0.5)
        axes.set_yticks(range(len(changes)), changes if axes is unique else [""] * len(changes))
    return Picture(
        "detectors",
        f"What layer {layer} detects after different trainings",
        "Left: concepts that some unit detects, a unit counted in every category in which it does; bars are means over "
        "seeds, dots the seeds' totals. Middle: units that detect anything. Right: how well the networks tell images "
        "that they were not trained on apart. Short lines are means.",
        figure,
        {
            f"{name}, {change}": np.asarray(values)
            for change in changes
            for name, values in (*numbers[change].items(), ("accuracy", accuracy[change]))
        },
    )


def _stacked(axes: Axes, categories: Numbers, changes: Sequence[str]) -> None:
    left = np.zeros(len(changes))
    for colour, category in zip((*PALETTE, MUTED), categories[changes[0]], strict=False):
        means = np.array([np.mean(categories[change][category]) for change in changes])
        axes.barh(range(len(changes)), means, left=left, height=0.6, color=colour, alpha=0.75, label=category)
        left += means


def _dots(axes: Axes, values: Sequence[Sequence[float]], colour: str) -> None:
    for row, one in enumerate(values):
        axes.plot(one, [row] * len(one), "o", color=colour, markersize=4, alpha=0.8)
        axes.plot([np.mean(one)] * 2, [row - 0.3, row + 0.3], color=colour, linewidth=2)


def histories_picture(histories: Mapping[str, Sequence[Sequence[float]]]) -> Picture:
    """How the networks learnt. histories: change -> for each seed the error on each epoch's training batches."""
    figure = new_figure("How the networks learnt", 7.0, 4.0)
    axes = style(figure.subplots(), x="epoch", y="error on training batches (%)")
    arrays: dict[str, np.ndarray] = {}
    for colour, (change, runs) in zip(PALETTE, histories.items(), strict=False):
        errors = np.asarray(runs)
        arrays[change] = errors.astype(np.float32)
        epochs = np.arange(1, errors.shape[1] + 1)
        axes.plot(epochs, errors.mean(0), color=colour, linewidth=1.6, label=change)
        axes.plot(epochs, errors.T, color=colour, linewidth=0.5, alpha=0.5)
    axes.set_ylim(0, 100)
    legend(axes, loc="upper right")
    return Picture(
        "convergence",
        "How the networks learnt",
        "Top-1 error on the training batches of each epoch, with dropout where there is any and while the weights "
        "change; thick lines are means over seeds. Where a line still falls steeply at the end, the network had not "
        "learnt what it could.",
        figure,
        arrays,
    )
