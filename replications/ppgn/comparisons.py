"""Several ways to make pictures, scored on the same things: measurements, tables and a picture of all scores.

Values are nested in groups (classes): intervals resample the groups, and tests swap the ways within whole groups.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.comparison import Comparison, compare_methods
from metrics.multiplicity import holm
from metrics.statistics import Interval, cluster_bootstrap
from replications.drawing import MUTED, PALETTE, dot_with_interval, new_figure, style
from replications.suite.interface import Direction, Evidence, Measurement, Picture, Table

Floats = NDArray[np.float64]

_PANELS = 3  # in a row
BETTER = {"higher": "higher is better", "lower": "lower is better", "none": "neither direction is better"}


@dataclass(frozen=True)
class Measure:
    """unit: what it says, in words, with bounds. share: whether it lies in 0 to 1, for axes."""

    unit: str
    better: Direction
    share: bool = False


@dataclass(frozen=True, eq=False)
class Scored:
    """n things (images, chains) made in several ways.

    scores: by the words for a way and for a measure (n,) finite values; a measure that means nothing for a way is left
    out there. groups: (n,) the class of each. measures: of all. over: what one value belongs to.
    """

    scores: Mapping[str, Mapping[str, Floats]]
    groups: Sequence[str]
    measures: Mapping[str, Measure]
    over: str

    def interval(self, way: str, measure: str) -> Interval:
        """The mean, with a 95 % bootstrap interval over the groups."""
        return cluster_bootstrap(self.scores[way][measure], self.groups)

    def evidence(self, claim: str, what: str, values: Floats, unit: str, seeds: int) -> Evidence:
        """That the mean of `values` (n,) is above 0. seeds: independent sets among the things."""
        count = len(set(self.groups))
        statistic = f"{what}; mean of {len(values)} values, one for each {self.over}, 95 % bootstrap over the classes"
        return Evidence(claim, statistic, *cluster_bootstrap(values, self.groups), unit, count, "class", seeds=seeds)

    def measurements(self) -> list[Measurement]:
        """All values, as "measure/way"."""
        return [
            Measurement(f"{measure}/{way}", own[measure].tolist(), about.unit, self.over, about.better)
            for measure, about in self.measures.items()
            for way, own in self.scores.items()
            if measure in own
        ]

    def table(self, name: str, title: str, caption: str, ways: str = "") -> Table:
        """A row for each way: means with intervals. ways: what the ways are, for the head of their column."""
        named = list(self.measures)
        rows: list[list[str | float | None]] = []
        for way, own in self.scores.items():
            rows.append([way, *(_words(self.interval(way, m)) if m in own else None for m in named)])
        about = (
            f"Means of {len(self.groups)} values, one for each {self.over}, with 95 % intervals from a bootstrap over "
            "the classes. "
        )
        return Table(name, title, [ways, *named], rows, f"{caption} {about}{self.legend(named)}")

    def differences(
        self, name: str, title: str, pairs: Sequence[tuple[str, str]], measures: Sequence[str], caption: str = ""
    ) -> Table:
        """A row for each pair of ways, the first minus the second, with p-values that Holm has corrected."""
        tests: dict[tuple[str, str, str], Comparison] = {}
        for a, b in pairs:
            for measure in measures:
                if measure in self.scores[a] and measure in self.scores[b]:
                    tests[a, b, measure] = compare_methods(self.by_group(a, measure), self.by_group(b, measure))
        adjusted = dict(zip(tests, holm([test.p_value for test in tests.values()]), strict=True))
        rows: list[list[str | float | None]] = []
        for a, b in pairs:
            row: list[str | float | None] = [f"{a} minus {b}"]
            for key in ((a, b, measure) for measure in measures):
                row.append(f"{_words(tests[key].difference)}, p = {adjusted[key]:.2g}" if key in tests else None)
            rows.append(row)
        about = (
            f"Differences paired by class, with 95 % bootstrap intervals over {len(set(self.groups))} classes; p by "
            f"two-sided permutation tests over the classes, corrected by Holm for the {len(tests)} comparisons of the "
            f"table. "
        )
        return Table(name, title, ["difference", *measures], rows, f"{caption} {about}{self.legend(measures)}".strip())

    def by_group(self, way: str, measure: str) -> Floats:
        """(groups,) the mean of each group, in order of appearance."""
        values = self.scores[way][measure]
        return np.array([values[[own == name for own in self.groups]].mean() for name in dict.fromkeys(self.groups)])

    def legend(self, measures: Sequence[str]) -> str:
        """What the measures are, in words."""
        return " ".join(f"{m}: {self.measures[m].unit}; {BETTER[self.measures[m].better]}." for m in measures)

    def picture(self, name: str, title: str, caption: str, yardsticks: Sequence[str] = ()) -> Picture:
        """Each measure in a panel: a small dot for each class, and the mean with its interval.

        yardsticks: ways that are drawn in grey.
        """
        rows = -(-len(self.measures) // _PANELS)
        figure = new_figure(title, 12.5, 0.8 + rows * (0.3 * len(self.scores) + 1.0))
        grid = figure.subplots(rows, _PANELS, squeeze=False, sharey=True)
        for axes in grid.flat[len(self.measures) :]:
            axes.set_axis_off()
        for axes, (measure, about) in zip(grid.flat, self.measures.items(), strict=False):
            style(axes, measure, f"{_short(about.unit)} ({BETTER[about.better]})")
            for y, (way, own) in enumerate(self.scores.items()):
                if measure not in own:
                    continue
                colour = MUTED if way in yardsticks else PALETTE[0]
                dots = self.by_group(way, measure)
                axes.plot(dots, np.full(len(dots), y), "o", color=colour, alpha=0.25, markersize=4, markeredgewidth=0)
                dot_with_interval(axes, self.interval(way, measure), y, colour)
            if about.share:
                axes.set_xlim(-0.03, 1.03)
            axes.set_yticks(range(len(self.scores)), list(self.scores))
            axes.set_ylim(len(self.scores) - 0.5, -0.5)
        about_dots = (
            "Small dots: classes; large: the mean with its 95 % interval from a bootstrap over the classes; grey: "
            "yardsticks. "
        )
        arrays = {
            re.sub(r"\W+", "_", f"{measure} {way}"): values
            for way, own in self.scores.items()
            for measure, values in own.items()
        }
        return Picture(name, title, f"{caption} {about_dots}{self.legend(list(self.measures))}", figure, arrays)


def _words(interval: Interval) -> str:
    digits = 1 if max(abs(value) for value in interval) >= 20 else 3
    return f"{interval.estimate:.{digits}f} ({interval.low:.{digits}f} to {interval.high:.{digits}f})"


def _short(unit: str) -> str:
    return unit.partition(",")[0].partition(";")[0]
