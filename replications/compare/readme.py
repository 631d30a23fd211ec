"""The README's tables of a comparison, from the recorded leaderboards (see `replications.suite.readme`)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from replications.compare.boards import FAMILIES, SETTINGS
from replications.compare.pairs import LEVEL
from replications.compare.recorded_cells import Recorded, recorded
from replications.suite.formatting import interval, number, seconds

NOTHING = "Nothing is recorded yet."
BOARD = "leaderboard"

Row = Mapping[str, Any]


def leaderboard(results: Path) -> str:
    """A table for each recorded leaderboard and setting: a row a method, the main measures with intervals, the cost.

    Below stands what a leaderboard says is missing from it.
    """
    found = recorded(results)
    took = {(r.profile, r.network, r.name): r.provenance["seconds"] for r in found}
    tables = []
    for one in found:
        own = [setting for setting in SETTINGS if one.name == BOARD and one.table(f"standings/{setting}")]
        at = {name: s for (*place, name), s in took.items() if place == [one.profile, one.network]}
        tables += [board_table(one, setting, at) for setting in own]
        if own and one.notes:
            tables.append(" ".join(one.notes))
    if not tables:
        return NOTHING
    legend = (
        "Means over units and seeds with 95 % intervals; ↑ higher is better, ↓ lower. **Bold**: first by the mean. "
        "*Italic*: not established to be worse than the first (paired permutation test over units, corrected by Holm "
        "over all pairs, at 0.05), where there are units enough to tell. "
        "Methods stand in the order of their mean place over all measures."
    )
    return "\n\n".join([legend, *tables])


def board_table(one: Recorded, setting: str, took: Mapping[str, float]) -> str:
    """One leaderboard in one setting. took: seconds by cell."""
    pairs = one.table(f"pairs/{setting}")
    what = {row["measure"]: row for row in one.table(f"measures/{setting}")}
    main = [name for name, row in what.items() if row["main"] == "yes"]
    standing = {(row["cell"], row["measure"]): row for row in one.table(f"standings/{setting}")}
    methods = sorted(one.table(f"methods/{setting}"), key=place_of)
    arrows = {"higher": "↑", "lower": "↓"}
    heads = [f"{what[m]['title']} {arrows[what[m]['better']]}" for m in main]
    lines = [
        f"**{one.profile}, `{one.network}`, {SETTINGS[setting]}**",
        "",
        _line("Method", "Family", *heads, "Passes a picture", "Time of all"),
        _line(*["---"] * (len(heads) + 4)),
    ]
    worse = _worse_than_first(pairs, standing, what)
    worse |= {(row["cell"], m) for row in methods for m in main if what[m]["can be established"] == "no"}
    for row in methods:
        cells = [_standing(standing.get((row["cell"], m)), (row["cell"], m) in worse) for m in main]
        time = seconds(took[row["cell"]]) if row["cell"] in took else "–"
        lines.append(_line(row["method"], FAMILIES.get(row["family"], row["family"]), *cells, _passes(row), time))
    return "\n".join(lines)


def agreement(results: Path) -> str:
    """For each recorded leaderboard that knows the truth: every proxy's rank correlation with it, with interval."""
    tables = [
        agreement_table(one, setting, rows)
        for one in recorded(results)
        if one.name == BOARD
        for setting in SETTINGS
        if (rows := one.table(f"agreement with truth/{setting}"))
    ]
    if not tables:
        return NOTHING
    legend = (
        "*Orders alike*: the whole interval is above 0.5; *goes with*: above 0; *goes against*: below 0; *unrelated*: "
        "between -0.3 and 0.3. Every measure is turned so that more is better."
    )
    return "\n\n".join([legend, *tables])


def agreement_table(one: Recorded, setting: str, rows: Sequence[Row]) -> str:
    """A row a proxy; for each truth the correlation over all methods and over those that make pictures."""
    titles = {row["measure"]: row["title"] for row in one.table(f"measures/{setting}")}
    truths = list(dict.fromkeys(row["held against"] for row in rows))
    heads = [head for t in truths for head in (f"With {titles[t]}", "Without natural images", "Finding")]
    methods = max(row["methods"] for row in rows)
    lines = [
        f"**{one.profile}, `{one.network}`, {SETTINGS[setting]}**: Spearman's correlation over {methods} methods, with "
        "95 % intervals from resampling units",
        "",
        _line("Measure", *heads),
        _line(*["---"] * (len(heads) + 1)),
    ]
    by_place = {(row["measure"], row["held against"]): row for row in rows}
    for measure in dict.fromkeys(row["measure"] for row in rows):
        cells = []
        for truth in truths:
            row = by_place[measure, truth]
            cells.append(_interval(row["correlation"], row["low"], row["high"]))
            cells.append(_interval(row["without natural images"], row["low without"], row["high without"]))
            cells.append("–" if row["correlation"] is None else row["says"])
        lines.append(_line(titles[measure], *cells))
    return "\n".join(lines)


def _worse_than_first(
    pairs: Sequence[Row], standing: Mapping[tuple[str, str], Row], what: Mapping[str, Row]
) -> set[tuple[str, str]]:
    """The (cell, measure) that are established to be worse than one that is first by the measure."""
    first = {place for place, row in standing.items() if row["rank"] == 1}
    found = set()
    for row in pairs:
        measure = row["measure"]
        if row["p corrected"] < LEVEL:
            sign = 1 if what[measure]["better"] == "higher" else -1
            better, worse = (row["first"], row["second"])[:: 1 if sign * row["difference"] > 0 else -1]
            if (better, measure) in first:
                found.add((worse, measure))
    return found


def place_of(row: Row) -> float:
    return math.inf if row["mean place"] is None else row["mean place"]


def _standing(row: Row | None, worse: bool) -> str:
    if row is None:
        return "–"
    text = number(row["mean"])
    if row["low"] is not None:
        text += f" {interval(row['low'], row['high'])}"
    mark = "**" if row["rank"] == 1 else "" if worse else "*"
    return f"{mark}{text}{mark}"


def _passes(row: Row) -> str:
    text = number(row["passes"])
    return f"{text} + {number(row['generator passes'])} of a generator" if row["generator passes"] else text


def _interval(estimate: float | None, low: float | None, high: float | None) -> str:
    if estimate is None or low is None or high is None:
        return "–"
    return f"{estimate:.2f} [{low:.2f}, {high:.2f}]"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
