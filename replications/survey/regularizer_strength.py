"""What the strength of the regularizer does to pre-images (Mahendran & Vedaldi 2015).

The paper inverts each layer with the weight of the total variation at lambda, 10 lambda and 100 lambda; the released
code's weights 1, 10 and 100 are taken for these. The errors in the paper's Table 3 stand beside those of layers of the
same name; they are recalled only and decide nothing.

Choices made before any result was seen: starts are the same for all strengths, so differences are paired by image; the
error is that of the picture as it was found. Beside it stand how far the picture is from the image, and its roughness,
the total variation of the picture over that of the image. Weights are the published ones and are brought to the
network's size (see `inverted_layers.at_size`; added after a first look at two images).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from metrics.statistics import seed_difference, seed_interval
from replications.images.regularizers import TotalVariation
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Table
from replications.survey.inversion import Inversion
from replications.survey.inversion_by_optimization import (
    FEATURES,
    PIXELS,
    lacking_layers,
    notes_on,
    start_seeds,
)
from replications.survey.inverted_images import Material, lacking_images, material
from replications.survey.inverted_layers import at_size, layers_of_all_paths
from replications.survey.preimages import PreImages, Task, make_preimages
from replications.survey.regularizer_strength_drawing import picture_of_strengths, picture_of_trade

UNITS = {
    "feature error": FEATURES,
    "image error": PIXELS,
    "roughness": "total variation over the image's",
}

REPORTED = {1.0: "MV-T3a", 10.0: "MV-T3b", 100.0: "MV-T3c"}  # rows of the paper's Table 3, by weight
COLUMNS = (
    *("conv1", "relu1", "pool1", "norm1", "conv2", "relu2", "pool2", "norm2", "conv3", "relu3"),
    *("conv4", "relu4", "conv5", "relu5", "pool5", "fc6", "relu6", "fc7", "relu7", "fc8"),
)

Values = dict[tuple[str, float], dict[str, list[float]]]  # by layer and strength, by measure, of each image


@dataclasses.dataclass(frozen=True)
class RegularizerStrength(Experiment):
    """layers, at_most: as in `InversionByOptimization`. strengths: weights of the total variation, rising.

    inversion: the method. images: inverted, from one start each. reference, statistics, batch: see `Material` and
    `Task`. shown: images drawn.
    """

    name: ClassVar[str] = "regularizer_strength"
    title: ClassVar[str] = "Network inversion: the strength of the regularizer"
    paper: ClassVar[str] = "survey"
    answers: ClassVar[tuple[str, ...]] = ("MV-05", "MV-T3a", "MV-T3b", "MV-T3c")
    needs: ClassVar[tuple[Literal["network", "data"], ...]] = ("network", "data")

    layers: Sequence[str] | None
    at_most: int | None
    inversion: Inversion
    strengths: Sequence[float]
    images: int
    reference: int
    statistics: int
    batch: int
    shown: int

    def __post_init__(self) -> None:
        rising = list(self.strengths) == sorted(set(self.strengths))
        if len(self.strengths) < 2 or not rising or min(self.images, self.reference) < 2 or self.shown < 1:
            raise ValueError(
                "expected at least 2 strengths that rise, 2 images and 2 images of reference, and 1 image shown; found "
                f"strengths={list(self.strengths)}, images={self.images}, reference={self.reference}, "
                f"shown={self.shown}"
            )

    def missing(self, context: Context) -> str | None:
        return lacking_layers(context, self.layers) or lacking_images(
            context, self.images, self.reference, self.statistics
        )

    def run(self, context: Context) -> Outcome:
        network = context.network
        layers = tuple(self.layers or layers_of_all_paths(network, self.at_most))
        given = material(context, self.images, self.reference, self.statistics)
        both = list(itertools.product(layers, self.strengths))
        tasks = [
            Task(
                name=_name(layer, strength),
                network=network,
                layer=layer,
                settings=dataclasses.replace(self.inversion, total_variation=at_size(strength, network.input_size)),
                statistics=given.statistics,
                images=given.images,
                seeds=start_seeds(context.seed, self.images, 1),
                reference=given.reference,
                batch=self.batch,
            )
            for layer, strength in both
        ]
        made = make_preimages(tasks, context.workspace / "strengths", context.progress)
        found = {(layer, strength): made[_name(layer, strength)] for layer, strength in both}
        values = self._values(layers, found, given)
        outcome = Outcome(notes=notes_on(made))
        for (layer, strength), numbers in values.items():
            for name, unit in UNITS.items():
                if numbers[name]:
                    full = f"{name}/{_name(layer, strength)}"
                    row = REPORTED.get(strength) if name == "feature error" and layer in COLUMNS else None
                    cell = layer if row else None
                    outcome.measurements.append(
                        Measurement(full, numbers[name], unit, "image", reported=row, cell=cell)
                    )
        outcome.tables.append(self._table(layers, values))
        pictures = {key: one.images[: self.shown, 0] for key, one in found.items()}
        outcome.pictures += [
            picture_of_strengths(given.images[: self.shown], pictures, layers, self.strengths),
            picture_of_trade(values, layers, self.strengths),
        ]
        return outcome

    def _values(self, layers: Sequence[str], found: Mapping[tuple[str, float], PreImages], given: Material) -> Values:
        """Of the images that could be inverted with every strength, so that differences are paired."""
        values: Values = {}
        for layer in layers:
            good = torch.stack(
                [~(found[layer, s].diverged | found[layer, s].silent)[:, 0] for s in self.strengths]
            ).all(0)
            for strength in self.strengths:
                pictures, images = found[layer, strength].images[good, 0], given.images[good]
                distances = (pictures - images).flatten(1).double().norm(dim=1)
                values[layer, strength] = {
                    "feature error": found[layer, strength].errors[good, 0].tolist(),
                    "image error": given.scale.percent(distances).tolist(),
                    "roughness": (_variation(pictures) / _variation(images)).tolist(),
                }
        return values

    def _table(self, layers: Sequence[str], values: Values) -> Table:
        rows: list[list[str | float | None]] = []
        least, most = self.strengths[0], self.strengths[-1]
        for layer in layers:
            row: list[str | float | None] = [layer]
            for name in ("feature error", "image error"):
                row += [_in_words(values[layer, strength][name]) for strength in self.strengths]
                row.append(_difference_in_words(values[layer, most][name], values[layer, least][name]))
            row += [round(float(np.mean(one)), 2) if one else None for one in self._roughness(layer, values)]
            rows.append(row)
        strengths = [f"{strength:g}" for strength in self.strengths]
        columns = ["layer"]
        for name in ("feature error", "image error"):
            columns += [f"{name} (%), weight {strength}" for strength in strengths]
            columns.append(f"{name} (%), weight {most:g} less {least:g}")
        columns += [f"roughness, weight {strength}" for strength in strengths]
        caption = (
            "Means over images with 95 % intervals (Student's t; differences paired by image). Errors in % of the "
            "average distance between two test images, of their features or their pixels; roughness: the total "
            "variation of the pre-image over that of the image."
        )
        return Table("strengths", "Errors by strength of the total variation", columns, rows, caption)

    def _roughness(self, layer: str, values: Values) -> list[list[float]]:
        return [values[layer, strength]["roughness"] for strength in self.strengths]


def _name(layer: str, strength: float) -> str:
    return f"{layer}-weight-{strength:g}"


def _variation(images: Tensor) -> Tensor:
    """(n,), the sum of the squared differences between neighbouring pixels."""
    return TotalVariation(1.0, 2.0).values(images.double(), torch.zeros(3, 1, 1))


def _in_words(numbers: Sequence[float]) -> str | None:
    return "{:.1f} ({:.1f} to {:.1f})".format(*seed_interval(numbers)) if len(numbers) > 1 else None


def _difference_in_words(a: Sequence[float], b: Sequence[float]) -> str | None:
    return "{:+.1f} ({:+.1f} to {:+.1f})".format(*seed_difference(a, b, paired=True)) if len(a) > 1 else None
