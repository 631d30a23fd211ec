"""Recorded outcomes are shown as such while nothing that affects them has changed, and as stale with what has."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from conftest import Dummy

from replications.suite.identity import differences


def _record(dummy: Dummy) -> Path:
    dummy.run("experiments=table1", "full=true", "record=true")
    shutil.rmtree(dummy.runs)
    return dummy.results / "recorded" / "dummy" / "toy" / "table1"


def test_a_recorded_outcome_stands_in_for_a_full_run(dummy: Dummy) -> None:
    folder = _record(dummy)
    assert (folder / "outcome.json").is_file()
    _, said = dummy.run()
    assert "table1     recorded: recorded earlier (" in said
    assert dummy.calls()["table1"] == 1  # only when it was recorded
    assert dummy.document("table2")["measurements"][0]["values"] == [10.0]
    page = dummy.page.read_text()
    assert "recorded" in page
    assert "full=true" in page


def test_a_changed_configuration_makes_it_stale_in_words(dummy: Dummy) -> None:
    _record(dummy)
    _, said = dummy.run("experiment.table1.epochs=12", "data.count=6", "seed=2")
    expected = (
        "table1     stale: recorded, and since then changed: the seed, from 0 to 2; "
        "the parameter epochs, from 10 to 12; the data's count, from 8 to 6"
    )
    assert expected in said
    assert dummy.document("table2")["measurements"][0]["values"] == [-1.0]  # nothing is built on what is stale
    assert "the parameter epochs, from 10 to 12" in (dummy.runs / "report-seed2" / "index.html").read_text()


def test_what_is_asked_for_and_only_stale_is_not_passed_off_as_measured(dummy: Dummy) -> None:
    dummy.run("experiments=fig2", "record=true")
    shutil.rmtree(dummy.runs)
    words = ["experiment.fig2.fail=missing"]
    status, said = dummy.run(*words, "experiments=fig2")
    assert status == 1
    assert "stale: recorded, and since then changed: the parameter fail, from '' to 'missing'" in said
    assert "; it can't be measured anew: this profile has no masks; choose one that has\n" in said
    assert "Not run: fig2." in said
    assert "anew: this profile has no masks" in dummy.page.read_text()
    assert dummy.run(*words)[0] == 0  # among all that there is, it is shown as it stands


def test_changed_code_makes_it_stale_and_the_module_is_named(dummy: Dummy) -> None:
    path = _record(dummy) / "outcome.json"
    document = json.loads(path.read_text())
    code = document["provenance"]["identity"]["code"]
    assert "replications.training.zoo" in code  # what trains counts for what was trained
    code["dummy_paper"] = "0" * 64  # as if it had been another when this was recorded
    path.write_text(json.dumps(document))
    _, said = dummy.run("experiments=table1")
    assert "table1     stale: recorded, and since then changed: the code of dummy_paper" in said


def test_each_network_has_its_own_record(dummy: Dummy) -> None:
    dummy.run("experiments=[fig1,fig2]", "record=true")
    dummy.run("experiments=[fig1,fig2]", "record=true", "network=toy_other")
    kept = dummy.results / "recorded" / "dummy" / "toy"
    assert {p.name for p in kept.iterdir()} == {"fig1", "fig1-toy_other", "fig2"}
    assert (dummy.runs / "report-toy_other" / "index.html").is_file()


def test_a_file_that_a_parameter_names_makes_it_stale_and_is_named(dummy: Dummy) -> None:
    dummy.run("experiments=fig10", "record=true")
    shutil.rmtree(dummy.runs.parent)
    model = dummy.root / "data" / "models" / "first.bin"
    model.write_bytes(b"trained for longer")
    _, said = dummy.run("measure=false")
    assert "fig10      stale: recorded, and since then changed: the file models/first.bin" in said
    model.unlink()
    _, said = dummy.run("measure=false")
    assert "fig10      stale: recorded, and since then changed: the file models/first.bin" in said
    model.write_bytes(b"first")
    _, said = dummy.run("measure=false")
    assert "fig10      recorded" in said


def test_the_machine_and_the_style_make_nothing_stale() -> None:
    old = {"device": "cpu", "torch": "2", "seed": 0, "code": {"replications.drawing": "1", "m": "1"}}
    new = {"device": "cuda", "torch": "3", "seed": 0, "code": {"replications.drawing": "2", "m": "1"}}
    assert differences(old, new) == []
    assert differences(old, new, ignore=()) == ["the device, from cpu to cuda", "the torch, from 2 to 3"]


def test_differences_name_files_images_and_what_came_or_went() -> None:
    config = {"_target_": "x", "weights": "w"}
    old = {"network": {"config": config, "files": {"w": "1"}}, "data": {"config": {}, "images": {"train": "1"}}}
    new = {"network": {"config": config, "files": {"w": "2"}}, "data": {"config": {}, "images": {"train": "2"}}}
    assert differences(old, new) == ["the network's file w", "the images or labels of the data"]
    assert differences(
        {"files": {"same": "1", "w": "1", "gone": "1"}}, {"files": {"same": "1", "w": "2", "new": "1"}}
    ) == [
        "the file gone",
        "the file new",
        "the file w",
    ]
    assert differences({}, {"files": {"w": "1"}}) == ["the file w"]
    assert differences({"parameters": {"a": {"b": 1}}}, {"parameters": {"c": [1]}}) == [
        "the parameter a.b, no longer given (was 1)",
        "the parameter c, newly [1]",
    ]


def test_pictures_of_images_that_belong_to_others_are_not_kept(dummy: Dummy) -> None:
    for name in "ab":
        (dummy.root / "data" / "photographs" / name).mkdir(parents=True, exist_ok=True)
    dummy.run("experiments=fig1", "profile=toy_folder", "record=true")
    dummy.run("experiments=fig1", "record=true")
    recorded = dummy.results / "recorded" / "dummy"
    assert sorted(p.name for p in (recorded / "toy_folder" / "fig1").iterdir()) == ["outcome.json"]
    assert {p.suffix for p in (recorded / "toy" / "fig1").iterdir()} >= {".json", ".png"}
    shutil.rmtree(dummy.runs.parent)
    status, said = dummy.run("profile=toy_folder", "measure=false")
    assert status == 0
    assert "fig1       recorded" in said
