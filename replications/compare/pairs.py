"""Which method is better than which: all pairs by one measure, on the same units.

Set before anything was measured: of each unit the mean over seeds; a two-sided permutation test that swaps the methods
within units at random (99,999 ways, or all 2^units of them where these are fewer; then it is exact), the same ways for
all pairs; p-values corrected by Holm over all pairs of methods of the measure; "established" is a corrected p below
0.05. A pair is tested on the units where both methods have a value, at least two. The difference comes with a 95 %
percentile interval from resampling units, which isn't corrected.

Changed after a first look at 22 methods: there were 9,999 ways. A p-value couldn't be below 1e-4, which times 231 pairs
is half the level, so that chance among the ways drawn had a say in what was established.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from replications.compare.boards import Board
from replications.suite.formatting import number

LEVEL = 0.05
PERMUTATIONS = 99_999
ROWS = 10_000  # ways at a time, which bounds the memory
RESAMPLES = 4000
CONFIDENCE = 0.95
EXTRA = 1e-9  # of the largest possible sum: sums that are equal but for rounding count as equal

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two methods by one measure: first minus second with its interval, the p-value, and that corrected by Holm."""

    first: str
    second: str
    difference: float
    low: float
    high: float
    p_value: float
    corrected: float
    units: int


class Pairs:
    """All pairs by one measure. sign: 1 where higher is better, -1 where lower is."""

    def __init__(self, found: list[Pair], sign: int) -> None:
        self._found = {(pair.first, pair.second): pair for pair in found}
        self._sign = sign

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    @property
    def hopeless(self) -> str:
        """Why nothing can be established, where no p-value that the test can give is small enough; else empty."""
        units = max((pair.units for pair in self), default=0)
        least = max(2.0 ** (1 - units), 1 / (PERMUTATIONS + 1))
        if len(self) * least < LEVEL:
            return ""
        smallest = f"{units} units allow no p-value below {number(least, 2)}"
        return f"nothing can be established, for {smallest}, and there are {len(self)} pairs to correct for"

    def better(self, first: str, second: str) -> bool | None:
        """Whether `first` is established to be better than `second`; None where they weren't tested."""
        pair = self.pair(first, second)
        return None if pair is None else pair.corrected < LEVEL and self._sign * pair.difference > 0

    def pair(self, first: str, second: str) -> Pair | None:
        """The two in this order; None where they weren't tested."""
        if (first, second) in self._found:
            return self._found[first, second]
        other = self._found.get((second, first))
        if other is None:
            return None
        return dataclasses.replace(
            other, first=first, second=second, difference=-other.difference, low=-other.high, high=-other.low
        )


def compare_pairs(board: Board, measure: str, *, seed: int = 0) -> Pairs:
    """Every pair of the board's methods that have at least two units in common."""
    means = {method: board.unit_means(measure, method) for method in board.methods}
    names = [
        (a, b)
        for a, b in itertools.combinations(board.methods, 2)
        if (~np.isnan(means[a] - means[b])).sum() > 1  # units where both have a value
    ]
    sign = board.measures[measure].sign
    if not names:
        return Pairs([], sign)
    gaps = np.stack([means[a] - means[b] for a, b in names], 1)
    known = ~np.isnan(gaps)
    filled = np.where(known, gaps, 0.0)
    p_values = sign_flip_p_values(filled, seed)
    corrected = holm(p_values)
    difference = filled.sum(0) / known.sum(0)
    lows, highs = _bootstrap(filled, known, seed)
    numbers = np.stack([difference, lows, highs, p_values, corrected], 1).tolist()
    return Pairs(
        [
            Pair(a, b, mean, low, high, p, adjusted, int(units))
            for (a, b), (mean, low, high, p, adjusted), units in zip(names, numbers, known.sum(0), strict=True)
        ],
        sign,
    )


def sign_flip_p_values(gaps: Floats, seed: int = 0, permutations: int = PERMUTATIONS) -> Floats:
    """(pairs,): two-sided p-values in (0, 1] of gaps (units, pairs), 0 where a unit has none, by one matrix product."""
    signs, added = _signs(len(gaps), seed, permutations)
    least = np.abs(gaps.sum(0)) - EXTRA * np.abs(gaps).sum(0)
    parts = (signs[start : start + ROWS] for start in range(0, len(signs), ROWS))
    as_far = np.sum([(np.abs(part @ gaps) >= least).sum(0) for part in parts], axis=0)
    found: Floats = (as_far + added) / (len(signs) + added)
    return found


def holm(p_values: Floats) -> Floats:
    """p-values corrected for their number (Holm 1979): below a level they keep the chance of any false one below it."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * factors))
    return corrected


def _bootstrap(filled: Floats, known: NDArray[np.bool_], seed: int) -> tuple[Floats, Floats]:
    """(pairs,) each: the ends of the interval of the mean gap, the same units drawn for all pairs."""
    units = len(filled)
    drawn = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=RESAMPLES).astype(np.float64)
    counts = drawn @ known.astype(np.float64)
    means = drawn @ filled / np.where(counts > 0, counts, np.nan)  # none in a resample without any of a pair's units
    quantile = np.quantile if (counts > 0).all() else np.nanquantile
    low, high = quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return low, high


@functools.lru_cache(maxsize=4)
def _signs(units: int, seed: int, permutations: int) -> tuple[Floats, int]:
    """(ways, units) of 1 and -1, and how many ways are to be added to them: the one that the methods are in."""
    if units < 63 and 2**units <= permutations:
        return np.array(list(itertools.product((1.0, -1.0), repeat=units))), 0
    return np.random.default_rng(seed).choice((-1.0, 1.0), size=(permutations, units)), 1
