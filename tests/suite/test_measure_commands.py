"""Measuring the README's commands: on commands made for it, in a project made for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from replications.suite import measure_commands
from replications.suite.measure_commands import (
    CommandFailed,
    clean,
    count_tests,
    differences,
    kill,
    main,
    outcomes,
    parent_of,
    run,
    tree,
)


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("....\n934 passed, 3 skipped, 12 deselected in 80.12s (0:01:20)", {"passed": 934, "skipped": 3}),
        ("== 1 failed, 7 passed, 2 xfailed in 3.10s ==\nmake: done", {"failed": 1, "passed": 7, "xfailed": 2}),
    ],
)
def test_pytests_last_line_is_read(said: str, counted: dict[str, int]) -> None:
    assert count_tests(said) == counted


def test_tests_that_say_nothing_are_no_success() -> None:
    with pytest.raises(CommandFailed, match="without saying how many passed"):
        count_tests("no tests ran in 0.01s\n12 passed the door")


def test_the_processes_of_a_command_are_those_below_it() -> None:
    assert parent_of("812 (a name) (S) 4) S 77 812 812 0 -1 4194560") == 77
    parent = {1: 0, 5: 1, 6: 5, 7: 6, 8: 1, 9: 7}
    assert sorted(tree(5, parent)) == [5, 6, 7, 9]
    assert tree(10, parent) == [10]


def test_nothing_of_the_caller_reaches_the_commands() -> None:
    ours = {"ARGS": "--skip test", "MAKEFLAGS": "ARGS=1", "REPLICATIONS_CACHE": "/x", "PYTHONPATH": "/y"}
    assert clean({**ours, "PATH": "/bin", "WANDB_MODE": "online"}) == {"PATH": "/bin", "WANDB_MODE": "offline"}


def outcome(folder: Path, value: float, seconds: float = 1.0, picture: bytes = b"png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    document = {"measurements": [{"values": [value]}], "provenance": {"seconds": seconds}}
    (folder / "outcome.json").write_text(json.dumps(document))
    (folder / "a.png").write_bytes(picture)


def test_outcomes_are_compared_bit_for_bit_but_for_where_they_were_measured(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for name in ("fig1-0", "fig2-0", "fig3-0", "fig4-0"):
        outcome(first / name, 0.1, seconds=1.0)
        outcome(second / name, 0.1, seconds=9.0)
    (second / "report").mkdir()
    (second / "report" / "index.html").write_text("another page")
    assert differences(outcomes(first), outcomes(second)) == []
    outcome(second / "fig1-0", 0.1 + 2**-56)
    outcome(second / "fig2-0", 0.1, picture=b"another")
    (second / "fig3-0").rename(second / "fig3-1")
    assert differences(outcomes(first), outcomes(second)) == [
        "fig3-0 is missing",
        "fig3-1 is not in the undisturbed run",
        "fig1-0 has other content",
        "fig2-0 has other content",
    ]


def test_time_and_memory_are_those_of_the_command_and_all_below_it(tmp_path: Path) -> None:
    inner = "import time; held = bytearray(200 * 2**20); time.sleep(0.7)"
    outer = f"import subprocess, sys; print('said'); subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    cost = run([sys.executable, "-c", outer], tmp_path, os.environ)
    assert 0.7 < cost.seconds < 30
    assert 200 * 2**20 < cost.peak_memory < 400 * 2**20
    assert cost.said == "said\n"
    with pytest.raises(CommandFailed, match=r"ended with status 3 after \d+ s:\nwhat went wrong"):
        run([sys.executable, "-c", "print('what went wrong'); raise SystemExit(3)"], tmp_path, os.environ)


def test_a_killed_command_leaves_no_process(tmp_path: Path) -> None:
    kill(["sh", "-c", "sleep 300 & echo $! > number; wait"], tmp_path, os.environ, 0.5)
    number = int((tmp_path / "number").read_text())
    for _ in range(100):
        state = Path("/proc", str(number), "stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("it still runs")
    with pytest.raises(CommandFailed, match="ended by itself after"):
        kill(["true"], tmp_path, os.environ, 5)


REPLICATE = """
import json, os, pathlib, sys, time
results = pathlib.Path(os.environ.get("REPLICATIONS_RESULTS", "results")) / "runs" / "zeiler" / "laptop"
for name in ("fig1-0", "fig2-0", "fig3-0", "fig4-0"):
    if not (results / name).exists():
        time.sleep(0.4)
        (results / name).mkdir(parents=True)
        found = {"value": len(name), "resumed": os.path.exists("wrong") and "REPLICATIONS_RESULTS" in os.environ}
        (results / name / "outcome.json").write_text(json.dumps({**found, "provenance": time.time()}))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a last commit, and commands that take a second or two."""
    root = tmp_path / "project"
    (root / "results" / "verdicts").mkdir(parents=True)
    (root / "replicate.py").write_text(REPLICATE)
    monkeypatch.setattr(measure_commands, "project_root", lambda: root)
    monkeypatch.setattr(measure_commands, "SETUP", ("true",))
    monkeypatch.setattr(measure_commands, "REPLICATE", (sys.executable, "replicate.py"))
    monkeypatch.setattr(measure_commands, "TEST", ("echo", "3 passed in 0.01s"))
    commit(root)
    return root


def commit(root: Path) -> None:
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (("init", "--quiet"), ("add", "."), (*author, "commit", "--quiet", "--message", "all")):
        subprocess.run(["git", *words], cwd=root, check=True)


def test_all_parts_are_measured_and_kept(project: Path) -> None:
    assert main([]) == 0
    found = json.loads((project / "results" / "verdicts" / "commands.json").read_text())
    assert len(found["commit"]) == 40
    assert set(found) == {"commit", "date", "processor", "cores", "python", "commands"}
    costs = found["commands"]
    assert list(costs) == ["setup", "replicate", "again", "resumed", "test"]
    assert costs["replicate"]["outcomes"] == costs["resumed"]["outcomes"] == 4
    assert costs["replicate"]["seconds"] > 1.5  # it sleeps as long
    assert 0 < costs["resumed"]["done_when_killed"] < 4
    assert costs["resumed"]["differences"] == []
    assert costs["test"]["tests"] == {"passed": 3}
    assert str(project) not in json.dumps(found)


def test_a_resumed_run_that_finds_something_else_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "wrong").write_text("")
    commit(project)
    assert main(["--skip", "again", "test"]) == 1
    assert "the resumed run: fig1-0 has other content" in capsys.readouterr().err
    costs = json.loads((project / "results" / "verdicts" / "commands.json").read_text())["commands"]
    assert list(costs) == ["setup", "replicate", "resumed"]
    assert len(costs["resumed"]["differences"]) == 4


def test_a_command_that_fails_is_told_and_nothing_is_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure_commands, "SETUP", ("sh", "-c", "echo no network; exit 2"))
    assert main([]) == 1
    assert "'sh -c echo no network; exit 2' ended with status 2 after 0 s:\nno network" in capsys.readouterr().err
    assert not (project / "results" / "verdicts" / "commands.json").exists()
