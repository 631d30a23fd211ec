"""The deconvnet: what in an image caused an activation, drawn in pixels (Zeiler & Fergus 2014, Sec. 2.1 and Fig. 1).

One forward pass records the switches of each max pool; then any chosen activations are taken down to pixels, with
everything else in their layer set to zero. The rules for each operation, and what the paper leaves open, stand at the
head of `deconvnet_rules`.

Many units are projected at once, of one or many images, from one recorded pass. A projection is zero outside the unit's
receptive field, and likewise on the way down, so only the windows that a unit sees are computed (`deconvnet_windows`);
the result is exactly that of the whole maps.

    record = deconvnet.record(network, images, "relu3")
    units = deconvnet.strongest(record, channels=range(64))
    projections = deconvnet.project(record, units)          # (U, 3, h, w) and their boxes

Projections live in the network's own input space, after its preprocessing (size, scale, order of colours).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from replications.networks.graph import INPUT, Node
from replications.zeiler import deconvnet_rules as rules
from replications.zeiler.deconvnet_windows import (
    Area,
    Shape,
    Spans,
    Window,
    elements,
    gather,
    inside,
    unit_areas,
    whole,
    whole_areas,
)

if TYPE_CHECKING:
    from replications.networks.network import Network

# bytes: on a CPU what its caches hold is faster than more at once, a GPU wants large batches
BUDGETS = {"cpu": 16 * 2**20, "cuda": 2**30}

Start = Literal["activation", "one"]


@dataclass(frozen=True, eq=False)
class Switches:
    """What one forward pass leaves for the way back.

    activations: (N, C, H, W) of `layer`, or (N, C) for a layer of vectors. stored: by node, the max pools' switches,
    the denominators of contrast normalization and the divisors of average pools. shapes: by node and for "input".
    """

    nodes: tuple[Node, ...]
    layer: str
    activations: Tensor
    stored: Mapping[str, Tensor]
    shapes: Mapping[str, Shape]
    spans: Mapping[str, Spans | None]

    @property
    def layer_shape(self) -> Shape:
        return self.shapes[self.layer]


@dataclass(frozen=True, eq=False)
class Units:
    """Chosen units: four (U,) integer tensors. Position (0, 0) for layers of vectors."""

    image: Tensor
    channel: Tensor
    y: Tensor
    x: Tensor

    @classmethod
    def of(
        cls,
        image: int | Iterable[int],
        channel: int | Iterable[int],
        y: int | Iterable[int] = 0,
        x: int | Iterable[int] = 0,
    ) -> Units:
        """Units from numbers or sequences of them; a number stands for as many as the sequences have."""
        columns = [
            torch.as_tensor(value if isinstance(value, int | Tensor) else list(value), dtype=torch.long).reshape(-1)
            for value in (image, channel, y, x)
        ]
        return cls(*torch.broadcast_tensors(*columns))

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, index: slice | Tensor) -> Units:
        return Units(self.image[index], self.channel[index], self.y[index], self.x[index])

    def to(self, device: torch.device) -> Units:
        return Units(self.image.to(device), self.channel.to(device), self.y.to(device), self.x.to(device))


@dataclass(frozen=True, eq=False)
class Projections:
    """Projections of units to the network's input.

    images: (U, C, h, w). boxes: (U, 4) integers, top, left, bottom, right (half-open) in input pixels: where in the
    input each projection lies. A box at the border may reach outside the input; the projection is zero there.
    extent: (H, W) of the input.
    """

    images: Tensor
    boxes: Tensor
    extent: tuple[int, int]

    def __len__(self) -> int:
        return len(self.images)

    def full(self) -> Tensor:
        """(U, C, H, W): each projection at its place in the whole input, zero elsewhere."""
        height, width = self.extent
        result = self.images.new_zeros(*self.images.shape[:2], height, width)
        for index, (top, left, bottom, right) in enumerate(self.boxes.tolist()):
            y0, x0, y1, x1 = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
            result[index, :, y0:y1, x0:x1] = self.images[index, :, y0 - top : y1 - top, x0 - left : x1 - left]
        return result


# --------------------------------------------------------------------------------------------------- forward pass


@torch.inference_mode()
def record(network: Network, images: Tensor, layer: str, *, preprocessed: bool = False) -> Switches:
    """One forward pass up to `layer` that keeps what the deconvnet needs and nothing else.

    images: (N, 3, H, W) in [0, 1], or the network's own input where `preprocessed`. Raises UnknownLayer for a name that
    the network doesn't have, NoRule for an operation that has no rule.
    """
    nodes = network.ancestors(layer)
    x = images.to(network.device) if preprocessed else network.preprocess(images)
    x = x.contiguous(memory_format=torch.channels_last)
    readers = {node.name: sum(node.name in other.inputs for other in nodes) for node in nodes}
    values, stored = {INPUT: x}, {}
    shapes: dict[str, Shape] = {INPUT: tuple(x.shape[1:])}
    spans: dict[str, Spans | None] = {}
    for node in nodes:
        values[node.name], kept = rules.forward(node, [values[source] for source in node.inputs])
        shapes[node.name] = tuple(values[node.name].shape[1:])
        spans[node.name] = rules.spans_of(node, shapes[node.inputs[0]])
        if kept is not None:
            stored[node.name] = kept
        for source in set(node.inputs) - {INPUT}:
            readers[source] -= 1
            if readers[source] == 0:
                del values[source]
    return Switches(nodes, layer, values[layer], stored, shapes, spans)


@torch.inference_mode()
def strongest(record: Switches, channels: Iterable[int] | None = None) -> Units:
    """For each image and each of the feature maps `channels` (all by default) the unit of strongest activation.

    Image by image, in the order of `channels`: unit i * len(channels) + j is map channels[j] of image i.
    """
    maps = record.activations
    chosen = torch.arange(maps.shape[1]) if channels is None else torch.as_tensor(list(channels), dtype=torch.long)
    _check_range("channel", chosen, maps.shape[1], record.layer)
    chosen = chosen.to(maps.device)
    width = record.layer_shape[2] if maps.dim() == 4 else 1
    place = maps[:, chosen].flatten(2).argmax(2) if maps.dim() == 4 else torch.zeros_like(maps[:, chosen]).long()
    image = torch.arange(len(maps), device=maps.device)[:, None].expand(-1, len(chosen))
    place = place.flatten()
    return Units(image.flatten(), chosen.repeat(len(maps)), place // width, place % width)


# ------------------------------------------------------------------------------------------------------ way back


@torch.inference_mode()
def project(
    record: Switches, units: Units, *, crop: bool = True, start: Start = "activation", budget: int | None = None
) -> Projections:
    """Take each unit alone down to pixels.

    start: the unit's own activation (the paper), or "one".
    crop: return each projection cropped to the receptive field of its unit (along an axis where that is larger than the
    input: the whole input), and compute only the windows that the unit sees where that is less work; else whole maps.
    budget: bytes that the maps on the way down may take (see BUDGETS); units go in as many chunks as that needs, one
    unit at least. Raises IndexError for a unit outside the layer.
    """
    check_units(record, units)
    units = units.to(record.activations.device)
    shapes = record.shapes
    whole_maps = whole_areas({name: shapes[name] for name in (INPUT, *(node.name for node in record.nodes))})
    seen = unit_areas(record.nodes, record.spans, record.layer) if crop else None
    box = _box_area(seen, shapes)
    windows = seen is not None and elements(seen, shapes) < elements(whole_maps, shapes)
    areas = seen if windows and seen is not None else whole_maps
    pieces = []
    for chunk in _chunks(units, _at_once(record, areas, budget)):
        pixels = _descend(record, _start_signal(record, chunk, areas, start), chunk, areas)
        pieces.append(_cut(pixels, chunk, areas[INPUT], box, shapes[INPUT]))
    channels, height, width = shapes[INPUT]
    empty = record.activations.new_zeros(0, channels, box[0].size, box[1].size)
    return Projections(torch.cat([empty, *pieces]), _boxes(units, box), (height, width))


@torch.inference_mode()
def project_signals(record: Switches, signals: Tensor, image: Tensor, *, budget: int | None = None) -> Tensor:
    """Take any reconstructions of the layer down to pixels, in whole maps.

    signals: (M, C, H, W), or (M, C), of the recorded layer: several units at once, whole maps, anything.
    image: (M,) the recorded image whose switches each one uses. Returns (M, 3, H, W).
    """
    expected = record.layer_shape
    if tuple(signals.shape[1:]) != expected or image.shape != signals.shape[:1]:
        raise ValueError(
            f"layer {record.layer!r} takes signals of shape (M, {', '.join(map(str, expected))}) with M image indices; "
            f"found {tuple(signals.shape)} with indices of shape {tuple(image.shape)}"
        )
    _check_range("image", image, len(record.activations), record.layer)
    areas = whole_areas(record.shapes)
    zeros = torch.zeros_like(image)
    units = Units(image, zeros, zeros, zeros).to(record.activations.device)
    size = _at_once(record, areas, budget)
    pieces = [
        _descend(record, signals[begin : begin + size], units[begin : begin + size], areas)
        for begin in range(0, len(units), size)
    ]
    return torch.cat([signals.new_zeros(0, *record.shapes[INPUT]), *pieces])


@torch.inference_mode()
def project_maps(
    record: Switches, image: Iterable[int], channel: Iterable[int], *, budget: int | None = None
) -> Tensor:
    """Take whole feature maps, all their activations at once, down to pixels. Returns (M, 3, H, W).

    Map m is `channel[m]` of image `image[m]`; everything else in the layer is set to zero.
    """
    units = Units.of(image, channel).to(record.activations.device)
    check_units(record, units)
    pieces = [record.activations.new_zeros(0, *record.shapes[INPUT])]
    for chunk in _chunks(units, _at_once(record, whole_areas(record.shapes), budget)):
        signals = record.activations.new_zeros(len(chunk), *record.layer_shape)
        each = torch.arange(len(chunk), device=signals.device)
        signals[each, chunk.channel] = record.activations[chunk.image, chunk.channel]
        pieces.append(project_signals(record, signals, chunk.image, budget=budget))
    return torch.cat(pieces)


def normalize_for_display(projections: Tensor, saturated: float = 0.01) -> Tensor:
    """Pictures in [0, 1] of projections: each one's contrast stretched, the same both ways, so that mid-grey is zero.

    projections: (U, C, h, w). saturated: the share of each projection's non-zero values that full contrast is too
    little for; without it a few strong pixels leave the rest grey. A projection that is zero everywhere is grey.
    """
    pictures = torch.full_like(projections, 0.5)
    for picture, projection in zip(pictures, projections, strict=True):
        sizes = projection[projection != 0].abs()
        if len(sizes):
            full = sizes.kthvalue(max(1, round((1 - saturated) * len(sizes)))).values
            picture += (projection / (2 * full)).clamp(-0.5, 0.5)
    return pictures


def check_units(record: Switches, units: Units) -> None:
    """Raise IndexError, naming what was found and what the layer has, where a unit isn't one of the recorded layer."""
    _check_range("image", units.image, len(record.activations), record.layer)
    channels, height, width = (*record.layer_shape, 1, 1)[:3]
    for what, values, extent in (("channel", units.channel, channels), ("y", units.y, height), ("x", units.x, width)):
        _check_range(what, values, extent, record.layer)


def _check_range(what: str, values: Tensor, extent: int, layer: str) -> None:
    bad = values[(values < 0) | (values >= extent)]
    if len(bad):
        raise IndexError(f"no unit with {what} {int(bad[0])} at layer {layer!r}: expected 0 to {extent - 1}")


def _at_once(record: Switches, areas: Mapping[str, Area], budget: int | None) -> int:
    """How many units go down together within the budget; one at least."""
    maps = record.activations
    if budget is None:
        budget = BUDGETS.get(maps.device.type, BUDGETS["cpu"])
    # twice: each rule's result stands beside what it was made of
    return max(1, budget // (2 * elements(areas, record.shapes) * maps.element_size()))


def _chunks(units: Units, size: int) -> Iterator[Units]:
    return (units[begin : begin + size] for begin in range(0, len(units), size))


def _start_signal(record: Switches, units: Units, areas: Mapping[str, Area], start: Start) -> Tensor:
    """(U, C, h, w) or (U, C): the layer with all but the chosen unit set to zero."""
    maps = record.activations
    each = torch.arange(len(units), device=maps.device)
    vector = maps.dim() == 2
    place = (units.image, units.channel) if vector else (units.image, units.channel, units.y, units.x)
    values = maps[place] if start == "activation" else maps.new_ones(len(units))
    rows, columns = areas[record.layer]
    signal = maps.new_zeros(len(units), maps.shape[1], *(() if vector else (rows.size, columns.size)))
    if vector:
        signal[each, units.channel] = values
    else:
        signal[each, units.channel, units.y - rows.starts(units.y), units.x - columns.starts(units.x)] = values
    return signal


def _descend(record: Switches, signal: Tensor, units: Units, areas: Mapping[str, Area]) -> Tensor:
    """From a signal at the recorded layer to the input, over the given area of each map."""
    image = units.image[:1] if len(units) and bool((units.image == units.image[0]).all()) else units.image
    pending = {record.layer: signal}
    for node in reversed(record.nodes):
        stored = record.stored.get(node.name)
        if stored is not None:
            area = areas[node.name]
            shared = area[0].jump == 0 and len(image) == 1 and len(stored) > 1
            stored = stored[image] if shared else gather(stored, units.image, area, units.y, units.x)
        shapes = [record.shapes[source] for source in node.inputs]
        results = rules.backward(node, pending.pop(node.name), stored, shapes)
        spans = record.spans[node.name]
        for source, result in zip(node.inputs, results, strict=True):
            if spans is not None:
                below = tuple(window.below(span) for window, span in zip(areas[node.name], spans, strict=True))
                result = _fit(result, below[0], areas[source][0], 2)
                result = _fit(result, below[1], areas[source][1], 3)
                if not all(span.pointwise for span in spans):
                    result = _without_padding(result, units, areas[source], record.shapes[source])
            pending[source] = pending[source] + result if source in pending else result
    return pending[INPUT]


def _fit(signal: Tensor, have: Window, want: Window, axis: int) -> Tensor:
    """Cut or pad with zeros along one axis, from the positions of one window to those of another."""
    if have == want:
        return signal
    before, after = have.offset - want.offset, want.offset + want.size - have.offset - have.size
    return F.pad(signal, (0, 0, before, after) if axis == 2 else (before, after))


def _without_padding(signal: Tensor, units: Units, area: Area, shape: Shape) -> Tensor:
    """Set to zero, in place, what fell outside the map: the padding there was no one's activation on the way up."""
    rows, columns = inside(area[0], units.y, shape[1]), inside(area[1], units.x, shape[2])
    if rows is not None:
        signal *= rows[:, None, :, None]
    if columns is not None:
        signal *= columns[:, None, None, :]
    return signal


def _box_area(seen: Mapping[str, Area] | None, shapes: Mapping[str, Shape]) -> Area:
    """The area of the input that projections are returned for: the receptive field, at most the whole input."""
    everything = whole(shapes[INPUT])
    if seen is None:
        return everything
    rows, columns = (
        field if field.size < all_.size else all_ for field, all_ in zip(seen[INPUT], everything, strict=True)
    )
    return rows, columns


def _cut(pixels: Tensor, units: Units, have: Area, want: Area, shape: Shape) -> Tensor:
    """Cut the wanted area of each unit from what was computed (windows at least as large, or the whole input)."""
    if have == want:
        return pixels
    for axis, (computed, wanted, positions) in enumerate(zip(have, want, (units.y, units.x), strict=True)):
        shift = wanted.starts(positions) - computed.starts(positions)
        places = shift[:, None] + torch.arange(wanted.size, device=pixels.device)
        valid = (places >= 0) & (places < computed.size)
        index = places.clamp(0, computed.size - 1)
        if axis == 0:
            index, valid = index[:, None, :, None], valid[:, None, :, None]
            pixels = pixels.gather(2, index.expand(-1, shape[0], -1, pixels.shape[3])) * valid
        else:
            index, valid = index[:, None, None, :], valid[:, None, None, :]
            pixels = pixels.gather(3, index.expand(-1, shape[0], pixels.shape[2], -1)) * valid
    return pixels


def _boxes(units: Units, area: Area) -> Tensor:
    top, left = area[0].starts(units.y), area[1].starts(units.x)
    return torch.stack([top, left, top + area[0].size, left + area[1].size], dim=1)
