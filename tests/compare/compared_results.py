"""Results of a run over made-up cells: their outcomes on the disk, and the leaderboard of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from compared_boards import ABOUT, ROLES
from PIL import Image

from replications.compare.leaderboard import Leaderboard
from replications.suite.interface import Outcome
from replications.suite.outcome_json import decode
from replications.suite.result import ExperimentResult, Provenance
from replications.suite.store import Store

PROTOCOL = {
    "pictures": 4,
    "seeds": [0, 1, 2],
    "classes": None,
    "hidden": {"4": 4, "5": 4},
    "passes": 64,
    "training_images": 4000,
    "validation_images": 2000,
}


class Outcomes:
    """A context that holds outcomes and nothing else."""

    def __init__(self, documents: Sequence[Mapping[str, Any]], lacking: Sequence[str] = ()) -> None:
        self._documents = {str(document["experiment"]): document for document in documents}
        self.others = (*self._documents, *lacking)

    def outcome(self, name: str) -> Mapping[str, Any] | None:
        return self._documents.get(name)


def leaderboard(**roles: Any) -> Leaderboard:
    """With the words of the made-up measures in the place of a configuration's."""
    found = Leaderboard({**ROLES, **roles}, {})
    vars(found)["about"] = ABOUT
    return found


def made(seconds: float = 90.0, network: str = "zfnet_small") -> dict[str, Any]:
    """A provenance."""
    return {
        "config": {"experiment": {"protocol": PROTOCOL}},
        "identity": {"network": {"config": {"name": network}}},
        "commit": "0123456789abcdef",
        "dirty": False,
        "versions": {"torch": "2.11"},
        "device": "cpu, 2 threads",
        "threads": 2,
        "seconds": seconds,
        "peak_memory": 2**30,
        "device_memory": None,
        "command": "replicate compare",
        "trained": {},
    }


def record(
    results: Path, documents: Sequence[Mapping[str, Any]], board: Outcome | None = None, profile: str = "laptop"
) -> None:
    """Lay them down as recorded below `results`."""
    folder = results / "recorded" / "compare" / profile
    for document in documents:
        path = folder / str(document["experiment"]) / "outcome.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({**document, "provenance": made()}), encoding="utf-8")
    if board is not None:
        head = {"paper": "compare", "profile": profile, "experiment": "leaderboard", "title": "All", "answers": []}
        Store(folder).save("leaderboard", head, board, made(5.0))


def results_of(folder: Path) -> list[ExperimentResult]:
    """Of all that `record` has laid down, each cell with a picture."""
    found = []
    for path in sorted((folder / "recorded" / "compare" / "laptop").glob("*/outcome.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["experiment"] != "leaderboard":
            number = len(found)
            shade = np.random.default_rng(number).integers(0, 255, (150, 420, 3), np.uint8)
            Image.fromarray(shade).save(path.parent / "pictures.png")
            picture = {"name": "pictures", "title": document["title"], "caption": "Pictures.", "file": "pictures.png"}
            document["pictures"] = [{**picture, "arrays": None, "width": 420, "height": 150}]
        found.append(
            ExperimentResult(
                document["experiment"],
                document["title"],
                "recorded",
                "recorded earlier",
                "replicate compare",
                outcome=decode(document),
                folder=path.parent,
                provenance=Provenance(**document["provenance"]),
            )
        )
    return found
