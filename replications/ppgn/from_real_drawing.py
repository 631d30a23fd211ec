"""How copies of real images, and chains that start from them, are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from metrics.statistics import cluster_bootstrap
from replications.drawing import INK, PALETTE, legend, line_with_interval, mosaic, new_figure, show_image, style
from replications.ppgn.comparisons import BETTER, Floats, Measure
from replications.ppgn.from_real_scores import Originals
from replications.suite.interface import Picture

_FRAMES = 11  # of a chain in its film strip, at most
_GAP = 3
_PANELS = 3  # in a row


def picture_of_copies(
    originals: Originals, copies: Mapping[str, Mapping[int, Tensor]], other: str, shown: int
) -> Picture:
    """A row for each class: an image and its copies by each autoencoder, once and more often there and back.

    copies: by the variant's title and number of times (n, 3, S, S). other: what another image of the class is called.
    """
    classes = list(dict.fromkeys(originals.classes))[:shown]
    rows = torch.tensor([originals.classes.index(name) for name in classes])
    columns = {"real image": originals.images}
    columns |= {f"{title}\n{_times(turn)}": images for title, turns in copies.items() for turn, images in turns.items()}
    columns[other.replace(" of ", "\nof ")] = originals.others
    figure = new_figure("From real images and back", 1.25 * len(columns) + 0.4, 1.28 * len(rows) + 0.7)
    grid = figure.subplots(len(rows), len(columns), squeeze=False)
    for i, (row, name) in enumerate(zip(rows.tolist(), classes, strict=True)):
        for axes, (title, images) in zip(grid[i], columns.items(), strict=True):
            show_image(axes, images[row], title.replace("Noiseless Joint", "Noiseless\nJoint") if i == 0 else "")
        grid[i][0].set_ylabel(name, fontsize=9, color=INK)
    caption = (
        "Left: a validation image of each class. Then what comes out of the autoencoder whose residual is a variant's "
        "prior, once, and after several times one after the other. Right: another image of the class, the yardstick."
    )
    return Picture("copies", "From real images and back", caption, figure)


def picture_of_chains(
    starts: Originals,
    asked: Mapping[str, Sequence[str]],
    frames: Mapping[str, Tensor],
    steps: Sequence[int],
    shown: int,
) -> Picture:
    """Film strips: for each class an image and the chains from its code, one for each thing that was asked.

    asked: by words for what was asked (n,) classes. frames: by the same words (k, n, 3, S, S) at `steps`.
    """
    classes = list(dict.fromkeys(starts.classes))[:shown]
    chosen = sorted({round(i) for i in np.linspace(0, len(steps) - 1, min(_FRAMES, len(steps)))})
    size = starts.images.shape[-1]
    height = 0.85 * len(classes) * len(asked)
    figure = new_figure("Chains from real images", 0.85 * (len(chosen) + 1) + 2.4, height + 0.9)
    axes = figure.subplots()
    pictures, names = [], []
    for name in classes:
        row = starts.classes.index(name)
        for way, own in asked.items():
            pictures += [starts.images[row], *(frames[way][k, row] for k in chosen)]
            names.append(f"{name}, asked for {own[row]}")
    show_image(axes, mosaic(pictures, len(chosen) + 1, _GAP))
    cell = size + _GAP
    axes.set_yticks([i * cell + size / 2 for i in range(len(names))], names, fontsize=8, color=INK)
    ticks = ["image", *(str(steps[k]) for k in chosen)]
    axes.set_xticks([i * cell + size / 2 for i in range(len(ticks))], ticks, fontsize=8, color=INK)
    axes.tick_params(length=0)
    axes.set_xlabel("steps of the chain", fontsize=9, color=INK)
    caption = (
        "Left: a validation image of each class. Then what the chain that starts from its code shows after so many "
        "steps; 0 is the copy of the image. Of each image one chain is asked for its own class, and one for another."
    )
    return Picture("chains", "Chains from real images", caption, figure)


def picture_of_steps(
    along: Mapping[str, Mapping[str, Floats]],
    classes: Sequence[str],
    measures: Mapping[str, Measure],
    steps: Sequence[int],
) -> Picture:
    """Each measure over the steps, a line for each thing that was asked.

    along: by words for what was asked and measure (k, n) values at `steps`. classes: (n,) of the images at the start.
    """
    rows = -(-len(measures) // _PANELS)
    figure = new_figure("Chains from real images, step by step", 12.5, 3.0 * rows + 0.6)
    panels = list(figure.subplots(rows, _PANELS, squeeze=False).flat)
    for axes in panels[len(measures) :]:
        axes.set_axis_off()
    arrays: dict[str, np.ndarray] = {"steps": np.array(steps)}
    for axes, (measure, about) in zip(panels, measures.items(), strict=False):
        for (way, own), colour in zip(along.items(), PALETTE, strict=False):
            if measure not in own:
                continue
            found = np.array([cluster_bootstrap(values, classes) for values in own[measure]])
            arrays[f"{measure} {way}".replace(" ", "_")] = found
            line_with_interval(axes, steps, found[:, 0], found[:, 1], found[:, 2], f"asked for {way}", colour)
        unit = about.unit.partition(",")[0]
        better = "" if about.better == "none" else f" ({BETTER[about.better]})"
        style(axes, measure, "steps of the chain", unit + better)
        axes.set_ylim(*((-0.03, 1.03) if about.share else (0, None)))
        legend(axes)
    caption = (
        f"Means over {len(classes)} chains of each kind, with 95 % intervals from a bootstrap over the classes of the "
        "images that they start from. " + " ".join(f"{name}: {about.unit}." for name, about in measures.items())
    )
    return Picture("steps", "Chains from real images, step by step", caption, figure, arrays)


def _times(turn: int) -> str:
    return "once" if turn == 1 else f"{turn} times"
