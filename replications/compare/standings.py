"""Where methods stand by each measure: means with crossed intervals, within one network, profile and setting.

Set before anything was measured: a mean is over all values that there are of a method (its units and seeds), with a
95 % interval from resampling seeds and units (`metrics.crossed_missing`). A rank is by the mean alone: 1 and the number
of methods with a better one; whether a method is better than another is said by `replications.compare.pairs`, never by
two intervals that do or don't overlap.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from metrics.crossed_missing import crossed_interval_with_gaps
from metrics.statistics import Interval
from replications.compare.boards import Board


@dataclasses.dataclass(frozen=True)
class Standing:
    """One method by one measure. `interval`: nan at its ends where it can't be told (fewer than two units).

    rank: 1 is best; methods of equal means share theirs. units, seeds: how many hold a value.
    """

    method: str
    measure: str
    interval: Interval
    rank: int
    units: int
    seeds: int


def standings(board: Board) -> Mapping[str, Mapping[str, Standing]]:
    """By measure, by method; a method without any value of a measure is left out there."""
    return {measure: _by_one(board, measure) for measure in board.measures}


def _by_one(board: Board, measure: str) -> dict[str, Standing]:
    sign = board.measures[measure].sign
    found: dict[str, tuple[Interval, int, int]] = {}
    for method in board.methods:
        values = board.values(measure, method)
        known = values == values
        if known.any():
            interval = crossed_interval_with_gaps(values)
            found[method] = interval, int(known.any(0).sum()), int(known.any(1).sum())
    ranks = {
        method: 1 + sum(sign * other.estimate > sign * interval.estimate for other, *_ in found.values())
        for method, (interval, *_) in found.items()
    }
    return {
        method: Standing(method, measure, interval, ranks[method], units, seeds)
        for method, (interval, units, seeds) in found.items()
    }


def mean_rank(table: Mapping[str, Mapping[str, Standing]], method: str) -> float:
    """The mean over measures of the share of methods that stand before this one, in [0, 1]; nan without any measure."""
    shares = [
        (by_method[method].rank - 1) / (len(by_method) - 1)
        for by_method in table.values()
        if method in by_method and len(by_method) > 1
    ]
    return sum(shares) / len(shares) if shares else math.nan
