"""The checkpoint files of one training: weights, momentum and history after an epoch, in one file written in one step.

`epoch-NNNN.safetensors` stays; `resume-NNNN.safetensors` is there only to go on from, and goes when the training is
done. A file that is cut short counts as absent.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from replications.paths import atomic_write
from replications.training.loop import EpochRecord


class Checkpoints:
    """The checkpoints in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, epoch: int) -> Path:
        """The file that stays of an epoch."""
        return self.folder / f"epoch-{epoch:04d}.safetensors"

    def has(self, epoch: int) -> bool:
        """Whether the file that stays of an epoch is there, whole."""
        return read_history(self.path(epoch)) is not None

    def save(self, epoch: int, state: dict[str, Tensor], history: Sequence[EpochRecord], *, stays: bool) -> None:
        """Writes an epoch's state, and removes those to go on from that are more than one epoch older.

        So two are there at any time, should the last turn out damaged.
        """
        text = json.dumps([dataclasses.asdict(record) for record in history])
        with atomic_write(self.path(epoch) if stays else self._resume_path(epoch)) as file:
            file.write(save(state, metadata={"history": text}))
        self._remove_resume_files(below=epoch - 1)

    def last_good(self, before: int) -> tuple[int, Path | None, list[EpochRecord]]:
        """The latest epoch in 1..before-1 with a whole file, that file, and the history; (0, None, []) if none has."""
        for epoch in range(before - 1, 0, -1):
            for path in (self.path(epoch), self._resume_path(epoch)):
                if (history := read_history(path)) is not None:
                    return epoch, path, history
        return 0, None, []

    def finish(self) -> None:
        """Removes what was there only to go on from."""
        self._remove_resume_files()

    def _resume_path(self, epoch: int) -> Path:
        return self.folder / f"resume-{epoch:04d}.safetensors"

    def _remove_resume_files(self, below: int | None = None) -> None:
        for path in self.folder.glob("resume-*.safetensors"):
            if below is None or int(path.stem.removeprefix("resume-")) < below:
                path.unlink(missing_ok=True)


def read_history(path: Path) -> list[EpochRecord] | None:
    """The history in a checkpoint, or None where the file is absent, cut short or none of ours."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (FileNotFoundError, SafetensorError):
        return None
    if "history" not in metadata:
        return None
    return [EpochRecord(**record) for record in json.loads(metadata["history"])]


def read_weights(path: Path) -> dict[str, Tensor]:
    """The network's state in a checkpoint, by the names of its `state_dict`."""
    return {name.removeprefix("model."): v for name, v in load_file(path).items() if name.startswith("model.")}
