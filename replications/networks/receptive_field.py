"""What each unit of a network sees of its input, exactly.

Row and column intervals are carried through the graph of operations. Where branches join, a unit sees the hull of what
they see (with dilated convolutions or strides wider than the kernel there are pixels within it that it doesn't see).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import nn

from replications.networks.graph import INPUT, Node, UnsupportedOperation

Interval = tuple[int, int]  # half-open; equal ends where nothing is seen
UNSEEN: Interval = (0, 0)


class Box(NamedTuple):
    """A rectangle of pixels, half-open."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Axis:
    """One direction: unit i, were there no borders, sees [offset + i * stride, offset + i * stride + size).

    seen: what it does see, for each i: borders cut off, at the input and at the layers between (a row of padding there
    shows nothing of the image).
    """

    size: int
    stride: int
    offset: int
    seen: tuple[Interval, ...]

    def interval(self, index: int, clipped: bool) -> Interval:
        if not 0 <= index < len(self.seen):
            raise IndexError(f"no unit at {index}: this layer has {len(self.seen)} positions along the axis")
        if clipped:
            return self.seen[index]
        start = self.offset + index * self.stride
        return start, start + self.size


@dataclass(frozen=True)
class ReceptiveField:
    """What the units of one layer see of the network's input, in its pixels.

    Layers without positions, and pools of unequal windows, have stride 0: each unit sees what any of the layer below
    sees.
    """

    rows: Axis
    columns: Axis

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what a unit away from the borders sees."""
        return self.rows.size, self.columns.size

    @property
    def stride(self) -> tuple[int, int]:
        """How far apart, in pixels, the fields of neighbouring units are."""
        return self.rows.stride, self.columns.stride

    @property
    def offset(self) -> tuple[int, int]:
        """Top and left of the field of unit (0, 0), borders disregarded: negative with padding."""
        return self.rows.offset, self.columns.offset

    def box(self, y: int = 0, x: int = 0, *, clipped: bool = True) -> Box:
        """What the unit at row `y`, column `x` sees.

        clipped: exactly the hull of what can change the unit. Otherwise the box of full size, which may reach outside
        the input. Raises IndexError for a position that the layer doesn't have.
        """
        top, bottom = self.rows.interval(y, clipped)
        left, right = self.columns.interval(x, clipped)
        return Box(top, left, bottom, right)


def receptive_fields(nodes: Sequence[Node], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, ReceptiveField]:
    """The receptive field of every node.

    shapes: (C, H, W) or (C,) of each node's output and of "input". Raises UnsupportedOperation for padding other than
    with zeros.
    """
    height, width = shapes[INPUT][1:]
    fields = {INPUT: ReceptiveField(_pixels(height), _pixels(width))}
    for node in nodes:
        inputs = [fields[name] for name in node.inputs]
        extent = (*shapes[node.name], 1, 1)[1:3]
        rows, columns = (
            _through(node, [(f.rows, f.columns)[axis] for f in inputs], extent[axis], axis) for axis in (0, 1)
        )
        fields[node.name] = ReceptiveField(rows, columns)
    return fields


def _pixels(extent: int) -> Axis:
    return Axis(1, 1, 0, tuple((i, i + 1) for i in range(extent)))


def _through(node: Node, inputs: list[Axis], extent: int, axis: int) -> Axis:
    below = inputs[0]
    if node.kind in ("cat", "add", "multiply"):
        return _union(inputs, extent)
    if node.kind in ("linear", "flatten", "global_avg_pool"):
        return _whole(below, [range(len(below.seen))] * extent)
    if isinstance(node.module, nn.AdaptiveAvgPool2d):
        return _adaptive(below, extent)
    if node.kind in ("conv", "max_pool", "avg_pool"):
        return _windows(below, extent, *_geometry(node, axis))
    return below


def _windows(below: Axis, extent: int, kernel: int, stride: int, padding: int, dilation: int) -> Axis:
    reads = [
        range(i * stride - padding, i * stride - padding + dilation * (kernel - 1) + 1, dilation) for i in range(extent)
    ]
    return Axis(
        below.size + dilation * (kernel - 1) * below.stride,
        below.stride * stride,
        below.offset - padding * below.stride,
        _seen(below, reads),
    )


def _whole(below: Axis, reads: Sequence[Sequence[int]]) -> Axis:
    size = below.size + (len(below.seen) - 1) * below.stride
    return Axis(size, 0, below.offset, _seen(below, reads))


def _adaptive(below: Axis, extent: int) -> Axis:
    """Output i of n averages rows floor(i H / n) to ceil((i + 1) H / n) of H."""
    height = len(below.seen)
    if height % extent == 0:
        window = height // extent
        return _windows(below, extent, window, window, 0, 1)
    return _whole(below, [range(i * height // extent, -(-(i + 1) * height // extent)) for i in range(extent)])


def _seen(below: Axis, reads: Sequence[Sequence[int]]) -> tuple[Interval, ...]:
    return tuple(_hull([below.seen[i] for i in places if 0 <= i < len(below.seen)]) for places in reads)


def _hull(intervals: Sequence[Interval]) -> Interval:
    shown = [interval for interval in intervals if interval != UNSEEN]
    return (min(a for a, _ in shown), max(b for _, b in shown)) if shown else UNSEEN


def _union(inputs: Sequence[Axis], extent: int) -> Axis:
    """What units see that read the same position of each input; an input of one position is read by all."""
    seen = tuple(_hull([a.seen[i if len(a.seen) > 1 else 0] for a in inputs]) for i in range(extent))
    strides = {a.stride for a in inputs}
    if len(strides) == 1:
        start = min(a.offset for a in inputs)
        return Axis(max(a.offset + a.size for a in inputs) - start, strides.pop(), start, seen)
    start = min(a.offset for a in inputs)
    end = max(a.offset + (len(a.seen) - 1) * a.stride + a.size for a in inputs)
    return Axis(end - start, 0, start, seen)


def _geometry(node: Node, axis: int) -> tuple[int, int, int, int]:
    """Kernel, stride, padding and dilation along the axis."""
    module: Any = node.module
    if getattr(module, "padding_mode", "zeros") != "zeros":
        raise UnsupportedOperation(
            f"receptive fields are known for padding with zeros; layer '{node.name}' pads by '{module.padding_mode}'"
        )
    kernel, dilation = _along(module.kernel_size, axis), _along(getattr(module, "dilation", 1), axis)
    stride = kernel if module.stride is None else _along(module.stride, axis)
    if isinstance(module.padding, str):
        # torch puts the odd one of "same" at the end
        padding = dilation * (kernel - 1) // 2 if module.padding == "same" else 0
    else:
        padding = _along(module.padding, axis)
    return kernel, stride, padding, dilation


def _along(value: int | tuple[int, ...], axis: int) -> int:
    return value if isinstance(value, int) else value[axis if len(value) > 1 else 0]
