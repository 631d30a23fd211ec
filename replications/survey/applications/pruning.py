"""Pruning: which units can go, and who can tell beforehand.

The survey names optimization among the uses of seeing inside a network: units that turn out empty can be removed. Here
the units of a layer are ranked by what dissection and the deconvnet say of them, and removed, lowest first:
- dissection: the highest IoU of the unit with any concept; units that no concept describes go first;
- dissection, fullest first: the same order backwards, which removes the detectors and keeps the empty units;
- deconvnet: the energy of the unit's projections to pixels; units whose pictures are empty go first;
and, for comparison, by the L1 norm of the filter, by how often the unit fires, and at random. Nothing is trained again.

Removing a unit sets its map to zero, which is what a network without its filter computes, but for contrast
normalization, whose window over neighbouring maps keeps its width.

Statistics, fixed beforehand: the accuracy on held-out images as a function of the share of units removed, and the area
under it (trapezoids over the listed shares, 0 to 1: the mean accuracy over the shares); an order's area minus that of
random orders. Intervals resample test images and orders (several sets of images to rank on, several random orders)
independently (`metrics.crossed_bootstrap`). Beside it the largest listed share up to which at least `tolerated` of the
accuracy of the whole network stays. Units are ranked on images that are not among those tested on. No row of the ledger
asks this, so no verdict hangs on it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metrics.crossed_bootstrap import crossed_interval
from metrics.crossed_difference import crossed_difference
from metrics.statistics import Interval, mean_interval, spearman
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Table
from replications.survey.applications.pruning_drawing import picture_of_curves, picture_of_units
from replications.survey.applications.remainder import NoPassage, Remainder
from replications.survey.applications.unit_orders import (
    NoFilters,
    best_iou,
    filter_norms,
    firing_frequency,
    kept,
    projection_energy,
    removed_counts,
)
from replications.survey.concept_choice import concept_set, content, lacking
from replications.survey.dissection.cache import cached
from replications.zeiler.deconvnet_rules import NoRule

RANDOM = "random"
DISSECTION, BACKWARDS = "dissection", "dissection, fullest first"
DECONVNET, NORM, FREQUENCY = "deconvnet", "L1 norm", "activation frequency"
_BATCH = 64
_ROUNDING = 1e-9
_RESAMPLES_DRAWN = 1000  # of intervals that are only drawn

Orders = dict[str, list[Tensor]]  # by name: for each seed the scores (K,), of which the lowest goes first
Curves = dict[str, NDArray[np.bool_]]  # by name: (seeds, shares, images), whether the image is classified correctly


@dataclasses.dataclass(frozen=True)
class Pruning(Experiment):
    """layers: numbers of the paper's layers whose feature maps are removed, each by itself.

    concepts: a configuration of conf/concepts. dissected, ranked: images of one seed, of those with concepts and of the
    training images; seeds: disjoint sets of them. images: validation images tested on, at most, from number
    `first` on (those before may be among the ones dissected). draws: random orders. shares: of the units removed, from
    0 to 1. tolerated: share of the accuracy that must stay. liked: images behind a projection. shown: units drawn.
    """

    name: ClassVar[str] = "pruning"
    title: ClassVar[str] = "Optimization: removing the units that look empty"
    paper: ClassVar[str] = "survey"
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "data")

    layers: Sequence[int]
    concepts: Mapping[str, Any] | None
    dissected: int
    ranked: int
    seeds: int
    images: int
    first: int
    draws: int
    shares: Sequence[float]
    tolerated: float
    liked: int
    shown: int

    def __post_init__(self) -> None:
        shares = list(self.shares)
        if len(shares) < 3 or shares[0] != 0 or shares[-1] != 1 or shares != sorted(set(shares)):
            raise ValueError(f"expected shares that rise from 0 to 1, at least three of them, found {shares}")
        if not self.layers or min(self.seeds, self.draws, self.dissected, self.ranked, self.liked, self.shown) < 1:
            raise ValueError(
                "expected at least 1 layer, seed, random draw, image to rank on and unit shown; found "
                f"layers={list(self.layers)}, seeds={self.seeds}, draws={self.draws}, dissected={self.dissected}, "
                f"ranked={self.ranked}, liked={self.liked}, shown={self.shown}"
            )

    def missing(self, context: Context) -> str | None:
        network, data = context.network, context.data
        if absent := [number for number in self.layers if number not in network.unit_layers]:
            return f"needs the feature maps of layers {absent}, which network '{network.name}' doesn't name"
        for number in self.layers:
            try:
                Remainder(network, network.unit_layers[number])
                filter_norms(network, network.unit_layers[number])
            except (NoPassage, NoFilters) as error:
                return f"can't remove units of layer {number}: {error}"
        if len(data.validation) < self.first + 2:
            return f"needs more than {self.first + 1} validation images, found {len(data.validation)}"
        if len(data.train) < self.seeds * self.ranked:
            return f"needs {self.seeds * self.ranked} training images to rank units on, found {len(data.train)}"
        if said := lacking(self.concepts, network):
            return said
        found = len(concept_set(self.concepts, network))
        if found < self.seeds * self.dissected:
            return f"needs {self.seeds * self.dissected} images with concepts, found {found}"
        return None

    def reads(self, context: Context) -> dict[str, str]:
        return content(self.concepts, context.network)

    def run(self, context: Context) -> Outcome:
        network, outcome = context.network, Outcome()
        orders = self._orders(context, outcome)
        indices, targets = self._tested(context)
        curves: dict[int, Curves] = {}
        for number in self.layers:
            layer = network.unit_layers[number]
            curves[number] = self._curves(context, number, layer, orders[number], indices, targets)
            self._measure(outcome, number, layer, curves[number])
        outcome.tables.append(self._table(curves))
        outcome.tables.append(self._correlations(orders))
        outcome.pictures.append(picture_of_curves(self._drawn(curves), list(self.shares), self.seeds, self.draws))
        last = self.layers[-1]
        for name in (DISSECTION, DECONVNET):
            if name in orders[last]:
                found = self._shown(context, network.unit_layers[last], orders[last][name][0])
                outcome.pictures.append(picture_of_units(f"units by {name}", network.unit_layers[last], name, *found))
        return outcome

    # ------------------------------------------------------------------------------------------------ ranking

    def _orders(self, context: Context, outcome: Outcome) -> dict[int, Orders]:
        """For each layer the scores of its units by each order."""
        network, train = context.network, context.data.train
        names = {number: network.unit_layers[number] for number in self.layers}
        orders: dict[int, Orders] = {number: {} for number in self.layers}
        concepts = concept_set(self.concepts, network)
        labelled = torch.randperm(len(concepts), generator=context.generator("concepts")).split(self.dissected)
        plain = torch.randperm(len(train), generator=context.generator("images")).split(self.ranked)
        for seed in context.progress(range(self.seeds), "ranking units", self.seeds):
            dissected = cached(network, list(names.values()), concepts, indices=labelled[seed].sort().values)
            for number, layer in names.items():
                own, images = orders[number], plain[seed].sort().values
                ious = best_iou(dissected[layer])
                own.setdefault(DISSECTION, []).append(ious)
                own.setdefault(BACKWARDS, []).append(-ious)
                try:
                    energy = projection_energy(network, layer, train, images, self.liked)
                    own.setdefault(DECONVNET, []).append(energy)
                except NoRule as error:
                    outcome.notes.append(f"Layer {number} isn't ranked by the deconvnet: {error}.")
                own.setdefault(FREQUENCY, []).append(firing_frequency(network, layer, train, images))
        for number, layer in names.items():
            units = network.shape(layer)[0]
            orders[number][NORM] = [filter_norms(network, layer)]
            orders[number][RANDOM] = [
                torch.rand(units, generator=context.generator("random", number, draw)) for draw in range(self.draws)
            ]
        return orders

    # ------------------------------------------------------------------------------------------------ testing

    def _tested(self, context: Context) -> tuple[Tensor, Tensor]:
        """The images tested on, (N,), and the network's outputs for their classes, (N,)."""
        network, validation = context.network, context.data.validation
        left = torch.arange(self.first, len(validation))
        chosen = left[torch.randperm(len(left), generator=context.generator("tested"))[: self.images]].sort().values
        outputs = torch.tensor([network.class_index(name) for name in validation.classes])
        return chosen, outputs[validation.labels[chosen]]

    def _curves(
        self, context: Context, number: int, layer: str, orders: Orders, indices: Tensor, targets: Tensor
    ) -> Curves:
        network, validation = context.network, context.data.validation
        above = Remainder(network, layer)
        masks = self._masks(context, number, orders, network.shape(layer)[0])
        parts: list[NDArray[np.bool_]] = []
        batches = validation.batches(_BATCH, indices)
        total = validation.batch_count(_BATCH, indices)
        start = 0
        with torch.inference_mode():
            for _, images, _ in context.progress(batches, f"removing units of layer {number}", total):
                maps = network.forward_to(layer, images)
                right = _right(above, maps, masks.to(maps.device), targets[start : start + len(images)])
                parts.append(right)
                start += len(images)
        found = np.concatenate(parts, axis=1)  # (masks, images)
        curves: Curves = {}
        row = 0
        for name, scores in orders.items():
            size = len(scores) * len(self.shares)
            curves[name] = found[row : row + size].reshape(len(scores), len(self.shares), -1)
            row += size
        return curves

    def _masks(self, context: Context, number: int, orders: Orders, units: int) -> Tensor:
        """(orders x seeds x shares, K) bool: the units that stay."""
        ties = torch.randperm(units, generator=context.generator("ties", number))
        counts = removed_counts(units, self.shares)
        return torch.stack([kept(one, count, ties) for scores in orders.values() for one in scores for count in counts])

    # ----------------------------------------------------------------------------------------------- reporting

    def _areas(self, curves: Curves) -> dict[str, NDArray[np.float64]]:
        """By order (seeds, images): the area under the image's own curve of right and wrong."""
        widths = np.diff(np.asarray(self.shares, dtype=np.float64))
        return {
            name: ((right[:, 1:].astype(np.float64) + right[:, :-1]) / 2 * widths[None, :, None]).sum(1)
            for name, right in curves.items()
        }

    def _measure(self, outcome: Outcome, number: int, layer: str, curves: Curves) -> None:
        whole = next(iter(curves.values()))[0, 0].mean()
        outcome.notes.append(
            f"Layer {number} ({layer}): with all units the network classifies {100 * whole:.1f} % of "
            f"{next(iter(curves.values())).shape[2]} images correctly."
        )
        for name, areas in self._areas(curves).items():
            over = "random order" if name == RANDOM else "set of images to rank on"
            outcome.measurements.append(
                Measurement(
                    f"area/layer {number}/{name}",
                    areas.mean(1).tolist(),
                    "mean accuracy over the shares of units removed, in [0, 1]",
                    over,
                    "higher",
                )
            )
            outcome.measurements.append(
                Measurement(
                    f"removable/layer {number}/{name}",
                    [self._removable(one.mean(1)) for one in curves[name]],
                    f"share of units removed with {self.tolerated:.0%} of the accuracy left",
                    over,
                    "higher",
                )
            )

    def _removable(self, accuracies: NDArray[np.float64]) -> float:
        """The largest share up to which every accuracy is at least `tolerated` of the first."""
        enough = accuracies >= self.tolerated * accuracies[0] - _ROUNDING
        return float(self.shares[int(np.argmin(enough)) - 1] if not enough.all() else self.shares[-1])

    def _table(self, curves: Mapping[int, Curves]) -> Table:
        rows: list[list[str | float | None]] = []
        half = int(np.argmin(np.abs(np.asarray(self.shares) - 0.5)))
        for number, found in curves.items():
            areas = self._areas(found)
            for name, values in sorted(areas.items(), key=lambda item: -item[1].mean()):
                difference = None if name == RANDOM else _text(crossed_difference(values, areas[RANDOM]))
                removable = np.mean([self._removable(one.mean(1)) for one in found[name]])
                rows.append(
                    [
                        f"layer {number}",
                        name,
                        _text(_interval(values)),
                        difference,
                        _text(_interval(found[name][:, half])),
                        round(float(removable), 2),
                    ]
                )
        columns = [
            "removed from",
            "lowest first, by",
            "area under the accuracy",
            "minus random",
            f"accuracy with {self.shares[half]:.0%} removed",
            f"share removable at {self.tolerated:.0%} of the accuracy",
        ]
        caption = (
            f"Accuracy on held-out images as units go, without training again; {self.seeds} sets of images to rank on "
            f"and {self.draws} random orders. Intervals of 95 % from resampling images and orders."
        )
        return Table("areas", "Which order keeps the accuracy", columns, rows, caption)

    def _correlations(self, orders: Mapping[int, Orders]) -> Table:
        names = [name for name in orders[self.layers[0]] if name not in (RANDOM, BACKWARDS)]
        rows: list[list[str | float | None]] = []
        for number, own in orders.items():
            for name in names:
                if name not in own:
                    continue
                cells: list[str | float | None] = [f"layer {number}", name]
                for other in names:
                    pairs = [(a, b) for i, a in enumerate(own[name]) for j, b in enumerate(own[other]) if i != j]
                    pairs = pairs or list(zip(own[name], own[other], strict=False))
                    same = name == other and len(own[name]) == 1
                    cells.append(
                        None if same else round(float(np.mean([spearman(a.numpy(), b.numpy()) for a, b in pairs])), 2)
                    )
                rows.append(cells)
        caption = (
            "Spearman's rank correlation of the units' scores, each computed on another set of images (the diagonal: "
            "how far an order repeats itself)."
        )
        return Table("correlations", "Whether the orders agree", ["units of", "order", *names], rows, caption)

    def _drawn(self, curves: Mapping[int, Curves]) -> dict[int, dict[str, NDArray[np.float64]]]:
        """By layer and order (shares, 3): accuracy with its interval."""
        return {
            number: {
                name: np.array([_interval(right[:, i], _RESAMPLES_DRAWN) for i in range(len(self.shares))])
                for name, right in found.items()
            }
            for number, found in curves.items()
        }

    def _shown(self, context: Context, layer: str, scores: Tensor) -> tuple[list[int], list[float], Tensor, Tensor]:
        """The units of lowest and of highest score, their scores, the image that drives each most, and projections."""
        from replications.survey.applications.unit_pictures import strongest_projections

        order = scores.argsort().tolist()
        units = [*order[: self.shown], *order[-self.shown :]]
        train = context.data.train
        indices = torch.randperm(len(train), generator=context.generator("images"))[: self.ranked].sort().values
        pictures, projections = strongest_projections(context.network, layer, units, train, indices)
        return units, [float(scores[unit]) for unit in units], pictures, projections


def _right(above: Remainder, maps: Tensor, masks: Tensor, targets: Tensor) -> NDArray[np.bool_]:
    """(masks, N) whether each image is still classified correctly with only the units of a mask."""
    shape = (-1, *[1] * (maps.dim() - 2))
    found = [above.logits(maps * mask.to(maps.dtype).reshape(shape)).argmax(1).cpu() == targets for mask in masks]
    return torch.stack(found).numpy()


def _interval(values: NDArray[Any], resamples: int = 4000) -> Interval:
    """Of the mean of values (seeds, images); where nothing was random there is one seed, and images are resampled."""
    if len(values) > 1:
        return crossed_interval(values, resamples=resamples)
    return mean_interval(values[0], resamples=resamples)


def _text(interval: Interval) -> str:
    return "{:.3f} ({:.3f} to {:.3f})".format(*interval)
