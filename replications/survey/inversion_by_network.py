"""What each layer still knows of an image: its inversion by an up-convolutional network (Dosovitskiy & Brox 2016).

Networks trained to give back the image from what a layer makes of it (`upconvolution`) invert held-out images. Measured
are the paper's error, the distance from the image in % of the mean distance of two test images; and what is kept of the
image where that is known: the colours of its parts, its rough contours, and the object's place, class and facet, as
they are read by one who has only ever seen real images and by one who has learnt from inversions (`picture_reading`).

Statistics, fixed before any trained network's inversions were looked at. Every quantity is taken of an inversion
against its own image, against another image of the same class and against any other image, drawn at random once for
each network. DB-C-last-layer has four tests, all of which must hold: for the last layer and for the class
probabilities, the distance in colour (a*, b*) from any other image minus that from its own is above 0, and the
correlation of coarse edges with its own image minus that with any other is above 0. Each is a mean over three networks,
trained from different seeds, and images, with a 95 % interval from resampling both (`metrics.crossed_bootstrap`). The
claim doesn't say whether what is recovered goes beyond the class; the comparison within the class does, stands beside
and decides nothing. After a first look at inversions of all layers but the probabilities, whose blur was strange to the
first reader, the second one was added; no test reads it.

Deviations: see `upconvolution`. The paper judges colours and contours by eye.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from replications.suite.interface import Context, Evidence, Experiment, Measurement, Outcome, Table
from replications.survey.inversion_by_network_drawing import picture_of_inversions, picture_of_quantities
from replications.survey.inversion_codes import PROBABILITIES
from replications.survey.inversion_networks import InvertedLayer, lacking_inversions, load_inversions
from replications.survey.inversion_scores import (
    ANY,
    COLOUR,
    CONTOURS,
    ERROR,
    OF_CLASS,
    OWN,
    PAIRINGS,
    QUANTITIES,
    interval,
    orders,
    scores,
)
from replications.survey.picture_reading import Reading, Viewer, lacking_classes, truth_of
from replications.survey.representation_error import Scale

CLAIM = "DB-C-last-layer"
LEAST_NETWORKS = 3

Found = dict[str, dict[str, np.ndarray]]  # by pairing, by quantity: (networks, images)


@dataclasses.dataclass(frozen=True, eq=False)
class Readers:
    """viewer: who knows real images. learnt, truth: training images, whose inversions learners learn from."""

    viewer: Viewer
    learnt: Tensor
    truth: Reading


@dataclasses.dataclass(frozen=True)
class InversionByNetwork(Experiment):
    """inversions: a configuration of conf/inversion_networks, or None where there is none for the profile's network.

    images: validation images inverted, at most. learnt_from: training images from which, and from whose inversions, is
    learnt to read. shown: images drawn.
    """

    name: ClassVar[str] = "inversion_by_network"
    title: ClassVar[str] = "Network inversion by an up-convolutional network, layer by layer"
    paper: ClassVar[str] = "survey"
    answers: ClassVar[tuple[str, ...]] = ("DB-01", "DB-02", "DB-03", "DB-04", CLAIM)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    inversions: Mapping[str, Any] | None
    images: int
    learnt_from: int
    shown: int

    def __post_init__(self) -> None:
        if min(self.images, self.learnt_from) < 2 or self.shown < 1:
            raise ValueError(
                "expected at least 2 images, 2 to learn from and 1 shown; found "
                f"images={self.images}, learnt_from={self.learnt_from}, shown={self.shown}"
            )

    def missing(self, context: Context) -> str | None:
        lacking = lacking_inversions(self.inversions, context.network, context.data.validation.size)
        return lacking or lacking_classes(context.evaluator, context.data)

    def run(self, context: Context) -> Outcome:
        assert self.inversions is not None
        data = context.data
        learnt = torch.randperm(len(data.train), generator=context.generator("learnt from"))[: self.learnt_from]
        learnt = learnt.sort().values
        known = data.train.images(learnt)
        readers = Readers(Viewer(context.evaluator, data, learnt), known, truth_of(data.train, learnt))
        indices, truth = self._chosen(context)
        images = data.validation.images(indices)
        scale = Scale.of(images)
        inverted = load_inversions(self.inversions, context.network)
        found: dict[str, Found] = {}
        shown: dict[str, Tensor] = {}
        for layer, several in context.progress(inverted.items(), "layers", len(inverted)):
            found[layer], pictures = self._layer(context, several, readers, images, truth, scale)
            shown[layer] = pictures[: self.shown]
        everyone = torch.arange(len(images))
        reading, maps = readers.viewer.read(images)
        real = scores(images, [reading, readers.viewer.own.read(maps)], images, truth, everyone, scale)
        mean = inverted[next(iter(inverted))][0].mean_image.expand_as(images)
        constant = scores(mean, [readers.viewer.read(mean)[0]], images, truth, everyone, scale)
        outcome = Outcome(evidence=self._evidence(context, found), notes=self._notes(context, found))
        for layer, by_pairing in found.items():
            for name, values in by_pairing[OWN].items():
                outcome.measurements.append(
                    Measurement(
                        name=f"{QUANTITIES[name].title}/{layer}",
                        values=values.flatten().tolist(),
                        unit=QUANTITIES[name].unit,
                        over="network and image" if len(values) > 1 else "image",
                        better=QUANTITIES[name].better,
                    )
                )
        outcome.tables.append(_table(found, real, constant))
        outcome.pictures += [
            picture_of_inversions(
                images[: self.shown], shown, {n: float(f[OWN][ERROR].mean()) for n, f in found.items()}
            ),
            picture_of_quantities(found, real, constant),
        ]
        return outcome

    def _chosen(self, context: Context) -> tuple[Tensor, Reading]:
        """Validation images drawn at random, whose object is seen and whose class has another one, and their truth."""
        validation = context.data.validation
        drawn = torch.randperm(len(validation), generator=context.generator("images"))[: self.images]
        truth = truth_of(validation, drawn)
        seen = torch.ones(len(drawn), dtype=torch.bool) if truth.places is None else ~truth.places.isnan().any(1)
        counts = torch.bincount(truth.classes[seen], minlength=len(validation.classes))
        kept = (seen & (counts[truth.classes] > 1)).nonzero().flatten()
        return drawn[kept], truth.of(kept)

    def _layer(
        self,
        context: Context,
        several: tuple[InvertedLayer, ...],
        readers: Readers,
        images: Tensor,
        truth: Reading,
        scale: Scale,
    ) -> tuple[Found, Tensor]:
        """The quantities of a layer, and the first network's inversions."""
        rows: dict[str, dict[str, list[np.ndarray]]] = {pairing: {} for pairing in PAIRINGS}
        first = torch.empty(0)
        for number, one in enumerate(several):
            pictures = one.of_images(images)
            reading, maps = readers.viewer.read(pictures)
            learner = readers.viewer.learner(one.of_images(readers.learnt), readers.truth)
            readings = [reading, learner.read(maps)]
            if number == 0:
                first = pictures
            for pairing, order in orders(truth.classes, context.generator("another", one.layer, number)).items():
                for name, values in scores(pictures, readings, images, truth, order, scale).items():
                    rows[pairing].setdefault(name, []).append(values)
        return {pairing: {name: np.stack(v) for name, v in by.items()} for pairing, by in rows.items()}, first

    def _evidence(self, context: Context, found: Mapping[str, Found]) -> list[Evidence]:
        """Of the last layer and the class probabilities, where there are networks of enough seeds."""
        evidence = []
        for layer in (context.network.layers[-1], PROBABILITIES):
            for name in (COLOUR, CONTOURS):
                by_pairing = found.get(layer)
                if by_pairing is None or len(by_pairing[OWN][name]) < LEAST_NETWORKS:
                    continue
                gain = gains(by_pairing, name, ANY)
                what, unit = (
                    ("distance in colour from any other image minus that from its own", "CIE L*a*b*")
                    if name == COLOUR
                    else ("correlation of coarse edges with its own image minus that with any other", "correlation")
                )
                statistic = (
                    f"{what}, inversions of {layer}; mean over networks and images, 95 % bootstrap of both; beyond the "
                    "class: {:.2g} ({:.2g} to {:.2g})".format(*interval(gains(by_pairing, name, OF_CLASS)))
                )
                evidence.append(
                    Evidence(CLAIM, statistic, *interval(gain), unit, gain.shape[1], "image", seeds=gain.shape[0])
                )
        return evidence

    def _notes(self, context: Context, found: Mapping[str, Found]) -> list[str]:
        """Whether what the last layer and the class probabilities tell of colours and contours is the class alone."""
        notes = []
        for layer in (context.network.layers[-1], PROBABILITIES):
            if (by_pairing := found.get(layer)) is None:
                continue
            parts = []
            for name, what in ((COLOUR, "colours"), (CONTOURS, "contours")):
                own = by_pairing[OWN][name].mean()
                mean, low, high = interval(gains(by_pairing, name, OF_CLASS))
                verdict = "beyond the class" if low > 0 else "no more than the class's is established"
                parts.append(f"{what} {own:.3g}, better by {mean:.2g} ({low:.2g} to {high:.2g}), {verdict}")
            notes.append(
                f"Inversions of {layer} against their own image, and how much better than against another image of the "
                f"same class: {'; '.join(parts)}. Units as in the table."
            )
        return notes


def gains(found: Found, name: str, pairing: str) -> np.ndarray:
    """(networks, images): how much better a quantity is with the inversion's own image than with another."""
    difference = found[OWN][name] - found[pairing][name]
    return difference if QUANTITIES[name].better == "higher" else -difference


def _table(found: Mapping[str, Found], real: Mapping[str, np.ndarray], constant: Mapping[str, np.ndarray]) -> Table:
    names = list(real)
    rows: list[list[str | float | None]] = []
    for layer, by_pairing in found.items():
        cells = []
        for name in names:
            own = "{:.3g} ({:.3g} to {:.3g})".format(*interval(by_pairing[OWN][name]))
            cells.append(f"{own}; {by_pairing[OF_CLASS][name].mean():.3g}; {by_pairing[ANY][name].mean():.3g}")
        rows.append([layer, len(by_pairing[OWN][ERROR]), *cells])
    rows.append(["the mean image", None, *(_mean(constant.get(name)) for name in names)])
    rows.append(["the image itself", None, *(_mean(real[name]) for name in names)])
    columns = ["layer", "networks", *(f"{QUANTITIES[name].title} ({QUANTITIES[name].unit})" for name in names)]
    caption = (
        "Of inversions against their own image, with 95 % intervals over images (and networks, where there are "
        "several); then against another image of the class; then against any other image. Of the image itself all is "
        "read by who learnt from real images."
    )
    return Table("kept", "What inversions keep of the image", columns, rows, caption)


def _mean(values: np.ndarray | None) -> str | None:
    return None if values is None else f"{values.mean():.3g}"
