"""Recorded outcomes against the raw values kept of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from regress_toys import recorded_document

from replications.regress.baselines import BadBaseline
from replications.regress.recorded_values import (
    Key,
    RecordedOutcome,
    changes,
    floor_of,
    judge,
    load,
    of_document,
    recorded_now,
    updated,
    write,
)
from replications.regress.testing import paired_t, pooled_t

VALUES = [10.0, 12.5, 11.25, 9.75, 10.5]


def outcomes(
    values: list[float], over: str = "seed", better: str = "higher", **more: Any
) -> dict[Key, RecordedOutcome]:
    return {("zeiler", "laptop", "table2"): of_document(recorded_document(values, over, better, **more))}


def kinds(new: dict[Key, RecordedOutcome], better: str = "higher") -> list[tuple[str, bool]]:
    return [(v.kind, v.red) for v in judge(outcomes(VALUES, better=better), new)]


def test_values_are_kept_to_seven_digits(tmp_path: Path) -> None:
    now = outcomes([1 / 3, 123456.789, 0.0, -2e-9])
    size = write(updated({}, now, "the first", "2026-01-01"), tmp_path)
    assert size == (tmp_path / "recorded" / "zeiler-laptop.json.gz").stat().st_size
    (found,) = load(tmp_path).values()
    assert found.measurements["error"].values == (0.3333333, 123456.8, 0.0, -2e-09)
    assert found.provenance["reason"] == "the first"
    assert found.provenance["commit"] == "c" * 40
    assert [v.kind for v in judge(load(tmp_path), now)] == ["same"]


def test_the_same_values_make_the_same_bytes(tmp_path: Path) -> None:
    now = updated({}, outcomes(VALUES), "the first", "2026-01-01")
    write(now, tmp_path)
    path = tmp_path / "recorded" / "zeiler-laptop.json.gz"
    before, time = path.read_bytes(), path.stat().st_mtime_ns
    write(updated(load(tmp_path), outcomes(VALUES), "again", "2027-01-01"), tmp_path)
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == time


def test_equal_values_are_the_same_whatever_made_them() -> None:
    assert kinds(outcomes(VALUES, epochs=20)) == [("same", False)]


def test_a_shift_of_all_values_is_found_by_the_paired_test() -> None:
    lower = [v - 1 - 0.01 * i for i, v in enumerate(VALUES)]
    (found,) = judge(outcomes(VALUES), outcomes(lower))
    assert (found.kind, found.red) == ("worse", True)
    assert found.p == pytest.approx(paired_t(VALUES, lower))
    assert pooled_t(VALUES, lower) > 0.01  # which an unpaired one wouldn't find
    assert kinds(outcomes(lower, better="lower"), "lower") == [("better", False)]


def test_of_other_numbers_of_values_the_two_sample_test() -> None:
    more = [v - 8 for v in VALUES] + [2.0]
    (found,) = judge(outcomes(VALUES), outcomes(more))
    assert found.kind == "worse"
    assert found.p == pytest.approx(pooled_t(VALUES, more))


def test_below_the_floor_a_shift_does_not_matter() -> None:
    # A tenth of the deviation is 0.111, a hundredth of the mean 0.108.
    assert floor_of(VALUES) == pytest.approx(0.110962, rel=1e-5)
    assert kinds(outcomes([v - 0.1 for v in VALUES])) == [("same", False)]
    assert kinds(outcomes([v - 0.12 for v in VALUES])) == [("worse", True)]


def test_the_floor_of_what_varies_much_is_a_tenth_of_its_deviation() -> None:
    assert floor_of([-10.0, 10.0]) == pytest.approx(0.1 * 200**0.5)
    assert floor_of([50.0]) == 0.5


def test_single_values_are_judged_by_the_floor() -> None:
    assert judge(outcomes([50.0]), outcomes([50.4]))[0].kind == "same"
    assert judge(outcomes([50.0]), outcomes([49.0]))[0].kind == "worse"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"epochs": 20}, "the parameter epochs, from 10 to 20"),
        ({"over": "image"}, "one seed and is of one image"),
        ({"better": "lower"}, "direction was 'higher' and is 'lower'"),
    ],
)
def test_what_was_made_otherwise_is_incomparable(more: dict[str, Any], said: str) -> None:
    (found,) = judge(outcomes(VALUES), outcomes([v - 5 for v in VALUES], **more))
    assert (found.kind, found.red) == ("incomparable", False)
    assert said in found.sentence


def test_what_is_on_one_side_only_is_missing() -> None:
    assert [v.sentence for v in judge(outcomes(VALUES), {})] == ["It isn't recorded any more."]
    assert [v.sentence for v in judge({}, outcomes(VALUES))] == ["There is no baseline of it yet."]


def test_what_would_change_is_said() -> None:
    new = updated(outcomes(VALUES), outcomes([20.0]), "worse", "")
    assert changes(outcomes(VALUES), new) == ["zeiler laptop table2 error: 10.8 % -> 20 %"]
    assert changes({}, new) == ["zeiler laptop table2: new, 1 measurements, 1 values"]
    assert changes(new, {}) == ["zeiler laptop table2: not recorded any more, 1 measurements, 1 values"]


def test_the_code_is_no_part_of_what_is_compared() -> None:
    other = recorded_document([v - 5 for v in VALUES])
    other["provenance"]["identity"]["code"] = {"m": "another"}
    assert judge(outcomes(VALUES), {("zeiler", "laptop", "table2"): of_document(other)})[0].kind == "worse"


@pytest.mark.parametrize(
    "spoil", [lambda d: d.update(format=9), lambda d: d.pop("inputs"), lambda d: d.update(outcomes=3)]
)
def test_a_bad_file_is_refused_in_a_sentence(tmp_path: Path, spoil: Any) -> None:
    write(updated({}, outcomes(VALUES), "the first", ""), tmp_path)
    path = tmp_path / "recorded" / "zeiler-laptop.json.gz"
    found = json.loads(gzip.decompress(path.read_bytes()))
    spoil(found)
    path.write_bytes(gzip.compress(json.dumps(found).encode()))
    with pytest.raises(BadBaseline, match="make baseline"):
        load(tmp_path)
    path.write_bytes(b"no gzip")
    with pytest.raises(BadBaseline):
        load(tmp_path)


def test_all_that_the_project_has_recorded_can_be_kept(tmp_path: Path) -> None:
    now = recorded_now()
    assert {key[0] for key in now} >= {"zeiler", "multifaceted", "ppgn", "survey"}
    assert write(updated({}, now, "all of it", ""), tmp_path) < 3e6
    assert {verdict.kind for verdict in judge(load(tmp_path), now)} == {"same"}
