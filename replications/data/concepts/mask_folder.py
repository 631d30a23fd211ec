"""Labelled images in a simple folder form: ROOT/images, ROOT/masks and a list of classes.

ROOT/images/NAME.jpg (or any other kind of image, in folders or not) belongs to ROOT/masks/NAME.png, of the same height
and width, whose pixels are the numbers of classes. ROOT/classes.yaml names them: `classes:` with lines such as
`1: person`; a configuration may name them in its place.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import yaml
from tqdm import tqdm

from replications.data.concepts.colours import Coloured
from replications.data.concepts.concept_set import (
    NONE,
    ConceptSet,
    Indices,
    Labels,
    check_concepts,
    checked_indices,
)
from replications.data.concepts.file_images import FileImages
from replications.data.concepts.mask_files import fit_numbers, read_numbers
from replications.data.errors import DataError
from replications.data.image_files import worker_count
from replications.data.image_folder import KEEP_BYTES
from replications.data.natural import located

_SHOW_PROGRESS_FROM = 1000


class MaskFolder(ConceptSet):
    """Images with a mask each, of one category.

    classes: the name of each number of the masks; those of one name are one concept. unlabelled: numbers that say
    nothing. least_images: a concept seen in fewer images (as they are cropped) counts as none; Broden keeps those of at
    least ten (Bau et al. 2017, Sec. 2.1). keep_bytes: the masks are kept in memory if together they take no more.

    left_out: the concepts of too few images, with their number of images. note: which files were left out.

    Raises DataError where images or masks are missing, damaged, of different sizes or hold numbers that no class has,
    and where no pixel is left with a concept.
    """

    def __init__(
        self,
        root: Path,
        classes: Mapping[int, str],
        size: int,
        *,
        name: str,
        category: str = "object",
        unlabelled: Sequence[int] = (0,),
        least_images: int = 1,
        resize: int | None = None,
        thorough: bool = True,
        keep_bytes: int = KEEP_BYTES,
        workers: int | None = None,
    ) -> None:
        if least_images < 1:
            raise ValueError(f"a concept needs at least 1 image to be one, found least_images={least_images}")
        self.root, self.name, self.category = root, name, category
        self._unlabelled, self._workers = frozenset(unlabelled), worker_count(workers)
        named = {number: label for number, label in classes.items() if number not in self._unlabelled}
        paths, stray = _paired(root)
        self.images: FileImages = FileImages(
            root, [image for image, _ in paths], size, resize=resize, name=name, thorough=thorough, workers=workers
        )
        self._stray = stray
        self._masks = [paths[i][1] for i in self.images.used]
        names = tuple(dict.fromkeys(named.values()))
        self._numbers = {number: 1 + names.index(label) for number, label in named.items()}
        self._kept: np.ndarray | None = None
        seen, self._digests = self._read(len(names), keep_bytes)
        few = [label for label, count in zip(names, seen, strict=True) if count < least_images]
        self.left_out = {label: int(seen[names.index(label)]) for label in few}
        self._narrow(names, few)
        self.concepts = check_concepts({category: (NONE, *(n for n in names if n not in self.left_out))}, f"'{root}'")

    def _read(self, concepts: int, keep_bytes: int) -> tuple[np.ndarray, list[str]]:
        """Reads every mask once. Returns in how many images each concept is seen, and a digest of each mask."""
        count, size = len(self._masks), self.size
        kind = np.uint8 if concepts < 256 else np.int16
        if count * size * size * np.dtype(kind).itemsize <= keep_bytes:
            self._kept = np.empty((count, size, size), dtype=kind)
        seen = np.zeros(concepts + 1, dtype=np.int64)
        digests = []
        bar = tqdm(total=count, desc=f"reading masks of {self.name}", disable=count < _SHOW_PROGRESS_FROM)
        with bar, ThreadPoolExecutor(self._workers) as pool:
            for position, found in enumerate(pool.map(self._numbered, range(count))):
                if self._kept is not None:
                    self._kept[position] = found
                seen[np.unique(found)] += 1
                digests.append(hashlib.sha256(found.astype(np.int16).tobytes()).hexdigest()[:32])
                bar.update()
        return seen[1:], digests

    def _narrow(self, names: Sequence[str], few: Sequence[str]) -> None:
        """Numbers the concepts anew, without those of too few images."""
        new = np.zeros(len(names) + 1, dtype=np.int64)
        new[[1 + i for i, name in enumerate(names) if name not in few]] = 1 + np.arange(len(names) - len(few))
        self._numbers = {number: int(new[old]) for number, old in self._numbers.items()}
        if self._kept is not None:
            self._kept = new.astype(self._kept.dtype)[self._kept]

    def _numbered(self, position: int) -> np.ndarray:
        """(size, size) int64: the concepts of one image, as it is cropped."""
        path, image = self._masks[position], self.images.paths[position]
        mask, known = read_numbers(path, image.name), self.images.checked[position]
        if mask.shape != (known.height, known.width):
            raise DataError(
                f"the mask '{path}' is of {mask.shape[0]} x {mask.shape[1]} pixels, its image of {known.height} x "
                f"{known.width}: they must agree"
            )
        present = np.unique(mask)
        unknown = [n for n in present.tolist() if n not in self._numbers and n not in self._unlabelled]
        if unknown:
            raise DataError(
                f"the mask '{path}' holds numbers that no class has: {', '.join(map(str, unknown[:5]))}; name them in "
                "the list of classes, or count them among the unlabelled"
            )
        concepts = np.array([self._numbers.get(number, 0) for number in present.tolist()], dtype=np.int64)
        cropped = fit_numbers(mask, self.images.resize, self.size)
        return concepts[np.searchsorted(present, cropped)]

    @property
    def note(self) -> str | None:
        notes = [self.images.note, f"{self._stray} masks belong to no image" if self._stray else None]
        return "; ".join(note for note in notes if note) or None

    @functools.cached_property
    def fingerprint(self) -> str:
        content = ["masks", self.images.fingerprint, self.category, *self.concepts[self.category], *self._digests]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()[:32]

    def labels(self, indices: Indices) -> Labels:
        wanted = checked_indices(indices, len(self), self.name)
        if self._kept is not None:
            planes = self._kept[wanted].astype(np.int16)
        else:
            with ThreadPoolExecutor(self._workers) as pool:
                found = list(pool.map(self._numbered, wanted.tolist()))
            planes = np.array(found, dtype=np.int16).reshape(-1, self.size, self.size)
        return {self.category: torch.from_numpy(planes)[:, None]}


def mask_folder(
    root: str,
    *,
    classes: Mapping[int, str] | None = None,
    suffixes: Sequence[str] = (),
    category: str = "object",
    unlabelled: Sequence[int] = (0,),
    least_images: int = 1,
    colours: bool = False,
    name: str | None = None,
    size: int | None = None,
    thorough: bool = True,
    workers: int | None = None,
) -> ConceptSet:
    """A folder of images and masks, below the data root if relative; see `MaskFolder`.

    classes: None for those of ROOT/classes.yaml. suffixes: cut off the names, one after the other ("-merged").
    colours: whether to add the colours of the pixels as concepts.
    """
    if size is None or size < 1:
        raise ValueError(f"the size of the images must be given in pixels (the network's input size), found {size}")
    top = located(root)
    named = read_classes(top) if classes is None else {int(number): label for number, label in classes.items()}
    concepts = MaskFolder(
        top,
        {number: _without(label, suffixes) for number, label in named.items()},
        size,
        name=name or top.name,
        category=category,
        unlabelled=unlabelled,
        least_images=least_images,
        thorough=thorough,
        workers=workers,
    )
    return Coloured(concepts) if colours else concepts


def read_classes(root: Path) -> dict[int, str]:
    """The names by number in ROOT/classes.yaml. Raises DataError where it is missing or of another form."""
    path = root / "classes.yaml"
    if not path.is_file():
        raise DataError(
            f"'{root}' has no list of classes: expected '{path.name}' there, or 'classes' in the configuration"
        )
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(
            f"'{path}' can't be read ({error}): expected 'classes:' with lines such as '1: person'"
        ) from error
    names = found.get("classes") if isinstance(found, dict) else None
    if not isinstance(names, dict) or not names or not all(isinstance(number, int) for number in names):
        raise DataError(f"'{path}' doesn't name classes: expected 'classes:' with lines such as '1: person'")
    return {number: str(name) for number, name in names.items()}


def _without(name: str, suffixes: Sequence[str]) -> str:
    cut: Callable[[str, str], str] = str.removesuffix
    return functools.reduce(cut, suffixes, name)


def _paired(root: Path) -> tuple[list[tuple[Path, Path]], int]:
    """Each image with its mask, by name; and how many masks belong to none."""
    for part in ("images", "masks"):
        if not (root / part).is_dir():
            raise DataError(f"'{root}' is not a folder of labelled images: expected {part}/ in it, which is missing")
    images = [p for p in sorted((root / "images").rglob("*")) if p.is_file() and not p.name.startswith(".")]
    if not images:
        raise DataError(f"'{root / 'images'}' holds no image")
    masks = {p.relative_to(root / "masks").with_suffix(""): p for p in sorted((root / "masks").rglob("*.png"))}
    stems = [image.relative_to(root / "images").with_suffix("") for image in images]
    twice = sorted({str(stem) for stem in stems if stems.count(stem) > 1}) if len(set(stems)) < len(stems) else []
    if twice:
        raise DataError(f"'{root / 'images'}' holds several images of one name: {', '.join(twice[:5])}; rename them")
    bare = [image.name for image, stem in zip(images, stems, strict=True) if stem not in masks]
    if bare:
        raise DataError(
            f"{len(bare)} of {len(images)} images in '{root}' have no mask: {', '.join(bare[:5])}; expected "
            f"'{Path('masks', Path(bare[0]).stem + '.png')}' and so on: label them, or take them out"
        )
    return [(image, masks[stem]) for image, stem in zip(images, stems, strict=True)], len(masks.keys() - set(stems))
