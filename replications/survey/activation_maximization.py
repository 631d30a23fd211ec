"""Activation maximization from the first layer to the last, by several methods (the survey of Qin et al. 2018).

The survey shows what units of each layer prefer and compares regularizers by the look of the pictures. Here the
suite's methods (conf/method, one file each with its source) make a picture of the same units: without a regularizer
(Erhan et al. 2009), with an L2 penalty (Simonyan et al. 2014), decay and blur (Yosinski et al. 2015), total variation
(Mahendran & Vedaldi 2016), denoising from noise (Nguyen et al. 2016), a decorrelated Fourier basis seen through random
transformations (Olah et al. 2017), and the phases alone, the magnitudes held at those of natural images (Fel et al.
2023). The generator prior that the survey also names is in this suite's replication of Plug & Play Generative Networks.

Units, by a rule that doesn't look at pictures: in each layer channels drawn at random among those that fire for at
least `fires` of the natural images looked at, at the centre of their map, so that a picture is what the unit sees;
classes drawn at random. Pictures maximize what the unit's rectification reads, as a silent rectified unit has no
gradient.

Set before any of it was measured; for each picture:
- quantile of its activation among the same unit's on natural images (the same position): 1 is above all of them;
- standard deviations of these above their mean, which tells apart what is beyond all natural images;
- whether it drives the unit more than any natural image does at any position of its map;
- roughness: root mean square difference of neighbouring pixels, over that of natural patches of the same size. 1 is as
  natural images; the regularizers are there for this.
Means over units with 95 % BCa intervals. The survey states no numbers of its own, so nothing is decided here.

Deviations, with their reasons:
- No method runs for longer than about `most_passes` passes of the network for a picture, views counted, so that all are
  given as much; schedules are shortened in proportion.
- Steps along a gradient that isn't normalized fit one network. They are multiplied (`stepped`) by the smallest power of
  ten with which the pictures of three quarters of the units of every layer are above the 0.95 quantile of natural
  activations; found with another seed, by the activation alone. On natural images they are those of this suite's
  replication of Multifaceted Feature Visualization, found for classes in the same way.
- No person chooses units or pictures: what is drawn are the first units of the same random order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from metrics.activation import activation_quantiles
from metrics.concentration import contrast_energy
from metrics.statistics import mean_interval
from replications.images import presets
from replications.images.pictures import make_pictures
from replications.images.presets import Method
from replications.multifaceted.unit_fields import (
    Responses,
    before_rectification,
    centre,
    choose_channels,
    field_crops,
    responses,
)
from replications.networks.network import Network
from replications.networks.unit import Unit
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Table
from replications.survey.activation_maximization_drawing import picture_of_layers, picture_of_scores
from replications.survey.layer_choice import lacking_layers, layers_by_title

NATURAL = "natural images"
ABOVE_ALL = "above all natural images"
MEASURES: Mapping[str, str] = {
    "quantile": "quantile among the unit's activations on natural images, 0 to 1",
    "deviations": "standard deviations above the unit's mean activation on natural images",
    ABOVE_ALL: "share of pictures that drive the unit more than any natural image anywhere, 0 to 1",
    "roughness": "root mean square difference of neighbouring pixels, over that of natural patches",
}
_REFERENCES = 64  # natural patches behind the roughness of a layer


class Natural(NamedTuple):
    """How natural images drive the units of a layer: (N, U) at the unit's own position, and (N, U) the strongest
    anywhere in its map; and images (n, 3, S, S) in [0, 1] that say what natural images are like."""

    own: Tensor
    strongest: Tensor
    images: Tensor


class Made(NamedTuple):
    """Pictures (3, h, w) of U units, (U,) what they drive them to, and what is to be said of those that failed."""

    images: list[Tensor]
    activations: Tensor
    trouble: list[str]


@dataclasses.dataclass(frozen=True, eq=False)
class OfLayer:
    """The units of one layer and what was made of them.

    units: as they stand in the layer, rectified. patches: (U, 3, h, w) in [0, 1], what each sees of the natural image
    that excites it most. pictures: by method, U images each, of the size that each unit sees. values: by method and
    measure (U,).
    """

    units: Sequence[Unit]
    patches: Tensor
    pictures: dict[str, list[Tensor]]
    values: dict[str, dict[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class ActivationMaximization(Experiment):
    """layers: numbers of the paper's layers; the classes are always last. compared: names of `methods`, in order;
    methods: by name the configuration of each (conf/method); stepped: by name the factor of a method's steps;
    most_passes: of the network for one picture. images: natural ones that units are asked about, at most; fires: for
    how many of them a unit has to fire. spectrum_images: training images that say what magnitudes natural images have.
    units: of a layer. shown: of these, drawn.
    """

    name: ClassVar[str] = "activation_maximization"
    title: ClassVar[str] = "Activation maximization from the first layer to the last"
    paper: ClassVar[str] = "survey"
    answers: ClassVar[tuple[str, ...]] = ("SUR-4", "MA-01", "MA-02", "MA-03")
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "data")

    layers: Sequence[int]
    compared: Sequence[str]
    methods: Mapping[str, Mapping[str, Any]]
    stepped: Mapping[str, float]
    most_passes: int
    images: int
    fires: int
    spectrum_images: int
    units: int
    shown: int

    def __post_init__(self) -> None:
        if self.units < 2 or not 1 <= self.shown <= self.units or self.most_passes < 1 or self.fires < 1:
            raise ValueError(
                "expected at least 2 units of a layer, at least 1 of them shown, 1 pass and 1 image that a unit fires "
                f"for; found units={self.units}, shown={self.shown}, most_passes={self.most_passes}, fires={self.fires}"
            )
        if absent := [name for name in (*self.compared, *self.stepped) if name not in self.methods]:
            raise ValueError(f"methods has no configuration of {', '.join(absent)}; it has {', '.join(self.methods)}")
        self._built()

    def missing(self, context: Context) -> str | None:
        found = len(context.data.validation)
        if min(self.images, found) < 2 * self.fires:
            return (
                f"needs at least {2 * self.fires} images, twice as many as a unit has to fire for, and looks at "
                f"{min(self.images, found)} of {context.data.validation.name}; set fires= of this experiment lower"
            )
        return lacking_layers(context.network, self.layers)

    def run(self, context: Context) -> Outcome:
        network, validation = context.network, context.data.validation
        drawn = torch.randperm(len(validation), generator=context.generator("images"))[: self.images].sort().values
        layers = layers_by_title(network, self.layers)
        found = responses(network, list(layers.values()), validation, drawn, context)
        outcome = Outcome()
        chosen: dict[str, list[Unit]] = {}
        for title, layer in layers.items():
            generator = context.generator("units", layer)
            channels = choose_channels(found[layer].strongest, self.units, self.fires, generator)
            if len(channels) < self.units:
                outcome.notes.append(f"{title}: {len(channels)} units fire for {self.fires} images or more.")
            if len(channels) > 1:
                place = centre(network, layer) if len(network.shape(layer)) == 3 else None
                chosen[title] = [Unit(layer, channel, place) for channel in channels]
        asked = {title: [before_rectification(network, unit)[0] for unit in units] for title, units in chosen.items()}
        natural = self._natural(context, asked, drawn)
        made = {
            title: self._of_layer(
                context, title, units, asked[title], found[units[0].layer], natural[title], drawn, outcome
            )
            for title, units in chosen.items()
        }
        for title, one in made.items():
            for method, values in one.values.items():
                for measure, numbers in values.items():
                    if method != NATURAL or measure in ("deviations", "roughness"):
                        name, better = f"{measure}/{method}/{title}", "none" if measure == "roughness" else "higher"
                        kind: Any = better
                        outcome.measurements.append(
                            Measurement(name, numbers.tolist(), MEASURES[measure], "unit", kind)
                        )
        if made:
            outcome.tables.append(self._table(made))
            outcome.pictures.append(picture_of_layers(made, self.compared, self.shown))
            outcome.pictures.append(picture_of_scores(made, self.compared))
        return outcome

    def _built(self) -> dict[str, Method]:
        """The methods to compare, with their steps and as long as they may run."""
        built = {name: presets.build(self.methods[name]).stepped(self.stepped.get(name, 1.0)) for name in self.compared}
        return {name: shortened(method, self.most_passes) for name, method in built.items()}

    def _natural(self, context: Context, asked: Mapping[str, Sequence[Unit]], drawn: Tensor) -> dict[str, Natural]:
        """For each layer how natural images drive its units, and what they are like."""
        train, validation = context.data.train, context.data.validation
        everyone = [unit for units in asked.values() for unit in units]
        if not everyone:
            return {}
        batches: Any = validation.batches(64, drawn)
        batches = context.progress(batches, "asking units about images", validation.batch_count(64, drawn))
        own, strongest = natural_activations(context.network, everyone, batches)
        some = torch.randperm(len(train), generator=context.generator("spectrum"))[: self.spectrum_images]
        images = train.images(some.sort().values)
        counts = [len(units) for units in asked.values()]
        columns = zip(own.split(counts, 1), strongest.split(counts, 1), strict=True)
        return {title: Natural(*pair, images) for title, pair in zip(asked, columns, strict=True)}

    def _of_layer(
        self,
        context: Context,
        title: str,
        units: Sequence[Unit],
        asked: Sequence[Unit],
        responded: Responses,
        natural: Natural,
        drawn: Tensor,
        outcome: Outcome,
    ) -> OfLayer:
        network, validation = context.network, context.data.validation
        layer, channels = units[0].layer, torch.tensor([unit.channel for unit in units])
        best = responded.strongest[:, channels].argmax(0)
        patches = _seen(network, layer, validation.images(drawn[best]), responded.places[best, channels])
        references = drawn[torch.randperm(len(drawn), generator=context.generator("patches", layer))[:_REFERENCES]]
        middle = torch.tensor(units[0].position or (0, 0)).expand(len(references), 2)
        rough = roughness(list(_seen(network, layer, validation.images(references), middle)))
        scale = float(np.sqrt((rough**2).mean()))
        pictures: dict[str, list[Tensor]] = {}
        values: dict[str, dict[str, np.ndarray]] = {}
        for name, method in self._built().items():
            made = self._made(context, method, asked, natural.images)
            outcome.notes += [f"{title} by {name}: {said}" for said in made.trouble]
            pictures[name] = made.images
            values[name] = {
                "quantile": activation_quantiles(made.activations[None], natural.own)[0].numpy(),
                "deviations": _deviations(made.activations, natural.own),
                ABOVE_ALL: (made.activations > natural.strongest.amax(0)).double().numpy(),
                "roughness": roughness(made.images) / scale,
            }
        values[NATURAL] = {
            "deviations": _deviations(natural.strongest.amax(0), natural.own),
            "roughness": roughness(list(patches)) / scale,
        }
        return OfLayer(units, patches, pictures, values)

    def _made(self, context: Context, method: Method, asked: Sequence[Unit], spectrum: Tensor) -> Made:
        """A picture of each unit. Units of one node go together, since only they see equal parts of the input."""
        images: list[Tensor] = [torch.empty(0)] * len(asked)
        activations, trouble = torch.zeros(len(asked)), []
        for node in dict.fromkeys(unit.layer for unit in asked):
            rows = [i for i, unit in enumerate(asked) if unit.layer == node]
            made = make_pictures(
                context.network,
                method,
                [asked[i] for i in rows],
                seed=context.seed,
                natural=spectrum,
                folder=context.workspace,
                progress=context.progress,
            )
            for row, image, activation in zip(rows, made.images, made.activations, strict=True):
                images[row], activations[row] = image, activation
            trouble += made.trouble([asked[i].label(context.network) for i in rows])
        return Made(images, activations, trouble)

    def _table(self, made: Mapping[str, OfLayer]) -> Table:
        rows: list[list[str | float | None]] = []
        for measure in MEASURES:
            for method in (*self.compared, NATURAL):
                row: list[str | float | None] = [measure, method]
                for one in made.values():
                    numbers = one.values[method].get(measure)
                    row.append(None if numbers is None else _words(numbers, measure))
                if any(cell is not None for cell in row[2:]):
                    rows.append(row)
        caption = (
            f"{self.units} units of each layer, one picture each; means with 95 % intervals over units. {NATURAL}: the "
            "one that excites the unit most, wherever in it. "
            + " ".join(f"{measure}: {about}." for measure, about in MEASURES.items())
        )
        columns = ["measure", "pictures by", *made]
        return Table("layers", "How strongly pictures drive units of each layer", columns, rows, caption)


def natural_activations(network: Network, units: Sequence[Unit], batches: Any) -> tuple[Tensor, Tensor]:
    """Of each unit on each natural image: (N, U) at its own position, and (N, U) the strongest anywhere in its map.

    batches: (indices, images, labels) as an image set gives them.
    """
    own, strongest = [], []
    layers = list(dict.fromkeys(unit.layer for unit in units))
    with torch.inference_mode():
        for _, images, _ in batches:
            found = network.activations(layers, images)
            maps = [found[unit.layer][:, unit.channel] for unit in units]
            own.append(
                torch.stack(
                    [m if u.position is None else m[:, *u.position] for m, u in zip(maps, units, strict=True)], 1
                ).cpu()
            )
            strongest.append(torch.stack([m.reshape(len(m), -1).amax(1) for m in maps], 1).cpu())
    return torch.cat(own), torch.cat(strongest)


def shortened(method: Method, most_passes: int) -> Method:
    """The method with at most about so many passes of the network for a picture, views counted."""
    passes = sum(octave.iterations * octave.views for octave in method.schedule)
    return method if passes <= most_passes else method.shortened(most_passes / passes)


def roughness(images: Sequence[Tensor]) -> np.ndarray:
    """(n,): the root mean square difference of neighbouring pixels of each of n images (3, h, w) in [0, 1]."""
    return np.array([float(contrast_energy(image[None]).double().mean().sqrt()) for image in images])


def _seen(network: Network, layer: str, images: Tensor, places: Tensor) -> Tensor:
    """(n, 3, h, w) in [0, 1]: what units at places of the layer see of each image; all of it if it has no positions."""
    if len(network.shape(layer)) == 3:
        return field_crops(network, layer, images, places)
    with torch.inference_mode():
        return network.preprocessing.denormalize(network.preprocess(images)).clamp(0, 1).cpu()


def _deviations(activations: Tensor, natural: Tensor) -> np.ndarray:
    """(U,): standard deviations above the mean. activations: (U,); natural: (N, U)."""
    found: np.ndarray = ((activations - natural.mean(0)) / natural.std(0)).double().numpy()
    return found


def _words(values: np.ndarray, measure: str) -> str:
    digits = 1 if measure == "deviations" else 2
    mean, low, high = mean_interval(values)
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
