"""A cell makes pictures of all units in all sets, measures them, and says what can't be measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from cell_toys import CALLS, RULES, Paint, cell, context, network, own_cache  # noqa: F401 - a fixture
from facet_world import Clouds, facet_judge

from replications.compare.cell import COSTS, KEYS, Cell, PublishedCell, _shown
from replications.compare.making import make
from replications.compare.protocol import Protocol
from replications.compare.subjects import choose
from replications.data.image_set import DataSource
from replications.suite.interface import Outcome, parameters

pytestmark = pytest.mark.usefixtures("own_cache")
UNITS, SETS = 4, 2  # two classes and two hidden units


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


def table(outcome: Outcome, name: str) -> Any:
    return next(one for one in outcome.tables if one.name == name)


def test_every_unit_and_set_has_a_value_that_is_what_the_measure_says() -> None:
    given = context()
    outcome = cell(Cell).run(given)
    (measured,) = outcome.measurements
    assert (measured.name, measured.over, measured.better) == ("brightness", "unit and seed", "higher")
    rules = Protocol(**RULES)
    subjects = choose(given, rules).subjects
    expected = []
    for number in range(SETS):
        images = make(given, Paint("painted"), rules, subjects, number, rules.passes).images
        expected += [float(f"{own.double().mean():.6g}") for own in images]
    assert list(measured.values) == expected
    values = table(outcome, "values")
    assert list(values.columns) == [*KEYS, "brightness"]
    assert [row[-1] for row in values.rows] == expected
    assert [row[:4] for row in values.rows] == [
        [number, one.title, one.kind, one.number] for number in range(SETS) for one in subjects
    ]
    assert outcome.notes[0] == "4 were painted."  # of all sets the same, so said once
    assert [picture.name for picture in outcome.pictures] == ["pictures"]
    assert not outcome.pictures[0].arrays


def test_where_a_measure_is_not_defined_there_is_a_dash() -> None:
    outcome = cell(Cell, measure={"classes_only": True}).run(context())
    assert len(outcome.measurements[0].values) == UNITS // 2 * SETS
    rows = table(outcome, "values").rows
    assert all((row[-1] is None) == (row[2] == "hidden") for row in rows)
    outcome = cell(Cell, measure={"classes_only": True}, rules={"classes": 0}).run(context())
    assert not outcome.measurements
    assert "Nothing is measured here by brightness." in outcome.notes
    with pytest.raises(ValueError, match="the measure 'brightness' lies in"):
        cell(Cell, measure={"factor": 9.0}).run(context())


@pytest.mark.parametrize(
    ("kind", "settings", "passes"),
    [
        (Cell, {}, 8),
        (PublishedCell, {"setting": "published"}, 100),
    ],
)
def test_equal_passes_or_as_published(kind: Any, settings: dict[str, Any], passes: int) -> None:
    outcome = cell(kind, **settings).run(context())
    assert [call[2] for call in CALLS] == [8 if kind is Cell else None] * SETS
    costs = table(outcome, "cost")
    assert tuple(costs.columns) == COSTS
    assert costs.rows == [[settings.get("setting", "equal"), "maximization", float(passes), 2.0, 0.0]]


def test_a_changed_measure_makes_no_picture_again() -> None:
    first = cell(Cell).run(context())
    second = cell(Cell, measure={"factor": 0.5}).run(context())
    assert len(CALLS) == SETS
    a, b = (torch.tensor(one.measurements[0].values) for one in (first, second))
    torch.testing.assert_close(a / 2, b, rtol=1e-5, atol=0)


def test_an_interrupted_cell_goes_on_with_the_next_set() -> None:
    with pytest.raises(InterruptedError):
        cell(Cell, fails=1).run(context())
    with pytest.raises(InterruptedError):
        cell(Cell, fails=1).run(context())
    assert [call[1] for call in CALLS] == [0, 1, 1]


def test_it_is_known_by_its_parameters_and_the_code_behind_them() -> None:
    one = cell(Cell, brightness=0.4)
    assert (one.name, one.title) == ("painted", "painted")
    json.dumps(parameters(one))
    assert parameters(one)["method"]["_target_"] == "cell_toys.Paint"
    assert parameters(one)["method"]["brightness"] == 0.4
    assert one.modules() == ("cell_toys",)
    assert PublishedCell.trains
    assert not Cell.trains
    assert cell(PublishedCell, setting="published").title == "painted, as published"


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        (Cell, {"setting": "best"}, "the setting is 'equal' or 'published', found 'best'"),
        (Cell, {"setting": "published", "method": "Still"}, "doesn't optimize, so it has one setting"),
        (PublishedCell, {"setting": "equal"}, "has the setting 'published'"),
        (Cell, {"rules": {"passes": 0}}, "passes=0"),
        (Cell, {"method": "Brightness"}, "title"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(kind: Any, settings: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        cell(kind, **settings)


def _train(count: int) -> DataSource:
    return DataSource("clouds", Clouds(count, seed=5), Clouds(280, seed=6))


@pytest.mark.parametrize(
    ("settings", "parts", "said"),
    [
        ({}, {}, None),
        ({}, {"evaluator": network()}, "needs an evaluator that isn't the network 'liking' itself"),
        ({"rules": {"hidden": {1: 1, 4: 2}}}, {}, r"needs units of the paper's layers \[4\]"),
        ({"rules": {"liked": 20}}, {}, "needs 400 validation images"),
        ({}, {"data": _train(20)}, "needs 30 training images, and clouds gives 20"),
        ({}, {"network": network(("x", "y"))}, "needs a class that network 'liking' has a unit for"),
        ({"lacks": "needs paint"}, {}, "needs paint"),
    ],
)
def test_what_is_missing_is_said(settings: dict[str, Any], parts: dict[str, Any], said: str | None) -> None:
    found = cell(Cell, **settings).missing(context(**parts))
    if said is None:
        assert found is None
    else:
        assert found is not None
        assert re.search(said, found), found


def test_networks_beside_the_evaluator_are_those_that_are_neither_of_the_two() -> None:
    given = context()
    others = {"same": {"_target_": "cell_toys.network"}, "another": {"_target_": "facet_world.seeing_network"}}
    found = cell(Cell, others=others)._held_out(given)
    assert list(found) == ["another"]
    assert cell(Cell, others={"judge": {"_target_": "facet_world.facet_judge"}})._held_out(given) == {}
    assert facet_judge().fingerprint == given.evaluator.fingerprint


def test_nothing_is_written_beside_the_cache(tmp_path: Path) -> None:
    cell(Cell).run(context())
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}


def test_the_units_drawn_are_the_first_of_each_kind() -> None:
    numbers = [None] * 8 + [4, 4, 5, 5]
    subjects: Any = [SimpleNamespace(number=number) for number in numbers]
    assert _shown(subjects) == [0, 1, 2, 3, 4, 5, 8, 10]
