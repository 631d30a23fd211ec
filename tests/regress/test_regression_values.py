"""What a probe's outcome must hold, and the value of a set of pictures."""

from __future__ import annotations

import math
from typing import Any

import pytest

from replications.regress.values import MalformedProbe, MeasureValues, changed_libraries, read_values


def document(rows: list[list[Any]], columns: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "experiment": "p",
        "measurements": [{"name": "m", "unit": "share", "better": "higher", "values": [1.0]}],
        "tables": [{"name": "values", "columns": columns or ["seed", "unit", "kind", "layer", "m"], "rows": rows}],
        **more,
    }


ROWS = [
    [7, "a", "class", None, 1.0],
    [7, "b", "class", None, 3.0],
    [8, "a", "hidden", 5, 4.0],
    [8, "b", "hidden", 5, None],
]


def test_a_set_s_value_is_the_mean_over_units_where_it_is_defined() -> None:
    found = read_values(document(ROWS), {"m": 0.1}, [7, 8])
    assert found == {"m": MeasureValues({7: 2.0, 8: 4.0}, "share", "higher", 0.1)}


def test_only_the_sets_that_were_asked_for_count() -> None:
    assert read_values(document(ROWS), {"m": 0.1}, [8])["m"].values == {8: 4.0}


def test_the_table_of_measures_goes_first() -> None:
    found = document(ROWS)
    columns = ["measure", "unit", "better", "floor"]
    found["tables"].append({"name": "measures", "columns": columns, "rows": [["m", "metres", "none", 2]]})
    assert read_values(found, {"m": 0.1}, [7])["m"] == MeasureValues({7: 2.0}, "metres", "none", 2.0)


def test_a_measure_that_is_nowhere_defined_is_left_out() -> None:
    rows = [[7, "a", 1.0, None]]
    assert set(read_values(document(rows, ["seed", "unit", "m", "never"]), {"m": 0.1}, [7])) == {"m"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tables": []}, "must have a table 'values'"),
        ({"measurements": []}, "doesn't say the unit, direction and floor of its measure 'm'"),
    ],
)
def test_what_is_lacking_is_said(change: dict[str, Any], said: str) -> None:
    with pytest.raises(MalformedProbe, match=said):
        read_values({**document(ROWS), **change}, {"m": 0.1}, [7])


def test_a_set_without_a_row_is_an_error() -> None:
    with pytest.raises(MalformedProbe, match=r"none numbered \[9\]"):
        read_values(document(ROWS), {"m": 0.1}, [7, 9])


@pytest.mark.parametrize("wrong", [{"floor": -1.0}, {"floor": math.nan}, {"values": {1: math.inf}}])
def test_numbers_that_can_not_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        MeasureValues(**{"values": {1: 0.5}, "unit": "", "better": "higher", "floor": 0.0, **wrong})


def test_which_libraries_changed() -> None:
    old = {"versions": {"torch": "1", "python": "3.11"}, "device": "cpu, x, 2 threads"}
    new = {"versions": {"torch": "2", "python": "3.12", "cuda": "13"}, "device": "cuda, y"}
    assert changed_libraries(old, new) == ("torch from 1 to 2", "cuda from none to 13", "the device from cpu to cuda")
    assert changed_libraries(old, {**old, "device": "cpu, z, 8 threads"}) == ()
