"""PASCAL VOC 2012 classification: images with several labels each (Zeiler & Fergus 2014, Table 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from replications.data.errors import DataError
from replications.data.image_files import Pixels, Skipped, check_files, skipped_note
from replications.data.image_folder import KEEP_BYTES
from replications.data.image_set import DataSource, ImageSet
from replications.data.natural import located

CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)


class VocSet(ImageSet):
    """One part ("train", "val", "trainval") of VOC as ROOT/JPEGImages and ROOT/ImageSets/Main/<class>_<part>.txt.

    targets: (N, 20) int8, 1 present, -1 absent, 0 difficult, for `metrics.classification.class_average_precisions`;
    labels: the first class that is present (or difficult, where none is). Each image is resized to `size` on its short
    side and its centre cropped. Files that can't be decoded are skipped with a count in `note`.
    """

    classes = CLASSES

    def __init__(self, root: str | Path, part: str, size: int, *, thorough: bool = True, workers: int | None = None):
        self.root, self.size, self.name = Path(root), size, f"voc2012 {part}"
        found = _annotations(self.root, part)
        paths = [self.root / "JPEGImages" / f"{name}.jpg" for name in found]
        checks = check_files(self.root, paths, thorough=thorough, workers=workers)
        usable = [i for i, checked in enumerate(checks) if checked.reason is None]
        self.skipped = tuple(Skipped(p, c.reason) for p, c in zip(paths, checks, strict=True) if c.reason is not None)
        if not usable:
            raise DataError(f"none of the {len(paths)} images of '{part}' in '{self.root / 'JPEGImages'}' can be read")
        self.targets = torch.tensor(list(found.values()), dtype=torch.int8)[usable]
        # argmax takes the first of equal values
        self.labels = torch.where(self.targets == 1, 2, torch.where(self.targets == 0, 1, 0)).argmax(1)
        self._digests = [f"{paths[i].stem}|{checks[i].digest}" for i in usable]
        self._pixels = Pixels([paths[i] for i in usable], size, size, KEEP_BYTES, workers)

    @property
    def note(self) -> str | None:
        """What was skipped, in one sentence, or None."""
        return skipped_note(self.skipped)

    @cached_property
    def fingerprint(self) -> str:
        content = "\n".join([f"voc|{self.size}", *self._digests, str(self.targets.tolist())])
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self._pixels.get(torch.as_tensor(indices, dtype=torch.int64)).float().div_(255)


def voc2012(root: str, *, size: int | None = None, thorough: bool = True, workers: int | None = None) -> DataSource:
    """The parts train and val. `root` is the folder VOC2012 (that of JPEGImages), below the data root if relative."""
    if size is None or size < 1:
        raise ValueError(f"the size of the images must be given in pixels (the network's input size), found {size}")
    top = located(root)
    parts = [VocSet(top, part, size, thorough=thorough, workers=workers) for part in ("train", "val")]
    return DataSource("voc2012", parts[0], parts[1])


def _annotations(root: Path, part: str) -> dict[str, list[int]]:
    targets: dict[str, list[int]] = {}
    for label, name in enumerate(CLASSES):
        path = root / "ImageSets" / "Main" / f"{name}_{part}.txt"
        if not path.is_file():
            raise DataError(f"'{root}' is not laid out as VOC 2012: '{path.relative_to(root)}' is missing")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            fields = line.split()
            if not fields:
                continue
            if len(fields) != 2 or fields[1] not in ("-1", "0", "1"):
                raise DataError(f"line {number} of '{path}' is '{line}': expected an image name and -1, 0 or 1")
            targets.setdefault(fields[0], [-1] * len(CLASSES))[label] = int(fields[1])
    if not targets:
        raise DataError(f"'{root / 'ImageSets' / 'Main'}' names no image of '{part}'")
    return dict(sorted(targets.items()))
