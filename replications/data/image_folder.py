"""A folder of images, one folder a class, as an image set.

The layout is the usual ROOT/<class>/<anything>/<file>; hidden files are left alone. What is no image or can't be
decoded is skipped with a count, not fatal. Images are resized and cropped to one size (see `image_files`) and decoded
when asked for.

A file `key_points.json` in ROOT may name points of the images, as {"class/file.jpg": {"left eye": [y, x], ...}}: row
and column in pixels of the upright original, integers at pixel centres. They come back in pixels of the image as it is
given out, so that an experiment on matching parts (Zeiler & Fergus 2014, Table 1) runs on a user's own images.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from replications.data.errors import DataError
from replications.data.image_files import (
    Checked,
    Pixels,
    Skipped,
    check_files,
    crop_corner,
    resized_size,
    skipped_note,
)
from replications.data.image_set import ImageSet

KEY_POINTS = "key_points.json"
KEEP_BYTES = 2**29  # decoded images are kept in memory up to half a GiB

Point = tuple[float, float]


class Listed(NamedTuple):
    """A usable image: its file, its name below the root (with forward slashes), its label and what is known of it."""

    path: Path
    name: str
    label: int
    checked: Checked


class ImageFolder(ImageSet):
    """The images below `root`, labelled by the folder they lie in.

    root: holds one folder a class. size: height and width of the images given out; resize: the length of the short side
    before the centre is cropped, `size` by default (nothing of the short side is lost). classes: the class folders in
    label order, the sorted folder names by default; a class named here may lack a folder, one found by itself must hold
    an image. titles: what people call the classes, where the folders have other names. thorough: see `check_files`.
    keep_bytes: decoded images are kept in memory if together they take no more. workers: decoding threads.

    skipped: the files left out and why; note: that in one sentence, or None.
    fingerprint: of the sizes and of the names, labels, key points and contents of all images (with `thorough=False` of
    the length and the first and last 4 KiB of each file), so that it is the same wherever the folder lies.

    Raises DataError where the folder is missing, empty or lacks class folders, or where a class holds no image.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        size: int,
        *,
        resize: int | None = None,
        name: str | None = None,
        classes: Sequence[str] | None = None,
        titles: Mapping[str, str] | None = None,
        thorough: bool = True,
        keep_bytes: int = KEEP_BYTES,
        workers: int | None = None,
    ) -> None:
        self.root = Path(root).expanduser()
        folders = class_folders(self.root)
        self.classes = tuple(classes) if classes is not None else tuple(folders)
        wanted = [folder for folder in self.classes if folder in folders]
        if not wanted:
            raise DataError(
                f"'{self.root}' holds none of the classes expected ({_some(self.classes)}): {_some(folders)}"
            )
        found = [
            (path, label) for label, c in enumerate(self.classes) if c in folders for path in _files(self.root / c)
        ]
        checks = check_files(self.root, [path for path, _ in found], thorough=thorough, workers=workers)
        listed, skipped = [], []
        for (path, label), checked in zip(found, checks, strict=True):
            if checked.reason is not None:
                skipped.append(Skipped(path, checked.reason))
            else:
                listed.append(Listed(path, path.relative_to(self.root).as_posix(), label, checked))
        self.skipped: tuple[Skipped, ...] = tuple(skipped)
        self._refuse_empty(wanted, listed)
        self._set_up(listed, size, resize, keep_bytes, workers)
        self.name = name or self.root.name
        names = titles or {}
        self.titles = tuple(names.get(c, c) for c in self.classes)
        self._points = _read_key_points(self.root)
        self.provides = frozenset({"key points"}) if self._points else frozenset()

    def _refuse_empty(self, wanted: Sequence[str], listed: Sequence[Listed]) -> None:
        filled = {item.label for item in listed}
        empty = [c for c in wanted if self.classes.index(c) not in filled]
        if empty:
            note = f" ({self.note})" if self.note else ""
            raise DataError(
                f"{'no image' if len(empty) == len(wanted) else f'no image of {_some(empty)}'} in '{self.root}'{note}: "
                "put images into the class folders, or remove the folders that hold none"
            )

    def _set_up(
        self, listed: Sequence[Listed], size: int, resize: int | None, keep_bytes: int, workers: int | None
    ) -> None:
        self.size, self.resize = size, size if resize is None else resize
        self._listed = tuple(listed)
        self._pixels = Pixels([item.path for item in listed], self.resize, size, keep_bytes, workers)
        self._positions = torch.arange(len(listed))  # of the images in `_listed`
        self._stored = self._positions  # and in `_pixels`
        self.labels = torch.tensor([item.label for item in listed], dtype=torch.int64)

    @property
    def note(self) -> str | None:
        """What was skipped, in one sentence, or None."""
        return skipped_note(self.skipped)

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(f"image folder|{self.size}|{self.resize}|{'|'.join(self.classes)}".encode())
        for position, label in zip(self._positions.tolist(), self.labels.tolist(), strict=True):
            item = self._listed[position]
            points = sorted(self._points.get(item.name, {}).items())
            digest.update(f"\n{item.name}|{label}|{item.checked.digest}|{points}".encode())
        return digest.hexdigest()[:32]

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self.bytes(indices).float().div_(255)

    def bytes(self, indices: Sequence[int] | Tensor) -> Tensor:
        """The images at `indices` as they were decoded: (n, 3, size, size) uint8."""
        return self._pixels.get(self._stored[torch.as_tensor(indices, dtype=torch.int64)])

    def names(self, indices: Sequence[int] | Tensor) -> list[str]:
        """ "class/file" of the images at `indices`."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        return [self._listed[i].name for i in self._positions[chosen].tolist()]

    def key_points(self, indices: Sequence[int] | Tensor) -> list[dict[str, Point]]:
        """For each image its named points inside the crop, as (y, x) in pixels of the image given out."""
        chosen = self._positions[torch.as_tensor(indices, dtype=torch.int64)].tolist()
        return [self._fit_points(self._listed[i]) for i in chosen]

    def _fit_points(self, item: Listed) -> dict[str, Point]:
        height, width = item.checked.height, item.checked.width
        new_height, new_width = resized_size(height, width, self.resize)
        top, left = crop_corner(new_height, new_width, self.size)
        fitted = {}
        for part, (y, x) in self._points.get(item.name, {}).items():
            # pixel centres lie half a pixel inside, before as after the resize
            point = (y + 0.5) * new_height / height - 0.5 - top, (x + 0.5) * new_width / width - 0.5 - left
            if all(-0.5 <= value < self.size - 0.5 for value in point):
                fitted[part] = point
        return fitted

    def subset(self, indices: Sequence[int] | Tensor, name: str | None = None) -> ImageFolder:
        """The images at `indices`, in that order, with the same classes; decoded images are shared."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        part = copy.copy(self)
        part.__dict__.pop("fingerprint", None)
        part._positions, part.labels = self._positions[chosen], self.labels[chosen]
        part._pixels, part._stored = self._pixels.narrowed(self._stored[chosen])
        part.name = name or self.name
        return part

    def limited(self, per_class: int, generator: torch.Generator | None = None, name: str | None = None) -> ImageFolder:
        """At most `per_class` images of each class: drawn by the generator, or the first ones; in the old order."""
        chosen = []
        for label in range(len(self.classes)):
            own = (self.labels == label).nonzero()[:, 0]
            if generator is not None:
                own = own[torch.randperm(len(own), generator=generator)]
            chosen.append(own[:per_class])
        return self.subset(torch.cat(chosen).sort().values, name)


def class_folders(root: Path) -> list[str]:
    """The names of the class folders below `root`, sorted. Raises DataError where there are none."""
    if not root.is_dir():
        raise DataError(f"the image folder '{root}' is missing: expected a folder with one folder of images a class")
    entries = [entry for entry in root.iterdir() if not entry.name.startswith(".")]
    folders = sorted(entry.name for entry in entries if entry.is_dir())
    if not folders:
        found = f"{len(entries)} files but no class folders" if entries else "nothing"
        raise DataError(f"the image folder '{root}' holds {found}: expected one folder of images a class")
    return folders


def _files(folder: Path) -> list[Path]:
    found = []
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(parent, name) for name in files if not name.startswith(".")]
    return sorted(found)


def _read_key_points(root: Path) -> dict[str, dict[str, Point]]:
    path = root / KEY_POINTS
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        points = {name: {part: (float(y), float(x)) for part, (y, x) in own.items()} for name, own in content.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f'\'{path}\' doesn\'t hold key points ({error}): expected {{"class/file.jpg": {{"left eye": [y, x]}}}}'
        ) from error
    unknown = [name for name in points if not (root / name).is_file()]
    if unknown:
        raise DataError(
            f"'{path}' names files that are not there: {_some(unknown)}; expected names like class/file.jpg"
        )
    return points


def _some(names: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
