"""The page of a leaderboard, beside the paper's report: the table, the tests behind it, the pictures behind both."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from replications.compare.boards import FAMILIES, SETTINGS
from replications.compare.pairs import LEVEL
from replications.paths import atomic_write
from replications.suite.formatting import interval, memory, number, seconds
from replications.suite.interface import Table
from replications.suite.report.environment import environment
from replications.suite.result import ExperimentResult, StoredOutcome, StoredPicture

FILE, TITLE = "leaderboard.html", "The leaderboard: a table to sort, paired tests, and the pictures behind each number"
BOARD = "leaderboard"
CSS_SCALE = 96 / 150  # CSS pixels for a pixel of a picture, as on the report

Row = Mapping[str, Any]
Shown = Mapping[tuple[str, str], str]


@dataclasses.dataclass(frozen=True)
class Number:
    """A cell of the table. better: whether first, or not established to be worse than the first."""

    mean: float
    text: str
    around: str
    rank: int
    first: bool
    near: bool


@dataclasses.dataclass(frozen=True)
class Method:
    """A row of the table. picture: the address of its pictures, or None."""

    cell: str
    title: str
    family: str
    numbers: Mapping[str, Number]
    place: float | None
    passes: float
    generator_passes: float
    looked_at: float
    seconds: float | None
    memory: float | None
    status: str
    picture: str | None


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the page says of one setting."""

    key: str
    title: str
    words: Mapping[str, Sequence[str]]  # by what they are about
    measures: tuple[Row, ...]
    methods: tuple[Method, ...]
    pairs: Sequence[Mapping[str, Any]]
    agreement: Table | None
    pictures: tuple[tuple[StoredPicture, str], ...]


def leaderboard(
    results: Sequence[ExperimentResult], folder: Path, facts: Mapping[str, str], pictures: Shown
) -> tuple[str, str] | None:
    """Writes `folder`/leaderboard.html (see `report.write.PageWriter`); None where there is no leaderboard."""
    by_name = {result.name: result for result in results}
    board = by_name.get(BOARD)
    if board is None or board.outcome is None:
        return None
    found = [
        _setting(key, board.outcome, by_name, pictures) for key in SETTINGS if _rows(board.outcome, "methods", key)
    ]
    page = (
        _environment()
        .get_template("leaderboard.html.jinja")
        .render(
            facts=facts,
            settings=found,
            families=_families(found),
            protocol=protocol_words(results),
            notes=board.outcome.notes,
            status=board.sentence if board.status == "stale" else "",
            galleries=_galleries(found, by_name, pictures),
            level=LEVEL,
        )
    )
    with atomic_write(folder / FILE, "w") as file:
        file.write(page)
    return FILE, TITLE


def protocol_words(results: Sequence[ExperimentResult]) -> list[str]:
    """The protocol that the methods were measured by, in sentences; empty where none was measured."""
    configs = [r.provenance.config.get("experiment", {}) for r in results if r.provenance is not None]
    protocol = next((c["protocol"] for c in configs if c.get("protocol")), None)
    if protocol is None:
        return []
    hidden = ", ".join(f"{count} of layer {layer}" for layer, count in protocol["hidden"].items() if count)
    classes = "all classes" if protocol["classes"] is None else f"the first {protocol['classes']} classes"
    return [
        f"Units, chosen by a rule and never by hand: {classes} of the data that the network knows"
        + (f", and hidden units drawn at random among those that fire often enough ({hidden})." if hidden else "."),
        f"Every method makes {protocol['pictures']} pictures of each unit in each of {len(protocol['seeds'])} sets "
        f"(seeds). For each set {protocol['training_images']:,} training images, at most, are drawn anew; a method may "
        "look at these and at no others.",
        f"At equal compute every method that optimizes has about {protocol['passes']} forward-backward passes of the "
        "network for one picture, views counted; at published settings each has what its authors gave it. Methods that "
        "don't optimize have one setting and stand beside both.",
        f"Pictures are measured against {protocol['validation_images']:,} validation images, at most, that no method "
        "has seen, by a network that none has optimized.",
        "A mean is over all units and sets, with a 95 % interval from resampling both. Two methods are compared on the "
        "same units, by a permutation test that swaps them within units, two-sided; its p-values are corrected by Holm "
        f"over all pairs of methods. “Established” is a corrected p below {LEVEL:g}.",
    ]


def _setting(key: str, outcome: StoredOutcome, by_name: Mapping[str, ExperimentResult], pictures: Shown) -> Setting:
    measures = _rows(outcome, "measures", key)
    standing = {(row["cell"], row["measure"]): row for row in _rows(outcome, "standings", key)}
    pairs = _rows(outcome, "pairs", key)
    worse = _established_worse(pairs, measures)
    first = {place for place, row in standing.items() if row["rank"] == 1}
    told = {m["measure"] for m in measures if m["main"] == "yes" and m["can be established"] == "yes"}
    methods = []
    for row in _rows(outcome, "methods", key):
        cell = row["cell"]
        numbers = {}
        for name in (m["measure"] for m in measures):
            if (cell, name) in standing:
                beaten = any((cell, other, name) in worse for other, measure in first if measure == name)
                numbers[name] = _number(standing[cell, name], name in told and not beaten)
        methods.append(_method(row, numbers, by_name.get(cell), pictures))
    agreement = next((t for t in outcome.tables if t.name == f"agreement with truth/{key}" and t.rows), None)
    return Setting(
        key,
        SETTINGS[key],
        _words(_rows(outcome, "words", key)),
        tuple(measures),
        tuple(sorted(methods, key=lambda m: 2 if m.place is None else m.place)),
        _matrix(pairs, measures),
        agreement,
        tuple((p, pictures[BOARD, p.file]) for p in outcome.pictures if p.name.endswith(f"_{key}")),
    )


def _method(row: Row, numbers: Mapping[str, Number], result: ExperimentResult | None, pictures: Shown) -> Method:
    made = result.provenance if result is not None else None
    shown = result.outcome.pictures[0].file if result and result.outcome and result.outcome.pictures else ""
    return Method(
        row["cell"],
        row["method"],
        row["family"],
        numbers,
        row["mean place"],
        row["passes"],
        row["generator passes"],
        row["images looked at"],
        made.seconds if made else None,
        (made.device_memory or made.peak_memory) if made else None,
        result.status if result else "",
        pictures.get((row["cell"], shown)),
    )


def _number(row: Row, near: bool) -> Number:
    around = "" if row["low"] is None else interval(row["low"], row["high"])
    return Number(row["mean"], number(row["mean"]), around, row["rank"], row["rank"] == 1, near)


def _established_worse(pairs: Sequence[Row], measures: Sequence[Row]) -> set[tuple[str, str, str]]:
    """(worse, better, measure) of all pairs whose difference is established."""
    signs = {m["measure"]: 1 if m["better"] == "higher" else -1 for m in measures}
    found = set()
    for row in pairs:
        if row["p corrected"] < LEVEL and row["difference"]:
            ahead = signs[row["measure"]] * row["difference"] > 0
            a, b = row["first"], row["second"]
            found.add((b, a, row["measure"]) if ahead else (a, b, row["measure"]))
    return found


def _words(rows: Sequence[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["about"], []).append(row["what the numbers say"])
    return found


def _matrix(pairs: Sequence[Row], measures: Sequence[Row]) -> list[dict[str, Any]]:
    """What the page's script draws the matrix from: of each measure its words and [first, second, numbers ...]."""
    keys = ("first", "second", "difference", "low", "high", "p corrected", "units")
    tested = {row["measure"] for row in pairs}
    return [
        {
            "title": m["title"],
            "unit": m["unit"],
            "sign": 1 if m["better"] == "higher" else -1,
            "pairs": [[row[key] for key in keys] for row in pairs if row["measure"] == m["measure"]],
        }
        for m in measures
        if m["measure"] in tested
    ]


def _galleries(
    found: Sequence[Setting], by_name: Mapping[str, ExperimentResult], shown: Shown
) -> list[tuple[ExperimentResult, list[tuple[StoredPicture, str]]]]:
    """Every method that has pictures with them and their addresses, by family and as they stand in the tables."""
    order = [family for family, _ in _families(found)]
    methods = sorted((m for setting in found for m in setting.methods), key=lambda m: order.index(m.family))
    results = [by_name[cell] for cell in dict.fromkeys(m.cell for m in methods) if cell in by_name]
    return [
        (result, [(picture, shown[result.name, picture.file]) for picture in result.outcome.pictures])
        for result in results
        if result.outcome is not None and result.outcome.pictures
    ]


def _families(found: Sequence[Setting]) -> list[tuple[str, str]]:
    there = dict.fromkeys(method.family for setting in found for method in setting.methods)
    own = {family: family for family in there if family not in FAMILIES}  # a family that somebody has added
    return [(family, words) for family, words in {**FAMILIES, **own}.items() if family in there]


def _rows(outcome: StoredOutcome, name: str, setting: str) -> list[dict[str, Any]]:
    return [row for table in outcome.tables if table.name == f"{name}/{setting}" for row in _by_column(table)]


def _by_column(table: Table) -> Iterator[dict[str, Any]]:
    for row in table.rows:
        yield dict(zip(table.columns, row, strict=True))


def _environment() -> jinja2.Environment:
    templates = environment("replications.compare")
    templates.filters["number"] = lambda value: (
        "–" if value is None else value if isinstance(value, str) else number(value)
    )
    templates.filters["seconds"] = lambda value: "–" if value is None else seconds(value)
    templates.filters["memory"] = lambda value: "–" if value is None else memory(value)
    templates.filters["css_pixels"] = lambda pixels: round(pixels * CSS_SCALE)
    templates.globals["families_of"] = FAMILIES
    return templates
