"""What every set of images with labelled concepts offers, whatever it is made of.

Bau et al. 2017 (Network Dissection, Sec. 2.1): a concept is seen at some pixels of an image, or is said of the image as
a whole; a concept belongs to a category; an image may be labelled in some categories only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from replications.data.errors import DataError
from replications.data.image_set import ImageSet

NONE = "none"

Indices = Sequence[int] | Tensor
Labels = dict[str, Tensor]


class ConceptSet(ABC):
    """Images, and where the concepts of each category are seen in them.

    name: for people ("facetworld concepts").
    images: the pictures, at one size.
    concepts: for each category its concepts by number; number 0 is "none".
    fingerprint: changes whenever any pixel or label would change, and never otherwise.
    """

    name: str
    images: ImageSet
    concepts: dict[str, tuple[str, ...]]

    @property
    @abstractmethod
    def fingerprint(self) -> str: ...

    @abstractmethod
    def labels(self, indices: Indices) -> Labels:
        """For each category the concepts seen in the images at `indices`.

        Returns (n, L, size, size) int16, or (n, L, 1, 1) where each label is of the whole image: numbers of `concepts`,
        0 none. L layers, at least 1, that overlap: a pixel may have several concepts of one category, each once. An
        image that has no label of a category is 0 there.
        """

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Height and width of the images, in pixels."""
        return self.images.size

    @property
    def note(self) -> str | None:
        """What is to be said of the set, such as files that were left out, in one sentence, or None."""
        return getattr(self.images, "note", None)

    def batches(self, batch_size: int, indices: Indices | None = None) -> Iterator[tuple[Tensor, Tensor, Labels]]:
        """(indices, images (n, 3, size, size) in [0, 1], labels) in order, `batch_size` at a time."""
        for part, images, _ in self.images.batches(batch_size, indices):
            yield part, images, self.labels(part)

    def batch_count(self, batch_size: int, indices: Indices | None = None) -> int:
        """How many batches `batches` yields (for a progress bar)."""
        return self.images.batch_count(batch_size, indices)


def checked_indices(indices: Indices, count: int, name: str) -> np.ndarray:
    """`indices` as (n,) int64. Raises IndexError where one is not in 0 ... count - 1."""
    wanted = torch.as_tensor(indices, dtype=torch.int64).flatten().numpy()
    outside = wanted[(wanted < 0) | (wanted >= count)]
    if outside.size:
        raise IndexError(f"{name} has the images 0 to {count - 1}; found {int(outside[0])}")
    return wanted


def absent(count: int) -> Tensor:
    """The labels of `count` images that have none of a category: (count, 1, 1, 1) int16."""
    return torch.zeros((count, 1, 1, 1), dtype=torch.int16)


def stacked(parts: Sequence[Tensor], size: int) -> Tensor:
    """Labels of several images as one tensor: those of whole images are spread where others are of pixels.

    parts: each (n, L, size, size) or (n, L, 1, 1) int16. Returns (sum of n, most L, size, size), or (..., 1, 1) where
    all are of whole images.
    """
    layers = max(part.shape[1] for part in parts)
    side = size if any(part.shape[-1] != 1 for part in parts) else 1
    filled = []
    for part in parts:
        more = part.new_zeros((len(part), layers - part.shape[1], *part.shape[2:]))
        filled.append(torch.cat([part, more], 1).expand(-1, -1, side, side))
    return torch.cat(filled)


def check_concepts(concepts: Mapping[str, Sequence[str]], name: str) -> dict[str, tuple[str, ...]]:
    """The concepts as a set holds them. Raises DataError where a category is empty or names a concept twice."""
    if not concepts:
        raise DataError(f"{name} has no category of concepts: name at least one")
    for category, names in concepts.items():
        if not names or names[0] != NONE:
            raise DataError(f"category '{category}' of {name} must begin with '{NONE}', found {list(names)[:1]}")
        if len(names) == 1:
            raise DataError(f"category '{category}' of {name} has no pixel of any concept: leave it out, or label some")
        twice = sorted({n for n in names if list(names).count(n) > 1})
        if twice:
            raise DataError(f"category '{category}' of {name} names {', '.join(twice[:5])} more than once")
    return {category: tuple(names) for category, names in concepts.items()}
