"""All methods side by side: who is first by which measure, whether that is established, and which measures to trust.

Reads the outcomes of the comparison's other experiments, each of which is one method in one setting, and measures
nothing itself; what is missing is named and the rest compared. How standings, pairs and agreements are computed was set
before anything was measured and stands at the heads of their modules.

The claim of Borowski et al. 2021, that natural images tell more of a unit than synthetic pictures do, is tested by the
forced choice, with maximal references alone, at equal compute: right choices by natural exemplars less those by each
method of activation maximization, on the units that both have, with a 95 % interval from resampling seeds and units.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from metrics.crossed_difference import crossed_difference
from replications.compare.agreement import Agreement, agreements, matrix
from replications.compare.boards import EQUAL, SETTINGS, Board, CellFound, MeasureWords, boards, read_cell
from replications.compare.leaderboard_drawing import (
    picture_of_agreement,
    picture_of_measures,
    picture_of_standings,
    picture_of_trade_offs,
)
from replications.compare.pairs import Pairs, compare_pairs
from replications.compare.roles import Roles
from replications.compare.standings import Standing, mean_rank, standings
from replications.compare.words import Words
from replications.suite.interface import Context, Evidence, Experiment, Measurement, MissingInput, Outcome, Part, Table

CLAIM = "BO-C-natural-better"
PUBLISHED_CELL = "published_"  # how the names of cells at published settings begin
DIGITS = 6  # significant ones of a table's numbers

Table_ = Mapping[str, Mapping[str, Standing]]


@dataclasses.dataclass(frozen=True)
class Leaderboard(Experiment):
    """roles: as `Roles`, which cells and measures play which part. measures: by name configurations of `Measure`s."""

    name: ClassVar[str] = "leaderboard"
    title: ClassVar[str] = "All methods side by side, and which measures deserve trust"
    paper: ClassVar[str] = "compare"
    answers: ClassVar[tuple[str, ...]] = (CLAIM,)
    needs: ClassVar[tuple[Part, ...]] = ("network",)
    uses: ClassVar[tuple[str, ...]] = ("*",)

    roles: Mapping[str, Any]
    measures: Mapping[str, Mapping[str, Any]]

    def __post_init__(self) -> None:
        _ = self.parts

    @functools.cached_property
    def parts(self) -> Roles:
        """The roles."""
        return Roles(**self.roles)

    @functools.cached_property
    def about(self) -> dict[str, MeasureWords]:
        """What the measures are."""
        from hydra.utils import get_class

        kinds: list[Any] = [get_class(config["_target_"]) for config in self.measures.values()]
        return {kind.name: MeasureWords(kind.name, kind.title, kind.unit, kind.better, kind.truth) for kind in kinds}

    def modules(self) -> tuple[str, ...]:
        """Of the measures, whose words are this outcome's."""
        return tuple(sorted({config["_target_"].rpartition(".")[0] for config in self.measures.values()}))

    def run(self, context: Context) -> Outcome:
        cells, lacking = found_cells(context, self.about)
        if not cells:
            raise MissingInput("no method of the comparison has been measured; run `make compare`")
        outcome = Outcome()
        for board in boards(cells):
            self._add(outcome, board)
        published = [name.removeprefix(PUBLISHED_CELL) for name in lacking if name.startswith(PUBLISHED_CELL)]
        equal = [name for name in lacking if not name.startswith(PUBLISHED_CELL)]
        if equal:
            outcome.notes.append(f"Not measured here, or changed since, and so not compared: {', '.join(equal)}.")
        if published:
            outcome.notes.append(f"Not measured as published, which full=true does: {', '.join(published)}.")
        return outcome

    def _add(self, outcome: Outcome, board: Board) -> None:
        """What one setting's board says."""
        roles, setting = self.parts, board.setting
        table = standings(board)
        paired = {measure: compare_pairs(board, measure) for measure in board.measures}
        with_truth = agreements(board, roles.truths)
        without_natural = [m for m in board.methods if board.cells[m].family != "natural"]
        of_synthetic = agreements(board, roles.truths, without_natural)
        between = matrix(board)
        words = Words(board, table, paired, with_truth, roles).all()
        outcome.tables += [
            measures_table(board, roles, paired),
            Table(f"words/{setting}", f"In words, {SETTINGS[setting]}", ["about", "what the numbers say"], words),
            standings_table(board, table),
            cost_table(board, table),
            firsts_table(board, table, paired),
            pairs_table(board, paired, roles.main),
            agreement_table(setting, "truth", with_truth, of_synthetic),
            agreement_table(setting, "each other", between),
        ]
        outcome.measurements += [
            Measurement(
                f"agreement/{setting}/{a.other}/{a.measure}",
                [a.interval.estimate],
                "rank correlation over methods",
                "set of methods",
            )
            for a in with_truth
            if np.isfinite(a.interval.estimate)
        ]
        if setting == EQUAL:
            outcome.evidence += natural_better(board, roles)
            known = [name for name in (roles.yardstick, roles.floor) if name not in board.methods]
            if known:
                outcome.notes.append(f"The yardstick or the floor is missing: {', '.join(known)}.")
        unknown = [m for m in dict.fromkeys((*roles.main, *roles.truths)) if m not in board.measures]
        if unknown:
            outcome.notes.append(f"At {SETTINGS[setting]} no method has a value of {', '.join(unknown)}.")
        outcome.pictures += [picture_of_trade_offs(board, table, roles), picture_of_standings(board, table)]
        if any(np.isfinite(a.interval.estimate) for a in with_truth):
            outcome.pictures.append(picture_of_agreement(board, with_truth, of_synthetic))
        if any(np.isfinite(a.interval.estimate) for a in between):
            outcome.pictures.append(picture_of_measures(board, between))


def found_cells(context: Context, about: Mapping[str, MeasureWords]) -> tuple[list[CellFound], list[str]]:
    """The cells that have outcomes, and the names of the experiments that have none."""
    cells, lacking = [], []
    for name in context.others:
        document = context.outcome(name)
        cell = None if document is None else read_cell(document, about)
        if document is None:
            lacking.append(name)
        elif cell is not None:
            cells.append(cell)
    return cells, lacking


def natural_better(board: Board, roles: Roles) -> list[Evidence]:
    """For each method of activation maximization: the forced choice of natural exemplars less its own."""
    if roles.yardstick not in board.methods or roles.choice not in board.measures:
        return []
    natural = board.values(roles.choice, roles.yardstick)
    found = []
    for method in board.of_family(roles.maximization):
        synthetic = board.values(roles.choice, method)
        seeds = ~np.isnan(natural).all(1) & ~np.isnan(synthetic).all(1)
        units = ~np.isnan(natural[seeds]).any(0) & ~np.isnan(synthetic[seeds]).any(0)
        if not seeds.any() or units.sum() < 2:
            continue
        effect, low, high = crossed_difference(natural[seeds][:, units], synthetic[seeds][:, units])
        found.append(
            Evidence(
                CLAIM,
                f"forced choice by natural exemplars less {board.title(method)}; 95 % bootstrap over seeds and units",
                effect,
                low,
                high,
                "share of right choices",
                int(units.sum()),
                "unit",
                seeds=int(seeds.sum()),
            )
        )
    return found


def measures_table(board: Board, roles: Roles, paired: Mapping[str, Pairs]) -> Table:
    """What the measures are, the main ones first, and whether there are units enough to establish a difference."""
    main = [m for m in roles.main if m in board.measures]
    order = [board.measures[m] for m in dict.fromkeys((*main, *board.measures))]
    rows = [
        [m.name, m.title, m.unit, m.better, *map(_yes, (m.truth, m.name in main, not paired[m.name].hopeless))]
        for m in order
    ]
    columns = ["measure", "title", "unit", "better", "needs ground truth", "main", "can be established"]
    return Table(f"measures/{board.setting}", f"Measures, {SETTINGS[board.setting]}", columns, rows)


def standings_table(board: Board, table: Table_) -> Table:
    """Long form: a row for each method and measure."""
    rows = [
        [
            board.title(s.method),
            s.method,
            measure,
            board.measures[measure].title,
            s.rank,
            *_numbers(*s.interval),
            s.units,
            s.seeds,
        ]
        for measure, by_method in table.items()
        for s in sorted(by_method.values(), key=lambda s: s.rank)
    ]
    return Table(
        f"standings/{board.setting}",
        f"Standings, {SETTINGS[board.setting]}",
        ["method", "cell", "measure", "title", "rank", "mean", "low", "high", "units", "seeds"],
        rows,
        "Means over seeds and units with 95 % intervals from resampling both. A rank is by the mean alone.",
    )


def cost_table(board: Board, table: Table_) -> Table:
    """What each method's pictures took, and its mean place."""
    rows = [
        [
            cell.title,
            name,
            cell.family,
            cell.passes,
            cell.generator_passes,
            cell.looked_at,
            *_numbers(mean_rank(table, name)),
        ]
        for name, cell in board.cells.items()
    ]
    return Table(
        f"methods/{board.setting}",
        f"Methods and what a picture costs, {SETTINGS[board.setting]}",
        ["method", "cell", "family", "passes", "generator passes", "images looked at", "mean place"],
        rows,
        "Forward-backward passes of the network and of a generator, for one picture; training images looked at, for "
        "one unit and set. Mean place: the share of methods that stand before it, over all measures; 0: first by each.",
    )


def firsts_table(board: Board, table: Table_, paired: Mapping[str, Pairs]) -> Table:
    """Who is first by each measure, and over how many of the others that is established."""
    rows = []
    for measure, by_method in table.items():
        first = [m for m, standing in by_method.items() if standing.rank == 1]
        rest = [m for m in by_method if m not in first]
        sure = [m for m in rest if all(paired[measure].better(best, m) for best in first)]
        what = board.measures[measure]
        names = ", ".join(board.title(m) for m in first)
        rows.append([what.title, what.unit, what.better, names, *_numbers(*by_method[first[0]].interval), len(sure)])
        rows[-1].append(len(rest))
    return Table(
        f"firsts/{board.setting}",
        f"First by each measure, {SETTINGS[board.setting]}",
        ["measure", "unit", "better", "first", "mean", "low", "high", "established over", "of others"],
        rows,
        "Established: a paired permutation test over units, corrected by Holm over all pairs, gives p < 0.05.",
    )


def pairs_table(board: Board, paired: Mapping[str, Pairs], measures: Iterable[str]) -> Table:
    """All pairs by the main measures."""
    rows = [
        [
            measure,
            pair.first,
            pair.second,
            *_numbers(pair.difference, pair.low, pair.high, pair.p_value, pair.corrected, digits=4),
            pair.units,
        ]
        for measure in measures
        for pair in paired.get(measure, ())
    ]
    return Table(
        f"pairs/{board.setting}",
        f"Pairs of methods by the main measures, {SETTINGS[board.setting]}",
        ["measure", "first", "second", "difference", "low", "high", "p", "p corrected", "units"],
        rows,
        "First less second on the same units, each unit's values averaged over seeds; 95 % interval from resampling "
        "units; two-sided permutation test within units, corrected by Holm over all pairs of the measure.",
    )


def agreement_table(setting: str, kind: str, found: Sequence[Agreement], others: Sequence[Agreement] = ()) -> Table:
    """Rank correlations of measures; `others`: the same over methods that make pictures, without natural images."""
    of_others = {(a.measure, a.other): a for a in others}
    rows = []
    for a in found:
        row = [a.measure, a.other, *_numbers(*a.interval), a.methods, a.units, a.word]
        if others:
            other = of_others[a.measure, a.other]
            row += [*_numbers(*other.interval), other.methods]
        rows.append(row)
    columns = ["measure", "held against", "correlation", "low", "high", "methods", "units", "says"]
    if others:
        columns += ["without natural images", "low without", "high without", "methods without"]
    held = "the ground truth" if kind == "truth" else "each other"
    return Table(
        f"agreement with {kind}/{setting}",
        f"Measures held against {held}, {SETTINGS[setting]}",
        columns,
        rows,
        "Spearman's correlation over methods of their means, each measure turned so that more is better; 95 % interval "
        "from resampling units.",
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _numbers(*values: float, digits: int = DIGITS) -> list[float | None]:
    """For a table: rounded, None where there is none."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values]
