"""The picture of `emergence`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from replications.drawing import INK, MUTED, PALETTE, legend, new_figure, style
from replications.suite.interface import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curves = Sequence[Sequence[float]]  # for each seed its value at each epoch


def emergence_picture(
    epochs: Sequence[int],
    categories: Mapping[str, Curves],
    together: Curves,
    accuracy: Curves,
    papers_share: float,
) -> Picture:
    """Unique detectors by category, those of objects and parts together, and accuracy, over training.

    papers_share: of training, in %, at which the paper's detectors of objects and parts begin.
    """
    figure = new_figure("Emergence of detectors during training", 13.0, 3.8)
    left, middle, right = figure.subplots(1, 3)
    style(left, "unique detectors in layer 5, by category", "epoch", "concepts")
    for colour, (name, seeds) in zip(PALETTE, categories.items(), strict=False):
        _lines(left, epochs, seeds, colour, name)
    style(middle, "unique detectors of objects and parts together", "epoch", "concepts")
    _lines(middle, epochs, together, INK, "")
    style(right, "validation accuracy", "epoch", "top-1 (%)")
    _lines(right, epochs, accuracy, PALETTE[1], "")
    for axes in (left, middle, right):
        paper, tenth = ("the paper's begin", "a tenth of training") if axes is not left else ("", "")
        axes.axvline(papers_share / 100 * epochs[-1], color=MUTED, linestyle=":", linewidth=1.2, label=paper)
        axes.axvline(0.1 * epochs[-1], color=MUTED, linestyle="--", linewidth=1, label=tenth)
        axes.set_xscale("symlog", linthresh=1, linscale=0.5)
        axes.set_xlim(-0.1, epochs[-1] * 1.1)
        named: list[int] = []
        for epoch in epochs:
            if not named or epoch > 1.3 * named[-1]:  # closer ones would be printed over each other
                named.append(epoch)
        axes.set_xticks(named, [str(epoch) for epoch in named])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        legend(axes, loc="upper left")
    return Picture(
        "emergence",
        "Emergence of detectors during training",
        "Concepts that some unit of layer 5 detects, at checkpoints of training; thick lines are means, thin ones "
        "seeds. Left: by category; middle: objects and parts together; right: the share of validation images told "
        f"apart. Dotted: the share of training ({papers_share:.1f} %) at which the paper's detectors of objects and "
        "parts begin; dashed: a tenth of training.",
        figure,
        {
            "epochs": np.asarray(epochs),
            "accuracy": np.asarray(accuracy),
            **{name: np.asarray(seeds) for name, seeds in categories.items()},
        },
    )


def _lines(axes: Axes, epochs: Sequence[int], seeds: Curves, colour: str, label: str) -> None:
    axes.plot(epochs, np.mean(seeds, axis=0), "o-", color=colour, markersize=3.5, linewidth=1.6, label=label)
    for one in seeds:
        axes.plot(epochs, one, color=colour, linewidth=0.6, alpha=0.5)
