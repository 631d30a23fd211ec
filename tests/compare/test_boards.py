"""Cells as a board holds them, and standings on it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from compared_boards import ABOUT, document, documents, levels

from metrics.crossed_bootstrap import crossed_interval
from replications.compare.boards import Board, CellFound, UnitWords, boards, read_cell
from replications.compare.standings import mean_rank, standings

NAN = math.nan


def cell(name: str, family: str = "maximization", **values: list[list[float]]) -> CellFound:
    tables = {measure: np.array(rows, dtype=float) for measure, rows in values.items()}
    found = read_cell(document(name, name.upper(), family, tables), ABOUT)
    assert found is not None
    return found


def test_a_cell_is_read_as_it_was_measured() -> None:
    values = {"choice": np.array([[0.5, 0.75], [1.0, NAN]]), "diversity": np.full((2, 2), NAN)}
    found = read_cell(
        document("published_a", "A", "generative", values, setting="published", passes=9, hidden=1), ABOUT
    )
    assert found is not None
    assert (found.name, found.title, found.setting, found.passes, found.seeds) == (
        "published_a",
        "A",
        "published",
        9,
        (0, 1),
    )
    assert found.units == (UnitWords("unit 0", "class", None), UnitWords("unit 1", "hidden", 5))
    assert [m.title for m in found.measures] == ["forced choice"]  # the other has no value
    assert found.values["choice"] == {(0, found.units[0]): 0.5, (0, found.units[1]): 0.75, (1, found.units[0]): 1.0}
    assert read_cell({**document("a", "A", "natural", values), "tables": []}) is None
    unknown = read_cell(document("a", "A", "natural", values))
    assert unknown is not None
    assert (unknown.measures[0].title, unknown.measures[0].better, unknown.measures[0].truth) == (
        "choice",
        "higher",
        False,
    )


def test_methods_without_settings_stand_on_both_boards() -> None:
    cells = [found for d in documents(published=True) if (found := read_cell(d, ABOUT))]
    equal, published = boards(cells)
    assert (equal.setting, published.setting) == ("equal", "published")
    assert set(equal.of_family("natural", "projection", "inversion")) == set(
        published.of_family("natural", "projection", "inversion")
    )
    assert {"olah2017", "mfv", "ppgn_h"} < set(equal.methods)
    assert {"published_olah2017", "published_mfv", "published_ppgn_h"} < set(published.methods)
    assert len(equal) == len(published) == 9
    assert [b.setting for b in boards([c for c in cells if c.setting == "equal"])] == ["equal"]
    assert boards([]) == []
    made_once = read_cell(document("means", "means", "multifaceted", levels({"choice": 0.5}), passes=0), ABOUT)
    assert made_once is not None
    assert not made_once.optimizes


def test_values_are_laid_on_the_units_and_seeds_of_all() -> None:
    a = cell("a", choice=[[1, 2, 3], [4, NAN, 6]])
    b = cell("b", choice=[[7, 8]])
    board = Board("equal", [a, b])
    assert board.seeds == (0, 1)
    assert len(board.units) == 3
    np.testing.assert_array_equal(board.values("choice", "b"), [[7, 8, NAN], [NAN, NAN, NAN]])
    np.testing.assert_array_equal(board.unit_means("choice", "a"), [2.5, 2, 4.5])
    np.testing.assert_array_equal(board.unit_means("choice", "b"), [7, 8, NAN])
    assert np.isnan(board.values("diversity", "a")).all()


def test_standings_are_crossed_means_and_ranks_by_them_alone() -> None:
    values = {
        name: levels({"choice": level, "plausibility": level}, number=i)
        for i, (name, level) in enumerate([("a", 0.5), ("b", 0.9), ("c", 0.1)])
    }
    found = [read_cell(document(name, name, "generative", own), ABOUT) for name, own in values.items()]
    table = standings(Board("equal", [one for one in found if one]))
    for name, own in values.items():
        assert table["choice"][name].interval == pytest.approx(crossed_interval(own["choice"]), rel=1e-5)
        assert (table["choice"][name].units, table["choice"][name].seeds) == (12, 3)
    assert {m: s.rank for m, s in table["choice"].items()} == {"b": 1, "a": 2, "c": 3}
    assert {m: s.rank for m, s in table["plausibility"].items()} == {"c": 1, "a": 2, "b": 3}  # lower is better
    assert mean_rank(table, "a") == 0.5
    assert mean_rank(table, "b") == 0.5


def test_ties_share_a_rank_and_gaps_are_left_out() -> None:
    board = Board(
        "equal",
        [
            cell("a", choice=[[1, 2], [3, 4]]),
            cell("b", choice=[[4, 3], [2, 1]]),
            cell("c", choice=[[0, NAN], [0, NAN]]),
            cell("d", diversity=[[1, 1]]),
        ],
    )
    table = standings(board)
    assert {m: s.rank for m, s in table["choice"].items()} == {"a": 1, "b": 1, "c": 3}
    assert math.isnan(table["choice"]["c"].interval.low)
    assert table["choice"]["c"].units == 1
    assert list(table["diversity"]) == ["d"]
    assert math.isnan(mean_rank(table, "d"))  # alone by its only measure
