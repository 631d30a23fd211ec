"""What the comparison has on the index of all pages is what is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from compared_boards import ROLES, documents
from compared_results import Outcomes, leaderboard, record

from replications.compare.front import front
from replications.suite.report import index


def test_the_head_of_the_leaderboard_is_what_is_recorded(tmp_path: Path) -> None:
    board = leaderboard().run(Outcomes(documents(published=True)))  # type: ignore[arg-type]
    record(tmp_path, documents(published=True), board)
    (panel,) = front(tmp_path)
    assert panel.title == "Methods compared: laptop, zfnet_small"
    assert len(panel.columns) == 2 + len(ROLES["main"])
    assert len(panel.rows) == 9
    (methods,) = [t for t in board.tables if t.name == "methods/equal"]
    by_place = sorted(methods.rows, key=lambda row: row[methods.columns.index("mean place")])
    assert [row[0] for row in panel.rows] == [row[methods.columns.index("method")] for row in by_place]
    (standings,) = [t for t in board.tables if t.name == "standings/equal"]
    rows = [dict(zip(standings.columns, row, strict=True)) for row in standings.rows]
    means = {(row["measure"], row["cell"]): row["mean"] for row in rows}
    measure = ROLES["main"][0]
    name = f"leaderboard/laptop/zfnet_small/{measure}/olah2017"
    assert panel.numbers[name] == pytest.approx(means[measure, "olah2017"])
    assert {key.split("/")[3] for key in panel.numbers} == set(ROLES["main"])


def test_nothing_is_shown_where_nothing_is_recorded(tmp_path: Path) -> None:
    assert front(tmp_path) == []
    assert index.write(tmp_path).is_file()
