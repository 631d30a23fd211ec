"""Image files at one size, for sets whose labels are not classes."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from replications.data.errors import DataError
from replications.data.image_files import Checked, Pixels, Skipped, check_files, skipped_note
from replications.data.image_folder import KEEP_BYTES
from replications.data.image_set import ImageSet


class FileImages(ImageSet):
    """Those of the files that can be decoded, the short side resized to `resize` and the centre cropped to `size`.

    root: the folder that the files lie in; names and fingerprint are relative to it. thorough: see `check_files`.
    classes: the set's name alone, the label of every image.
    paths, checked: the files used, and what is known of each. used: their positions in the paths given. skipped: the
    files left out and why; note: that in one sentence.

    Raises DataError where no file can be used.
    """

    def __init__(
        self,
        root: Path,
        paths: Sequence[Path],
        size: int,
        *,
        resize: int | None = None,
        name: str,
        thorough: bool = True,
        workers: int | None = None,
    ) -> None:
        checks = check_files(root, paths, thorough=thorough, workers=workers)
        self.used = tuple(i for i, checked in enumerate(checks) if checked.reason is None)
        self.skipped = tuple(Skipped(p, c.reason) for p, c in zip(paths, checks, strict=True) if c.reason is not None)
        if not self.used:
            raise DataError(
                f"none of the {len(paths)} images in '{root}' can be used ({self.note or 'there are none'})"
            )
        self.root, self.name, self.size, self.resize = root, name, size, resize or size
        self.classes = (name,)
        self.labels = torch.zeros(len(self.used), dtype=torch.int64)
        self.paths = tuple(paths[i] for i in self.used)
        self.checked: tuple[Checked, ...] = tuple(checks[i] for i in self.used)
        self._pixels = Pixels(self.paths, self.resize, size, KEEP_BYTES, workers)

    @property
    def note(self) -> str | None:
        return skipped_note(self.skipped)

    @functools.cached_property
    def fingerprint(self) -> str:
        names = [path.relative_to(self.root).as_posix() for path in self.paths]
        known = [f"{name}|{checked.digest}" for name, checked in zip(names, self.checked, strict=True)]
        return hashlib.sha256("\n".join([f"files|{self.size}|{self.resize}", *known]).encode()).hexdigest()[:32]

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self._pixels.get(torch.as_tensor(indices, dtype=torch.int64)).float().div_(255)
