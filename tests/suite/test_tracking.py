"""Tracking is a copy: one run a paper-run, nothing twice, and never in the way."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Dummy

from replications.suite import tracking
from replications.suite.report.panels import Panel


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def test_the_mode_follows_the_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert tracking.chosen_mode("auto") == "offline"
    (tmp_path / "netrc").write_text("machine api.wandb.ai\n  login user\n  password 0123\n")
    (tmp_path / "netrc").chmod(0o600)
    assert tracking.chosen_mode("auto") == "online"
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert tracking.chosen_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "0123")
    assert tracking.chosen_mode("auto") == "online"
    assert tracking.chosen_mode("disabled") == "disabled"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert tracking.chosen_mode("online") == "disabled"


LOGS_NOTHING = """
class Settings:
    def __init__(self, **given): pass
class Table:
    def __init__(self, **given): pass
    def add_data(self, *row): pass
class Image(Table):
    def __init__(self, path, caption): pass
class Run:
    summary = {}
    def log(self, what): pass
    def finish(self): pass
def init(**given): return Run()
"""


def _client(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Put a client in the place of wandb, for the tracking's own process."""
    (folder / "client").mkdir()
    (folder / "client" / "wandb.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder / "client"))


def test_an_error_of_the_client_is_a_warning(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    _client(monkeypatch, dummy.root, "raise RuntimeError('the service is on fire')")
    status, said = dummy.run("tracking=wandb", "experiments=fig2")
    assert status == 0
    assert "warning: tracking with W&B didn't work (RuntimeError: the service is on fire); all results are in" in said
    assert dummy.page.is_file()


def test_a_client_that_hangs_is_given_up(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    _client(monkeypatch, dummy.root, "import time\ntime.sleep(600)")
    start = time.monotonic()
    status, said = dummy.run("tracking=wandb", "tracking.timeout=1", "experiments=fig2")
    assert status == 0
    assert time.monotonic() - start < 60
    assert "didn't work (no answer within 1 s)" in said


def test_disabled_tracking_starts_nothing(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    _, said = dummy.run("experiments=fig2")
    assert "warning" not in said


def test_an_offline_run_is_logged_once_and_in_one_place(dummy: Dummy) -> None:
    folder = dummy.results / "runs" / "wandb"
    status, said = dummy.run("tracking=wandb", "experiments=fig1")
    assert (status, "warning" in said) == (0, False)
    (first,) = folder.glob("offline-run-*")
    dummy.run("tracking=wandb", "experiments=fig1")  # nothing new
    assert list(folder.glob("offline-run-*")) == [first]
    time.sleep(1)  # wandb names its folders by the second
    dummy.run("tracking=wandb", "experiments=[fig1,fig2]")  # something new: the same run again, with more in it
    (second,) = folder.glob("offline-run-*")
    assert second != first
    assert second.name.split("-")[3:] == first.name.split("-")[3:]
    assert list(second.rglob("media/images/**/*.png"))
    assert not (Path.cwd() / "wandb").exists()


def test_each_run_of_a_sweep_is_tracked_by_itself_and_once(dummy: Dummy) -> None:
    words = ["--multirun", "seed=0,1", "tracking=wandb", "experiments=[fig1]"]
    status, said = dummy.run(*words)
    assert (status, "warning" in said) == (0, False)
    assert [line for line in said.splitlines() if line.startswith("run ")] == [
        "run 1: paper=dummy profile=toy seed=0 tracking=wandb experiments=[fig1]",
        "run 2: paper=dummy profile=toy seed=1 tracking=wandb experiments=[fig1]",
    ]
    folder = dummy.results / "runs" / "wandb"
    logged = sorted(folder.glob("offline-run-*"))
    assert len({path.name.split("-")[-1] for path in logged}) == 2
    assert dummy.calls()["fig1"] == 2
    pages = [(dummy.runs / name / "index.html").read_text() for name in ("report", "report-seed1")]
    assert all(f"<dt>seed</dt><dd>{seed}</dd>" in page for seed, page in enumerate(pages))

    status, said = dummy.run(*words)
    assert (status, "measuring" in said) == (0, False)
    assert sorted(folder.glob("offline-run-*")) == logged


def test_an_account_that_is_asked_for_and_missing_is_a_warning(dummy: Dummy) -> None:
    status, said = dummy.run("tracking=wandb", "tracking.mode=online", "experiments=fig1")
    assert status == 0
    assert "warning: tracking with W&B didn't work (" in said
    assert dummy.page.is_file()


def _jobs(dummy: Dummy) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((dummy.results / "runs" / "wandb").glob("*.json"))]


def test_runs_are_grouped_by_paper_profile_and_commit(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    _client(monkeypatch, dummy.root, LOGS_NOTHING)
    monkeypatch.setattr(tracking, "commit", lambda: ("abcdef0123", True))
    dummy.run("tracking=wandb", "experiments=[fig1]", "seed=2")
    (job,) = _jobs(dummy)
    assert job["id"].startswith("dummy-toy-abcdef0-")
    assert (job["group"], job["job_type"]) == ("dummy-toy-abcdef0", "dummy")
    assert job["tags"] == ["dummy", "toy", "abcdef0", "seed 2", "dirty"]
    assert (job["config"]["commit"], job["config"]["network"]) == ("abcdef0123", "toy")
    assert job["numbers"] == {"verdicts/dummy/trend reproduced": 1, "verdicts/dummy/not run": 1}


def test_runs_of_a_sweep_share_its_group(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    _client(monkeypatch, dummy.root, LOGS_NOTHING)
    dummy.run("-m", "seed=0,1", "tracking=wandb", "experiments=[fig1]")
    (group,) = {job["group"] for job in _jobs(dummy)}
    assert group.startswith("sweep-dummy-")
    assert all(group in job["tags"] for job in _jobs(dummy))


def test_only_another_outcome_is_logged_at_another_commit(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    _client(monkeypatch, dummy.root, LOGS_NOTHING)
    for revision in ("1111111", "2222222"):
        monkeypatch.setattr(tracking, "commit", lambda revision=revision: (revision, False))
        dummy.run("tracking=wandb", "experiments=[fig1]")
    assert [job["config"]["commit"] for job in _jobs(dummy)] == ["1111111"]
    dummy.run("tracking=wandb", "experiments=[fig1,fig2]")
    assert [job["config"]["commit"] for job in _jobs(dummy)] == ["1111111", "2222222"]


def test_panels_are_logged_with_their_numbers(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    _client(monkeypatch, dummy.root, LOGS_NOTHING)
    panel = Panel("The check", ("Nothing got worse.",), ("what", "how"), (("a", "b"),), numbers={"regress/red": 0.0})
    settings = {"mode": "offline", "project": "p", "timeout": 60}
    described = {"paper": "regress", "profile": "all-profiles"}
    assert tracking.track(settings, described, [], [], panels=[panel]) is None
    (job,) = _jobs(dummy)
    assert job["tables"] == [["The check", ["what", "how"], [["a", "b"]]]]
    assert job["numbers"] == {"regress/red": 0.0}
