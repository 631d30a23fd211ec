"""The README's tables: made from the kept summaries, and in step with them."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from replications.paths import project_root
from replications.suite.interface import Evidence
from replications.suite.ledger import load
from replications.suite.readme import main, measured_commands, renew, summaries
from replications.suite.report.index import papers
from replications.suite.result import ExperimentResult, Provenance, StoredOutcome
from replications.suite.summary import keep, summarize_run
from replications.suite.verdicts import judge

EMPTY = "before\n<!-- verdicts -->\nold\n<!-- end of verdicts -->\nmiddle\n<!-- costs --><!-- end of costs -->\n"
EMPTY += "<!-- commands -->old<!-- end of commands -->\nafter\n"


def run(name: str, trains: bool, took: float, *evidence: Evidence) -> ExperimentResult:
    trained = {"shared": 60.0, name: 1.0} if trains else {}
    made = Provenance({}, {}, None, False, {}, "cpu, 2 threads", 2, took, 3 * 2**30, None, "replicate", trained)
    return ExperimentResult(
        name,
        name,
        "done",
        "",
        "replicate",
        StoredOutcome(evidence=evidence),
        Path(),
        made,
        trains=trains,
    )


def test_the_readme_is_in_step_with_the_recorded_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_what_the_readme_links_to_and_imports_is_there() -> None:
    text = (project_root() / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text)
    assert len(links) > 20
    assert [link for link in links if "://" not in link and not (project_root() / link).exists()] == []
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    assert hasattr(module, alias.name) or importlib.util.find_spec(f"{node.module}.{alias.name}")


def test_the_commands_of_the_readme_are_in_the_makefile() -> None:
    text = (project_root() / "README.md").read_text(encoding="utf-8")
    makefile = (project_root() / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
    # What has a turn of its own, or none, is no paper but something made of papers, with a command of its name.
    expected = {f"replicate-{key}" if "turn" not in said else key for key, said in papers().items()}
    assert expected | {"replicate", "index"} <= targets
    assert expected <= named <= targets
    phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY:"))
    assert set(phony.split()[1:]) == targets


def test_tables_come_from_the_runs_and_nothing_else_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATIONS_RESULTS", str(tmp_path))
    zeiler = load("zeiler")
    results = [
        run("fig2", False, 100, Evidence("ZF-C-F2-purity-grows", "m", 0.2, 0.11, 0.29, "share", 48, "map")),
        run("fig7", False, 20, Evidence("ZF-C-F7-map-follows", "m", 0.1, -0.1, 0.3, "share", 48, "image")),
        run("table2", True, 3600, Evidence("ZF-C-T2-zfnet-better", "m", -1.0, -2, -0.5, "points", 3, "seed", seeds=3)),
    ]
    verdicts = judge(zeiler, results, "laptop")
    path = keep(summarize_run("zeiler", "laptop", "zfnet_small", results, verdicts), "zfnet_small")
    assert path == tmp_path / "verdicts" / "zeiler-laptop.json"
    other = keep(summarize_run("zeiler", "natural", "tiny", results[:1], verdicts), "squeezenet")
    assert other.name == "zeiler-natural-tiny.json"
    kept = summaries(tmp_path / "verdicts")
    assert [summary["profile"] for summary in kept] == ["laptop", "natural"]
    assert kept[0] == json.loads(path.read_text(encoding="utf-8"))

    text = renew(EMPTY, kept[:1], None)
    assert "old" not in text
    assert [line for line in text.splitlines() if line in ("before", "middle", "after")] == [
        "before",
        "middle",
        "after",
    ]
    assert renew(text, kept[:1], None) == text
    assert "**Zeiler & Fergus 2014, Visualizing" in text
    assert "- laptop, `zfnet_small`: 1 trend reproduced, 2 deviates, 24 not run, of 27 claims" in text
    rows = [line for line in text.splitlines() if line.startswith(("| Fig", "| Table"))]
    assert len(rows) == sum(row.kind == "claim" for row in zeiler.rows)
    assert "| **trend reproduced**<br>0.200 share [0.110, 0.290] |" in rows[0]
    assert "**deviates** (direction not established)<br>0.100 share [-0.100, 0.300]" in text
    assert "**deviates**<br>-1 points [-2.00, -0.50]" in text
    assert "| zeiler: laptop, `zfnet_small` | 2: of every run | 2 min | 3.0 GiB | cpu, 2 threads |" in text
    trainings = "2 networks took 1 min 1 s of one core, several at once"
    trained = f"| zeiler: laptop, `zfnet_small` | 1: with `FULL=1` only; {trainings} |"
    assert f"{trained} 1 h | 3.0 GiB | cpu, 2 threads |" in text
    assert renew(text, kept, None).count("natural, `tiny`") == 3


def test_without_summaries_it_says_so_and_without_markers_it_refuses() -> None:
    assert renew(EMPTY, [], None).count("Nothing is recorded yet.") == 2
    assert "Not measured yet." in renew(EMPTY, [], None)
    with pytest.raises(ValueError, match="needs the markers '<!-- costs -->'"):
        renew(EMPTY.replace("<!-- costs -->", ""), [], None)


COMMANDS: dict[str, Any] = {
    "commit": "0123456789abcdef",
    "date": "2026-01-31",
    "processor": "AMD EPYC",
    "cores": 2,
    "python": "3.11.7",
    "commands": {
        "setup": {"seconds": 150.2, "peak_memory": 300 * 2**20},
        "replicate": {"seconds": 85.0, "peak_memory": 1.75 * 2**30, "outcomes": 12},
        "again": {"seconds": 6.84, "peak_memory": 500 * 2**20},
        "resumed": {
            "seconds": 51.0,
            "peak_memory": 1.5 * 2**30,
            "killed_after": 42.5,
            "done_when_killed": 5,
            "outcomes": 12,
            "differences": [],
        },
        "test": {"seconds": 80.0, "peak_memory": 2**31, "tests": {"passed": 1001, "skipped": 3}},
    },
}


def test_what_the_commands_cost_stands_as_it_was_measured(tmp_path: Path) -> None:
    text = renew(EMPTY, [], COMMANDS)
    assert text.splitlines()[-15:] == [
        "<!-- commands -->",
        "",
        "|  | Time | Peak memory |",
        "| --- | --- | --- |",
        "| `make setup`: everything is installed | 2 min 30 s | 300 MiB |",
        "| `make replicate-zeiler`, the first run | 1 min 25 s | 1.8 GiB |",
        "| the same again | 6.8 s | 500 MiB |",
        "| the same in new folders, killed half-way and started again: the rest | 51 s | 1.5 GiB |",
        "| `make test`: 1,001 passed, 3 skipped | 1 min 20 s | 2.0 GiB |",
        "",
        "Measured in a fresh clone of commit `0123456` on 2 cores (AMD EPYC), Python 3.11.7, on 2026-01-31 "
        "(`make measure-commands`).",
        "Killed with SIGKILL after 42 s, 5 outcomes done, and started again, it found 12: all are those of the "
        "undisturbed run, bit for bit.",
        "",
        "<!-- end of commands -->",
        "after",
    ]
    (tmp_path / "commands.json").write_text(json.dumps(COMMANDS))
    assert measured_commands(tmp_path) == COMMANDS
    assert summaries(tmp_path) == []  # it is no summary of a run
    assert measured_commands(tmp_path / "nowhere") is None


def test_a_part_that_was_skipped_is_left_out_and_a_difference_is_said() -> None:
    commands = {name: cost for name, cost in COMMANDS["commands"].items() if name in ("setup", "resumed")}
    commands["resumed"] = {**commands["resumed"], "differences": ["fig2-0 has other content"]}
    text = renew(EMPTY, [], {**COMMANDS, "commands": commands})
    assert "make test" not in text
    assert "it found 12: 1 differ from the undisturbed run's." in text


def test_the_readme_shows_only_pictures_that_exist() -> None:
    text = (project_root() / "README.md").read_text(encoding="utf-8")
    for part in text.split("](")[1:]:
        target = part.split(")")[0]
        if not target.startswith(("http", "#")):
            assert (project_root() / target).exists(), target
