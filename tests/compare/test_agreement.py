"""Rank correlations of measures over methods against a loop over resamples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from compared_boards import ABOUT, document, documents

from metrics.statistics import Interval, spearman
from replications.compare.agreement import RESAMPLES, Agreement, agreement, agreements, matrix
from replications.compare.boards import Board, boards, read_cell

NAMES = ("facet_recall", "plausibility")


def random_board(methods: int = 6, units: int = 10, gaps: bool = False) -> tuple[Board, np.ndarray]:
    """And the unit means (measure, method, unit)."""
    generator = np.random.default_rng(5)
    values = generator.normal(size=(2, methods, 2, units)) + np.linspace(0, 1, methods)[:, None, None]
    if gaps:
        values[1, :, :, :3] = np.nan
        values[0, 2, :, 7] = np.nan
        values[0, 1, 0, 8] = np.nan
    found = [
        read_cell(document(f"m{i}", f"m{i}", "generative", dict(zip(NAMES, values[:, i], strict=True))), ABOUT)
        for i in range(methods)
    ]
    with np.errstate(invalid="ignore"):
        known = ~np.isnan(values)
        means = np.where(known.any(2), np.nansum(values, 2) / np.maximum(known.sum(2), 1), np.nan)
    return Board("equal", [one for one in found if one]), means


@pytest.mark.parametrize("gaps", [False, True])
def test_a_correlation_is_spearmans_of_means_over_units_that_have_both(gaps: bool) -> None:
    board, means = random_board(gaps=gaps)
    found = agreement(board, *NAMES)
    truth, proxy = means[0], -means[1]  # less distance is better
    known = ~np.isnan(truth) & ~np.isnan(proxy)

    def correlation(weights: np.ndarray) -> float:
        sides = [
            [np.sum(side[m][known[m]] * weights[known[m]]) / weights[known[m]].sum() for m in range(6)]
            for side in (truth, proxy)
        ]
        return spearman(*sides)

    drawn = np.random.default_rng(0).multinomial(10, np.full(10, 0.1), size=RESAMPLES)
    slow = [correlation(w) for w in drawn if all(w[k].sum() for k in known)]
    low, high = np.quantile(slow, [0.025, 0.975])
    assert found.interval == pytest.approx((correlation(np.ones(10)), low, high), abs=1e-9)
    assert (found.methods, found.units) == (6, 7 if gaps else 10)


def test_too_few_methods_or_units_tell_nothing() -> None:
    board, _ = random_board(methods=3)
    assert math.isnan(agreement(board, *NAMES).interval.estimate)
    board, _ = random_board(units=1)
    assert math.isnan(agreement(board, *NAMES).interval.estimate)
    assert agreement(board, *NAMES).word == "not established"


def test_a_measure_that_orders_nothing_has_no_correlation() -> None:
    alike = {"facet_recall": np.full((2, 5), 0.5), "choice": np.ones((2, 5))}
    cells = [read_cell(document(f"m{i}", f"m{i}", "generative", alike), ABOUT) for i in range(5)]
    found = agreement(Board("equal", [c for c in cells if c]), "choice", "facet_recall")
    assert found.interval == (0, 0, 0)
    assert found.word == "unrelated"


@pytest.mark.parametrize(
    ("ends", "word"),
    [
        ((0.55, 0.9), "orders alike"),
        ((0.2, 0.9), "goes with"),
        ((-0.2, 0.25), "unrelated"),
        ((0.1, 0.2), "unrelated"),
        ((-0.2, 0.6), "not established"),
        ((-0.9, -0.1), "goes against"),
        ((0.0, 0.4), "not established"),
    ],
)
def test_words_follow_the_interval(ends: tuple[float, float], word: str) -> None:
    assert Agreement("a", "b", Interval(sum(ends) / 2, *ends), 9, 9).word == word


def test_proxies_are_held_against_every_truth_the_closest_first() -> None:
    board = boards([cell for d in documents() if (cell := read_cell(d, ABOUT))])[0]
    found = agreements(board, ["facet_recall", "facet_purity", "unknown"])
    assert {a.measure for a in found} == {"plausibility", "choice", "diversity", "transfer"}
    assert [a.other for a in found] == ["facet_recall"] * 4 + ["facet_purity"] * 4
    estimates = [a.interval.estimate for a in found[:4]]
    assert estimates == sorted(estimates, reverse=True)
    by_name = {a.measure: a for a in found[:4]}
    assert by_name["plausibility"].interval.estimate == pytest.approx(1)
    assert by_name["transfer"].word == "goes against"
    assert by_name["transfer"].units == 8  # classes alone
    assert len(matrix(board)) == 6 * 5 / 2
    synthetic = [m for m in board.methods if board.cells[m].family != "natural"]
    assert {a.methods for a in agreements(board, ["facet_recall"], synthetic)} == {6}
