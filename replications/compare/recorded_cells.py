"""The recorded outcomes of a comparison, of every profile and network, as they lie in results/recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from replications.suite.store import read_document

PAPER = "compare"
PROFILES = ("laptop", "natural", "imagenet")


@dataclasses.dataclass(frozen=True, eq=False)
class Recorded:
    """One outcome. network: the name of the network that it is of."""

    profile: str
    network: str
    name: str
    document: Mapping[str, Any]

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where it comes from."""
        found: Mapping[str, Any] = self.document["provenance"]
        return found

    @property
    def notes(self) -> list[str]:
        """What it says of itself, a sentence each."""
        found: list[str] = self.document["notes"]
        return found

    def table(self, name: str) -> list[dict[str, Any]]:
        """The rows of one of its tables by their columns; empty where it has no such table."""
        for table in self.document["tables"]:
            if table["name"] == name:
                return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
        return []


def recorded(results: Path) -> list[Recorded]:
    """All of them below `results`: small profiles first, then by network and name."""
    return sorted(_found(results), key=lambda r: (_place(r.profile), r.network, r.name))


def _found(results: Path) -> Iterator[Recorded]:
    for folder in sorted((results / "recorded" / PAPER).glob("*/*")):
        document = read_document(folder)
        if document is not None and not folder.name.startswith("."):
            network = document["provenance"]["identity"]["network"]["config"]["name"]
            yield Recorded(folder.parent.name, network, document["experiment"], document)


def _place(profile: str) -> int:
    return PROFILES.index(profile) if profile in PROFILES else len(PROFILES)
