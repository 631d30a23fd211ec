"""What became of one experiment in one run of a paper: the runner fills it, the report reads it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

from replications.suite.interface import Evidence, Measurement, Table

Status = Literal["done", "recorded", "stale", "not run", "failed"]


@dataclasses.dataclass(frozen=True)
class StoredPicture:
    """A picture as kept on the disk. `file`, `arrays` and `animation` are names inside the outcome's folder."""

    name: str
    title: str
    caption: str
    file: str
    arrays: str | None
    width: int
    height: int
    animation: str | None = None


@dataclasses.dataclass(frozen=True)
class StoredOutcome:
    """An outcome as read back from its folder: numbers exactly as they were measured, pictures as files."""

    measurements: tuple[Measurement, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    pictures: tuple[StoredPicture, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where an outcome comes from.

    config: the composed configuration of the experiment, its network, evaluator and data.
    identity: everything that determines the outcome (its hash names the folder).
    commit: the commit of the working tree, or None outside a git checkout; dirty: whether tracked files differed,
        other recorded outcomes aside.
    versions: python, torch, torchvision, numpy, and cuda where used.
    device: for people ("cpu, 2 threads, Intel Xeon ...", "cuda, NVIDIA H100").
    seconds: wall-clock time of the attempt that finished it.
    peak_memory: bytes; the process's peak resident memory, without those that train networks beside it.
    device_memory: bytes on the GPU, None on a CPU.
    command: the exact command that makes it again.
    trained: for each network that it trained, or found trained, its key and the seconds that the training took.
    """

    config: dict[str, Any]
    identity: dict[str, Any]
    commit: str | None
    dirty: bool
    versions: dict[str, str]
    device: str
    threads: int
    seconds: float
    peak_memory: int
    device_memory: int | None
    command: str
    trained: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ExperimentResult:
    """One experiment of a run.

    name, title, answers, trains: as the experiment declares them.
    status: "done" (measured by this code, now or in an earlier run), "recorded" (an earlier full run's outcome, kept
        with the project, of the same configuration and code), "stale" (recorded, but something that affects it has
        changed since), "not run" (something is missing), "failed" (it raised an error).
    sentence: the status in words: what is missing, what has changed, what went wrong, or that the experiment keeps to
        another network than the chosen one; otherwise empty for "done".
    command: the command that measures this anew (for recorded ones with full=true).
    changes: for "stale", what has changed, one phrase each.
    lacks: why it couldn't be measured by this run though it was selected; empty if it could, or wasn't tried.
    outcome, folder, provenance: None where there is no outcome ("not run", "failed").
    """

    name: str
    title: str
    status: Status
    sentence: str
    command: str
    outcome: StoredOutcome | None = None
    folder: Path | None = None
    provenance: Provenance | None = None
    answers: tuple[str, ...] = ()
    trains: bool = False
    changes: tuple[str, ...] = ()
    lacks: str = ""
