"""The README's tables: made from the kept summaries, and in step with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from replications.paths import project_root
from replications.suite.interface import Evidence
from replications.suite.ledger import load
from replications.suite.readme import main, renew, summaries
from replications.suite.result import ExperimentResult, Provenance, StoredOutcome
from replications.suite.summary import keep, summarize_run
from replications.suite.verdicts import judge

EMPTY = "before\n<!-- verdicts -->\nold\n<!-- end of verdicts -->\nmiddle\n<!-- costs --><!-- end of costs -->\nafter\n"


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

    text = renew(EMPTY, kept[:1])
    assert "old" not in text
    assert [line for line in text.splitlines() if line in ("before", "middle", "after")] == [
        "before",
        "middle",
        "after",
    ]
    assert renew(text, kept[:1]) == text
    assert "**Zeiler & Fergus 2014, Visualizing" in text
    assert "- laptop, `zfnet_small`: 1 trend reproduced, 2 deviates, 24 not run, of 27 claims" in text
    rows = [line for line in text.splitlines() if line.startswith(("| Fig", "| Table"))]
    assert len(rows) == sum(row.kind == "claim" for row in zeiler.rows)
    assert "| **trend reproduced**<br>0.200 share [0.110, 0.290] |" in rows[0]
    assert "**deviates** (direction not established)<br>0.100 share [-0.100, 0.300]" in text
    assert "**deviates**<br>-1 points [-2.00, -0.50]" in text
    assert "| laptop, `zfnet_small` | 2: all that train nothing | 2 min | 3.0 GiB | cpu, 2 threads |" in text
    trainings = "2 networks took 1 min 1 s, the sum of their trainings"
    assert (
        f"| laptop, `zfnet_small` | 1: those that train (`FULL=1`); {trainings} | 1 h | 3.0 GiB | cpu, 2 threads |"
        in text
    )
    assert renew(text, kept).count("natural, `tiny`") == 3


def test_without_summaries_it_says_so_and_without_markers_it_refuses() -> None:
    assert renew(EMPTY, []).count("Nothing is recorded yet.") == 2
    with pytest.raises(ValueError, match="needs the markers '<!-- costs -->'"):
        renew(EMPTY.replace("<!-- costs -->", ""), [])


def test_the_readme_shows_only_pictures_that_exist() -> None:
    text = (project_root() / "README.md").read_text(encoding="utf-8")
    for part in text.split("](")[1:]:
        target = part.split(")")[0]
        if not target.startswith(("http", "#")):
            assert (project_root() / target).exists(), target
