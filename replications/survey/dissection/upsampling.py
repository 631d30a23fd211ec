"""From a layer's positions to the image's pixels: bilinear, each activation at the centre of its receptive field.

Bau et al. 2017, Sec. 2.2: low-resolution maps are scaled up to the resolution of the labels with bilinear
interpolants anchored at the centre of each unit's receptive field. Beyond the outermost centres the map goes on as it
ends, as in the released script.

Deviation: the released script rounds the centre of a field of even size by half a pixel; here it is exact.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from replications.networks.network import Network
from replications.networks.receptive_field import Axis


class NoExtent(ValueError):
    """A layer whose units have no positions in the image."""


@dataclasses.dataclass(frozen=True)
class Cells:
    """One direction of the image cut at the centres of receptive fields: between two of them lies a cell.

    before, after: (cells,) int64, the positions of the layer on either side of a cell; the outermost one twice where
        the cell lies beyond it. start: the first pixel of the first cell, <= 0. step: pixels in a cell.
    phases: (step,) float64 in [0, 1), how far from `before` to `after` each pixel of a cell lies.
    """

    before: Tensor
    after: Tensor
    start: int
    step: int
    phases: Tensor

    @classmethod
    def of(cls, axis: Axis, positions: int, pixels: int) -> Cells:
        """axis: of the layer's receptive field. positions: of the layer along it. pixels: of the image."""
        twice_first, stride = 2 * axis.offset + axis.size - 1, axis.stride
        lowest = -twice_first // (2 * stride)
        highest = (2 * (pixels - 1) - twice_first) // (2 * stride)
        below = torch.arange(lowest, highest + 1)
        twice_start = twice_first + 2 * lowest * stride
        start = -(-twice_start // 2)
        phases = (torch.arange(stride, dtype=torch.float64) + (2 * start - twice_start) / 2) / stride
        last = positions - 1
        return cls(below.clamp(0, last), (below + 1).clamp(0, last), start, stride, phases)

    def matrix(self, positions: int, pixels: int) -> Tensor:
        """(pixels, positions) float64: what each pixel takes of each position."""
        pixel = torch.arange(pixels)
        cell, phase = (pixel - self.start) // self.step, self.phases[(pixel - self.start) % self.step]
        taken = torch.zeros(pixels, positions, dtype=torch.float64)
        taken.index_put_((pixel, self.before[cell]), 1 - phase, accumulate=True)
        return taken.index_put_((pixel, self.after[cell]), phase, accumulate=True)


@dataclasses.dataclass(frozen=True)
class Grid:
    """The cells of a layer in both directions of an image of `size` x `size` pixels."""

    rows: Cells
    columns: Cells
    shape: tuple[int, int]
    size: int

    @classmethod
    def of(cls, network: Network, layer: str) -> Grid:
        """Raises NoExtent for a layer without positions, or whose fields don't lie at equal distances."""
        shape, field = network.shape(layer), network.receptive_field(layer)
        if len(shape) != 3 or shape[1:] == (1, 1) or 0 in field.stride:
            raise NoExtent(
                f"layer '{layer}' of network '{network.name}' can't be dissected: its output of shape {shape} has no "
                f"positions whose receptive fields lie at equal distances in the image; choose one of "
                f"{', '.join(spatial_layers(network))}"
            )
        size = network.input_size
        rows, columns = Cells.of(field.rows, shape[1], size), Cells.of(field.columns, shape[2], size)
        return cls(rows, columns, (shape[1], shape[2]), size)

    def upsample(self, maps: Tensor) -> Tensor:
        """maps: (..., H, W) of the layer -> (..., size, size), in the dtype of the maps."""
        rows = self.rows.matrix(self.shape[0], self.size).to(maps)
        columns = self.columns.matrix(self.shape[1], self.size).to(maps)
        return rows @ maps @ columns.T


def spatial_layers(network: Network) -> tuple[str, ...]:
    """The layers that can be dissected, in order."""
    return tuple(
        layer
        for layer in network.layers
        if len(shape := network.shape(layer)) == 3
        and shape[1:] != (1, 1)
        and 0 not in network.receptive_field(layer).stride
    )
