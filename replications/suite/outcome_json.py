"""An outcome as plain JSON values and back, with every number exactly as it was measured."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from replications.suite.interface import Evidence, Measurement, Outcome, Table
from replications.suite.result import StoredOutcome, StoredPicture

FOUND = ("measurements", "evidence", "pictures", "tables", "notes")


def encode(outcome: Outcome, pictures: list[dict[str, Any]]) -> dict[str, Any]:
    """What the experiment found, as JSON values; `pictures` are already on the disk and come as their descriptions.

    Raises:
        ValueError: two measurements, pictures, tables or tests of a claim share a name, or a number is not finite.
    """
    for kind, names in (
        ("measurements", [m.name for m in outcome.measurements]),
        ("pictures", [p.name for p in outcome.pictures]),
        ("tables", [t.name for t in outcome.tables]),
        ("pieces of evidence", [f"{e.claim}: {e.statistic}" for e in outcome.evidence]),
    ):
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ValueError(f"two {kind} are named '{double[0]}'; names must be unique within an outcome")
    return {
        "measurements": [
            {
                "name": m.name,
                "values": list(m.values),
                "unit": m.unit,
                "over": m.over,
                "better": m.better,
                "reported": m.reported,
                "cell": m.cell,
            }
            for m in outcome.measurements
        ],
        "evidence": [_evidence(e) for e in outcome.evidence],
        "pictures": pictures,
        "tables": [
            {
                "name": t.name,
                "title": t.title,
                "columns": [str(column) for column in t.columns],
                "rows": [[_cell(cell, t.name) for cell in row] for row in t.rows],
                "caption": t.caption,
            }
            for t in outcome.tables
        ],
        "notes": [str(note) for note in outcome.notes],
    }


def decode(document: Mapping[str, Any]) -> StoredOutcome:
    """The inverse of `encode`."""
    return StoredOutcome(
        measurements=tuple(Measurement(**m) for m in document["measurements"]),
        evidence=tuple(Evidence(**{**e, "expected": _interval(e["expected"])}) for e in document["evidence"]),
        pictures=tuple(StoredPicture(**p) for p in document["pictures"]),
        tables=tuple(Table(**t) for t in document["tables"]),
        notes=tuple(document["notes"]),
    )


def found(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an outcome's document that was measured, without provenance."""
    return {key: document[key] for key in FOUND}


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """The SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _evidence(e: Evidence) -> dict[str, Any]:
    effect, low, high = float(e.effect), float(e.low), float(e.high)
    if not all(math.isfinite(x) for x in (effect, low, high)):
        raise ValueError(f"the evidence for {e.claim} needs a finite effect and interval, found {(effect, low, high)}")
    return {
        "claim": e.claim,
        "statistic": e.statistic,
        "effect": effect,
        "low": low,
        "high": high,
        "unit": e.unit,
        "n": int(e.n),
        "over": e.over,
        # JSON has no infinity: an open end is null.
        "expected": [x if math.isfinite(x) else None for x in map(float, e.expected)],
        "seeds": int(e.seeds),
    }


def _interval(ends: list[float | None]) -> tuple[float, float]:
    low, high = ends
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _cell(cell: Any, table: str) -> str | float | int | None:
    if cell is None or isinstance(cell, str):
        return cell
    if hasattr(cell, "item"):
        cell = cell.item()
    if isinstance(cell, float) and not math.isfinite(cell):
        raise ValueError(f"the table '{table}' holds {cell}; write None for a number that there is not")
    if isinstance(cell, int | float):
        return cell
    raise ValueError(f"the table '{table}' holds {type(cell).__name__}; cells are text, numbers or None")
