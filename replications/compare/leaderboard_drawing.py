"""How a comparison is drawn: qualities against each other and against cost, standings, and what measures are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from replications.compare.agreement import Agreement
from replications.compare.boards import FAMILIES, SETTINGS, Board
from replications.compare.label_drawing import label_points
from replications.compare.roles import Roles
from replications.compare.standings import Standing, mean_rank
from replications.drawing import GRID, INK, MUTED, PALETTE, dot_with_interval, new_figure, style
from replications.suite.interface import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = {
    "natural": "*",
    "projection": "s",
    "maximization": "o",
    "multifaceted": "D",
    "generative": "^",
    "inversion": "v",
}
COLOURS = dict(zip(FAMILIES, (PALETTE[6], *PALETTE[:5]), strict=True))
LABEL = 44  # letters of a method's name beside its mark

Table = Mapping[str, Mapping[str, Standing]]


def picture_of_trade_offs(board: Board, table: Table, roles: Roles) -> Picture:
    """Realism and the truth against diversity and against passes; the best compromises joined."""
    qualities = [m for m in dict.fromkeys((roles.realism, roles.truths[0])) if m in table]
    numbers = {name: str(i) for i, name in enumerate(board.methods, 1)}
    figure = new_figure(
        f"Quality against diversity and against cost, {SETTINGS[board.setting]}", 12.5, 1 + 4 * max(1, len(qualities))
    )
    halves: Any = figure.subfigures(1, 2, width_ratios=[3.4, 1])
    plots, names = halves
    grid = plots.subplots(max(1, len(qualities)), 2, squeeze=False)
    passes = {name: cell.passes + cell.generator_passes for name, cell in board.cells.items()}
    arrays, plotted = {}, []
    for axes_of, quality in zip(grid, qualities, strict=False):
        by_method, what = table[quality], board.measures[quality]
        spread = table.get(roles.diversity, {})
        label = f"{what.title}: {what.unit}"
        diverse = {m: (spread[m].interval.estimate, by_method[m].interval.estimate) for m in by_method if m in spread}
        axes = style(axes_of[0], f"{what.title} and diversity", _diversity_label(board, roles), _wrapped(label))
        sign = board.measures[roles.diversity].sign if roles.diversity in board.measures else 1
        _scatter(axes, board, diverse, (sign, what.sign))
        plotted.append((axes, diverse))
        axes = style(
            axes_of[1], f"{what.title} and cost", "passes of network and generator for one picture", _wrapped(label)
        )
        axes.set_xscale("symlog", linthresh=1)
        ticks = [0, *(10**i for i in range(5) if 10**i <= max(1, *passes.values()))]
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        found = {m: (passes[m], by_method[m].interval.estimate) for m in by_method}
        _scatter(axes, board, found, (-1, what.sign))
        axes.set_xlim(left=-0.4)
        plotted.append((axes, found))
        arrays[quality] = np.array([found.get(m, (np.nan, np.nan)) for m in board.methods])
        if what.better == "lower":
            for plot in axes_of:
                plot.invert_yaxis()
    _legend_of_methods(names.subplots(), board, numbers)
    figure.draw_without_rendering()
    for axes, found in plotted:
        label_points(axes, found, numbers)
    caption = (
        "Each mark is a method's mean over units and seeds; up is better, and right is more diverse (left plots) or "
        "costlier (right plots). Grey lines join methods that no other beats in both."
    )
    arrays["methods"] = np.array([board.title(m) for m in board.methods])
    title = f"Quality against diversity and cost, {SETTINGS[board.setting]}"
    return Picture(f"trade_offs_{board.setting}", title, caption, figure, arrays)


def picture_of_standings(board: Board, table: Table) -> Picture:
    """Methods by measures: the colour is the place, the number the mean."""
    measures = list(table)
    methods = sorted(board.methods, key=lambda m: _nan_last(mean_rank(table, m)))
    places = np.full((len(methods), len(measures)), np.nan)
    for column, measure in enumerate(measures):
        for row, method in enumerate(methods):
            if method in table[measure]:
                others = max(1, len(table[measure]) - 1)
                places[row, column] = (table[measure][method].rank - 1) / others
    title = f"Where methods stand by each measure, {SETTINGS[board.setting]}"
    figure = new_figure(title, 3.2 + 0.62 * len(measures), 2.2 + 0.27 * len(methods))
    axes = figure.subplots()
    image = axes.imshow(places, cmap="viridis_r", vmin=0, vmax=1, aspect="auto")
    for row, method in enumerate(methods):
        for column, measure in enumerate(measures):
            if method in table[measure]:
                light = places[row, column] > 0.5
                text = f"{table[measure][method].interval.estimate:.2g}"
                axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color="white" if light else INK)
    heads = [f"{board.measures[m].title} {'↑' if board.measures[m].better == 'higher' else '↓'}" for m in measures]
    axes.set_xticks(range(len(measures)), heads, rotation=45, ha="right", fontsize=8, color=INK)
    axes.set_yticks(range(len(methods)), [_short(board.title(m)) for m in methods], fontsize=8, color=INK)
    axes.tick_params(length=0)
    axes.set_frame_on(False)
    for i, measure in enumerate(measures):
        if board.measures[measure].truth:
            axes.get_xticklabels()[i].set_fontweight("bold")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.01)
    bar.set_label("share of methods before it; 0: first", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=7, colors=MUTED)
    caption = (
        "Methods in the order of their mean place. The number is the mean over units and seeds (↑ higher is better, ↓ "
        "lower), the colour the place by that measure; measures in bold need the ground truth. White: no value."
    )
    return Picture(f"standings_{board.setting}", title, caption, figure, {"places": places})


def picture_of_agreement(board: Board, truth: Sequence[Agreement], without: Sequence[Agreement]) -> Picture:
    """Each proxy's rank correlation with the truths, with its interval. truth: at least one, `without` of the same."""
    names = list(dict.fromkeys(a.other for a in truth))
    title = f"Which measures order methods as the truth does, {SETTINGS[board.setting]}"
    order = list(dict.fromkeys(a.measure for a in truth))
    figure = new_figure(title, 4 * len(names) + 2.4, max(3.5, 1.6 + 0.34 * len(order)))
    grid = figure.subplots(1, len(names), squeeze=False)[0]
    for place, (axes, name) in enumerate(zip(grid, names, strict=False)):
        style(axes, f"with {board.measures[name].title}", "Spearman's correlation over methods, -1 to 1", "")
        axes.axvline(0, color=MUTED, linewidth=1)
        for found, shift, colour, label in (
            (truth, -0.14, PALETTE[0], "all methods"),
            (without, 0.14, PALETTE[1], "without natural images"),
        ):
            for a in found:
                if a.other == name and np.isfinite(a.interval.estimate):
                    y = order.index(a.measure) + shift
                    dot_with_interval(axes, a.interval, y, colour, markersize=4, linewidth=1.2, label=label)
                    label = "_"
        axes.set_xlim(-1.05, 1.05)
        axes.set_xticks([-1, -0.5, 0, 0.5, 1])
        axes.set_ylim(len(order) - 0.5, -0.5)
        axes.set_yticks(range(len(order)), [board.measures[m].title if place == 0 else "" for m in order], color=INK)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2, fontsize=8, frameon=False, labelcolor=INK)
    caption = (
        "How each measure that needs no ground truth orders methods, against measures that do; every measure is turned "
        "so that more is better. 95 % intervals from resampling units."
    )
    arrays = {
        f"{a.measure}_{a.other}_{kind}": np.array(a.interval)
        for kind, found in (("all", truth), ("without_natural", without))
        for a in found
    }
    return Picture(f"agreement_{board.setting}", title, caption, figure, arrays)


def picture_of_measures(board: Board, between: Sequence[Agreement]) -> Picture:
    """The rank correlations of all measures with each other."""
    measures = list(board.measures)
    side = 2.6 + 0.3 * len(measures)
    title = f"How measures agree with each other, {SETTINGS[board.setting]}"
    figure = new_figure(title, side + 1.6, side)
    axes = figure.subplots()
    square = _square(between, measures)
    image = axes.imshow(square, cmap="RdBu_r", vmin=-1, vmax=1)
    for (i, j), value in np.ndenumerate(square):
        if np.isfinite(value) and i != j:
            colour = "white" if abs(value) > 0.6 else INK
            axes.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=5.5, color=colour)
    titles = [board.measures[m].title for m in measures]
    axes.set_xticks(
        range(len(measures)), titles, rotation=60, ha="right", rotation_mode="anchor", fontsize=7, color=INK
    )
    axes.set_yticks(range(len(measures)), titles, fontsize=7, color=INK)
    axes.tick_params(length=0)
    axes.set_facecolor(GRID)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)
    bar.set_label("Spearman's correlation over methods", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=7, colors=MUTED)
    caption = (
        "Spearman's correlation over methods of their means by two measures, each turned so that more is better. "
        "Grey: too few methods have both."
    )
    arrays = {"correlations": square, "measures": np.array(measures)}
    return Picture(f"measures_{board.setting}", title, caption, figure, arrays)


def _scatter(
    axes: Axes,
    board: Board,
    found: Mapping[str, tuple[float, float]],
    signs: tuple[int, int],
) -> None:
    for method, (x, y) in found.items():
        family = board.cells[method].family
        colour, marker = COLOURS.get(family, MUTED), MARKERS.get(family, "o")
        axes.plot([x], [y], marker, color=colour, markersize=11 if marker == "*" else 7, alpha=0.9)
    best = front([(signs[0] * x, signs[1] * y) for x, y in found.values()])
    points = sorted(list(found.values())[i] for i in best)
    axes.plot([x for x, _ in points], [y for _, y in points], color=MUTED, linewidth=1, alpha=0.6, zorder=0)


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of those that no other is at least as good as in both and better in one; more is better."""
    return [
        i
        for i, (x, y) in enumerate(points)
        if not any(a >= x and b >= y and (a > x or b > y) for a, b in points) and np.isfinite([x, y]).all()
    ]


def _legend_of_methods(axes: Axes, board: Board, numbers: Mapping[str, str]) -> None:
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(len(board) + len(FAMILIES), 0)
    y = 0.5
    families = {cell.family: FAMILIES.get(cell.family, cell.family) for cell in board.cells.values()}
    for family, words in families.items():
        own = board.of_family(family)
        axes.plot([0.03], [y], MARKERS.get(family, "o"), color=COLOURS.get(family, MUTED), markersize=8, clip_on=False)
        axes.text(0.09, y, words, fontsize=8, fontweight="bold", color=INK, va="center")
        for method in own:
            y += 1
            axes.text(
                0.09, y, f"{numbers[method]}  {_short(board.title(method))}", fontsize=7.5, color=INK, va="center"
            )
        y += 1


def _square(between: Sequence[Agreement], measures: Sequence[str]) -> np.ndarray:
    square = np.eye(len(measures))
    for a in between:
        i, j = measures.index(a.measure), measures.index(a.other)
        square[i, j] = square[j, i] = a.interval.estimate
    return square


def _diversity_label(board: Board, roles: Roles) -> str:
    if roles.diversity not in board.measures:
        return "diversity (not measured)"
    what = board.measures[roles.diversity]
    return _wrapped(f"{what.title}: {what.unit}")


def _wrapped(text: str, width: int = 44) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def _short(title: str) -> str:
    return title if len(title) <= LABEL else f"{title[: LABEL - 1]}…"


def _nan_last(value: float) -> float:
    return value if np.isfinite(value) else np.inf
