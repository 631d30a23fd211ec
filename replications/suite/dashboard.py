"""A project's dashboard in W&B, described in code: `make dashboard`, `python -m replications.suite.dashboard`.

What it shows follows from what is recorded: a section for the regression check, one for the leaderboard, and for each
paper its verdicts, its pictures and what they cost. Without --publish the description is printed as JSON; with it the
saved view is made in the project of conf/tracking/wandb.yaml, which takes the extra `dashboard` (wandb-workspaces) and
an account. Names of metrics are those that `tracking` logs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from replications.paths import project_root, results_root
from replications.suite.errors import WrongInput, sentence
from replications.suite.recorded import read_document
from replications.suite.report.index import papers
from replications.suite.report.panels import Panel
from replications.suite.verdicts import VerdictKind

Kind = Literal["over time", "bars", "table", "pictures", "words"]

GROUPED_BY = ("config.paper", "config.profile", "config.commit")
PICTURES = 24  # of a section
BARS = 40  # of a chart


@dataclasses.dataclass(frozen=True)
class Chart:
    """One panel of a section.

    kind: "over time": metrics, a point for each logged run; "bars": metrics of the newest runs; "table": the one table
        named; "pictures": those named; "words": none, the title is Markdown.
    shows: names as they are logged.
    """

    title: str
    kind: Kind
    shows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind == "words") != (not self.shows) or (self.kind == "table" and len(self.shows) != 1):
            raise ValueError(f"a chart of kind '{self.kind}' can't show {list(self.shows)}")


@dataclasses.dataclass(frozen=True)
class Section:
    """Charts under one heading. open: whether they are shown before a click."""

    title: str
    charts: tuple[Chart, ...]
    open: bool = True


@dataclasses.dataclass(frozen=True)
class Dashboard:
    """A saved view of a project. grouped_by: what runs are grouped by, from the outside in."""

    title: str
    sections: tuple[Section, ...]
    grouped_by: tuple[str, ...] = GROUPED_BY


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the description, or with --publish make it in W&B; the exit status is 2 where that can't be done."""
    parser = argparse.ArgumentParser(prog="python -m replications.suite.dashboard", description=main.__doc__)
    parser.add_argument("--publish", action="store_true", help="make the saved view in W&B")
    publishing = parser.parse_args(arguments).publish
    described = dashboard(results_root())
    if not publishing:
        print(json.dumps(dataclasses.asdict(described), indent=1, ensure_ascii=False))
        return 0
    try:
        print(publish(described, tracked()))
    except WrongInput as error:
        print(f"dashboard: {sentence(error)}", file=sys.stderr)
        return 2
    return 0


def tracked() -> dict[str, Any]:
    """The project that runs are logged to."""
    found: dict[str, Any] = yaml.safe_load((project_root() / "conf/tracking/wandb.yaml").read_text(encoding="utf-8"))
    return found


def dashboard(results: Path) -> Dashboard:
    """What there is to show of these results and of what is recorded with the project."""
    from hydra.utils import get_method

    known = papers()
    sections: list[Section] = []
    for said in known.values():
        if "front" in said:
            sections += [_front(panel) for panel in get_method(said["front"])(results)]
    sections += [_paper(key, str(said["title"]), results) for key, said in known.items() if "command" not in said]
    return Dashboard("Quality over time", tuple(sections))


def _front(panel: Panel) -> Section:
    """A panel of the index page: its sentences, its table, and its numbers over time, those of one kind together."""
    charts = [Chart("  \n".join(panel.sentences), "words")] if panel.sentences else []
    if panel.rows:
        charts.append(Chart(panel.title, "table", (f"tables/{panel.title}",)))
    together: dict[str, list[str]] = {}
    for name in panel.numbers:
        together.setdefault(name.rpartition("/")[0], []).append(name)
    charts += [Chart(about, "over time", tuple(names)) for about, names in together.items()]
    return Section(panel.title, tuple(charts))


def _paper(key: str, title: str, results: Path) -> Section:
    """Verdicts over time and in full, the first picture of each experiment, and what the experiments took."""
    names, pictures = [], []
    for folder in _recorded(key, results):
        document = read_document(folder)
        if document is not None and document["experiment"] not in names:
            names.append(str(document["experiment"]))
            pictures += [f"{names[-1]}/pictures/{picture['name']}" for picture in document["pictures"][:1]]
    charts = [
        Chart("Verdicts", "over time", tuple(f"verdicts/{key}/{kind}" for kind in VerdictKind)),
        Chart("Verdicts", "table", ("verdicts",)),
    ]
    if pictures:
        charts.append(Chart("Pictures", "pictures", tuple(pictures[:PICTURES])))
    if names:
        charts.append(Chart("Seconds", "bars", tuple(f"{name}/seconds" for name in names[:BARS])))
    return Section(title, tuple(charts), open=False)


def _recorded(key: str, results: Path) -> Iterator[Path]:
    """Folders of recorded outcomes, those of the first profile that has any first."""
    for root in dict.fromkeys((results, project_root() / "results")):
        for profile in ("laptop", "natural", "imagenet"):
            yield from sorted((root / "recorded" / key / profile).glob("*"))


def publish(described: Dashboard, project: Mapping[str, Any]) -> str:
    """Make the saved view in W&B; gives its address.

    Raises:
        WrongInput: the package or an account is missing, or W&B refuses.
    """
    from replications.suite.tracking import account_configured

    if not account_configured():
        raise WrongInput("no account of W&B is configured; run `wandb login`, or set WANDB_API_KEY")
    entity = project.get("entity") or os.environ.get("WANDB_ENTITY") or _default_entity()
    view = built(described, entity, str(project["project"]))
    try:
        view.save()
    except Exception as error:  # whatever the service answers
        raise WrongInput(f"W&B didn't take the dashboard ({type(error).__name__}: {sentence(error)})") from error
    return str(view.url)


def built(described: Dashboard, entity: str, project: str) -> Any:
    """The description as a `wandb_workspaces.workspaces.Workspace`, which nobody has saved yet.

    Raises:
        WrongInput: the package isn't installed.
    """
    try:
        import wandb_workspaces.reports.v2 as reports
        import wandb_workspaces.workspaces as workspaces
    except ImportError as error:
        raise WrongInput(
            "making a dashboard takes the package wandb-workspaces: pip install -e '.[dashboard]'"
        ) from error
    sections = [
        workspaces.Section(
            name=section.title,
            panels=[_panel(reports, chart) for chart in section.charts],
            is_open=section.open,
        )
        for section in described.sections
    ]
    groups = [workspaces.Config(name.removeprefix("config.")) for name in described.grouped_by]
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name=described.title,
        sections=sections,
        runset_settings=workspaces.RunsetSettings(groupby=groups),
    )


def _panel(reports: Any, chart: Chart) -> Any:
    names = list(chart.shows)
    match chart.kind:
        case "over time":
            return reports.LinePlot(title=chart.title, x="_timestamp", y=names)
        case "bars":
            return reports.BarPlot(title=chart.title, metrics=[reports.SummaryMetric(name) for name in names])
        case "table":
            return reports.WeavePanelSummaryTable(table_name=names[0])
        case "pictures":
            return reports.MediaBrowser(title=chart.title, media_keys=names)
        case "words":
            return reports.MarkdownPanel(markdown=chart.title)


def names_shown(described: Dashboard) -> Iterable[str]:
    """Every name that some chart shows."""
    return (name for section in described.sections for chart in section.charts for name in chart.shows)


def _default_entity() -> str:
    import wandb

    found = wandb.Api().default_entity
    if not found:
        raise WrongInput("W&B names no default team; set `entity` in conf/tracking/wandb.yaml, or WANDB_ENTITY")
    return str(found)


if __name__ == "__main__":
    sys.exit(main())
