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
from replications.survey.dissection.swift import pick, split_places, true_places
from replications.survey.dissection.upsampling import Grid


@dataclasses.dataclass(frozen=True)
class Hot:
    """Cells of a layer's maps of a batch of images.

    map: (n,) int32, the image in the batch * units + the unit. cell: (n,) int32, row * columns + column of the grid.
    corners: (4, n), the activations above left, above right, below left and below right of the cell.
    """

    map: Tensor
    cell: Tensor
    corners: Tensor

    def __len__(self) -> int:
        return len(self.map)

    @classmethod
    def joined(cls, parts: Sequence[Hot]) -> Hot:
        """Those of several parts, one after another."""
        return cls(
            torch.cat([part.map for part in parts]),
            torch.cat([part.cell for part in parts]),
            torch.cat([part.corners for part in parts], 1),
        )

    def pick(self, numbers: Tensor) -> Hot:
        """Those of these numbers."""
        return Hot(pick(self.map, numbers), pick(self.cell, numbers), self.corners.index_select(1, numbers))

    def part(self, first: int, last: int) -> Hot:
        """Those from `first` to before `last`."""
        return Hot(self.map[first:last], self.cell[first:last], self.corners[:, first:last])

    def to(self, device: torch.device | str) -> Hot:
        return Hot(self.map.to(device), self.cell.to(device), self.corners.to(device))

    @property
    def bytes(self) -> int:
        return self.map.nbytes + self.cell.nbytes + self.corners.nbytes


def hot_cells(activations: Tensor, hot: Tensor, grid: Grid, first: int = 0) -> Hot:
    """The cells with a hot corner.

    activations: (n, H, W, K), contiguous. hot: the same shape, bool. first: the number of the first image.
    """
    _, height, width, units = activations.shape
    top, bottom, left, right = (
        places.to(activations.device)
        for places in (grid.rows.before, grid.rows.after, grid.columns.before, grid.columns.after)
    )
    banded = hot.index_select(1, top) | hot.index_select(1, bottom)
    celled = banded.index_select(2, left) | banded.index_select(2, right)
    position, unit = split_places(true_places(celled), units)
    image, cell = split_places(position, len(top) * len(left))
    flat, start = activations.reshape(-1), image * (height * width * units) + unit
    corners = torch.empty(4, len(unit), dtype=activations.dtype, device=activations.device)
    for corner, (row, column) in enumerate(((top, left), (top, right), (bottom, left), (bottom, right))):
        offset = ((row[:, None] * width + column) * units).flatten()
        torch.index_select(flat, 0, start + pick(offset, cell), out=corners[corner])
    return Hot(((image + first) * units + unit).to(torch.int32), cell.to(torch.int32), corners)


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
            for values in (cells.map, cells.cell, cells.corners):
                np.save(self._file, values.cpu().numpy(), allow_pickle=False)
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
        read = {view: [torch.from_numpy(np.load(file)) for _ in range(3)] for view in self._views}
        return {view: Hot(*tensors) for view, tensors in read.items()}
