"""What README says of the regression check: what the baselines hold, and the evidence that it can fail and is quiet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from replications.regress import recorded_values
from replications.regress.baselines import Baseline, load
from replications.regress.testing import tests
from replications.suite.formatting import number

EVIDENCE = "evidence.json"
BAR = 8  # planted defects that have to be caught, at least


def regress(results: Path) -> str:
    """Markdown, from the folder of results."""
    folder = results / "baselines"
    parts = [_baselines(folder)]
    path = folder / EVIDENCE
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        parts += [_bars(found), _defects(found)]
    else:
        parts.append("There is no evidence yet that the check can fail (`make regress-evidence`).")
    return "\n\n".join(parts)


def _baselines(folder: Path) -> str:
    """A row for each baseline of probes, and what is kept of the recorded outcomes."""
    names = [path.stem.split("-", 1) for path in sorted((folder / "probes").glob("*.json"))]
    found = [load(profile, network, folder) for profile, network in names]
    if not found:
        return "No baseline is written yet (`make baseline REASON='...'`)."
    lines = [_line("Baseline", "Probes", "Measures", "Sets of pictures", "Golden pictures", "Written for")]
    lines += [_line(*["---"] * 6), *map(_baseline, found)]
    outcomes = recorded_values.load(folder)
    if outcomes:
        values = sum(len(m.values) for outcome in outcomes.values() for m in outcome.measurements.values())
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        lines += [
            "",
            f"Besides, {values:,} raw values of {len(outcomes)} recorded outcomes of all papers are kept; all of it "
            f"takes {size / 1e6:.1f} MB.",
        ]
    return "\n".join(lines)


def _baseline(one: Baseline) -> str:
    reasons = dict.fromkeys(f"{p.provenance['reason']} ({p.provenance['date']})" for p in one.probes.values())
    pictures = sum(golden.rows * golden.columns for golden in one.golden.values())
    return _line(
        f"{one.profile}, `{one.network}`",
        str(len(one.probes)),
        str(tests(one.probes)),
        str(len(one.numbers())),
        str(pictures) if pictures else "–",
        "; ".join(reasons),
    )


def _bars(found: Mapping[str, Any]) -> str:
    reruns = found["reruns"]
    caught = f"{found['caught']} of {found['planted']} are"
    alarms = f"{reruns['alarms']} of {reruns['runs']} runs, each with {reruns['sets_of_a_run']} fresh sets"
    lines = [_line("What the check has to do", "What it does", "Met"), _line(*["---"] * 3)]
    enough = found["caught"] >= BAR and found["caught"] == found["planted"]
    lines.append(_line(f"Catch every planted defect, at least {BAR}", caught, _met(enough)))
    stated = f"Raise an alarm on unchanged code in no more than {100 * reruns['stated_rate']:g} % of runs"
    if reruns["alarms"]:
        alarms += f"; so many by chance: p = {number(reruns['chance_of_as_many'], 2)}"
    lines.append(_line(stated, alarms, _met(reruns["quiet"])))
    return "\n".join(lines)


def _defects(found: Mapping[str, Any]) -> str:
    lines = [_line("Planted defect", "Caught", "Measures that turn worse", "The clearest"), _line(*["---"] * 4)]
    for defect in found["defects"]:
        worse: Sequence[Mapping[str, Any]] = defect["worse"]
        lines.append(_line(defect["name"], _met(defect["caught"]), str(len(worse)), _clearest(worse)))
    where = f"{found['profile']} with `{found['network']}`, {found['tests']} measures corrected together"
    return "\n".join([*lines, "", f"On {where}; the whole evidence is in `results/baselines/{EVIDENCE}`."])


def _clearest(worse: Sequence[Mapping[str, Any]]) -> str:
    """The measure of which it is the least likely by chance."""
    if not worse:
        return "–"
    first = worse[0]
    if first["baseline"] is None or first["now"] is None:
        return f"{first['probe']}, {first['measure']}: {first['sentence']}"
    p = "" if first["adjusted"] is None else f" (p = {number(first['adjusted'], 2)})"
    return f"{first['probe']}, {first['measure']}: {number(first['baseline'])} → {number(first['now'])}{p}"


def _met(yes: bool) -> str:
    return "yes" if yes else "**no**"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
