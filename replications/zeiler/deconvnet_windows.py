"""Which window of every lower map one unit can see, when the deconvnet descends from it.

A unit's projection is zero outside its receptive field, and the same holds on the way down: in every map below, only
a window around the unit carries signal. The window's size is the same for all units of a layer and its place moves
in proportion to the unit's position, so the windows of many units stack into one tensor. Near the border a window
reaches outside its map; those places are padding and are kept at zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from replications.networks.graph import Node


@dataclass(frozen=True)
class Span:
    """What one output position of an operation reads along one axis (a convolution's or a pool's geometry)."""

    kernel: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def pointwise(self) -> bool:
        return self == Span()


@dataclass(frozen=True)
class Window:
    """Along one axis, the positions [jump * p + offset, jump * p + offset + size) of a map belong to the unit at p.

    A whole map is `Window(0, 0, extent)`: the same for every unit.
    """

    jump: int
    offset: int
    size: int

    def starts(self, positions: Tensor) -> Tensor:
        """First position of the window of each unit. positions: (U,) integers; may be negative near the border."""
        return positions * self.jump + self.offset

    def below(self, span: Span) -> Window:
        """The window that this window of an operation's output reads in the operation's input."""
        size = (self.size - 1) * span.stride + span.dilation * (span.kernel - 1) + 1
        return Window(self.jump * span.stride, self.offset * span.stride - span.padding, size)

    def union(self, other: Window) -> Window | None:
        """The smallest window that holds both; None where the two move at different rates."""
        if self.jump != other.jump:
            return None
        start = min(self.offset, other.offset)
        end = max(self.offset + self.size, other.offset + other.size)
        return Window(self.jump, start, end - start)


Spans = tuple[Span, Span]  # of rows and of columns
Area = tuple[Window, Window]  # of rows and of columns
Shape = tuple[int, ...]  # (C, H, W), or (C,) for a vector of units


def whole(shape: Shape) -> Area:
    """The area that is the whole map; a vector counts as a map of one position."""
    height, width = shape[1:] if len(shape) == 3 else (1, 1)
    return Window(0, 0, height), Window(0, 0, width)


def whole_areas(shapes: Mapping[str, Shape]) -> dict[str, Area]:
    """Every map in whole, for a descent that is not cropped."""
    return {name: whole(shape) for name, shape in shapes.items()}


def unit_areas(nodes: Sequence[Node], spans: Mapping[str, Spans | None], layer: str) -> dict[str, Area] | None:
    """The area of every map from `layer` down to "input" that one unit of `layer` sees.

    `nodes` are those that `layer` needs, in topological order; `spans` gives each one's geometry, None for an operation
    that mixes all positions (a linear layer, a global pool). Where a map is read along several branches its area is
    the union. Returns None where there are no such areas: an operation on the way mixes all positions, or two branches
    that meet have different strides.
    """
    areas: dict[str, Area] = {layer: (Window(1, 0, 1), Window(1, 0, 1))}
    for node in reversed(nodes):
        node_spans = spans[node.name]
        if node_spans is None:
            return None
        rows, columns = (window.below(span) for window, span in zip(areas[node.name], node_spans, strict=True))
        for source in node.inputs:
            seen = areas.get(source)
            if seen is None:
                areas[source] = (rows, columns)
                continue
            both = seen[0].union(rows), seen[1].union(columns)
            if both[0] is None or both[1] is None:
                return None
            areas[source] = (both[0], both[1])
    return areas


def elements(areas: Mapping[str, Area], shapes: Mapping[str, Shape]) -> int:
    """Numbers held by all areas together, for one unit: the measure of a descent's cost and memory."""
    return sum(shapes[name][0] * rows.size * columns.size for name, (rows, columns) in areas.items())


def inside(window: Window, positions: Tensor, extent: int) -> Tensor | None:
    """(U, size) whether each place of each unit's window lies in a map of that extent; None where all do."""
    starts = window.starts(positions)
    if starts.numel() == 0 or (int(starts.min()) >= 0 and int(starts.max()) + window.size <= extent):
        return None
    places = starts[:, None] + torch.arange(window.size, device=positions.device)
    return (places >= 0) & (places < extent)


def gather(maps: Tensor, image: Tensor, area: Area, rows: Tensor, columns: Tensor) -> Tensor:
    """Cut each unit's area out of its image's maps.

    maps: (N or 1, C, H, W), 1 where all images share them; image, rows, columns: (U,). Returns (U, C, h, w); a place
    outside the map holds the nearest border value (its signal is zero, so the value is never used).
    """
    height, width = maps.shape[2:]
    if area == (Window(0, 0, height), Window(0, 0, width)):
        return maps if len(maps) == 1 else maps[image]
    device = maps.device
    images = image if len(maps) > 1 else torch.zeros_like(image)
    y = (area[0].starts(rows)[:, None] + torch.arange(area[0].size, device=device)).clamp(0, height - 1)
    x = (area[1].starts(columns)[:, None] + torch.arange(area[1].size, device=device)).clamp(0, width - 1)
    return maps[images[:, None, None], :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)
