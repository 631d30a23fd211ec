"""Several sets of labelled images as one, as Broden unites its sources (Bau et al. 2017, Sec. 2.1).

Concepts of one name and category are one concept. An image is labelled in the categories of the set that it is from
alone, so that IoU is counted over the images that have labels of a category.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from replications.data.concepts.colours import Coloured
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
from replications.data.errors import DataError
from replications.data.image_set import ImageSet


class _UnitedImages(ImageSet):
    """The images of several sets, one set after the other; the label of an image is its set."""

    def __init__(self, sets: Mapping[str, ImageSet], name: str) -> None:
        self.sets, self.name, self.classes = tuple(sets.values()), name, tuple(sets)
        self.size = self.sets[0].size
        self.labels = torch.cat([torch.full((len(images),), i) for i, images in enumerate(self.sets)])
        self.starts = np.cumsum([0, *(len(images) for images in self.sets)])

    @functools.cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256("\n".join(["united", *(s.fingerprint for s in self.sets)]).encode()).hexdigest()[:32]

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        wanted = checked_indices(indices, len(self), self.name)
        found = torch.empty((len(wanted), 3, self.size, self.size))
        for i, rows, own in self.parts(wanted):
            found[rows] = self.sets[i].images(own)
        return found

    def parts(self, wanted: np.ndarray) -> Iterator[tuple[int, Tensor, Tensor]]:
        """(set, rows of `wanted` that are its, their indices in it) for each set that any image is from."""
        of_set = self.labels[torch.from_numpy(wanted)].numpy()
        for i in np.unique(of_set).tolist():
            rows = np.flatnonzero(of_set == i)
            yield i, torch.from_numpy(rows), torch.from_numpy(wanted[rows] - self.starts[i])


class United(ConceptSet):
    """Several sets of labelled images of one size, named; see the head of this file.

    Raises DataError where there is no set, or their sizes differ.
    """

    def __init__(self, sets: Mapping[str, ConceptSet], name: str) -> None:
        sizes = {part: concepts.size for part, concepts in sets.items()}
        if not sets or len(set(sizes.values())) != 1:
            raise DataError(f"{name} needs sets of labelled images of one size, found {sizes or 'none'}")
        self.sets, self.name = tuple(sets.values()), name
        self._images = _UnitedImages({part: concepts.images for part, concepts in sets.items()}, name)
        self.images = self._images
        categories = list(dict.fromkeys(category for concepts in self.sets for category in concepts.concepts))
        joined = {
            category: tuple(dict.fromkeys(n for s in self.sets for n in s.concepts.get(category, (NONE,))))
            for category in categories
        }
        self.concepts = check_concepts(joined, name)
        self._renumbered = [
            {category: _numbers(names, self.concepts[category]) for category, names in concepts.concepts.items()}
            for concepts in self.sets
        ]

    @functools.cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256("\n".join(["united", *(s.fingerprint for s in self.sets)]).encode()).hexdigest()[:32]

    @property
    def note(self) -> str | None:
        return "; ".join(f"{s.name}: {s.note}" for s in self.sets if s.note) or None

    def labels(self, indices: Indices) -> Labels:
        wanted = checked_indices(indices, len(self), self.name)
        by_category: dict[str, list[Tensor]] = {category: [] for category in self.concepts}
        order = []
        for i, rows, own in self._images.parts(wanted):
            order.append(rows)
            found = self.sets[i].labels(own)
            for category, parts in by_category.items():
                known = category in found
                parts.append(self._renumbered[i][category][found[category].long()] if known else absent(len(rows)))
        if not order:
            return {category: absent(0) for category in self.concepts}
        place = torch.cat(order).argsort()
        return {category: stacked(parts, self.size)[place] for category, parts in by_category.items()}


def united(sets: Mapping[str, ConceptSet], *, colours: bool = False, name: str, size: int | None = None) -> ConceptSet:
    """The sets as one. colours: whether to add the colours of the pixels as concepts. size: that of all of them."""
    concepts = United(sets, name)
    if size is not None and concepts.size != size:
        raise ValueError(f"{name} was asked for at {size} pixels, its sets are of {concepts.size}")
    return Coloured(concepts) if colours else concepts


def _numbers(names: Sequence[str], joined: Sequence[str]) -> Tensor:
    """(names,) int16: the number of each in `joined`."""
    return torch.tensor([joined.index(name) for name in names], dtype=torch.int16)
