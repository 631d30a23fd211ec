"""Baselines are read as they were written, refuse what they aren't, and say what a new one would change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from regress_toys import measure_values, measured_of, probe_values

from replications.regress import baselines
from replications.regress.baselines import BadBaseline, Baseline, as_text, changes, load, path_of, reason_of, updated
from replications.regress.values import ProbeValues
from replications.suite.errors import WrongInput

INPUTS = {"network": {"config": {"name": "toy"}, "files": {"w": "sha"}}}
SETS = tuple(range(12))


def baseline(**changed: Any) -> Baseline:
    measures = {
        "height": measure_values([n / 4 for n in SETS], "higher", 0.1),
        "width": measure_values(dict.fromkeys(SETS[3:], 1.0), "none", 0.0),
    }
    one = probe_values("one", measures, {"passes": 24, "method": {"name": "m", "steps": [1, 2.5]}}, INPUTS)
    two = probe_values("two", {"height": measure_values([1.0] * 12, "lower", 0.2)}, {"passes": 24}, INPUTS, **changed)
    return Baseline("laptop", "toy", {"one": one, "two": two})


def written(folder: Path) -> Path:
    return baselines.write(baseline(), {}, folder)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert path == tmp_path / "probes" / "laptop-toy.json"
    found = load("laptop", "toy", tmp_path)
    assert found == baseline()
    assert found.numbers() == set(SETS)
    assert found.probes["one"].made.changes(baseline().probes["one"].made) == ()


def test_the_file_is_compact_and_holds_what_is_shared_once(tmp_path: Path) -> None:
    text = written(tmp_path).read_text()
    assert "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]" in text
    assert text.count('"sha"') == 1
    assert text == as_text(load("laptop", "toy", tmp_path))


def test_without_a_file_it_is_empty(tmp_path: Path) -> None:
    assert load("laptop", "toy", tmp_path) == Baseline("laptop", "toy")


def _without(document: dict[str, Any], *keys: str) -> None:
    for key in keys[:-1]:
        document = document[key]
    del document[keys[-1]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(format=2),
        lambda d: d.update(profile="natural"),
        lambda d: _without(d, "probes", "one", "measures", "height", "values"),
        lambda d: d["probes"]["one"]["measures"]["height"]["values"].pop(),
        lambda d: d["probes"]["one"]["measures"]["height"].update(better="up"),
        lambda d: d["probes"]["one"]["measures"]["height"].update(floor=-1),
        lambda d: d["probes"]["one"]["config"].update(passes=12),
        lambda d: d["inputs"].clear(),
        lambda d: d["probes"].update(one=3),
        lambda d: d.update(golden={"one": {"file": "x"}}),
    ],
)
def test_a_file_that_is_no_baseline_is_refused_in_a_sentence(tmp_path: Path, spoil: Any) -> None:
    path = written(tmp_path)
    document = json.loads(path.read_text())
    spoil(document)
    path.write_text(json.dumps(document))
    with pytest.raises(BadBaseline, match=r"laptop-toy\.json' can't be read as a baseline .* make baseline"):
        load("laptop", "toy", tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', "\x00"])
def test_so_is_a_truncated_file(tmp_path: Path, content: str) -> None:
    path_of(tmp_path, "laptop", "toy").parent.mkdir(parents=True)
    path_of(tmp_path, "laptop", "toy").write_text(content)
    with pytest.raises(BadBaseline):
        load("laptop", "toy", tmp_path)


@pytest.mark.parametrize("reason", [None, "", "   ", "???", "x"])
def test_without_a_reason_nothing_is_written(reason: str | None) -> None:
    with pytest.raises(WrongInput, match="REASON="):
        reason_of(reason)


def test_a_reason_is_kept_in_one_line() -> None:
    assert reason_of("  jitter is drawn\n for each view ") == "jitter is drawn for each view"


def test_what_is_measured_takes_the_old_place_and_the_rest_stays() -> None:
    now = probe_values("two", {"height": measure_values([2.0] * 12, "lower", 0.2)}, {"passes": 12}, INPUTS)
    new, files = updated(baseline(), measured_of(now, numbers=SETS), "fewer passes", "2026-02-03")
    assert files == {}
    assert new.probes["one"] == baseline().probes["one"]
    assert new.probes["two"].provenance["reason"] == "fewer passes"
    assert new.probes["two"].provenance["date"] == "2026-02-03"
    assert changes(baseline(), new) == [
        "two height: 1 -> 2 share",
        "two: the parameter passes, from 24 to 12",
    ]


def test_what_is_new_and_what_is_gone_is_said() -> None:
    empty = Baseline("laptop", "toy")
    assert changes(empty, baseline())[0] == "one height: newly 1.375 share"
    assert "two height: 1 share -> not there any more" in changes(
        baseline(), baselines.without_gone(baseline(), ["one"])
    )
    assert changes(baseline(), baseline()) == []


def test_twelve_sets_at_least() -> None:
    now = probe_values("two", {"height": measure_values([2.0] * 3)})
    with pytest.raises(WrongInput, match="at least 12 sets"):
        updated(baseline(), measured_of(now), "a reason", "")


def test_a_probe_that_failed_writes_nothing() -> None:
    failed = ProbeValues("two", "Two", "failed", "ValueError: broken")
    with pytest.raises(WrongInput, match="two: ValueError: broken"):
        updated(baseline(), measured_of(failed, numbers=SETS), "a reason", "")


def test_a_probe_that_can_not_be_run_keeps_its_baseline() -> None:
    lacking = ProbeValues("two", "Two", "not run", "needs photographs")
    new, _ = updated(baseline(), measured_of(lacking, numbers=SETS), "a reason", "")
    assert new == baseline()
