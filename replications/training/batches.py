"""Training images as 8-bit batches, augmented by choosing which rows and columns of each image are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from replications.training.recipe import Recipe

if TYPE_CHECKING:
    from replications.data.image_set import ImageSet

MEMORY_LIMIT = 4 * 2**30
CHUNK = 1000


class TrainingImages:
    """Random access to the chosen images of a set, held in memory as 8-bit where they fit into 4 GiB.

    Images are rounded to 8 bits in either case, so that where they are held makes no difference. Nothing is read
    before the first batch.
    """

    def __init__(self, data: ImageSet, indices: Tensor) -> None:
        self._data, self.indices = data, indices
        self._held: Tensor | None = None
        self._fits = len(indices) * 3 * data.size**2 <= MEMORY_LIMIT

    def take(self, positions: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """(n, 3, height, width) uint8, channels last: of each image the rows (n, height) and columns (n, width)."""
        if self._fits:
            if self._held is None:
                self._held = torch.cat([_bytes(part) for _, part, _ in self._data.batches(CHUNK, self.indices)])
            source, chosen = self._held, positions
        else:
            source, chosen = _bytes(self._data.images(self.indices[positions])), torch.arange(len(positions))
        taken = source[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]
        return taken.permute(0, 3, 1, 2)


def _bytes(images: Tensor) -> Tensor:
    """(n, 3, H, W) in [0, 1] as (n, H, W, 3) uint8."""
    return (images * 255).round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def epoch_batches(
    images: TrainingImages, labels: Tensor, size: int, recipe: Recipe, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """All images once in random order: (images (n, 3, H, W) uint8 channels last, labels (n,)).

    labels: one for each of `images.indices`. size: height and width of the stored images.
    """
    order = torch.randperm(len(labels), generator=generator)
    for positions in order.split(recipe.batch_size):
        rows, columns = _windows(len(positions), size, recipe, generator)
        yield images.take(positions, rows, columns), labels[positions]


def _windows(n: int, size: int, recipe: Recipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The rows and columns, (n, out) each, that augmentation reads of n images."""
    out = recipe.crop or size
    if out > size:
        raise ValueError(f"the recipe takes crops of {out} pixels, but the images have {size}")
    if recipe.crop:
        end = size - out
        corners = torch.tensor([(0, 0), (0, end), (end, 0), (end, end), (end // 2, end // 2)])
        offset = corners[torch.randint(5, (n,), generator=generator)]
    else:
        offset = torch.randint(-recipe.shift, recipe.shift + 1, (n, 2), generator=generator)
    read = torch.arange(out) + offset[:, :, None]
    # Mirrored at the border without repeating it: -1 reads 1, size reads size - 2.
    read = (size - 1) - ((size - 1) - read.abs()).abs()
    rows, columns = read.unbind(1)
    if recipe.flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    return rows, columns
