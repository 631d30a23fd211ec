"""Recorded outcomes: those that take long or need what a fresh machine lacks, kept with the project.

results/recorded/<paper>/<profile>/<experiment>/              with the profile's own network, or without one
results/recorded/<paper>/<profile>/<experiment>-<network>/    with another network
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from replications.paths import explain_os_error, project_root, results_root
from replications.suite.identity import differences
from replications.suite.store import read_document, replace_folder, write_document


def folder_name(experiment: str, needs: tuple[str, ...], network: str, own_network: str) -> str:
    """The name of the folder of a recorded outcome."""
    return f"{experiment}-{network}" if "network" in needs and network != own_network else experiment


def find(paper: str, profile: str, name: str) -> tuple[Path, dict[str, Any]] | None:
    """The recorded outcome: of these results, else of the project's."""
    for root in (results_root(), project_root() / "results"):
        folder = root / "recorded" / paper / profile / name
        document = read_document(folder)
        if document is not None:
            return folder, document
    return None


def changes(document: Mapping[str, Any], identity: Mapping[str, Any]) -> list[str]:
    """What has changed since the outcome was recorded, in words, apart from the machine; empty if it still holds."""
    return differences(document["provenance"]["identity"], identity)


def keep(source: Path, paper: str, profile: str, name: str, pictures: bool = True) -> Path:
    """Copy a fresh outcome to the recorded ones, in the place of an older one.

    pictures: whether its pictures and their arrays are copied, or only what was measured.

    Raises:
        OSError: the folder can't be written; the older one still stands.
    """
    target = results_root() / "recorded" / paper / profile / name
    temporary = target.with_name(f".{name}.tmp")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        left_out = shutil.ignore_patterns("*.png", "*.npz", "*.gif")
        shutil.copytree(source, temporary, ignore=None if pictures else left_out)
        if not pictures:
            write_document(temporary, {**(read_document(temporary) or {}), "pictures": []})
        replace_folder(temporary, target)
    except (OSError, shutil.Error) as error:
        raise explain_os_error(error, target) if isinstance(error, OSError) and error.errno else error from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target
