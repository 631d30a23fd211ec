"""What is done stays done; what changes is measured anew; what fails doesn't stop the rest."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch
from conftest import Dummy

ALL = {"network": 1, "fig1": 1, "fig2": 1, "fig10": 1, "table2": 1}


def test_a_second_run_measures_nothing_and_loads_no_network(dummy: Dummy) -> None:
    status, said = dummy.run()
    assert status == 0
    assert "1 trend reproduced, 1 not run. The page: " in said
    assert dummy.calls() == ALL
    before = {p: p.stat().st_mtime_ns for p in dummy.runs.glob("*-*/*")}
    status, said = dummy.run()
    assert status == 0
    assert "1 trend reproduced, 1 not run" in said
    assert dummy.calls() == {}
    assert {p: p.stat().st_mtime_ns for p in dummy.runs.glob("*-*/*")} == before


def test_an_outcome_is_kept_exactly_with_its_provenance(dummy: Dummy) -> None:
    dummy.run("experiments=fig1", "seed=3", "experiment.fig1.steps=2")
    document = dummy.document("fig1")
    values = document["measurements"][0]["values"]
    arrays = np.load(dummy.folder("fig1") / "a-line.npz")
    assert arrays["values"].tolist() == values
    assert (dummy.folder("fig1") / document["pictures"][0]["animation"]).read_bytes() == b"GIF89a"
    assert len(values) == 8
    assert document["tables"][0]["rows"] == [["x", 1], [None, 0.1 + 0.2]]
    assert document["evidence"][0]["expected"] == [0.0, None]
    provenance = document["provenance"]
    assert provenance["command"] == (
        "replicate paper=dummy profile=toy network=toy seed=3 experiments=fig1 experiment.fig1.steps=2"
    )
    assert provenance["config"]["experiment"]["steps"] == 2
    assert provenance["identity"]["network"]["files"].keys() == {"weights.bin"}
    assert provenance["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert provenance["peak_memory"] > 10**7
    assert str(dummy.root) not in json.dumps(document)  # nothing of this machine's folders


@pytest.mark.parametrize(
    ("words", "again"),
    [
        (["seed=1"], {"network": 1, "fig1": 1, "fig2": 1, "fig10": 1, "table2": 1}),
        (["experiment.fig2.steps=4"], {"fig2": 1}),
        (["network=toy_other"], {"network": 1, "fig1": 1}),
        (["data.count=6"], {"network": 1, "fig1": 1, "fig2": 1, "fig10": 1}),
        (["tracking=disabled", "experiments=[fig2]"], {}),
    ],
)
def test_only_what_a_change_affects_is_measured_anew(dummy: Dummy, words: list[str], again: dict[str, int]) -> None:
    dummy.run()
    dummy.calls()
    dummy.run(*words)
    assert dummy.calls() == again


def test_another_weights_file_of_the_same_name_is_another_network(dummy: Dummy) -> None:
    dummy.run("experiments=[fig1,fig2]")
    dummy.calls()
    (dummy.root / "data" / "weights.bin").write_bytes(b"retrained")
    dummy.run("experiments=[fig1,fig2]")
    assert dummy.calls() == {"network": 1, "fig1": 1}


def test_another_file_that_a_parameter_names_is_another_outcome(dummy: Dummy) -> None:
    dummy.run()
    dummy.calls()
    identity = dummy.document("fig10")["provenance"]["identity"]
    assert identity["files"] == {"models/first.bin": hashlib.sha256(b"first").hexdigest()}
    assert all("files" not in dummy.document(name)["provenance"]["identity"] for name in ("fig1", "fig2"))
    (dummy.root / "data" / "models" / "first.bin").write_bytes(b"trained for longer")
    dummy.run()
    assert dummy.calls() == {"fig10": 1}
    sizes = {
        json.loads((f / "outcome.json").read_text())["measurements"][-1]["values"][0]
        for f in dummy.runs.glob("fig10-*")
    }
    assert sizes == {5.0, 18.0}


def test_other_content_of_what_parameters_describe_is_another_outcome(dummy: Dummy) -> None:
    def masks() -> set[str | None]:
        outcomes = [json.loads((f / "outcome.json").read_text()) for f in dummy.runs.glob("fig10-*")]
        return {one["provenance"]["identity"].get("reads", {}).get("masks") for one in outcomes}

    dummy.run()
    dummy.calls()
    (dummy.root / "data" / "masks").mkdir()
    for name, known in (("a", {None, "a"}), ("b", {None, "a", "a, b"})):
        (dummy.root / "data" / "masks" / name).touch()
        dummy.run()
        dummy.run()
        assert dummy.calls() == {"fig10": 1}
        assert masks() == known
    assert not any(path.name == "fig10" for path in dummy.results.rglob("*"))  # no workspace for a look


def test_a_file_is_named_by_its_place_in_the_data_folder_whatever_the_machine(dummy: Dummy) -> None:
    path = dummy.root / "data" / "models" / "first.bin"
    dummy.run("experiments=fig10", f"experiment.fig10.models.first.weights='{path}'")
    document = dummy.document("fig10")
    assert list(document["provenance"]["identity"]["files"]) == ["$REPLICATIONS_DATA/models/first.bin"]
    assert str(dummy.root) not in json.dumps(document["provenance"]["identity"])


def test_numbers_depend_on_no_other_experiment(dummy: Dummy) -> None:
    dummy.run()
    together = dummy.document("fig10")
    for path in dummy.folder("fig10").iterdir():
        path.unlink()
    dummy.folder("fig10").rmdir()
    dummy.run("experiments=fig10")
    alone = dummy.document("fig10")
    for key in ("measurements", "tables", "pictures"):
        assert alone[key] == together[key]
    assert dummy.document("fig2")["measurements"] != alone["measurements"]  # each has its own numbers


def test_the_global_generators_are_left_seeded_by_the_seed_alone(dummy: Dummy) -> None:
    torch.manual_seed(99)
    dummy.run("experiments=fig2")
    first = dummy.document("fig2")["measurements"][1]
    dummy.run("experiments=fig2", "seed=1")
    folders = sorted(dummy.runs.glob("fig2-*"))
    both = [json.loads((f / "outcome.json").read_text())["measurements"][1] for f in folders]
    assert first in both
    assert both[0] != both[1]
    assert not torch.are_deterministic_algorithms_enabled()  # as it was before


def test_a_failing_experiment_is_said_to_and_the_rest_goes_on(dummy: Dummy) -> None:
    status, said = dummy.run("experiment.fig2.fail=error")
    assert status == 1
    assert "fig2       failed: ZeroDivisionError: the number of images is 0" in said
    assert "Traceback" not in said
    assert "Failed: fig2. The page: " in said
    assert dummy.calls() == {**ALL}
    assert "the number of images is 0" in dummy.page.read_text()
    (trace,) = (dummy.runs / ".work").glob("fig2-*/traceback.txt")
    assert "ZeroDivisionError" in trace.read_text()
    assert not list(dummy.runs.glob("fig2-*"))


def test_a_traceback_is_shown_on_request(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATIONS_TRACEBACK", "1")
    _, said = dummy.run("experiments=fig2", "experiment.fig2.fail=error")
    assert "Traceback" in said


def test_a_missing_input_is_no_failure(dummy: Dummy) -> None:
    status, said = dummy.run("experiment.fig2.fail=missing")
    assert status == 0
    assert "fig2       not run: this profile has no masks; choose one that has" in said


def test_what_is_asked_for_by_name_and_cannot_be_run_is_a_failure(dummy: Dummy) -> None:
    status, said = dummy.run("experiments=fig2", "experiment.fig2.fail=missing")
    assert status == 1
    assert "Not run: fig2." in said


def test_what_is_not_selected_stays_on_the_page(dummy: Dummy) -> None:
    dummy.run("experiments=fig1")
    dummy.run("experiments=fig2")
    assert dummy.calls() == {"network": 1, "fig1": 1, "fig2": 1}
    page = dummy.page.read_text()
    assert "fig1-a-line.png" in page
    assert "fig2-a-line.png" in page
    assert '<a href="pictures/fig1-a-line.gif">Moving picture</a>' in page
    assert (dummy.page.parent / "pictures" / "fig1-a-line.gif").read_bytes() == b"GIF89a"


def test_the_page_can_be_written_without_measuring(dummy: Dummy) -> None:
    status, _ = dummy.run("measure=false")
    assert status == 0
    assert dummy.calls() == {}
    assert "Not measured yet" in dummy.page.read_text()


def test_a_profile_changes_parameters_but_not_what_was_typed(dummy: Dummy) -> None:
    (dummy.root / "data" / "photographs").mkdir()
    for name in "ab":
        (dummy.root / "data" / "photographs" / name).mkdir()
    runs = dummy.results / "runs" / "dummy" / "toy_folder"
    dummy.run("profile=toy_folder", "experiments=fig1")
    dummy.run("profile=toy_folder", "experiments=fig1", "experiment.fig1.steps=2")
    found = [json.loads(p.read_text())["provenance"]["config"] for p in runs.glob("fig1-*/outcome.json")]
    assert sorted(config["experiment"]["steps"] for config in found) == [2, 5]


def test_what_takes_long_runs_only_in_full(dummy: Dummy) -> None:
    _, said = dummy.run("experiments=table1")
    assert "table1     not run: it takes long; run it with full=true" in said
    dummy.run("experiments=table1", "full=true")
    assert dummy.calls() == {"table1": 1}
    _, said = dummy.run("experiments=table1")  # measured by this code, so it is simply there
    assert "table1     done" in said


def test_an_experiment_reads_another_and_follows_it(dummy: Dummy) -> None:
    dummy.run("experiments=table2")
    assert dummy.document("table2")["measurements"][0]["values"] == [-1.0]  # there was nothing to read
    dummy.calls()
    dummy.run("experiments=[table2,table1]", "full=true")
    assert dummy.calls() == {"table1": 1, "table2": 1}
    found = {
        json.loads(p.read_text())["measurements"][0]["values"][0] for p in dummy.runs.glob("table2-*/outcome.json")
    }
    assert found == {-1.0, 10.0}


def _configured(dummy: Dummy, name: str, text: str) -> None:
    (dummy.conf / "experiment" / "dummy" / f"{name}.yaml").write_text(text)


def test_one_class_serves_many_experiments_by_their_names(dummy: Dummy) -> None:
    for name in ("a", "b"):
        _configured(dummy, name, f"_target_: dummy_paper.Named\nname: {name}\n")
    status, _ = dummy.run("experiments=[a,b]")
    assert status == 0
    assert dummy.calls() == {"a": 1, "b": 1}
    first, second = (dummy.document(name) for name in ("a", "b"))
    assert (first["experiment"], second["experiment"]) == ("a", "b")
    assert first["measurements"][0]["values"] != second["measurements"][0]["values"]
    _configured(dummy, "c", "_target_: dummy_paper.Named\nname: another\n")
    assert "conf/experiment/dummy/c.yaml doesn't name the experiment 'c'" in dummy.run("experiments=c")[1]


def test_the_code_of_modules_that_an_experiment_names_counts(dummy: Dummy) -> None:
    _configured(dummy, "a", "_target_: dummy_paper.Named\nname: a\n")
    dummy.run("experiments=a")
    code = dummy.document("a")["provenance"]["identity"]["code"]
    assert "metrics.statistics" in code
    assert "metrics.colour" not in code


def test_an_experiment_reads_all_the_others_and_follows_them(dummy: Dummy) -> None:
    for name in ("all", "every"):
        _configured(dummy, name, f"_target_: dummy_paper.All\nname: {name}\n")
    dummy.run()
    assert dummy.calls() == ALL | {"all": 1, "every": 1}
    read = dict(dummy.document("all")["tables"][0]["rows"])  # neither of the two that read all is read by the other
    assert read == {"fig1": 3, "fig2": 3, "fig10": 4, "table1": None, "table2": 1}
    dummy.run("experiment.fig2.steps=4")
    assert dummy.calls() == {"fig2": 1, "all": 1, "every": 1}
    dummy.run()
    assert dummy.calls() == {}
