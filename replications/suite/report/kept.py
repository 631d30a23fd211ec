"""What a run leaves beside its page for the index of all pages: run.json, in a few plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from replications.paths import atomic_write
from replications.suite.ledger import Ledger
from replications.suite.report.write import PICTURES, picture_name
from replications.suite.result import ExperimentResult
from replications.suite.summary import summarize_run
from replications.suite.verdicts import Verdict

FILE, FORMAT = "run.json", 1
SHOWN = 2  # pictures of an experiment


def keep(
    reported: Ledger,
    profile: str,
    results: Sequence[ExperimentResult],
    verdicts: Sequence[Verdict],
    folder: Path,
    facts: Mapping[str, str],
) -> Path:
    """Write `folder`/run.json, beside a page that `write` has written; gives the file. Arguments as for `write`."""
    paper = reported.paper.key
    summary = summarize_run(paper, profile, facts["network"], results, verdicts)
    places = {section.experiment: section.place for section in reported.sections}
    document = {
        "format": FORMAT,
        **{key: summary[key] for key in ("paper", "profile", "network", "counts")},
        "seed": facts["seed"],
        "command": facts["command"],
        "pages": sorted(path.name for path in folder.glob("*.html") if path.name != "index.html"),
        "experiments": [_experiment(result, places.get(result.name, result.name)) for result in results],
    }
    path = folder / FILE
    with atomic_write(path, "w") as file:
        file.write(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return path


def read(path: Path) -> dict[str, Any] | None:
    """What `keep` has written, or None where there is none of this format."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return document if document.get("format") == FORMAT else None


def _experiment(result: ExperimentResult, place: str) -> dict[str, Any]:
    pictures = result.outcome.pictures[:SHOWN] if result.outcome else ()
    return {
        "name": result.name,
        "title": result.title,
        "place": place,
        "status": result.status,
        "sentence": result.sentence,
        "command": result.command,
        "trains": result.trains,
        "pictures": [
            {
                "file": f"{PICTURES}/{picture_name(result.name, p.file)}",
                "title": p.title,
                "width": p.width,
                "height": p.height,
            }
            for p in pictures
        ],
    }
