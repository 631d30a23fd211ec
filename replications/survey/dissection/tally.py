"""Counting, for each unit and concept, the pixels where both are.

Bau et al. 2017, Eq. 1: IoU_{k,c} = sum |M_k and L_c| / sum |M_k or L_c|, summed over the images that have a label of
c's category, where M_k are the pixels whose interpolated activation is above the unit's threshold.

Only cells with a corner above the threshold are looked at, and only their pixels above it are counted.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from replications.survey.dissection.cells import Hot
from replications.survey.dissection.labels import Labels
from replications.survey.dissection.swift import pick, split_places, true_places
from replications.survey.dissection.upsampling import Grid

_AT_ONCE = 1 << 18  # pixels of cells interpolated at a time
_WAITING = 1 << 23  # pixels above the threshold that wait to be counted


class UnitCounts:
    """What is counted of the units of one view of a layer, in `blocks` of images, for each category.

    intersections[category]: (blocks, units, concepts) pixels. unit_areas[category]: (blocks, units) pixels above the
    threshold in images that have a label of the category.
    """

    def __init__(
        self, thresholds: Tensor, grid: Grid, blocks: int, concepts: Mapping[str, int], device: torch.device | str
    ) -> None:
        """thresholds: (units,). concepts: how many numbers each category has, 0 for none included."""
        self.units = len(thresholds)
        self.intersections = {
            category: torch.zeros(blocks, self.units, count, dtype=torch.int64, device=device)
            for category, count in concepts.items()
        }
        self.unit_areas = {
            category: torch.zeros(blocks, self.units, dtype=torch.int64, device=device) for category in concepts
        }
        self._thresholds = thresholds.to(device)
        self._pixels = _Pixels(grid, device)

    def add(self, cells: Hot, labels: Labels, block: Tensor) -> None:
        """cells: of a batch of n images. block: (n,) of each image, ascending."""
        first, last = int(block[0]), int(block[-1]) + 1
        thresholds = self._thresholds.repeat(labels.images)
        starts = torch.arange(labels.images, device=block.device).repeat_interleave(self.units) * labels.size**2
        a, b, c, d = cells.corners
        highest = torch.maximum(torch.maximum(a, b), torch.maximum(c, d))
        cells = cells.pick(true_places(highest > pick(thresholds, cells.map)))
        areas = torch.zeros(labels.images * self.units, dtype=torch.int64, device=block.device)
        waiting: list[tuple[Tensor, Tensor]] = []
        step = max(1, _AT_ONCE // self._pixels.per_cell)
        for start in range(0, len(cells), step):
            waiting.append(self._pixels.above(cells.part(start, start + step), thresholds, starts))
            if sum(len(maps) for maps, _ in waiting) > _WAITING:
                self._count(waiting, areas, labels, block - first, first, last)
                waiting = []
        if waiting:
            self._count(waiting, areas, labels, block - first, first, last)
        self._add_areas(areas.view(labels.images, -1), labels, block, first, last)

    def _count(
        self,
        waiting: list[tuple[Tensor, Tensor]],
        areas: Tensor,
        labels: Labels,
        block: Tensor,
        first: int,
        last: int,
    ) -> None:
        """block: of each image, counted from the batch's first."""
        maps, places = (torch.cat(tensors) for tensors in zip(*waiting, strict=True))
        areas += torch.bincount(maps, minlength=len(areas))
        units = torch.arange(self.units, dtype=torch.int32, device=areas.device)
        of_map = (block.to(torch.int32)[:, None] * self.units + units).flatten()
        for packed in labels.packed:
            keys = pick(of_map * packed.count, maps) + pick(packed.codes, places).to(torch.int32)
            counts = torch.bincount(keys, minlength=(last - first) * self.units * packed.count)
            for category, found in packed.by_concept(counts.view(last - first, self.units, -1)).items():
                self.intersections[category][first:last] += found

    def _add_areas(self, areas: Tensor, labels: Labels, block: Tensor, first: int, last: int) -> None:
        """areas: (n, units) pixels of each map above the threshold. block: (n,) of each image."""
        # sums of whole numbers below 2^53 are exact in float64, whose products of matrices are fast
        exact = areas.double()
        of_block = block == torch.arange(first, last, device=block.device)[:, None]
        for category, has in labels.has.items():
            self.unit_areas[category][first:last] += ((of_block & has).double() @ exact).long()
        for category, values in labels.whole.items():
            into = self.intersections[category]
            shown = torch.nn.functional.one_hot(values, into.shape[2]).amax(1).bool()
            chosen = (of_block[:, None] & shown.T).flatten(0, 1).double()
            into[first:last] += (chosen @ exact).long().view(last - first, -1, self.units).transpose(1, 2)


class _Pixels:
    """The pixels of a layer's cells: how they are interpolated, and where they lie."""

    def __init__(self, grid: Grid, device: torch.device | str) -> None:
        rows, columns, self._size = grid.rows, grid.columns, grid.size
        self.per_cell = rows.step * columns.step
        down, across = torch.meshgrid(rows.phases, columns.phases, indexing="ij")
        self._weights = torch.stack([torch.ones_like(down), across, down, down * across]).flatten(1).to(device)
        y, x = torch.meshgrid(torch.arange(rows.step), torch.arange(columns.step), indexing="ij")
        self._offsets = (y * grid.size + x).flatten().to(device)
        tops = rows.start + rows.step * torch.arange(len(rows.before))
        lefts = columns.start + columns.step * torch.arange(len(columns.before))
        self._firsts = (tops[:, None] * grid.size + lefts).flatten().to(device)
        down, across = _inside(tops, rows.step, grid.size), _inside(lefts, columns.step, grid.size)
        inside = down[:, None, :, None] & across[None, :, None, :]
        self._inside = inside.reshape(-1, self.per_cell).to(device)

    def above(self, cells: Hot, thresholds: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """The map and the place among the labels of each pixel that is above its map's threshold and in the image.

        thresholds, starts: (maps,) of each map, and where its image's labels begin. Returns (m,) int32 and (m,) int64.
        """
        a, b, c, d = cells.corners.double()
        # written with differences, a flat cell has exactly its corners' value everywhere
        terms = torch.stack([a, b - a, c - a, (d - c) - (b - a)])
        levels = pick(thresholds, cells.map).double()[:, None]
        above = (terms.T @ self._weights > levels) & pick(self._inside, cells.cell)
        cell, phase = split_places(true_places(above), self.per_cell)
        firsts = pick(starts, cells.map) + pick(self._firsts, cells.cell)
        return pick(cells.map, cell), pick(firsts, cell) + pick(self._offsets, phase)


def _inside(starts: Tensor, step: int, size: int) -> Tensor:
    """(cells, step) bool: whether a cell's pixels lie inside the image."""
    pixels = starts[:, None] + torch.arange(step)
    return (pixels >= 0) & (pixels < size)
