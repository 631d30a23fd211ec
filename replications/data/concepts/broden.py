"""Broden, the Broadly and Densely Labeled Dataset of Bau et al. 2017, in its published layout.

ROOT/index.csv has a line for each image: its file below ROOT/images, its split, height and width of the image (ih, iw)
and of its labels (sh, sw), and for each category the labels, parted by semicolons: numbers, which are of the whole
image, or mask files below ROOT/images, whose pixels are numbers as red + 256 * green. label.csv lists all numbers,
category.csv the categories, and c_CATEGORY.csv the concepts of a category: their code in it, their number and name.

The category that Broden calls "color" is called "colour" here, as in the other sets. As in the released code, a mask's
number that is another category's concept counts as none. Deviation: the released code counts at the size of the masks
(half that of the images); here masks are brought to the size of the images.
"""

from __future__ import annotations

import csv
import functools
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from replications.data.concepts.concept_set import (
    NONE,
    ConceptSet,
    Indices,
    Labels,
    absent,
    check_concepts,
    checked_indices,
    stacked,
)
from replications.data.concepts.file_images import FileImages
from replications.data.concepts.mask_files import fit_numbers, read_red_green
from replications.data.errors import DataError
from replications.data.image_files import Checked, worker_count
from replications.data.natural import located

Row = Mapping[str, str]

_NAMES = {"color": "colour"}
_ALWAYS = ("image", "split", "ih", "iw", "sh", "sw")


class Broden(ConceptSet):
    """The images of Broden that are labelled in any of the categories, with those labels.

    categories: as Broden names them; all by default. splits: "train", "val"; all by default.

    Raises DataError where a file of the layout is missing or of another form.
    """

    def __init__(
        self,
        root: Path,
        size: int,
        *,
        categories: Sequence[str] | None = None,
        splits: Sequence[str] | None = None,
        name: str = "broden",
        thorough: bool = False,
        workers: int | None = None,
    ) -> None:
        self.root, self.name, self._workers = root, name, worker_count(workers)
        listed = [row["name"] for row in _table(root, "category.csv", ("name",))]
        wrong = sorted(set(categories or ()) - set(listed))
        if wrong:
            raise DataError(f"'{root}' has no category {', '.join(wrong)}: it has {', '.join(listed)}")
        self._categories = tuple(c for c in listed if categories is None or c in categories)
        coded = {category: _codes(root, category) for category in self._categories}
        known = _NAMES | {c: c for c in self._categories if c not in _NAMES}
        self.concepts = check_concepts({known[c]: names for c, (names, _) in coded.items()}, f"'{root}'")
        self._names = {c: known[c] for c in self._categories}
        self._codes = {category: codes for category, (_, codes) in coded.items()}
        self._all_numbers = frozenset(int(row["number"]) for row in _table(root, "label.csv", ("number",)))
        rows = self._rows(splits)
        self.images: FileImages = FileImages(
            root / "images",
            [root / "images" / row["image"] for row in rows],
            size,
            name=name,
            thorough=thorough,
            workers=workers,
        )
        self._index = [rows[i] for i in self.images.used]
        for row, checked in zip(self._index, self.images.checked, strict=True):
            _check_sizes(row, checked)

    def _rows(self, splits: Sequence[str] | None) -> list[Row]:
        rows = _table(self.root, "index.csv", (*_ALWAYS, *self._categories))
        chosen = [row for row in rows if splits is None or row["split"] in splits]
        if not chosen:
            found = ", ".join(sorted({row["split"] for row in rows})) or "none"
            raise DataError(f"'{self.root / 'index.csv'}' lists no image of the splits {splits}; it has {found}")
        labelled = [row for row in chosen if any(_items(row, category) for category in self._categories)]
        if not labelled:
            raise DataError(
                f"no image in '{self.root / 'index.csv'}' is labelled in any of {', '.join(self._categories)}"
            )
        return labelled

    @functools.cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(f"broden|{self.images.fingerprint}|{self._categories}".encode())
        for file in ("label.csv", *(f"c_{category}.csv" for category in self._categories)):
            digest.update((self.root / file).read_bytes())
        for row in self._index:
            for category in self._categories:
                items = _items(row, category)
                lengths = [(self.root / "images" / i).stat().st_size for i in items if not i.isdecimal()]
                digest.update(f"{row['image']}|{category}|{items}|{lengths}".encode())
        return digest.hexdigest()[:32]

    def labels(self, indices: Indices) -> Labels:
        wanted = checked_indices(indices, len(self), self.name).tolist()
        if not wanted:
            return {category: absent(0) for category in self.concepts}
        with ThreadPoolExecutor(self._workers) as pool:
            found = list(pool.map(self._of_image, wanted))
        return {c: stacked([labels[c] for labels in found], self.size) for c in self.concepts}

    def _of_image(self, position: int) -> Labels:
        row = self._index[position]
        return {name: self._of_category(row, category) for category, name in self._names.items()}

    def _of_category(self, row: Row, category: str) -> Tensor:
        """(1, L, size, size) or (1, L, 1, 1) int16."""
        layers: list[np.ndarray] = []
        for item in _items(row, category):
            if item.isdecimal():
                numbers, place = np.array([[int(item)]]), f"'{self.root / 'index.csv'}', at '{row['image']}',"
            else:
                path = self.root / "images" / item
                numbers, place = read_red_green(path, row["image"]), f"the mask '{path}'"
                expected = _sizes(row)[2:]
                if numbers.shape != expected:
                    raise DataError(
                        f"the mask '{path}' is of {numbers.shape[0]} x {numbers.shape[1]} pixels, index.csv says "
                        f"{expected[0]} x {expected[1]}: they must agree"
                    )
                numbers = fit_numbers(numbers, self.images.resize, self.size)
            coded = self._coded(numbers, category, place)
            for earlier in layers:  # a pixel has a concept once, whichever masks name it
                coded = np.where(coded == earlier, 0, coded)
            layers.append(coded)
        if not layers:
            return absent(1)
        return stacked([torch.from_numpy(layer.astype(np.int16))[None, None] for layer in layers], self.size).transpose(
            0, 1
        )

    def _coded(self, numbers: np.ndarray, category: str, place: str) -> np.ndarray:
        present, where = np.unique(numbers, return_inverse=True)
        unknown = [n for n in present.tolist() if n != 0 and n not in self._all_numbers]
        if unknown:
            raise DataError(f"{place} holds numbers that label.csv doesn't list: {', '.join(map(str, unknown[:5]))}")
        codes = np.array([self._codes[category].get(n, 0) for n in present.tolist()])
        return codes[where.reshape(numbers.shape)]


def broden(
    root: str,
    *,
    categories: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    size: int | None = None,
    thorough: bool = False,
    workers: int | None = None,
) -> Broden:
    """Broden in the folder `root`, below the data root if relative; see `Broden`.

    Files are checked quickly by default (header and end of each): there are tens of thousands.
    """
    if size is None or size < 1:
        raise ValueError(f"the size of the images must be given in pixels (the network's input size), found {size}")
    return Broden(located(root), size, categories=categories, splits=splits, thorough=thorough, workers=workers)


def _items(row: Row, category: str) -> list[str]:
    return [item for item in row[category].split(";") if item]


def _codes(root: Path, category: str) -> tuple[tuple[str, ...], dict[int, int]]:
    """The names by code, "none" first, and the code of each number."""
    file = f"c_{category}.csv"
    rows = _table(root, file, ("code", "number", "name"))
    try:
        names = {int(row["code"]): row["name"] for row in rows}
        codes = {int(row["number"]): int(row["code"]) for row in rows}
    except ValueError as error:
        raise DataError(f"'{root / file}' has a code or number that is none ({error})") from error
    if sorted(names) != list(range(1, len(rows) + 1)):
        raise DataError(f"the codes in '{root / file}' must be 1 to {len(rows)}, each once")
    return (NONE, *(names[code] for code in sorted(names))), codes


def _sizes(row: Row) -> tuple[int, int, int, int]:
    """Height and width of the image, and of its labels."""
    try:
        return int(row["ih"]), int(row["iw"]), int(row["sh"]), int(row["sw"])
    except ValueError as error:
        raise DataError(f"the sizes of '{row['image']}' in index.csv are no numbers of pixels ({error})") from error


def _check_sizes(row: Row, checked: Checked) -> None:
    height, width, label_height, label_width = _sizes(row)
    if (checked.height, checked.width) != (height, width):
        raise DataError(
            f"'{row['image']}' is of {checked.height} x {checked.width} pixels, index.csv says {height} x {width}"
        )
    if abs(label_height * width - label_width * height) > max(height, width):  # beyond what rounding explains
        raise DataError(
            f"the labels of '{row['image']}' are of {label_height} x {label_width} pixels, the image of {height} x "
            f"{width}: one must be the other at another scale"
        )


def _table(root: Path, file: str, columns: Sequence[str]) -> list[Row]:
    path = root / file
    if not path.is_file():
        raise DataError(f"'{root}' is not laid out as Broden: '{file}' is missing")
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"'{path}' lacks the columns {', '.join(missing)}; it has {reader.fieldnames}")
        rows: list[Row] = list(reader)
    for number, row in enumerate(rows, start=2):
        if any(row[column] is None for column in columns):
            raise DataError(f"line {number} of '{path}' has too few columns: expected {', '.join(columns)}")
    return rows
