"""How samples of hidden units are drawn, beside those of Multifaceted Feature Visualization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from torch import Tensor

from replications.drawing import INK, MUTED, PALETTE, dot_with_interval, mosaic, new_figure, show_image, style
from replications.networks.unit import Unit
from replications.ppgn.unit_scores import MATCHED_QUANTILE, MEASURES, UnitScores, over_units
from replications.suite.interface import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS = 3
_GAP = 4
_SHOWS, _OTHER, _WEAK = PALETTE[2], PALETTE[4], MUTED
_FRAMES = {
    _SHOWS: "drives the unit, and shows a facet that it likes",
    _OTHER: "drives the unit, and shows none for certain",
    _WEAK: "drives the unit too weakly",
}


class Shown(Protocol):
    """A unit with the facets that it likes, see `hidden_units.ChosenUnit`."""

    @property
    def number(self) -> int: ...
    @property
    def unit(self) -> Unit: ...
    @property
    def facets(self) -> Mapping[str, float]: ...


def picture_of_units(
    which: Sequence[int],
    chosen: Sequence[Shown],
    shown: Mapping[str, Tensor],
    scores: Mapping[str, Sequence[UnitScores]],
    sets: int,
) -> Picture:
    """A row for each of some units, the first set of each kind of pictures in columns.

    which: positions in `chosen`. shown: by kind (units x sets, pictures, 3, H, W); scores: by kind one a unit and set.
    """
    kinds = list(shown)
    height = 1.1 * -(-next(iter(shown.values())).shape[1] // _ACROSS)
    figure = new_figure("Pictures of hidden units", 3.3 * len(kinds) + 1.6, (height + 0.4) * len(which) + 1)
    grid = figure.subplots(len(which), len(kinds), squeeze=False)
    for place, (row, i) in enumerate(zip(grid, which, strict=True)):
        one = chosen[i]
        for axes, kind in zip(row, kinds, strict=True):
            found = scores[kind][i * sets]
            show_image(axes, mosaic(shown[kind][i * sets], _ACROSS, _GAP))
            _frame(axes, found, shown[kind].shape[-1])
            words = f"recall {found.values['recall']:.2f}, purity {found.values['purity']:.2f}"
            axes.set_title(f"{kind}\n{words}" if place == 0 else words, fontsize=9, color=INK)
        likes = "\n".join(f"{name} {100 * share:.0f} %" for name, share in one.facets.items())
        words = f"layer {one.number}\n{one.unit.name}\n\n{likes}"
        row[0].text(-0.04, 0.5, words, fontsize=8, color=INK, transform=row[0].transAxes, ha="right", va="center")
    _explain_frames(figure)
    caption = (
        "For one unit a layer, drawn at random, the first set of pictures by each method; on the left the facets that "
        "it likes, with their shares among the validation images that excite it most. PPGN: the last samples before a "
        "chain starts anew. MFV: activation maximization from the mean images beside it. Frames: "
        + "; ".join(
            f"{name} {words}" for name, words in zip(("green", "orange", "grey"), _FRAMES.values(), strict=True)
        )
        + f". To drive a unit is to reach the {MATCHED_QUANTILE:g} quantile of its activations in validation images."
    )
    return Picture("units", "Pictures of hidden units", caption, figure)


def _frame(axes: Axes, found: UnitScores, size: int) -> None:
    from matplotlib.patches import Rectangle

    for i, (facet, driving) in enumerate(zip(found.shows.tolist(), found.driving.tolist(), strict=True)):
        colour = _WEAK if not driving else _SHOWS if facet >= 0 else _OTHER
        corner = (i % _ACROSS * (size + _GAP) - 0.5, i // _ACROSS * (size + _GAP) - 0.5)
        axes.add_patch(Rectangle(corner, size, size, fill=False, edgecolor=colour, linewidth=2.2))
    axes.margins(0.01)
    axes.autoscale_view()


def _explain_frames(figure: object) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=colour, linewidth=2.5, label=words) for colour, words in _FRAMES.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=3, fontsize=8, frameon=False, labelcolor=INK)  # type: ignore[attr-defined]


def picture_of_scores(scores: Mapping[str, Sequence[UnitScores]], units: Sequence[str], pictures: int) -> Picture:
    """Each measure in a panel: a dot for each unit, and the mean with its interval. units: behind each score."""
    across, names = 3, list(dict.fromkeys(units))
    rows = -(-len(MEASURES) // across)
    figure = new_figure("Hidden units: PPGN beside MFV", 11.5, rows * (0.32 * len(scores) + 1.1) + 0.8)
    grid = figure.subplots(rows, across, squeeze=False, sharey=True)
    arrays = {}
    for axes, (measure, about) in zip(grid.flat, MEASURES.items(), strict=False):
        better = "" if about.better == "none" else f"\n{about.better} is better"
        style(axes, measure, about.unit.removesuffix(", 0 to 1") + better)
        axes.xaxis.label.set_fontsize(7.5)
        for y, (kind, found) in enumerate(scores.items()):
            values = np.array([one.values[measure] for one in found])
            arrays[f"{measure}_{kind}".replace(" ", "_").replace("'", "")] = values
            by_unit = [values[[unit == name for unit in units]].mean() for name in names]
            colour = PALETTE[0] if kind in ("PPGN", "MFV") else MUTED
            own = "a unit, mean over its sets" if y == 0 else None
            axes.plot(by_unit, np.full(len(names), y), "o", color=colour, alpha=0.3, markersize=4, mew=0, label=own)
            said = "mean over units, 95 % interval" if y == 0 else None
            dot_with_interval(axes, over_units(found, units, measure), y, colour, label=said)
        if about.unit.endswith("0 to 1"):
            axes.set_xlim(-0.03, 1.03)
        axes.set_yticks(range(len(scores)), list(scores))
        axes.set_ylim(len(scores) - 0.5, -0.5)
    for axes in grid.flat[len(MEASURES) :]:
        axes.set_axis_off()
    handles, words = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=2, fontsize=8, frameon=False, labelcolor=INK)
    caption = (
        f"{pictures} pictures of each unit and set. Small dots: units; large: the mean with its 95 % interval from a "
        "bootstrap over the units. Blue: the two methods; grey: what MFV starts from, and natural images. "
        + " ".join(f"{measure}: {about.unit}." for measure, about in MEASURES.items())
    )
    return Picture("scores", "Scores of pictures of hidden units", caption, figure, arrays)
