"""How pictures with and without centre bias are drawn: side by side with the judge's evidence, and their numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from metrics.fragments import Peak
from metrics.statistics import cluster_bootstrap
from replications.drawing import INK, MUTED, PALETTE, dot_with_interval, new_figure, show_image, style
from replications.multifaceted.center_scores import UNITS, Strings
from replications.suite.interface import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3  # panels in a row


@dataclasses.dataclass(frozen=True, eq=False)
class Shown:
    """One row: what it is of, what it starts from (start: (3, H, W), None for noise), and by method the picture
    (3, S, S), the judge's evidence (h, w) and the peaks of it that count."""

    title: str
    kind: str
    start: Tensor | None
    made: Mapping[str, tuple[Tensor, Tensor]]
    counted: Mapping[str, Sequence[Peak]]


def picture_of_centres(rows: Sequence[Shown], part: float) -> Picture:
    """What each picture starts from, and for each method the picture beside where the judge finds the class."""
    methods = list(rows[0].made)
    ratios = [1.0, *(width for _ in methods for width in (1.0, 1.0))]
    figure = new_figure("Pictures with and without centre bias", 1.25 * sum(ratios) + 1.0, 1.3 * len(rows) + 1.1)
    grid = figure.subplots(len(rows), len(ratios), squeeze=False, width_ratios=ratios)
    for axes, row in zip(grid, rows, strict=True):
        side = next(iter(row.made.values()))[0].shape[-1]
        begun = torch.full((3, side, side), 175 / 255) if row.start is None else row.start
        show_image(axes[0], begun)
        if row.start is None:
            axes[0].text(
                0.5, 0.5, "noise", transform=axes[0].transAxes, ha="center", va="center", fontsize=9, color=INK
            )
        place = {"transform": axes[0].transAxes, "ha": "right", "va": "center", "rotation": 90}
        axes[0].text(-0.05, 0.5, row.title, fontsize=10, color=INK, **place)
        for k, method in enumerate(methods):
            image, evidence = row.made[method]
            show_image(axes[1 + 2 * k], image)
            _show_evidence(axes[2 + 2 * k], image, evidence, row.counted[method], part)
    grid[0, 0].set_title("start", fontsize=10, color=INK)
    for k, method in enumerate(methods):
        grid[0, 1 + 2 * k].set_title(method.replace(" ", "\n", 1), fontsize=10, color=INK, fontweight="bold")
        grid[0, 2 + 2 * k].set_title("evidence", fontsize=9, color=MUTED)
    caption = (
        "Each row: a class and what its pictures start from, the mean image of its unit's largest cluster or noise. "
        "For each schedule the picture, and on its grey copy the judge's evidence for the class (dark: none, "
        "yellow: the most in this picture). Rings, and the number: the peaks that count as instances of the object. "
        "Dashed: the central part."
    )
    maps = {method: torch.stack([row.made[method][1] for row in rows]) for method in methods}
    arrays = {f"evidence_{method}".replace(" ", "_"): own.half().numpy() for method, own in maps.items()}
    return Picture("centres", "With and without centre bias", caption, figure, arrays)


def _show_evidence(axes: Axes, image: Tensor, evidence: Tensor, counted: Sequence[Peak], part: float) -> None:
    from matplotlib.patches import Rectangle

    side = image.shape[-1]
    show_image(axes, image.mean(0), cmap="gray", vmin=0, vmax=1)
    large = F.interpolate(evidence[None, None], (side, side), mode="bicubic", align_corners=False)[0, 0].clamp_min(0)
    axes.imshow(large.numpy(), cmap="inferno", alpha=0.62, interpolation="bilinear")
    low = (1 - part) / 2 * side - 0.5
    square = Rectangle(
        (low, low), part * side, part * side, fill=False, edgecolor="white", linestyle="--", linewidth=0.8
    )
    axes.add_patch(square)
    rows, columns = evidence.shape
    x = [(peak.column + 0.5) / columns * side - 0.5 for peak in counted]
    y = [(peak.row + 0.5) / rows * side - 0.5 for peak in counted]
    axes.plot(x, y, "o", markerfacecolor="none", markeredgecolor="white", markersize=7, markeredgewidth=1.4)
    axes.text(
        0.97, 0.03, str(len(counted)), transform=axes.transAxes, ha="right", va="bottom", color="white", fontsize=9
    )


def picture_of_numbers(
    values: Mapping[str, Mapping[str, np.ndarray]],
    classes: Sequence[str],
    starts: Strings,
    natural: Mapping[str, float],
) -> Picture:
    """Each measure in a panel: a dot for each class, and the mean with its interval, by schedule and start.

    values: by schedule and measure (n,); classes, starts: (n,) of each picture. natural: the mean of natural images.
    """
    kinds = list(dict.fromkeys(starts.tolist()))
    names = list(dict.fromkeys(classes))
    lines = -(-len(UNITS) // _COLUMNS)
    figure = new_figure("What the centre bias changes", 12, 0.8 + lines * (0.55 * len(values) + 1.1))
    grid = figure.subplots(lines, _COLUMNS, squeeze=False, sharey=True)
    among = np.array(classes)
    arrays = {}
    for axes in grid.flat[len(UNITS) :]:
        axes.set_axis_off()
    for axes, (measure, (_, better, title)) in zip(grid.flat, UNITS.items(), strict=False):
        style(axes, title, f"{better} is better")
        axes.axvline(natural[measure], color=MUTED, linestyle=":", linewidth=1.2, label="natural images")
        for y, (method, own) in enumerate(values.items()):
            arrays[f"{measure}_{method}".replace(" ", "_")] = own[measure].astype(np.float32)
            for k, kind in enumerate(kinds):
                at = y + (k - (len(kinds) - 1) / 2) * 0.36
                chosen = starts == kind
                by_class = [own[measure][chosen & (among == name)].mean() for name in names]
                axes.plot(by_class, np.full(len(names), at), "o", color=PALETTE[k], alpha=0.25, markersize=4, mew=0)
                interval = cluster_bootstrap(own[measure][chosen], among[chosen])
                label = f"from {'a mean image' if kind != 'noise' else kind}" if y == 0 else None
                dot_with_interval(axes, interval, at, PALETTE[k], label=label)
        axes.set_yticks(range(len(values)), list(values))
        axes.set_ylim(len(values) - 0.4, -0.6)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)
    caption = (
        "Small dots: classes; large: the mean with its 95 % interval from a bootstrap over the classes. Dotted: "
        "natural validation images of the classes. "
        + " ".join(f"{title}: {unit}." for unit, _, title in UNITS.values())
    )
    return Picture("numbers", "With and without centre bias, in numbers", caption, figure, arrays)
