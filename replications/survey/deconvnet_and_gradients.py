"""Deconvnet, guided backpropagation and the plain gradient side by side, from the first layer to the classes.

The survey of Qin et al. 2018 shows deconvnet projections layer by layer. They differ from guided backpropagation and
from the gradient only in what passes a rectification (`ways_back`), and look far better than the gradient in upper
layers. Whether they are better is asked here of the same units:

Units: in each layer feature maps drawn at random among those that fire, each where it fires most strongly in the images
looked at; of the classes the image of the highest logit.

Set before any of it was measured; each within the unit's receptive field, means over units with 95 % BCa intervals:
- alike for another unit: rank correlation of the magnitudes with those for another map, drawn at random among those
  active at the same place of the same image (of the classes any other). A picture of the unit has little of it; one of
  the image has much (Mahendran & Vedaldi 2016, "Salient Deconvolutional Networks", say so of the deconvnet).
- kept: the activation that is left when only the strongest `share` of the pixels is shown, the others in the network's
  mean colour; 1 is all of it, 0 as much as when nothing is shown. removed: the same when just these are hidden. Beside
  them pixels at random and those where the image has the strongest edges. Units that nothing but the mean colour drives
  at least half as strongly are left out of both.
- on the object, where it is known: the share of the picture's energy on the object less the object's share of the
  field.
- agreement: rank correlation of the magnitudes of two of the three.
The survey states no numbers of its own, so nothing is decided here.

After a first look at a network with global average pooling, where the deconvnet shows nothing at all of some classes
(its signal is negative everywhere at some rectification): the share of such empty pictures is measured, and they are
left out of the rest, where they had counted as 0.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from metrics.map_similarity import magnitudes
from metrics.statistics import mean_interval
from replications.networks.receptive_field import Box
from replications.suite.interface import Context, Direction, Experiment, Measurement, Outcome, Table
from replications.survey.deconvnet_and_gradients_drawing import picture_of_measures, picture_of_projections
from replications.survey.edges import edges
from replications.survey.layer_choice import CLASSES, lacking_layers, layers_by_title
from replications.survey.unit_maps import (
    activation_left,
    alike,
    another_at_the_place,
    boxes_of,
    empty,
    on_the_object,
    strongest_pixels,
)
from replications.survey.ways_back import WAYS, back_to_pixels, lacking_rule
from replications.zeiler.deconvnet import Units
from replications.zeiler.top_activations import TopActivations, top_activations

RANDOM, EDGES = "pixels at random", "edges of the image"
EMPTY, ANOTHER, KEPT, REMOVED = "empty", "alike for another unit", "kept", "removed"
OBJECT, AGREEMENT = "on the object", "agreement"
MEASURES: Mapping[str, tuple[str, Direction]] = {
    EMPTY: ("share of pictures that are zero everywhere, 0 to 1", "lower"),
    ANOTHER: ("rank correlation with the map for another unit at the place, -1 to 1", "lower"),
    KEPT: ("activation left when only the strongest pixels are shown, 1: all, 0: none", "higher"),
    REMOVED: ("activation left when the strongest pixels are hidden, 1: all, 0: none", "lower"),
    OBJECT: ("share of energy on the object less the object's share of the field", "none"),
    AGREEMENT: ("rank correlation of the two ways' maps, -1 to 1", "none"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class OfLayer:
    """The units of one layer, and their maps.

    units: one an image. images: (U, 3, H, W) in [0, 1], as the network reads them. boxes: what each unit sees. maps: by
    way (U, 3, H, W). values: by measure and way one number a unit (fewer where there was nothing to measure).
    """

    units: Units
    images: Tensor
    boxes: Sequence[Box]
    maps: dict[str, Tensor]
    values: dict[str, dict[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class DeconvnetAndGradients(Experiment):
    """layers: numbers of the paper's layers; the classes are always last. images: looked at for what excites units, at
    most. units: of a layer, at most. shown: of these, drawn. share: of the pixels of a field, that are the strongest.
    """

    name: ClassVar[str] = "deconvnet_and_gradients"
    title: ClassVar[str] = "Deconvnet beside guided backpropagation and the gradient"
    paper: ClassVar[str] = "survey"
    answers: ClassVar[tuple[str, ...]] = ("SUR-5",)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "data")

    layers: Sequence[int]
    images: int
    units: int
    shown: int
    share: float

    def __post_init__(self) -> None:
        if self.units < 2 or not 1 <= self.shown <= self.units or not 0 < self.share < 1:
            raise ValueError(
                "expected at least 2 units of a layer, at least 1 of them shown, and a share of the pixels between 0 "
                f"and 1; found units={self.units}, shown={self.shown}, share={self.share}"
            )

    def missing(self, context: Context) -> str | None:
        network = context.network
        if lacking := lacking_layers(network, self.layers):
            return lacking
        if len(network.shape(network.layers[-1])) != 1:
            return f"needs one number for each class, and network '{network.name}' gives maps"
        return lacking_rule(network, network.layers[-1])

    def run(self, context: Context) -> Outcome:
        network, validation = context.network, context.data.validation
        drawn = torch.randperm(len(validation), generator=context.generator("images"))[: self.images].sort().values
        layers = layers_by_title(network, self.layers)
        batches = context.progress(
            validation.batches(64, drawn), "looking for what excites units", validation.batch_count(64, drawn)
        )
        tops = top_activations(network, validation, layers.values(), 1, batches)
        outcome = Outcome()
        found: dict[str, OfLayer] = {}
        for title in context.progress(layers, "taking units back to pixels"):
            top = tops[layers[title]]
            # a class may have a negative logit in every image
            fires = top.values[:, 0] != 0 if title == CLASSES else top.alive
            alive = fires.nonzero().flatten().cpu()
            if len(alive) < 2:
                outcome.notes.append(f"{title}: fewer than two maps fire for any image looked at, so left out.")
                continue
            order = torch.randperm(len(alive), generator=context.generator("units", top.layer))[: self.units]
            found[title] = self._of_layer(context, title, top, alive[order])
        for title, one in found.items():
            for measure, by_way in one.values.items():
                about, better = MEASURES[measure]
                for way, values in by_way.items():
                    name = f"{measure}/{way}/{title}"
                    outcome.measurements.append(Measurement(name, values.tolist(), about, "unit", better))
        if found:
            outcome.tables.append(self._table(found))
            bgr = network.preprocessing.order == "bgr"
            outcome.pictures.append(picture_of_projections(found, self.shown, bgr=bgr))
            outcome.pictures.append(picture_of_measures(found, self.share))
        return outcome

    def _of_layer(self, context: Context, title: str, top: TopActivations, channels: Tensor) -> OfLayer:
        network, validation, layer = context.network, context.data.validation, top.layer
        numbers, y, x = (t[channels, 0].cpu() for t in (top.images, top.y, top.x))
        units = Units.of(range(len(channels)), channels, y, x)
        with torch.inference_mode():
            inputs = network.preprocess(validation.images(numbers))
            images = network.preprocessing.denormalize(inputs).clamp(0, 1).cpu()
            output = network.forward_to(layer, inputs, preprocessed=True).cpu()
        there = output if output.dim() == 2 else output[units.image, :, units.y, units.x]
        boxes = boxes_of(network, layer, units)
        maps = {way: back_to_pixels(network, images, layer, units, way) for way in WAYS}
        generator = context.generator("another unit", layer)
        another = another_at_the_place(there, channels, generator, rectified=title != CLASSES)
        values: dict[str, dict[str, np.ndarray]] = {measure: {} for measure in MEASURES}
        nothing = {way: empty(maps[way], boxes) for way in WAYS}
        values[EMPTY] = {way: flags.astype(np.float64) for way, flags in nothing.items()}
        paired = (another >= 0).nonzero().flatten()
        if len(paired) > 1:
            others = Units(paired, another[paired], units.y[paired], units.x[paired])
            for way in WAYS:
                theirs = back_to_pixels(network, images, layer, others, way)
                values[ANOTHER][way] = _finite(alike(maps[way][paired], theirs, [boxes[i] for i in paired.tolist()]))
        rankings = {way: magnitudes(maps[way]) for way in WAYS}
        rankings[EDGES] = magnitudes(edges(images))
        rankings[RANDOM] = torch.rand(rankings[EDGES].shape, generator=context.generator("random pixels", layer))
        for kind, ranking in rankings.items():
            strongest = strongest_pixels(ranking, boxes, self.share)
            for measure, shown in ((KEPT, strongest), (REMOVED, ~strongest)):
                left = activation_left(network, inputs, layer, units, boxes, shown)
                values[measure][kind] = _finite(np.where(nothing.get(kind, False), np.nan, left))
        if (masks := self._masks(context, numbers)) is not None:
            values[OBJECT] = {way: on_the_object(maps[way], masks, boxes)[~nothing[way]] for way in WAYS}
        for a, b in itertools.combinations(WAYS, 2):
            values[AGREEMENT][f"{a} with {b}"] = _finite(alike(maps[a], maps[b], boxes))
        enough = {m: {kind: v for kind, v in by_kind.items() if len(v) > 1} for m, by_kind in values.items()}
        return OfLayer(units, images, boxes, maps, {m: by_kind for m, by_kind in enough.items() if by_kind})

    def _masks(self, context: Context, numbers: Tensor) -> Tensor | None:
        """(U, H, W) bool, where the object is, if that is known at the size that the network reads."""
        validation = context.data.validation
        if not hasattr(validation, "annotations") or validation.size != context.network.input_size:
            return None
        return torch.from_numpy(validation.annotations(numbers).masks)

    def _table(self, found: Mapping[str, OfLayer]) -> Table:
        rows: list[list[str | float | None]] = []
        kinds = {
            measure: list(dict.fromkeys(kind for one in found.values() for kind in one.values.get(measure, {})))
            for measure in MEASURES
        }
        for measure, kind in ((name, kind) for name in MEASURES for kind in kinds[name]):
            row: list[str | float | None] = [measure, kind]
            for one in found.values():
                values = one.values.get(measure, {}).get(kind)
                row.append(None if values is None else "{:.2f} ({:.2f} to {:.2f})".format(*mean_interval(values)))
            rows.append(row)
        caption = (
            f"Up to {self.units} units of each layer, each on the image and at the place where it fires most strongly, "
            f"within its receptive field; the strongest pixels are {100 * self.share:g} % of it. Means with 95 % "
            "intervals over units. " + " ".join(f"{measure}: {about}." for measure, (about, _) in MEASURES.items())
        )
        return Table("ways", "Three ways back to pixels", ["measure", "pictures by", *found], rows, caption)


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]
