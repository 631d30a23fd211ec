"""How strokes are drawn: as lines whose colour is the time, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from metrics.statistics import cluster_bootstrap
from replications.drawing import INK, MUTED, PALETTE, dot_with_interval, new_figure, style
from replications.ppgn.strokes import DIGITS, MOMENTS
from replications.suite.interface import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CELL = 2.7  # half sides from one stroke to the next
_COLOURS = "viridis"
_FRAMES = 8


def picture_of_samples(shown: Mapping[str, Tensor], kinds: Sequence[str], each: int, count: int) -> Picture:
    """A row for each digit, a panel for each kind. shown: (digits x each, 2, MOMENTS); count: drawn of a digit."""
    drawn = min(count, each)
    figure = new_figure("Digits as strokes", 0.36 * drawn * len(kinds) + 1.6, 0.36 * len(DIGITS) + 0.8)
    grid = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, kind in zip(grid, kinds, strict=True):
        rows = [shown[kind][i * each : i * each + drawn] for i in range(len(DIGITS))]
        _draw(axes, rows)
        axes.set_title(kind, fontsize=9, color=INK)
    _name_rows(grid[0])
    _explain_time(figure, list(grid))
    caption = (
        f"The first {drawn} of {each} strokes of each digit, in the first repetition. The pen never leaves the paper; "
        "the colour is the time; a stroke that is larger than its cell is drawn smaller. 'real': examples that no "
        "training saw; 'real, encoded and generated': the same after encoder and generator; the others are samples for "
        "which the digit was asked."
    )
    return Picture("samples", "Digits as strokes", caption, figure, {"samples": _array(shown[kinds[-2]])})


def picture_of_chains(along: Tensor, steps: Sequence[int], each: int) -> Picture:
    """The first chain of each digit from its start to its end. along: (k, digits x each, 2, MOMENTS); steps: (k,)."""
    which = sorted({round(x) for x in (len(steps) - 1) * np.linspace(0, 1, _FRAMES) ** 2})
    figure = new_figure("How chains come to a digit", 0.5 * len(which) + 1.2, 0.5 * len(DIGITS) + 0.9)
    axes = figure.subplots()
    _draw(axes, [along[which, i * each] for i in range(len(DIGITS))])
    _name_rows(axes)
    axes.set_xticks(_CELL * np.arange(len(which)), [str(steps[k]) for k in which])
    axes.set_xlabel("steps", fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=MUTED, length=0)
    _explain_time(figure, [axes])
    caption = (
        "The first chain of each digit by PPGN-h in the first repetition: what the generator makes of its code after "
        "so many steps."
    )
    return Picture("chains", "How chains come to a digit", caption, figure, {"chains": _array(along[which, ::each])})


def picture_of_scores(
    scores: Mapping[str, Sequence[Mapping[str, float]]],
    measures: Mapping[str, tuple[str, str]],
    digits: Sequence[str],
    bound: float,
) -> Picture:
    """Each measure in a panel: a dot for each digit, and the mean with its interval. measures: unit and direction;
    digits: behind each score; bound: of the claim."""
    figure = new_figure("Digits as strokes, measured", 13, 3.0)
    arrays = {}
    grid = figure.subplots(1, len(measures), sharey=True)
    for number, (axes, (measure, (unit, better))) in enumerate(zip(grid, measures.items(), strict=True)):
        style(axes, measure, _broken(f"{unit}; {better} is better"))
        axes.xaxis.label.set_fontsize(7.5)
        for y, (kind, found) in enumerate(scores.items()):
            values = np.array([one[measure] for one in found])
            arrays[f"{measure}_{kind}".replace(" ", "_").replace(",", "").replace("-", "_")] = values
            by_digit = [values[[one == digit for one in digits]].mean() for digit in DIGITS]
            colour = PALETTE[0] if kind == "PPGN-h" else MUTED
            said = ("a digit, mean over repetitions", "mean over digits, 95 % interval") if y == 0 else (None, None)
            axes.plot(by_digit, np.full(len(DIGITS), y), "o", color=colour, alpha=0.3, ms=4, mew=0, label=said[0])
            dot_with_interval(axes, cluster_bootstrap(values, digits), y, colour, label=said[1])
        if number < 2:
            axes.axvline(
                bound, color=PALETTE[1], linestyle=":", label="the claim: PPGN-h above" if number == 0 else None
            )
        axes.set_xlim(left=min(-0.03, axes.get_xlim()[0]))
        axes.set_yticks(range(len(scores)), list(scores))
        axes.set_ylim(len(scores) - 0.5, -0.5)
    handles, words = grid[0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=3, fontsize=8, frameon=False, labelcolor=INK)
    caption = (
        "Small dots: digits; large: means with 95 % intervals from a bootstrap over the digits. Blue: PPGN-h, of which "
        "the claim is; grey: what stands beside it. "
        + " ".join(f"{measure}: {unit}." for measure, (unit, _) in measures.items())
    )
    return Picture("scores", "Digits as strokes, measured", caption, figure, arrays)


def _draw(axes: Axes, rows: Sequence[Tensor]) -> None:
    """Each row's strokes (n, 2, MOMENTS) beside each other, the first row on top. Too large ones shrink into a cell."""
    from matplotlib.collections import LineCollection

    lines, times = [], []
    for y, row in enumerate(rows):
        for x, points in enumerate(row.numpy()):
            size = max(1.0, 2 * float(np.abs(points).max()) / _CELL)
            moved = points.T / size + _CELL * np.array([x, y])
            lines += list(np.stack([moved[:-1], moved[1:]], 1))
            times += list(np.arange(MOMENTS - 1) / (MOMENTS - 2))
    axes.add_collection(LineCollection(lines, array=np.array(times), cmap=_COLOURS, linewidths=1.3))
    axes.set_xlim(-_CELL / 2, _CELL * (len(rows[0]) - 0.5))
    axes.set_ylim(_CELL * (len(rows) - 0.5), -_CELL / 2)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#e3e6ea")


def _name_rows(axes: Axes) -> None:
    axes.set_yticks(_CELL * np.arange(len(DIGITS)), DIGITS)
    axes.tick_params(labelsize=9, colors=INK, length=0)


def _explain_time(figure: object, axes: list[Axes]) -> None:
    bar = figure.colorbar(axes[-1].collections[0], ax=axes, shrink=0.6, aspect=30, pad=0.01)  # type: ignore[attr-defined]
    bar.set_ticks([0, 1], labels=["begin", "end"])
    bar.ax.tick_params(labelsize=8, colors=MUTED, length=0)
    bar.set_label("time of the stroke", fontsize=8, color=INK)
    bar.outline.set_visible(False)


def _array(points: Tensor) -> np.ndarray:
    found: np.ndarray = points.numpy().astype(np.float32)
    return found


def _broken(words: str, width: int = 46) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(words, width))
