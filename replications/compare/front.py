"""What the comparison has on the index of all pages: the head of each recorded leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from replications.compare.boards import EQUAL, FAMILIES, SETTINGS
from replications.compare.export import LEADERBOARD
from replications.compare.readme import BOARD, place_of
from replications.compare.recorded_cells import Recorded, recorded
from replications.suite.formatting import interval, number
from replications.suite.report.panels import Panel

HEAD = 10
ARROWS = {"higher": "↑", "lower": "↓"}


def front(results: Path) -> list[Panel]:
    """A panel for each recorded leaderboard at equal compute: the methods that stand first, and the main measures."""
    boards = [one for one in recorded(results) if one.name == BOARD and one.table(f"standings/{EQUAL}")]
    return [_panel(one, results) for one in boards]


def _panel(one: Recorded, results: Path) -> Panel:
    what = [row for row in one.table(f"measures/{EQUAL}") if row["main"] == "yes"]
    standing = {(row["cell"], row["measure"]): row for row in one.table(f"standings/{EQUAL}")}
    methods = sorted(one.table(f"methods/{EQUAL}"), key=place_of)
    rows = tuple(
        (
            str(row["method"]),
            FAMILIES.get(row["family"], row["family"]),
            *(_standing(standing.get((row["cell"], m["measure"]))) for m in what),
        )
        for row in methods[:HEAD]
    )
    more = f", the first {HEAD} of {len(methods)} methods" if len(methods) > HEAD else ""
    page = results / "runs" / "compare" / one.profile
    return Panel(
        title=f"Methods compared: {one.profile}, {one.network}",
        sentences=(f"At {SETTINGS[EQUAL]}{more}, by their mean place over all measures; means with 95 % intervals.",),
        columns=("method", "family", *(f"{m['title']} {ARROWS[m['better']]}" for m in what)),
        rows=rows,
        links=(
            ("the whole leaderboard, with tests and pictures", page / "report" / "leaderboard.html"),
            ("all numbers as CSV", results / LEADERBOARD),
        ),
        numbers={
            f"leaderboard/{one.profile}/{one.network}/{measure}/{cell}": float(row["mean"])
            for (cell, measure), row in standing.items()
            if measure in {m["measure"] for m in what}
        },
    )


def _standing(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "–"
    return number(row["mean"]) + ("" if row["low"] is None else f" {interval(row['low'], row['high'])}")
