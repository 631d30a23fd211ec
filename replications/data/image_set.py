"""What every set of images offers, whatever it is made of."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


class ImageSet(ABC):
    """Images with class labels, at one size, with random access by index.

    name: for people ("facetworld validation").
    classes: the class names, in label order.
    labels: (N,) int64, the class of each image; position in `classes`.
    size: height and width in pixels of what `images` returns.
    fingerprint: changes whenever any pixel or label would change, and never otherwise.
    provides: what is known of the images beyond the class: any of "facets", "masks", "key points", "boxes".
    """

    name: str
    classes: tuple[str, ...]
    labels: Tensor
    size: int
    provides: frozenset[str] = frozenset()

    @property
    @abstractmethod
    def fingerprint(self) -> str: ...

    @abstractmethod
    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        """The images at `indices`: (n, 3, size, size) float32 in [0, 1]."""

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    def batches(
        self, batch_size: int, indices: Sequence[int] | Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """(indices, images, labels) in order, `batch_size` at a time; all images unless `indices` are named."""
        chosen = torch.arange(len(self)) if indices is None else torch.as_tensor(indices, dtype=torch.int64)
        for part in chosen.split(batch_size):
            yield part, self.images(part), self.labels[part]

    def batch_count(self, batch_size: int, indices: Sequence[int] | Tensor | None = None) -> int:
        """How many batches `batches` yields (for a progress bar)."""
        return -(-(len(self) if indices is None else len(indices)) // batch_size)


@dataclasses.dataclass(frozen=True)
class DataSource:
    """A training and a validation set of the same classes, named as its configuration is."""

    name: str
    train: ImageSet
    validation: ImageSet

    @property
    def classes(self) -> tuple[str, ...]:
        return self.validation.classes
