"""The two passes of a dissection: over the images through the network, and over their labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from replications.data.concepts.concept_set import ConceptSet
from replications.networks.network import Network
from replications.survey.dissection import label_counts
from replications.survey.dissection.cells import Hot, Kept, hot_cells
from replications.survey.dissection.label_counts import LabelCounts
from replications.survey.dissection.labels import Labels
from replications.survey.dissection.tally import UnitCounts
from replications.survey.dissection.thresholds import StreamingTop, rank_of
from replications.survey.dissection.upsampling import Grid

T = TypeVar("T")

_AT_ONCE = 1 << 22  # activations looked at together


class Progress(Protocol):
    """As `Context.progress`."""

    def __call__(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]: ...


def unannounced(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """The progress that shows nothing."""
    yield from items


@dataclasses.dataclass(frozen=True)
class View:
    """The units to dissect: the channels of a layer, or the K sums of its C channels that `matrix` (K, C) makes."""

    layer: str
    matrix: Tensor | None = None

    def units(self, network: Network) -> int:
        """How many. Raises ValueError where the matrix doesn't fit the layer."""
        channels = network.shape(self.layer)[0]
        if self.matrix is None:
            return channels
        if self.matrix.dim() != 2 or self.matrix.shape[1] != channels:
            raise ValueError(
                f"layer '{self.layer}' of network '{network.name}' has {channels} channels; expected a transform of "
                f"shape (units, {channels}), found {tuple(self.matrix.shape)}"
            )
        return self.matrix.shape[0]

    def __call__(self, output: Tensor, first: int, last: int) -> Tensor:
        """output: (n, C, H, W) of the layer -> (n, H, W, last - first), contiguous: the units from first to last."""
        channels = output.permute(0, 2, 3, 1)
        if self.matrix is not None:
            return channels.contiguous() @ self.matrix[first:last].T.to(channels)
        return channels[..., first:last].contiguous()


@dataclasses.dataclass(frozen=True)
class Part:
    """Units of a view, from `first` to before `last`."""

    view: View
    grid: Grid
    first: int
    last: int

    @property
    def units(self) -> int:
        return self.last - self.first


@dataclasses.dataclass(frozen=True)
class Passes:
    """Images to dissect on, and how.

    chosen: (n,) indices of the images. block: (n,) the block that each is counted in, ascending from 0.
    """

    network: Network
    concepts: ConceptSet
    chosen: Tensor
    block: Tensor
    batch: int
    quantile: float
    memory: int
    progress: Progress

    @property
    def blocks(self) -> int:
        return int(self.block.max()) + 1

    def rank(self, grid: Grid) -> int:
        """Which of a unit's activations, from the largest, is its threshold."""
        return rank_of(self.quantile, len(self.chosen) * grid.shape[0] * grid.shape[1])

    def run(self, parts: Mapping[str, Part]) -> tuple[dict[str, Tensor], dict[str, UnitCounts], LabelCounts]:
        """Thresholds (units,) and counts of each part, and the counts of each category's labels."""
        with torch.inference_mode():
            thresholds, kept = self._through_network(parts)
            return thresholds, *self._over_labels(parts, thresholds, kept)

    def _through_network(self, parts: Mapping[str, Part]) -> tuple[dict[str, Tensor], Kept]:
        watches = {name: _Watch(part, self.rank(part.grid), self.network.device) for name, part in parts.items()}
        layers = tuple(dict.fromkeys(part.view.layer for part in parts.values()))
        kept = Kept(self.memory)
        batches = self.concepts.images.batches(self.batch, self.chosen)
        count = self.concepts.images.batch_count(self.batch, self.chosen)
        for _, images, _ in self.progress(batches, "activations", count):
            outputs = self.network.activations(layers, images)
            kept.add({name: watch.look(outputs[watch.part.view.layer]) for name, watch in watches.items()})
        return {name: watch.top.finished() for name, watch in watches.items()}, kept

    def _over_labels(
        self, parts: Mapping[str, Part], thresholds: Mapping[str, Tensor], kept: Kept
    ) -> tuple[dict[str, UnitCounts], LabelCounts]:
        device, sizes = self.network.device, {c: len(names) for c, names in self.concepts.concepts.items()}
        units = {
            name: UnitCounts(thresholds[name], part.grid, self.blocks, sizes, device) for name, part in parts.items()
        }
        path = label_counts.place(self.concepts, self.chosen, self.blocks)
        kept_counts = label_counts.read(path, self.blocks, sizes)
        of_labels = kept_counts or LabelCounts(self.blocks, sizes)
        batches = zip(self.chosen.split(self.batch), self.block.split(self.batch), kept, strict=True)
        for indices, block, cells in self.progress(batches, "labels", -(-len(self.chosen) // self.batch)):
            block = block.to(device)
            found = {category: values.to(device) for category, values in self.concepts.labels(indices).items()}
            labels = Labels(found, sizes, self.concepts.size)
            if kept_counts is None:
                of_labels.add(labels, block)
            for name, counted in units.items():
                counted.add(cells[name].to(device), labels, block)
        if kept_counts is None:
            label_counts.write(path, of_labels)
        return units, of_labels


class _Watch:
    """Takes the threshold of each unit from a stream of activations, and keeps what may be above it."""

    def __init__(self, part: Part, rank: int, device: torch.device) -> None:
        self.part = part
        self._positions = part.grid.shape[0] * part.grid.shape[1]
        self._images = max(1, _AT_ONCE // (part.units * self._positions))
        room = self._images * self._positions
        self.top = StreamingTop(part.units, rank, room, dtype=torch.float32, device=device)

    def look(self, output: Tensor) -> Hot:
        """output: (n, C, H, W) of the layer -> the cells of these images that may exceed the threshold."""
        found, done = [], 0
        for images in output.split(self._images):
            found.append(self._look(images, done))
            done += len(images)
        return Hot.joined(found)

    def _look(self, output: Tensor, done: int) -> Hot:
        activations = self.part.view(output, self.part.first, self.part.last)
        hot = self.top.add(activations.reshape(-1, self.part.units))
        return hot_cells(activations, hot.view(activations.shape), self.part.grid, done)
