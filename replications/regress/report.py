"""The page of a regression check: verdicts, golden pictures beside the current ones, and all raw values as dots."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from replications.paths import atomic_write
from replications.regress.baselines import Baseline
from replications.regress.golden import sheet
from replications.regress.golden_judge import GoldenVerdict
from replications.regress.testing import ALPHA, Kind, Verdict, mean, tests
from replications.regress.values import Measured
from replications.suite.formatting import number, seconds
from replications.suite.provenance import commit
from replications.suite.report.environment import environment

PICTURES, VERDICTS = "pictures", "verdicts.json"
MOST = 200  # departures that are listed with their raw values
KINDS: tuple[Kind, ...] = ("worse", "missing", "incomparable", "better", "same")
FORMS = {"same": "=", "better": "▲", "worse": "▼", "incomparable": "≁", "missing": "○"}


@dataclasses.dataclass(frozen=True)
class Report:
    """What the page shows. command: as typed. seconds: what the check took."""

    baseline: Baseline
    measured: Measured
    verdicts: Sequence[Verdict]
    pictures: Sequence[GoldenVerdict]
    recorded: Sequence[Verdict]
    command: str
    seconds: float

    def counts(self) -> dict[str, dict[str, int]]:
        """Of measures, golden pictures and what is recorded, how many have each verdict."""
        return {
            "measures": dict(_count(self.verdicts)),
            "golden pictures": dict(_count(self.pictures)),
            "recorded": dict(_count(self.recorded)),
        }

    def summary(self) -> str:
        """How it came out, in a line."""
        head = (
            f"{self.reds} departure{'s' if self.reds > 1 else ''} for the worse" if self.reds else "Nothing got worse"
        )
        parts = [
            f"{name}: {', '.join(f'{n} {kind}' for kind, n in counted.items())}"
            for name, counted in self.counts().items()
            if counted
        ]
        return f"{head}, in {seconds(self.seconds)}; {'; '.join(parts)}."

    @property
    def reds(self) -> int:
        """How many verdicts turn the check red."""
        verdicts = [*self.verdicts, *self.recorded]
        return sum(one.red for one in verdicts) + sum(one.red for one in self.pictures)


@dataclasses.dataclass(frozen=True)
class Dots:
    """Raw values as a picture: positions in percent of its width, of the baseline's values and the current ones.

    old, new: of each value; old_mean, new_mean: of the means, None where there are no values. low, high: the values at
    0 and 100 %.
    """

    old: tuple[float, ...]
    new: tuple[float, ...]
    old_mean: float | None
    new_mean: float | None
    low: str
    high: str


@dataclasses.dataclass(frozen=True)
class Row:
    """A verdict with what its cells say."""

    verdict: Verdict
    old: str
    new: str
    difference: str
    floor: str
    adjusted: str
    dots: Dots


@dataclasses.dataclass(frozen=True)
class Shown:
    """Golden pictures on the page: addresses of both files, and the pixels of each."""

    verdict: GoldenVerdict
    old: str | None
    new: str | None
    width: int
    height: int
    distances: str
    threshold: str


def write_report(report: Report, folder: Path) -> Path:
    """Write `folder`/index.html with the pictures that it shows, and verdicts.json; gives the page. Raises OSError."""
    shown = [_shown(one, folder) for one in report.pictures]
    templates = environment("replications.regress")
    differing = [v for v in _by_weight([*report.verdicts, *report.recorded]) if v.kind != "same"]
    page = templates.get_template("regress.html.jinja").render(
        profile=report.measured.profile,
        network=report.measured.network,
        reds=report.reds,
        facts=facts(report),
        tallies=[
            ("Measures", _count(report.verdicts)),
            ("Golden pictures", _count(report.pictures)),
            ("Recorded outcomes", _count(report.recorded)),
        ],
        forms=FORMS,
        departures=[row(v) for v in differing[:MOST]],
        more=max(0, len(differing) - MOST),
        shown=shown,
        probes=[(name, _title(report, name), rows) for name, rows in _by_probe(report.verdicts)],
        recorded=_recorded(report.recorded),
        alpha=ALPHA,
        tests=tests(report.baseline.probes),
    )
    path = folder / "index.html"
    with atomic_write(path, "w") as file:
        file.write(page)
    with atomic_write(folder / VERDICTS, "w") as file:
        file.write(json.dumps(as_json(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    kept = {name.rpartition("/")[2] for one in shown for name in (one.old, one.new) if name}
    for picture in (folder / PICTURES).glob("*.png"):
        if picture.name not in kept:
            picture.unlink()
    return path


def as_json(report: Report) -> dict[str, Any]:
    """What the index of all pages and the tracking read: counts, and every verdict but "same"."""
    said = [
        _said(v, v.measure, v.difference, v.floor, v.adjusted)
        for v in _by_weight([*report.verdicts, *report.recorded])
        if v.kind != "same"
    ]
    said += [
        _said(p, "golden pictures", max(p.distances, default=None), p.golden.threshold if p.golden else None, None)
        for p in report.pictures
        if p.kind != "same"
    ]
    return {
        "summary": report.summary(),
        "red": report.reds,
        "profile": report.measured.profile,
        "network": report.measured.network,
        "command": report.command,
        "commit": commit()[0],
        "seconds": round(report.seconds, 1),
        "counts": report.counts(),
        "verdicts": said,
    }


def _said(
    verdict: Verdict | GoldenVerdict,
    measure: str,
    difference: float | None,
    floor: float | None,
    adjusted: float | None,
) -> dict[str, Any]:
    return {
        "probe": verdict.probe,
        "measure": measure,
        "kind": verdict.kind,
        "red": verdict.red,
        "difference": difference,
        "floor": floor,
        "adjusted": adjusted,
        "sentence": verdict.sentence,
    }


def facts(report: Report) -> dict[str, str]:
    """About the check, for the head of the page."""
    done = [probe for probe in report.measured.probes.values() if probe.status == "done"]
    kept = [report.baseline.probes[p.name] for p in done if p.name in report.baseline.probes]
    reasons = dict.fromkeys(f"{p.provenance['reason']} ({p.provenance['date']}, {_made(p.provenance)})" for p in kept)
    now = done[0].provenance if done else {}
    return {
        "profile": report.measured.profile,
        "network": report.measured.network,
        "current sets": ", ".join(map(str, report.measured.numbers)),
        "baseline sets": _ranges(sorted(report.baseline.numbers())),
        "baseline": "; ".join(reasons) or "none",
        "measured with": f"{_made(now)}, {now.get('device', 'unknown device')}, {_versions(now)}" if now else "nothing",
        "took": seconds(report.seconds),
        "command": report.command,
    }


def row(verdict: Verdict) -> Row:
    """A verdict with its cells."""
    difference = verdict.difference
    return Row(
        verdict,
        number(mean(verdict.old)) if verdict.old else "–",
        number(mean(verdict.new)) if verdict.new else "–",
        "–" if difference is None else f"{'+' if difference > 0 else ''}{number(difference)}",
        number(verdict.floor) if verdict.floor else "–",
        "–" if verdict.adjusted is None else number(verdict.adjusted, 2),
        dots(verdict.old, verdict.new),
    )


def dots(old: Sequence[float], new: Sequence[float], most: int = 60) -> Dots:
    """Both lists on one scale; of a long list every k-th value, so that at most about `most` are shown."""
    both = [*old, *new]
    low, high = (min(both), max(both)) if both else (0.0, 1.0)
    middle, half = (low + high) / 2, (high - low) / 2 or max(abs(high), 1.0) * 0.5
    low, high = middle - 1.15 * half, middle + 1.15 * half

    def position(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    thin = [values[:: max(1, -(-len(values) // most))] for values in (list(old), list(new))]
    means = [position(mean(values)) if values else None for values in (old, new)]
    places = [tuple(position(value) for value in values) for values in thin]
    return Dots(places[0], places[1], means[0], means[1], number(low), number(high))


def _shown(one: GoldenVerdict, folder: Path) -> Shown:
    names = {}
    for word, pictures in (("baseline", one.old), ("current", one.new)):
        names[word] = None if pictures is None else f"{PICTURES}/{one.probe}-{word}.png"
        if pictures is not None:
            with atomic_write(folder / f"{PICTURES}/{one.probe}-{word}.png") as file:
                file.write(sheet(pictures))
    some: Tensor | None = one.old if one.old is not None else one.new
    width, height = (0, 0) if some is None else (some.shape[1] * some.shape[-1], some.shape[0] * some.shape[-1])
    apart = ", ".join(number(distance, 2) for distance in one.distances)
    threshold = number(one.golden.threshold) if one.golden else "–"
    return Shown(one, names["baseline"], names["current"], width, height, apart, threshold)


def _by_weight(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda verdict: (not verdict.red, KINDS.index(verdict.kind)))


def _by_probe(verdicts: Sequence[Verdict]) -> list[tuple[str, list[Row]]]:
    groups: dict[str, list[Row]] = {}
    for verdict in verdicts:
        groups.setdefault(verdict.probe, []).append(row(verdict))
    return list(groups.items())


def _title(report: Report, name: str) -> str:
    known = report.measured.probes.get(name) or report.baseline.probes.get(name)
    return known.title if known else name


def _count(verdicts: Sequence[Verdict] | Sequence[GoldenVerdict]) -> list[tuple[str, int]]:
    found = Counter(verdict.kind for verdict in verdicts)
    return [(kind, found[kind]) for kind in KINDS if found[kind]]


def _recorded(verdicts: Sequence[Verdict]) -> list[tuple[str, list[tuple[str, int]]]]:
    """The counts of each paper and profile."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(" ".join(verdict.probe.split()[:2]), []).append(verdict)
    return [(name, _count(own)) for name, own in groups.items()]


def _made(provenance: object) -> str:
    assert isinstance(provenance, dict)
    revision = provenance.get("commit")
    return f"commit {revision[:7]}{' and changes' if provenance.get('dirty') else ''}" if revision else "no commit"


def _versions(provenance: object) -> str:
    assert isinstance(provenance, dict)
    return ", ".join(f"{name} {version}" for name, version in (provenance.get("versions") or {}).items())


def _ranges(numbers: Sequence[int]) -> str:
    """ "0 to 23, 30" """
    runs: list[list[int]] = []
    for one in numbers:
        if runs and one == runs[-1][-1] + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs) or "none"
