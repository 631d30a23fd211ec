"""What the regression check has on the index of all pages: its last verdicts, and the evidence that it can fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from replications.suite.report.panels import Panel

VERDICTS, EVIDENCE, PAGE = "verdicts.json", "evidence.json", "index.html"


def front(results: Path) -> list[Panel]:
    """One panel, or none where nothing has been checked and nothing is recorded."""
    sentences: list[str] = []
    rows: list[tuple[str, ...]] = []
    links: list[tuple[str, Path]] = []
    numbers: dict[str, float] = {}
    for path in sorted((results / "runs" / "regress").glob(f"*/*/{VERDICTS}")):
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        sentences.append(f"{said['profile']}, {said['network']}: {said['summary']}")
        links.append((f"the check of {said['profile']}, {said['network']}", path.parent / PAGE))
        name = f"regress/{said['profile']}/{said['network']}"
        numbers |= {f"{name}/red": said["red"], f"{name}/seconds": said["seconds"]}
        numbers |= {f"{name}/{kind}": n for kind, n in said["counts"]["measures"].items()}
        red = [v for v in said["verdicts"] if v["red"]]
        rows += [(f"{v['probe']}: {v['measure']}", str(v["kind"]), str(v["sentence"])) for v in red]
    evidence = results / "baselines" / EVIDENCE
    if evidence.is_file():
        sentences.append(_evidence(json.loads(evidence.read_text(encoding="utf-8"))))
        links.append(("the evidence", evidence))
    if not sentences:
        return []
    columns = ("what got worse", "verdict", "why") if rows else ()
    return [Panel("Did the pictures get worse?", tuple(sentences), columns, tuple(rows), tuple(links), numbers)]


def _evidence(said: dict[str, Any]) -> str:
    """Whether the check can fail, and how often it does for nothing."""
    caught = [defect for defect in said["defects"] if defect["caught"]]
    words = f"Of {len(said['defects'])} planted defects {len(caught)} were caught"
    reruns = said.get("reruns")
    if reruns:
        words += f"; {reruns['runs']} reruns of the unchanged code raised {reruns['alarms']} alarms"
    return f"{words}."
