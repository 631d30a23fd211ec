"""The tests of pairs against the definition, one pair at a time."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from compared_boards import ABOUT, document
from scipy import stats

from metrics.comparison import compare_methods
from replications.compare.boards import Board, read_cell
from replications.compare.pairs import compare_pairs, holm, sign_flip_p_values


def board(**tables: np.ndarray) -> Board:
    found = [read_cell(document(n, n, "maximization", {"choice": t}), ABOUT) for n, t in tables.items()]
    return Board("equal", [one for one in found if one])


def test_exact_p_values_are_those_of_the_test_of_one_pair() -> None:
    generator = np.random.default_rng(1)
    gaps = generator.normal(0.3, 1, size=(9, 6))
    found = sign_flip_p_values(gaps)
    for column, p in zip(gaps.T, found, strict=True):
        signs = itertools.product((1, -1), repeat=9)
        slow = np.mean([abs(np.dot(s, column)) >= abs(column.sum()) - 1e-12 for s in signs])
        assert p == pytest.approx(slow, abs=1e-12)
        assert p == pytest.approx(compare_methods(column, np.zeros(9)).p_value, abs=1e-12)


def test_sampled_p_values_are_near_the_exact_ones_and_never_zero() -> None:
    gaps = np.random.default_rng(2).normal(0.4, 1, size=(12, 5))
    exact = sign_flip_p_values(gaps, permutations=5000)
    sampled = sign_flip_p_values(gaps, permutations=4000)
    assert np.abs(exact - sampled).max() < 0.03
    assert sign_flip_p_values(np.ones((40, 1)))[0] == 1 / 100_000
    np.testing.assert_array_equal(sign_flip_p_values(np.zeros((40, 2))), [1, 1])


def test_gaps_that_are_not_there_do_not_count() -> None:
    gaps = np.array([[0.5], [0.2], [-0.1], [0.4], [0.0], [0.0]])
    assert sign_flip_p_values(gaps) == pytest.approx(sign_flip_p_values(gaps[:4]))


def test_holm_is_the_step_down_of_the_definition() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.6])
    expected = [0.04, 0.09, 0.09, 0.025, 0.6]
    np.testing.assert_allclose(holm(p), expected)
    assert (holm(np.array([0.5, 0.9])) == [1, 1]).all()


def test_a_pair_is_the_paired_difference_on_common_units() -> None:
    generator = np.random.default_rng(3)
    a, b = generator.normal(1, 0.2, (3, 20)), generator.normal(0.5, 0.2, (3, 20))
    c = a.copy()
    b[:, :4] = np.nan
    b[0, 5] = np.nan
    pairs = compare_pairs(board(a=a, b=b, c=c), "choice")
    assert len(pairs) == 3
    pair = pairs.pair("a", "b")
    assert pair is not None
    gaps = (a.mean(0) - np.array([np.nan] * 4 + [np.nanmean(b[:, u]) for u in range(4, 20)]))[4:]
    assert pair.units == 16
    assert pair.difference == pytest.approx(gaps.mean())
    reference = stats.bootstrap((gaps,), np.mean, method="percentile", rng=np.random.default_rng(0))
    low, high = reference.confidence_interval
    assert (pair.low, pair.high) == pytest.approx((low, high), abs=0.02)
    turned = pairs.pair("b", "a")
    assert turned is not None
    assert (turned.difference, turned.low, turned.high) == (-pair.difference, -pair.high, -pair.low)
    assert pairs.better("a", "b") is True
    assert pairs.better("b", "a") is False
    same = pairs.pair("a", "c")
    assert same is not None
    assert (same.difference, same.p_value, same.corrected) == (0, 1, 1)
    assert pairs.better("a", "c") is False
    assert pairs.better("a", "nobody") is None


def test_methods_without_common_units_are_not_tested() -> None:
    a, b = np.ones((2, 4)), np.ones((2, 4))
    a[:, :2] = np.nan
    b[:, 1:] = np.nan
    assert len(compare_pairs(board(a=a, b=b), "choice")) == 0
    assert compare_pairs(board(a=a, b=b), "choice").pair("a", "b") is None


def test_lower_is_better_where_the_measure_says_so() -> None:
    tables = {"a": np.full((3, 9), 1.0), "b": np.full((3, 9), 2.0)}
    found = [read_cell(document(n, n, "generative", {"plausibility": t}), ABOUT) for n, t in tables.items()]
    pairs = compare_pairs(Board("equal", [one for one in found if one]), "plausibility")
    assert pairs.better("a", "b")
    assert not pairs.better("b", "a")
    assert not math.isnan(next(iter(pairs)).low)


def test_too_few_units_for_so_many_pairs_are_said_to_be_hopeless() -> None:
    generator = np.random.default_rng(0)
    clear = {f"m{i}": i + generator.random((2, 9)) / 100 for i in range(6)}
    pairs = compare_pairs(board(**clear), "choice")
    assert min(pair.corrected for pair in pairs) == pytest.approx(15 * 2 / 2**9)
    assert pairs.hopeless == (
        "nothing can be established, for 9 units allow no p-value below 0.0039, and there are 15 pairs to correct for"
    )
    fewer = compare_pairs(board(**{name: clear[name] for name in ("m0", "m1", "m2", "m3")}), "choice")
    assert fewer.hopeless == ""
    assert all(pair.corrected < 0.05 for pair in fewer)


def test_chance_alone_rarely_establishes_anything() -> None:
    generator = np.random.default_rng(7)
    alarms = 0
    for _ in range(60):
        tables = {f"m{i}": generator.normal(size=(3, 16)) for i in range(5)}
        alarms += any(pair.corrected < 0.05 for pair in compare_pairs(board(**tables), "choice"))
    assert alarms <= 8  # 3 expected; 9 or more has a chance of 0.003
