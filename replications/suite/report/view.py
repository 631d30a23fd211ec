"""What the page says, in the paper's order, as values ready for the templates."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from replications.suite.formatting import interval, memory, number, seconds
from replications.suite.interface import Evidence, Table
from replications.suite.ledger import Ledger, Row
from replications.suite.result import ExperimentResult, StoredPicture
from replications.suite.verdicts import Comparison, Verdict, VerdictKind, count, describe, summarize

SYMBOLS = {
    VerdictKind.REPRODUCED: "✓",
    VerdictKind.TREND: "↗",
    VerdictKind.DEVIATES: "✕",
    VerdictKind.NOT_COMPARABLE: "≁",
    VerdictKind.NOT_RUN: "○",
}
STATUS_WORDS = {
    "done": "measured",
    "recorded": "recorded",
    "stale": "recorded, stale",
    "not run": "not run",
    "failed": "failed",
}


@dataclasses.dataclass(frozen=True)
class Strip:
    """An interval drawn as a strip: positions in percent of its width, and the shaded range that the claim allows.

    ends: position and number of each finite end of that range.
    """

    low: float
    effect: float
    high: float
    allowed_from: float
    allowed_to: float
    ends: tuple[tuple[float, str], ...]


@dataclasses.dataclass(frozen=True)
class Test:
    """One test of a claim in words and as a strip."""

    words: str
    strip: Strip


@dataclasses.dataclass(frozen=True)
class Claim:
    verdict: Verdict
    tests: tuple[Test, ...]


@dataclasses.dataclass(frozen=True)
class Pair:
    """One cell of a measured-beside-reported table: measured means with their intervals, and what the paper prints."""

    measured: tuple[tuple[str, str], ...]
    reported: str | None


@dataclasses.dataclass(frozen=True)
class Beside:
    """Reported rows that share their columns, with what was measured beside each number.

    measured: whether there is a measured number in any cell. common: a verdict that all of several rows have.
    """

    columns: tuple[str, ...]
    unit: str | None
    rows: tuple[tuple[Verdict, tuple[Pair, ...]], ...]
    reasons: tuple[str, ...]
    measured: bool
    common: VerdictKind | None


@dataclasses.dataclass(frozen=True)
class Section:
    """One figure or table of the paper."""

    anchor: str
    place: str
    title: str
    note: str | None
    result: ExperimentResult | None
    status: str
    claims: tuple[Claim, ...]
    besides: tuple[Beside, ...]
    settings: tuple[Verdict, ...]
    pictures: tuple[tuple[StoredPicture, str, str | None], ...]  # with the addresses of the picture and its animation
    tables: tuple[Table, ...]
    measurements: tuple[tuple[str, str, str, str], ...]
    notes: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    config: str


def sections(
    ledger: Ledger,
    results: Sequence[ExperimentResult],
    verdicts: Sequence[Verdict],
    pictures: Mapping[tuple[str, str], str],
) -> list[Section]:
    """All figures and tables in the paper's order; then experiments that are in the run and not in the ledger.

    pictures: the address on the page of (experiment, picture's file).
    """
    by_name = {result.name: result for result in results}
    known = [(s.experiment, s.place, s.title, s.note) for s in ledger.sections]
    listed = {experiment for experiment, *_ in known}
    known += [(r.name, r.name, r.title, None) for r in results if r.name not in listed]
    return [
        _section(
            place, title, note, by_name.get(name), name, [v for v in verdicts if v.row.experiment == name], pictures
        )
        for name, place, title, note in known
    ]


def tallies(verdicts: Sequence[Verdict]) -> list[tuple[str, dict[VerdictKind, int]]]:
    """Verdicts counted for claims, values and setups, those of them that the paper has."""
    names = {"claim": "Claims", "value": "Reported numbers", "setup": "Set-ups"}
    found = [(name, count(v for v in verdicts if v.row.kind == kind)) for kind, name in names.items()]
    return [(name, counted) for name, counted in found if any(counted.values())]


def deviation(verdict: Verdict) -> str:
    """How a claim deviates, in a word or two ("the opposite direction"); empty for any other verdict."""
    if verdict.kind is not VerdictKind.DEVIATES:
        return ""
    return verdict.lead.partition(".")[0].partition(":")[0].lower()


def reported(row: Row) -> str:
    """What the paper reports, in one line."""
    if row.kind == "claim":
        return row.quantity
    if row.text is not None:
        return row.text
    numbers = [
        (f"{name}: " if name != "value" else "") + _reported_number(cell.value, cell.uncertainty)
        for name, cell in row.cells.items()
    ]
    return "; ".join(numbers)


def _section(
    place: str,
    title: str,
    note: str | None,
    result: ExperimentResult | None,
    name: str,
    verdicts: Sequence[Verdict],
    pictures: Mapping[tuple[str, str], str],
) -> Section:
    outcome = result.outcome if result else None
    numbered = [v for v in verdicts if v.row.cells]
    return Section(
        anchor=name,
        place=place,
        title=title,
        note=note,
        result=result,
        status=STATUS_WORDS[result.status] if result else "not part of this run",
        claims=tuple(_claim(v) for v in verdicts if v.row.kind == "claim"),
        besides=tuple(_besides(numbered)),
        settings=tuple(v for v in verdicts if v.row.kind == "setup" and not v.row.cells),
        pictures=tuple(
            (p, pictures[name, p.file], None if p.animation is None else pictures[name, p.animation])
            for p in (outcome.pictures if outcome else ())
        ),
        tables=tuple(outcome.tables) if outcome else (),
        measurements=tuple(_measurements(result)) if result else (),
        notes=outcome.notes if outcome else (),
        provenance=tuple(_provenance(result)) if result else (),
        config=_config(result),
    )


def _claim(verdict: Verdict) -> Claim:
    words = [describe(test) for test in verdict.evidence]
    tests = zip(words, verdict.evidence, strict=True)
    return Claim(verdict, tuple(Test(f"{word[:1].upper()}{word[1:]}.", _strip(test)) for word, test in tests))


def _strip(test: Evidence) -> Strip:
    """The strip spans the interval and the finite ends of what the claim allows, with a margin."""
    ends = [x for x in (test.low, test.high, test.effect, *test.expected) if math.isfinite(x)]
    low, high = min(ends), max(ends)
    margin = 0.15 * (high - low) or 1.0
    low, high = low - margin, high + margin

    def position(value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - low) / (high - low))), 2)

    finite = tuple((position(x), number(x)) for x in test.expected if math.isfinite(x))
    least, most = map(position, test.expected)
    return Strip(position(test.low), position(test.effect), position(test.high), least, most, finite)


def _besides(verdicts: Sequence[Verdict]) -> Iterable[Beside]:
    """One table for all values of one unit; one for each setup, whose cells are all different things."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        key = f"value {verdict.row.unit}" if verdict.row.kind == "value" else verdict.row.id
        groups.setdefault(key, []).append(verdict)
    for group in groups.values():
        longest_first = sorted(group, key=lambda verdict: -len(verdict.row.cells))
        columns = tuple(dict.fromkeys(name for verdict in longest_first for name in verdict.row.cells))
        reasons = tuple(_reasons(group))
        rows = tuple((verdict, tuple(_pair(verdict, column) for column in columns)) for verdict in group)
        measured = any(pair.measured for _, pairs in rows for pair in pairs)
        alike = len(group) > 1 and len({verdict.kind for verdict in group}) == 1
        yield Beside(columns, group[0].row.unit, rows, reasons, measured, group[0].kind if alike else None)


def _reasons(group: Sequence[Verdict]) -> Iterable[str]:
    """Each sentence once; with the row's name where it belongs to one row of several."""
    sentences = Counter(verdict.sentence for verdict in group)
    for verdict in group:
        times = sentences.pop(verdict.sentence, 0)
        if times:
            yield f"{verdict.row.quantity}: {verdict.sentence}" if times == 1 and len(group) > 1 else verdict.sentence


def _pair(verdict: Verdict, column: str) -> Pair:
    cell = verdict.row.cells.get(column)
    measured = tuple(_measured(pair) for pair in verdict.comparisons if pair.cell == column)
    return Pair(measured, _reported_number(cell.value, cell.uncertainty) if cell else None)


def _measured(pair: Comparison) -> tuple[str, str]:
    """The mean, and its interval or nothing."""
    around = "" if pair.low is None or pair.high is None else interval(pair.low, pair.high)
    return number(pair.measured), around


def _reported_number(value: float, uncertainty: float | None) -> str:
    """As the paper prints it."""
    return f"{value} ± {uncertainty}" if uncertainty is not None else f"{value}"


def _measurements(result: ExperimentResult) -> Iterable[tuple[str, str, str, str]]:
    """Name, mean with interval, unit, and what the values belong to."""
    for measurement in result.outcome.measurements if result.outcome else ():
        mean, low, high = summarize(measurement)
        shown = number(mean) if low is None or high is None else f"{number(mean)} {interval(low, high)}"
        yield measurement.name, shown, measurement.unit, f"{len(measurement.values):,} ({measurement.over})"


def _provenance(result: ExperimentResult) -> Iterable[tuple[str, str]]:
    """Labels and texts of where an outcome comes from."""
    provenance = result.provenance
    if provenance is None:
        return
    if provenance.commit:
        yield "commit", provenance.commit + (", with uncommitted changes" if provenance.dirty else "")
    yield "device", provenance.device
    yield "threads", str(provenance.threads)
    yield "time", seconds(provenance.seconds)
    yield "peak memory", memory(provenance.peak_memory)
    if provenance.device_memory is not None:
        yield "memory on the device", memory(provenance.device_memory)
    yield "versions", ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
    if result.folder is not None:
        yield "outcome", result.folder.name


def _config(result: ExperimentResult | None) -> str:
    if result is None or result.provenance is None:
        return ""
    return json.dumps(result.provenance.config, indent=1, ensure_ascii=False, sort_keys=True, default=str)
