"""The dashboard is plain data that shows what is logged, and W&B's own package can build it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Dummy

from replications.suite import dashboard
from replications.suite.dashboard import Chart, Dashboard, Section
from replications.suite.report import index
from replications.suite.report.panels import Panel


def front(results: Path) -> list[Panel]:
    return [
        Panel(
            "The check", ("Nothing got worse.",), ("a",), (("b",),), (), {"regress/toy/red": 0, "regress/toy/same": 3}
        )
    ]


@pytest.fixture
def described(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> Dashboard:
    papers = {
        "dummy": {"title": "A paper", "front": "test_dashboard.front"},
        "regress": {"title": "The check", "command": "somewhere"},
    }
    monkeypatch.setattr(dashboard, "papers", lambda: papers)
    monkeypatch.delenv("WANDB_MODE", raising=False)  # it goes before what is asked for
    dummy.run("experiments=[fig1,fig2]", "record=true", "tracking=wandb", "tracking.mode=offline")
    recorded = dummy.results / "recorded" / "dummy"
    (recorded / "toy").rename(recorded / "laptop")
    return dashboard.dashboard(dummy.results)


def test_it_shows_what_is_logged(described: Dashboard, dummy: Dummy) -> None:
    (path,) = (dummy.results / "runs" / "wandb").glob("*.json")
    job = json.loads(path.read_text())
    logged = {"verdicts", "regress/toy/red", "regress/toy/same", "tables/The check", *job["numbers"]}
    for experiment in job["experiments"]:
        logged.add(f"{experiment['name']}/seconds")
        logged |= {f"{experiment['name']}/pictures/{picture[0]}" for picture in experiment["pictures"]}
    shown = set(dashboard.names_shown(described))
    never_here = {f"verdicts/dummy/{kind}" for kind in ("reproduced", "deviates", "not comparable")}
    assert shown - never_here <= logged
    assert {"fig1/pictures/a line", "fig2/seconds", "regress/toy/red", "tables/The check"} <= shown
    assert [section.title for section in described.sections] == ["The check", "A paper"]


def test_it_is_printed_as_json(described: Dashboard, dummy: Dummy) -> None:
    dummy.capsys.readouterr()
    assert dashboard.main([]) == 0
    said = json.loads(dummy.capsys.readouterr().out)
    assert [section["title"] for section in said["sections"]] == ["The check", "A paper"]


def test_publishing_without_an_account_is_one_sentence(
    dummy: Dummy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(dashboard, "papers", dict)
    assert dashboard.main(["--publish"]) == 2
    assert dummy.capsys.readouterr().err.startswith("dashboard: no account of W&B is configured")


@pytest.mark.parametrize("wrong", [("table", ("a", "b")), ("bars", ()), ("words", ("a",))])
def test_a_chart_shows_what_its_kind_can(wrong: tuple[dashboard.Kind, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="can't show"):
        Chart("A chart", *wrong)


def test_the_package_of_wandb_builds_it() -> None:
    pytest.importorskip("wandb_workspaces")
    charts = (
        Chart("Some *words*", "words"),
        Chart("Red", "over time", ("regress/laptop/zfnet_small/red",)),
        Chart("Seconds", "bars", ("fig1/seconds",)),
        Chart("Verdicts", "table", ("verdicts",)),
        Chart("Pictures", "pictures", ("fig1/pictures/deconvnet",)),
    )
    view = dashboard.built(Dashboard("Quality over time", (Section("All kinds", charts),)), "team", "project")
    sent = view._to_model().model_dump_json(by_alias=True)
    assert all(name in sent for chart in charts for name in chart.shows)
    assert "Some *words*" in sent
    assert [panel.__class__.__name__ for panel in view.sections[0].panels] == [
        "MarkdownPanel",
        "LinePlot",
        "BarPlot",
        "WeavePanelSummaryTable",
        "MediaBrowser",
    ]


def test_every_front_of_the_project_can_be_described(tmp_path: Path) -> None:
    assert all("title" in said for said in index.papers().values())
    found = dashboard.dashboard(tmp_path)
    assert {"zeiler", "ppgn"} <= {
        name.split("/")[1] for name in dashboard.names_shown(found) if name.startswith("verdicts/")
    }
