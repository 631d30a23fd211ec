"""Counting, for each unit and concept, the pixels where both are.

Bau et al. 2017, Eq. 1: IoU_{k,c} = sum |M_k and L_c| / sum |M_k or L_c|, summed over the images that have a label of
c's category, where M_k are the pixels whose interpolated activation is above the unit's threshold.

Only cells with a corner above the threshold are looked at, and only their pixels above it are counted.
"""

from __future__ import annotations

import torch
from torch import Tensor

from replications.survey.dissection.cells import Hot
from replications.survey.dissection.upsampling import Grid

_AT_ONCE = 1 << 20  # pixels of cells interpolated at a time


class LabelCounts:
    """What is counted of the labels alone, in `groups` of images.

    concept_areas: (groups, concepts) pixels. concept_images: (groups, concepts) images that show the concept.
    """

    def __init__(self, groups: int, concepts: int, device: torch.device | str) -> None:
        self.concept_areas = torch.zeros(groups, concepts, dtype=torch.int64, device=device)
        self.concept_images = torch.zeros_like(self.concept_areas)

    def add(self, labels: Tensor, group: Tensor, pixels: int) -> None:
        """labels: (n, L, h, w), of an image of that many pixels. group: (n,) of each image."""
        count = self.concept_areas.shape[1]
        flat = labels.flatten(1).long() + torch.arange(len(labels), device=labels.device)[:, None] * count
        found = torch.bincount(flat.flatten(), minlength=len(labels) * count).view(len(labels), count)
        found[:, 0] = 0
        self.concept_images.index_add_(0, group, (found > 0).long())
        self.concept_areas.index_add_(0, group, found * (pixels // (labels.shape[2] * labels.shape[3])))


class UnitCounts:
    """What is counted of the units of one view of a layer, in `groups` of images, for each category.

    intersections[category]: (groups, units, concepts) pixels. unit_areas[category]: (groups, units) pixels above the
    threshold in images that have a label of the category.
    """

    def __init__(
        self, thresholds: Tensor, grid: Grid, groups: int, concepts: dict[str, int], device: torch.device | str
    ) -> None:
        """thresholds: (units,). concepts: how many each category has, "none" included."""
        units = len(thresholds)
        self.grid = grid
        self.thresholds = thresholds.to(device)
        self.intersections = {
            category: torch.zeros(groups, units, count, dtype=torch.int64, device=device)
            for category, count in concepts.items()
        }
        self.unit_areas = {
            category: torch.zeros(groups, units, dtype=torch.int64, device=device) for category in concepts
        }
        self._pixels = _Pixels(grid, device)

    def add(self, cells: Hot, labels: dict[str, Tensor], group: Tensor) -> None:
        """cells: of a batch of n images. labels: (n, L, h, w) for each category. group: (n,) of each image."""
        cells = cells.where(cells.corners.amax(1) > self.thresholds[cells.unit])
        shown = {category: (values != 0).flatten(1).any(1) for category, values in labels.items()}
        for part in torch.arange(len(cells), device=group.device).split(max(1, _AT_ONCE // self._pixels.per_cell)):
            self._add(cells.where(part), labels, shown, group)

    def _add(self, cells: Hot, labels: dict[str, Tensor], shown: dict[str, Tensor], group: Tensor) -> None:
        above = self._pixels.above(cells, self.thresholds[cells.unit])
        image = cells.image.long()
        target = group[image] * len(self.thresholds) + cells.unit
        areas = above.sum(1)
        cell, phase = above.nonzero(as_tuple=True)
        places = self._pixels.corner(cells)[cell] + self._pixels.offsets[phase]
        for category, values in labels.items():
            has = shown[category][image]
            _count(self.unit_areas[category], target[has], areas[has])
            into = self.intersections[category]
            keys = target * into.shape[2]
            if values.shape[2] == 1 and self.grid.size > 1:
                for layer in values[:, :, 0, 0].unbind(1):
                    _count(into, keys + layer[image], areas)
                continue
            flat = values.flatten()
            size = self.grid.size**2
            starts = image * (values.shape[1] * size)
            at, keyed = starts[cell] + places, keys[cell]
            for layer_number in range(values.shape[1]):
                _count(into, keyed + flat[at + layer_number * size])


class _Pixels:
    """The pixels of a cell: how they are interpolated, and where they lie."""

    def __init__(self, grid: Grid, device: torch.device | str) -> None:
        rows, columns, size = grid.rows, grid.columns, grid.size
        self.per_cell = rows.step * columns.step
        down, across = torch.meshgrid(rows.phases, columns.phases, indexing="ij")
        self._weights = torch.stack([torch.ones_like(down), across, down, down * across]).flatten(1).to(device)
        y, x = torch.meshgrid(torch.arange(rows.step), torch.arange(columns.step), indexing="ij")
        self.offsets = (y * size + x).flatten().to(device)
        tops = rows.start + rows.step * torch.arange(len(rows.before))
        lefts = columns.start + columns.step * torch.arange(len(columns.before))
        self._tops, self._lefts, self._size = tops.to(device), lefts.to(device), size
        inside = _inside(tops, rows.step, size)[:, None, :, None] & _inside(lefts, columns.step, size)[None, :, None, :]
        self._inside = inside.flatten(2).to(device)

    def above(self, cells: Hot, thresholds: Tensor) -> Tensor:
        """(n, pixels of a cell) bool: above the threshold (n,) of the cell's unit, and inside the image."""
        a, b, c, d = cells.corners.double().unbind(1)
        # written with differences, a flat cell has exactly its corners' value everywhere
        terms = torch.stack([a, b - a, c - a, (d - c) - (b - a)], 1)
        return (terms @ self._weights > thresholds.double()[:, None]) & self._inside[
            cells.row.long(), cells.column.long()
        ]

    def corner(self, cells: Hot) -> Tensor:
        """(n,) the number of each cell's first pixel in the image, row by row; of no meaning outside the image."""
        return self._tops[cells.row.long()] * self._size + self._lefts[cells.column.long()]


def _inside(starts: Tensor, step: int, size: int) -> Tensor:
    """(cells, step) bool: whether a cell's pixels lie inside the image."""
    pixels = starts[:, None] + torch.arange(step)
    return (pixels >= 0) & (pixels < size)


def _count(into: Tensor, keys: Tensor, weights: Tensor | None = None) -> None:
    """Adds one, or the weights, at the keys, which number the elements of `into`."""
    flat = into.view(-1)
    if weights is None and len(keys) * 4 > len(flat):
        flat += torch.bincount(keys, minlength=len(flat))
    else:
        flat.index_add_(0, keys, torch.ones_like(keys) if weights is None else weights)
