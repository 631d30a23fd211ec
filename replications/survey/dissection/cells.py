"""What has to be kept of a layer's activations so that every pixel above the threshold can be found afterwards.

A pixel's value is interpolated between the activations at the four corners of its cell, so it exceeds a level only
where a corner does. A cell in which no corner exceeds what is already known to be below the threshold is dropped, which
leaves a few in a hundred. Kept are the four corners; beyond a stated number of bytes they wait in a temporary file, so
that the memory doesn't grow with the number of images.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from replications.paths import cache_root
from replications.survey.dissection.upsampling import Grid


@dataclasses.dataclass(frozen=True)
class Hot:
    """Cells of a layer's maps of a batch of images.

    image, unit, row, column: (n,) int32, where. corners: (n, 4), the activations above left, above right, below left
    and below right.
    """

    image: Tensor
    unit: Tensor
    row: Tensor
    column: Tensor
    corners: Tensor

    def __len__(self) -> int:
        return len(self.image)

    @classmethod
    def joined(cls, parts: Sequence[Hot]) -> Hot:
        """Those of several parts, one after another."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in dataclasses.fields(cls)))

    def where(self, kept: Tensor) -> Hot:
        """kept: (n,) bool, or the numbers of the cells."""
        return Hot(*(getattr(self, field.name)[kept] for field in dataclasses.fields(self)))

    def to(self, device: torch.device | str) -> Hot:
        return Hot(*(getattr(self, field.name).to(device) for field in dataclasses.fields(self)))

    @property
    def bytes(self) -> int:
        return sum(getattr(self, field.name).nbytes for field in dataclasses.fields(self))


def hot_cells(activations: Tensor, hot: Tensor, grid: Grid, first: int = 0) -> Hot:
    """The cells with a hot corner.

    activations: (n, H, W, K), contiguous. hot: the same shape, bool. first: the number of the first image.
    """
    _, height, width, units = activations.shape
    top, bottom, left, right = (
        places.to(hot.device) for places in (grid.rows.before, grid.rows.after, grid.columns.before, grid.columns.after)
    )
    banded = hot.index_select(1, top) | hot.index_select(1, bottom)
    celled = banded.index_select(2, left) | banded.index_select(2, right)
    image, row, column, unit = celled.nonzero(as_tuple=True)
    flat = activations.reshape(-1)
    above, below = ((image * height + places[row]) * width for places in (top, bottom))
    before, after = left[column], right[column]
    corners = [flat[(line + place) * units + unit] for line in (above, below) for place in (before, after)]
    return Hot(*(place.to(torch.int32) for place in (image + first, unit, row, column)), torch.stack(corners, 1))


class Kept:
    """The hot cells of every batch by view, in memory up to `most` bytes, the rest in a temporary file."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._batches: list[dict[str, Hot] | int] = []
        self._file: IO[bytes] | None = None

    def add(self, batch: dict[str, Hot]) -> None:
        """The next batch's."""
        size = sum(cells.bytes for cells in batch.values())
        if self._held + size <= self._most:
            self._held += size
            self._batches.append({view: cells.to("cpu") for view, cells in batch.items()})
            return
        if self._file is None:
            cache_root().mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=cache_root())  # noqa: SIM115  closed with this object
        self._batches.append(self._file.seek(0, 2))
        for cells in batch.values():
            for field in dataclasses.fields(cells):
                np.save(self._file, getattr(cells, field.name).cpu().numpy(), allow_pickle=False)
        self._views = tuple(batch)

    def __iter__(self) -> Iterator[dict[str, Hot]]:
        """Each batch's, once: what has been read is freed."""
        for i, batch in enumerate(self._batches):
            self._batches[i] = {}
            yield self._read(batch) if isinstance(batch, int) else batch
        if self._file is not None:
            self._file.close()

    def _read(self, start: int) -> dict[str, Hot]:
        file: Any = self._file
        file.seek(start)
        return {view: Hot(*(torch.from_numpy(np.load(file)) for _ in range(5))) for view in self._views}
