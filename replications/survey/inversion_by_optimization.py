"""What each layer still knows of an image: pre-images by optimization (Mahendran & Vedaldi 2015).

Every layer is inverted, for several images from several starts, with the released code's schedule and with its strength
of the regularizer by depth. The error is the distance of the picture's features from the image's, in % of the average
distance between features of test images, as the paper normalizes it.

Choices made before any result was seen: errors are of the picture as it was found, whose pixels may leave [0, 1], as in
the paper; beside them stand those of the picture with its pixels cut. An image's value is the mean over its starts. How
far apart pictures from different starts are, in units of the distance between test images, says how much the layer
leaves open. The weight of the total variation is brought to the network's size (see `inverted_layers.at_size`); this
was added after a first look at two images, where with 100 as it is the upper layers gave nothing but grey, and so was
the shorter step for what runs away.

Pictures are shown with their pixels cut to [0, 1]; the released script stretches each to its own range.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from metrics.statistics import seed_interval
from replications.suite.context import seed_of
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Table
from replications.survey.inversion import Inversion
from replications.survey.inversion_by_optimization_drawing import (
    picture_of_errors,
    picture_of_layers,
    picture_of_starts,
)
from replications.survey.inverted_images import Material, lacking_images, material
from replications.survey.inverted_layers import at_size, layers_of_all_paths, strength_of
from replications.survey.preimages import PreImages, Task, make_preimages

FEATURES = "% of the average distance between features of test images"
PIXELS = "% of the average distance between test images"
UNITS = {
    "feature error": FEATURES,
    "feature error, pixels cut": FEATURES,
    "feature error, squared": "% of the mean squared distance between features of test images",
    "feature error of the start": FEATURES,
    "image error": PIXELS,
    "distance between starts": PIXELS,
}


@dataclasses.dataclass(frozen=True)
class InversionByOptimization(Experiment):
    """layers: to be inverted; None for all that the whole image passes through, `at_most` of them evenly spaced.

    inversion: the method; its total variation gets the weight that `strengths` gives for the layer's depth (see
    `strength_of`). images: inverted. starts: pictures of each. reference, statistics, batch: see `Material` and `Task`.
    shown: images drawn. shown_starts: layers for which pictures from different starts are drawn.
    """

    name: ClassVar[str] = "inversion_by_optimization"
    title: ClassVar[str] = "Network inversion by optimization, layer by layer"
    paper: ClassVar[str] = "survey"
    answers: ClassVar[tuple[str, ...]] = ("MV-01", "MV-02", "MV-03", "MV-04")
    needs: ClassVar[tuple[Literal["network", "data"], ...]] = ("network", "data")

    layers: Sequence[str] | None
    at_most: int | None
    inversion: Inversion
    strengths: Sequence[tuple[float, float]]
    images: int
    starts: int
    reference: int
    statistics: int
    batch: int
    shown: int
    shown_starts: int

    def __post_init__(self) -> None:
        if min(self.images, self.starts, self.reference) < 2 or min(self.shown, self.shown_starts) < 1:
            raise ValueError(
                "expected at least 2 images, 2 starts and 2 images of reference, and 1 image and 1 layer shown; found "
                f"images={self.images}, starts={self.starts}, reference={self.reference}, shown={self.shown}, "
                f"shown_starts={self.shown_starts}"
            )

    def missing(self, context: Context) -> str | None:
        return lacking_layers(context, self.layers) or lacking_images(
            context, self.images, self.reference, self.statistics
        )

    def run(self, context: Context) -> Outcome:
        network = context.network
        layers = tuple(self.layers or layers_of_all_paths(network, self.at_most))
        given = material(context, self.images, self.reference, self.statistics)
        weights = {layer: strength_of(network, layer, self.strengths) for layer in layers}
        seeds = start_seeds(context.seed, self.images, self.starts)
        tasks = [
            Task(
                name=layer,
                network=network,
                layer=layer,
                settings=dataclasses.replace(
                    self.inversion, total_variation=at_size(weights[layer], network.input_size)
                ),
                statistics=given.statistics,
                images=given.images,
                seeds=seeds,
                reference=given.reference,
                batch=self.batch,
            )
            for layer in layers
        ]
        made = make_preimages(tasks, context.workspace / "layers", context.progress)
        values = {layer: _values(found, given) for layer, found in made.items()}
        outcome = Outcome(notes=notes_on(made))
        for layer, name in itertools.product(layers, UNITS):
            if len(numbers := values[layer][name]):
                outcome.measurements.append(Measurement(f"{name}/{layer}", numbers, UNITS[name], "image"))
        outcome.tables.append(_table(values, weights))
        shown = slice(0, self.shown)
        first = {layer: found.images[shown, 0] for layer, found in made.items()}
        outcome.pictures += [
            picture_of_layers(given.images[shown], first, {n: v["feature error"] for n, v in values.items()}),
            picture_of_starts(given.images[0], self._starts_shown(made)),
            picture_of_errors(values),
        ]
        return outcome

    def _starts_shown(self, made: Mapping[str, PreImages]) -> dict[str, Tensor]:
        layers = list(made)
        places = np.linspace(0, len(layers) - 1, min(self.shown_starts, len(layers))).round().astype(int)
        return {layers[i]: made[layers[i]].images[0] for i in places}


def start_seeds(seed: int, images: int, starts: int) -> Tensor:
    """(images, starts) int64: of the noise that each picture starts from; the same for every layer and setting."""
    return torch.tensor([[seed_of(seed, "start", i, k) for k in range(starts)] for i in range(images)])


def lacking_layers(context: Context, layers: Sequence[str] | None) -> str | None:
    """Which of the named layers the network doesn't have, as one sentence, or None."""
    absent = [layer for layer in layers or () if layer not in context.network.layers]
    return f"needs the layers {absent}, which network '{context.network.name}' doesn't have" if absent else None


def notes_on(made: Mapping[str, PreImages]) -> list[str]:
    """What is to be said of pictures that came to nothing."""
    notes = []
    for name, found in made.items():
        count, bad, again = found.diverged.numel(), int(found.diverged.sum()), int((found.retried > 0).sum())
        if again > bad:
            notes.append(f"{name}: {again - bad} of {count} pictures ran away at first and took a shorter step.")
        if bad:
            notes.append(f"{name}: {bad} of {count} pictures ran away with every step and were left out.")
        if silent := int(found.silent[:, 0].sum()):
            notes.append(f"{name}: {silent} of {len(found.silent)} images have no features but 0; left out.")
    return notes


def _values(found: PreImages, given: Material) -> dict[str, list[float]]:
    """Of each image that was inverted from all starts, the mean over these."""
    good = ~(found.diverged | found.silent).any(1)
    pictures, images = found.images[good], given.images[good]
    distances = (pictures - images[:, None]).flatten(2).double().norm(dim=2)
    pairs = [
        (pictures[:, i] - pictures[:, j]).flatten(1).double().norm(dim=1)
        for i, j in itertools.combinations(range(pictures.shape[1]), 2)
    ]
    numbers = {
        "feature error": found.errors[good].mean(1),
        "feature error, pixels cut": found.clamped[good].mean(1),
        "feature error, squared": found.squared[good].mean(1),
        "feature error of the start": found.starting[good].mean(1),
        "image error": given.scale.percent(distances).mean(1),
        "distance between starts": given.scale.percent(torch.stack(pairs)).mean(0),
    }
    return {name: value.tolist() for name, value in numbers.items()}


def _table(values: Mapping[str, Mapping[str, Sequence[float]]], weights: Mapping[str, float]) -> Table:
    rows: list[list[str | float | None]] = [
        [layer, weights[layer], *(_in_words(found[name]) for name in UNITS)] for layer, found in values.items()
    ]
    columns = ["layer", "weight of total variation", *(f"{name} (%)" for name in UNITS)]
    caption = (
        "Means over images with 95 % intervals (Student's t); an image's value is the mean over its starts. Errors are "
        "in % of the average distance between two test images, of their features or their pixels; squared: as the "
        "released script has it, in % of the mean squared distance, an image's own included. Weights are the published "
        "ones, before they are brought to the network's size."
    )
    return Table("errors", "How well each layer is inverted", columns, rows, caption)


def _in_words(numbers: Sequence[float]) -> str | None:
    return "{:.1f} ({:.1f} to {:.1f})".format(*seed_interval(numbers)) if len(numbers) > 1 else None
