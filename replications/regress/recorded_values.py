"""The baseline of what isn't measured anew: the raw values of the recorded outcomes of all papers and profiles.

One file for a paper and profile, results/baselines/recorded/<paper>-<profile>.json.gz: for each recorded outcome its
measurements' raw values to seven digits, with the configuration's hash and what it was made with. Only files whose
content changes are written. How they are compared is said in `testing`.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from replications.paths import atomic_write, project_root
from replications.regress.baselines import BadBaseline
from replications.regress.testing import ALPHA, Compared, Verdict, decide, in_order, mean
from replications.regress.values import Made, changed_libraries
from replications.suite.errors import sentence
from replications.suite.identity import PARTS
from replications.suite.interface import Direction
from replications.suite.outcome_json import digest
from replications.suite.store import read_document

FORMAT = 1
DIGITS = 7
OF_DEVIATION, OF_MEAN = 0.1, 0.01  # what a difference must exceed
KEPT = ("commit", "dirty", "versions", "device", "threads", "seconds")


@dataclasses.dataclass(frozen=True)
class RawValues:
    """One measurement of a recorded outcome."""

    values: tuple[float, ...]
    unit: str
    over: str
    better: Direction


@dataclasses.dataclass(frozen=True)
class RecordedOutcome:
    """Raw values by the measurement's name, and what they were made with. provenance: of the recording; in a baseline
    `reason` and `date` too."""

    measurements: Mapping[str, RawValues]
    made: Made
    provenance: Mapping[str, Any]


Key = tuple[str, str, str]  # paper, profile, folder


def recorded_root() -> Path:
    """The project's recorded outcomes."""
    return project_root() / "results" / "recorded"


def recorded_now(root: Path | None = None) -> dict[Key, RecordedOutcome]:
    """All recorded outcomes by paper, profile and folder.

    Raises:
        BadBaseline: an outcome can't be read.
    """
    found = {}
    for path in sorted((root or recorded_root()).glob("*/*/*/outcome.json")):
        key = (path.parts[-4], path.parts[-3], path.parts[-2])
        try:
            document = read_document(path.parent)
            if document is not None:
                found[key] = of_document(document)
        except (ValueError, KeyError, TypeError) as error:
            raise BadBaseline(f"'{path}' can't be read as an outcome ({sentence(error)}); record it anew") from error
    return found


def of_document(document: Mapping[str, Any]) -> RecordedOutcome:
    """The raw values of an outcome's document."""
    provenance = document["provenance"]
    identity = provenance["identity"]
    inputs = {part: identity[part] for part in PARTS if identity.get(part) is not None}
    inputs |= {key: identity[key] for key in ("files", "reads") if identity.get(key)}
    measurements = {
        m["name"]: RawValues(tuple(map(rounded, m["values"])), m["unit"], m["over"], m["better"])
        for m in document["measurements"]
    }
    made = Made({**identity["parameters"], "seed": identity["seed"]}, inputs)
    return RecordedOutcome(measurements, made, {key: provenance.get(key) for key in KEPT})


def rounded(value: float) -> float:
    """To seven significant digits."""
    return float(f"{value:.{DIGITS}g}")


def load(folder: Path) -> dict[Key, RecordedOutcome]:
    """The baseline; empty where none is written.

    Raises:
        BadBaseline: a file isn't one.
    """
    found: dict[Key, RecordedOutcome] = {}
    for path in sorted((folder / "recorded").glob("*.json.gz")):
        try:
            document = json.loads(gzip.decompress(path.read_bytes()))
            if document["format"] != FORMAT:
                raise ValueError(f"expected the format {FORMAT}")
            for name, one in document["outcomes"].items():
                found[document["paper"], document["profile"], name] = _outcome(one, document["inputs"])
        except (KeyError, TypeError, ValueError, AttributeError, OSError, EOFError) as error:
            raise BadBaseline(
                f"'{path}' can't be read as a baseline ({type(error).__name__}: {sentence(error)}); take it from the "
                "commit that it was written in, or write it anew with make baseline"
            ) from error
    return found


def updated(
    old: Mapping[Key, RecordedOutcome], now: Mapping[Key, RecordedOutcome], reason: str, date: str
) -> dict[Key, RecordedOutcome]:
    """The baseline with what is recorded now; outcomes whose values and making are unchanged keep their old entry."""
    found = {}
    for key, outcome in now.items():
        before = old.get(key)
        if before is not None and _same(before, outcome):
            found[key] = before
        else:
            provenance = {**outcome.provenance, "reason": reason, "date": date}
            found[key] = dataclasses.replace(outcome, provenance=provenance)
    return found


def changes(old: Mapping[Key, RecordedOutcome], new: Mapping[Key, RecordedOutcome]) -> list[str]:
    """What writing `new` over `old` changes, a line each, old mean -> new mean; one for a new or removed outcome."""
    lines = []
    for key in dict.fromkeys([*old, *new]):
        name, before, after = " ".join(key), old.get(key), new.get(key)
        if before is None or after is None:
            known = before or after
            assert known is not None
            count = sum(len(m.values) for m in known.measurements.values())
            word = "not recorded any more" if after is None else "new"
            lines.append(f"{name}: {word}, {len(known.measurements)} measurements, {count} values")
            continue
        for measure in dict.fromkeys([*before.measurements, *after.measurements]):
            a, b = before.measurements.get(measure), after.measurements.get(measure)
            if a != b:
                lines.append(f"{name} {measure}: {_mean(a)} -> {_mean(b)}")
    return lines


def write(outcomes: Mapping[Key, RecordedOutcome], folder: Path) -> int:
    """Write a file for each paper and profile, those whose content changed; gives the bytes of all of them.

    Raises:
        OSError: the folder can't be written.
    """
    groups: dict[str, dict[Key, RecordedOutcome]] = {}
    for key, outcome in outcomes.items():
        groups.setdefault(f"{key[0]}-{key[1]}.json.gz", {})[key] = outcome
    size = 0
    for name, group in groups.items():
        content = _content(group)
        path = folder / "recorded" / name
        if not path.is_file() or path.read_bytes() != content:
            with atomic_write(path) as file:
                file.write(content)
        size += len(content)
    for path in (folder / "recorded").glob("*.json.gz"):
        if path.name not in groups:
            path.unlink()
    return size


def judge(
    baseline: Mapping[Key, RecordedOutcome], now: Mapping[Key, RecordedOutcome], *, alpha: float = ALPHA
) -> list[Verdict]:
    """The verdict on each measurement of each recorded outcome; `probe` is "paper profile folder"."""
    keys = sorted({*baseline, *now})
    tested: list[Compared] = []
    said: list[Verdict] = []
    order: list[tuple[str, str]] = []
    for key in keys:
        name, old, new = " ".join(key), baseline.get(key), now.get(key)
        for measure in dict.fromkeys([*(old.measurements if old else ()), *(new.measurements if new else ())]):
            order.append((name, measure))
            before = old.measurements.get(measure) if old else None
            after = new.measurements.get(measure) if new else None
            if before is None or after is None:
                words = "There is no baseline of it yet." if before is None else "It isn't recorded any more."
                said.append(_said(name, measure, before, after, "missing", words))
            elif before == after:
                said.append(_said(name, measure, before, after, "same", "Equal to seven digits."))
            else:
                assert old is not None
                assert new is not None
                words = _otherwise(old.made, new.made, before, after)
                if words:
                    said.append(_said(name, measure, before, after, "incomparable", words))
                else:
                    changed = changed_libraries(old.provenance, new.provenance)
                    tested.append(_compared(name, measure, before, after, changed))
    return in_order([*decide(tested, len(tested), alpha), *said], order)


def floor_of(values: Sequence[float]) -> float:
    """The largest difference from a mean of these raw values that doesn't matter."""
    centre = mean(values)
    squares = sum((value - centre) ** 2 for value in values)
    deviation = math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else 0.0
    return max(OF_DEVIATION * deviation, OF_MEAN * abs(centre))


def _otherwise(old: Made, new: Made, before: RawValues, after: RawValues) -> str:
    """Why two measurements can't be compared, or nothing."""
    if made := old.changes(new):
        return f"Recorded otherwise than the baseline; changed: {'; '.join(made)}."
    for what, a, b in (("unit", before.unit, after.unit), ("direction", before.better, after.better)):
        if a != b:
            return f"The measurement's {what} was '{a}' and is '{b}'."
    return f"A raw value was of one {before.over} and is of one {after.over}." if before.over != after.over else ""


def _compared(name: str, measure: str, before: RawValues, after: RawValues, changed: tuple[str, ...]) -> Compared:
    paired = len(before.values) == len(after.values)
    floor = floor_of(before.values)
    return Compared(
        name, measure, before.values, after.values, before.unit, before.better, floor, paired=paired, changed=changed
    )


def _said(name: str, measure: str, old: RawValues | None, new: RawValues | None, kind: Any, sentence: str) -> Verdict:
    known = old or new
    assert known is not None
    values = [one.values if one else () for one in (old, new)]
    return Verdict(name, measure, kind, sentence, False, values[0], values[1], known.unit, known.better)


def _same(a: RecordedOutcome, b: RecordedOutcome) -> bool:
    return a.measurements == b.measurements and not a.made.changes(b.made)


def _content(group: Mapping[Key, RecordedOutcome]) -> bytes:
    """The file of one paper and profile: compressed JSON, the same bytes for the same values."""
    (paper, profile), *_ = {key[:2] for key in group}
    inputs: dict[str, Any] = {}
    outcomes: dict[str, Any] = {}
    for (_, _, name), outcome in sorted(group.items()):
        named = {part: digest(value)[:12] for part, value in outcome.made.inputs.items()}
        inputs |= {named[part]: value for part, value in outcome.made.inputs.items()}
        outcomes[name] = {
            **outcome.provenance,
            "config_hash": digest(outcome.made.config)[:12],
            "config": outcome.made.config,
            "inputs": named,
            "measurements": {
                measure: {"unit": m.unit, "over": m.over, "better": m.better, "values": [_short(v) for v in m.values]}
                for measure, m in outcome.measurements.items()
            },
        }
    document = {"format": FORMAT, "paper": paper, "profile": profile, "inputs": inputs, "outcomes": outcomes}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=True)
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=9, mtime=0) as packed:
        packed.write(text.encode())
    return file.getvalue()


def _short(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 1e7 else value


def _outcome(one: Mapping[str, Any], inputs: Mapping[str, Any]) -> RecordedOutcome:
    if digest(one["config"])[:12] != one["config_hash"]:
        raise ValueError("a configuration isn't the one that its hash names")
    measurements = {
        name: RawValues(tuple(map(float, m["values"])), m["unit"], m["over"], m["better"])
        for name, m in one["measurements"].items()
    }
    made = Made(one["config"], {part: inputs[key] for part, key in one["inputs"].items()})
    return RecordedOutcome(measurements, made, {k: v for k, v in one.items() if k not in _APART})


_APART = ("config_hash", "config", "inputs", "measurements")


def _mean(values: RawValues | None) -> str:
    return "none" if values is None else f"{mean(values.values):.4g} {values.unit}"
