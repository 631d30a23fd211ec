"""Do measures order methods alike, and as the ground truth does?

Set before anything was measured: Spearman's correlation over methods of their means by two measures, each turned so
that more is better; a method counts where it has a value of both, and its means are over the units that have both, so
that a measure of classes alone is held against the truth of classes. The 95 % interval is of resampling units, the same
for all methods. Fewer than four methods, or two units, tell nothing. Where one side is the same for all methods it
orders nothing, and the correlation is 0.

What is said of a proxy by its interval: all of it above 0.5, it "orders methods as the truth does"; all between -0.3
and 0.3, "has next to nothing to do with it"; else, all above 0, "goes with it"; all below 0, "goes against it"; else
nothing is established. Intervals aren't corrected for their number; they are of these methods, not of all there could
be.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from metrics.statistics import Interval
from replications.compare.boards import Board

RESAMPLES = 2000
CONFIDENCE = 0.95
LEAST_METHODS = 4
STRONG, WEAK = 0.5, 0.3

Floats = NDArray[np.float64]
Word = Literal["orders alike", "goes with", "goes against", "unrelated", "not established"]


@dataclasses.dataclass(frozen=True)
class Agreement:
    """The rank correlation over `methods` methods of two measures; nan where there are too few."""

    measure: str
    other: str
    interval: Interval
    methods: int
    units: int

    @property
    def word(self) -> Word:
        """What the interval establishes."""
        _, low, high = self.interval
        if low > STRONG:
            return "orders alike"
        if low > -WEAK and high < WEAK:
            return "unrelated"
        if low > 0:
            return "goes with"
        return "goes against" if high < 0 else "not established"


def agreements(board: Board, truths: Sequence[str], methods: Iterable[str] | None = None) -> list[Agreement]:
    """Every measure that needs no ground truth with every one of `truths`, the closest to the first truth first."""
    proxies = [name for name, measure in board.measures.items() if not measure.truth and name not in truths]
    known = [truth for truth in truths if truth in board.measures]
    found = [agreement(board, proxy, truth, methods) for truth in known for proxy in proxies]
    return sorted(found, key=lambda a: (truths.index(a.other), -_finite(a.interval.estimate)))


def matrix(board: Board, methods: Iterable[str] | None = None) -> list[Agreement]:
    """Every two measures."""
    chosen = None if methods is None else list(methods)
    return [agreement(board, a, b, chosen) for a, b in itertools.combinations(board.measures, 2)]


def agreement(
    board: Board, measure: str, other: str, methods: Iterable[str] | None = None, *, seed: int = 0
) -> Agreement:
    """Two measures over `methods` (all without)."""
    a, b = (_turned(board, name, methods) for name in (measure, other))
    known = ~np.isnan(a) & ~np.isnan(b)
    enough = known.sum(1) > 1
    a, b, known = a[enough], b[enough], known[enough]
    units, count = int(known.any(0).sum()), len(a)
    if count < LEAST_METHODS or units < 2:
        return Agreement(measure, other, Interval(math.nan, math.nan, math.nan), count, units)
    weights = _weights(known.shape[1], seed)
    counts = known.astype(np.float64) @ weights
    kept = (counts > 0).all(0)  # a resample that leaves a method without any unit orders nothing
    weights, counts = weights[:, kept], counts[:, kept]
    means = [np.where(known, side, 0.0) @ weights / counts for side in (a, b)]
    correlations = _correlations(*map(_ranks, means))
    low, high = np.quantile(correlations[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Agreement(measure, other, Interval(float(correlations[0]), float(low), float(high)), count, units)


@functools.lru_cache(maxsize=8)
def _weights(units: int, seed: int) -> Floats:
    """(units, 1 + resamples): how often each is drawn; once each at first."""
    drawn = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=RESAMPLES)
    return np.concatenate([np.ones((1, units)), drawn]).T.copy()


def _turned(board: Board, measure: str, methods: Iterable[str] | None) -> Floats:
    """(methods, units), more is better."""
    names = board.methods if methods is None else list(methods)
    means = [board.unit_means(measure, method) for method in names]
    return board.measures[measure].sign * np.array(means).reshape(len(names), len(board.units))


def _ranks(means: Floats) -> Floats:
    """(methods, resamples): ranks within each resample; ties, which means alike but for rounding are, share theirs."""
    found: Floats = stats.rankdata(np.round(means, 12), axis=0)
    return found


def _correlations(a: Floats, b: Floats) -> Floats:
    """(resamples,): Pearson's correlation of ranks; 0 where one side is constant."""
    a, b = a - a.mean(0), b - b.mean(0)
    scale = np.sqrt((a * a).sum(0) * (b * b).sum(0))
    found: Floats = np.where(scale > 0, (a * b).sum(0) / np.where(scale > 0, scale, 1.0), 0.0)
    return found


def _finite(value: float) -> float:
    return value if math.isfinite(value) else -math.inf
