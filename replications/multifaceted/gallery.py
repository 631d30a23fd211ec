"""A picture of each facet: what the method gives, class by class, and for hidden units.

Nguyen, Yosinski & Clune 2016 show for a class the clusters of its training images, the mean image of each cluster and
the picture that activation maximization makes of the class's unit from there; and facets of hidden units. So does this,
and writes beneath each picture what a held-out network takes it for. There is no claim to test here: whether facets are
shown, and what else changes the pictures, is measured by the experiments mean_start, center_bias and methods.

For each class: the clusters of its training images by layer 7, as published, with the images nearest each centre, their
mean, the picture with the released schedule for mean images and the picture with that for the centre, both from the
mean image. Beside them the same by another layer (`layers`), with the first schedule: on facetworld, whose facets are
known, layer 3 is the layer whose clusters agree best with them (experiment clustered_layer).

For hidden units: a few channels of some layers, drawn at random among those that fire for enough validation images.
The images that a channel likes best are clustered by layer 7, as a class's are. Pictures are of the unit at the centre
of the map, before its rectification, which sees its receptive field alone; they start from means of what the channel
saw of each image (see `unit_fields`).

Measured, picture by picture:
- class probability: the judge's for the class, its facets summed;
- purity: how far the judge sees one facet alone, where it tells facets;
- quantile of the unit's activation among its activations on validation images of all classes (for a hidden unit: its
  highest in each image). It is 1 for whatever is above every image, as optimized pictures mostly are;
- whether the judge's first choice is the facet that is commonest in the picture's cluster, where facets are known.

Deviations, with their reasons:
- Fewer clusters than ten, as a class of facetworld has three or four facets and the pictures have to fit a page.
- The methods' iterations are shortened (`share`): a picture of the profile laptop has a quarter of the paper's side.
- The schedule for the centre starts from the mean image here. The released code starts it from noise or from an image,
  as its user says; from the mean image both pictures of a facet compare.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from metrics.activation import activation_quantiles
from replications.images import presets
from replications.images.pictures import make_pictures
from replications.images.presets import Method
from replications.multifaceted.agreement import over_classes
from replications.multifaceted.class_facets import ClassFacets, class_facets, class_unit, draw_samples
from replications.multifaceted.gallery_pictures import Commonest, Made, MadeOfUnit, picture_of_classes, picture_of_units
from replications.multifaceted.judge import Judge
from replications.multifaceted.samples import known_facets
from replications.multifaceted.unit_fields import (
    Responses,
    UnitFacets,
    before_rectification,
    choose_channels,
    responses,
    unit_facets,
)
from replications.networks.network import UnknownClass
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Table

_CLUSTERS = 2  # that stand for facets where the judge tells none; nothing is measured by them here

MEASURES: Mapping[str, str] = {
    "class probability": "the judge's probability of the class, 0 to 1",
    "purity": "facet purity, 0 to 1",
    "quantile": "quantile among the unit's activations on natural images, 0 to 1",
    "shows its cluster": "1 where the judge's first choice is the commonest facet of the picture's cluster, else 0",
}


@dataclasses.dataclass(frozen=True)
class Gallery(Experiment):
    """layers: numbers of the paper's layers whose features are clustered; the first is the published one.

    images: of each class. classes: at most, the first ones; None for all. clusters: of a class's images. clustering:
    the settings of `Clustering` but for their number. nearest: images behind a mean. mean, centre: configurations of
    conf/method, of pictures from the mean images; the second is used for the clusters of the first layer alone. share:
    of their iterations. natural: validation images that units are asked about, at most. units: how many hidden units by
    layer number. liked: images of each. unit_clusters: of these images. a_picture: classes in one picture.
    largest_map: see `image_features`.
    """

    name: ClassVar[str] = "gallery"
    title: ClassVar[str] = "A picture of each facet"
    paper: ClassVar[str] = "multifaceted"
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    layers: Sequence[int]
    images: int
    classes: int | None
    clusters: int
    clustering: Mapping[str, Any]
    nearest: int
    mean: Mapping[str, Any]
    centre: Mapping[str, Any]
    share: float
    natural: int
    units: Mapping[int, int]
    liked: int
    unit_clusters: int
    a_picture: int
    largest_map: int | None

    def __post_init__(self) -> None:
        if not self.layers or self.liked < 1:
            raise ValueError(
                "expected at least 1 layer and 1 image that a unit likes, "
                f"found layers={list(self.layers)}, liked={self.liked}"
            )
        for config in (self.mean, self.centre):
            presets.build(config).shortened(self.share)

    @property
    def methods(self) -> tuple[Method, Method]:
        """For mean images, and for the centre."""
        mean, centre = (presets.build(config).shortened(self.share) for config in (self.mean, self.centre))
        return mean, centre

    def missing(self, context: Context) -> str | None:
        network, train = context.network, context.data.train
        if absent := [layer for layer in self.layers if layer not in network.paper_layers]:
            return f"needs the paper's layers {absent}, which network '{network.name}' doesn't name"
        flat = [n for n in self.units if n not in network.unit_layers or len(network.shape(network.unit_layers[n])) < 3]
        if flat:
            return f"needs layers {flat} of the paper with feature maps, and network '{network.name}' names none there"
        counts = torch.bincount(train.labels, minlength=len(train.classes)).tolist()
        known = [
            name
            for name, count in zip(train.classes, counts, strict=True)
            if count >= self.images and class_unit(network, name) is not None
        ]
        if not known:
            return (
                f"needs a class of {self.images} images that network '{network.name}' has a unit for, and {train.name} "
                f"has none (its largest class has {max(counts)} images); set images= of this experiment lower"
            )
        judge = Judge(context.evaluator, context.data.validation, clusters=_CLUSTERS)
        for name in known[: self.classes]:
            try:
                judge.outputs_of(name)
            except UnknownClass as error:
                return f"needs a judge that knows the classes: {error}"
        return None

    def run(self, context: Context) -> Outcome:
        drawn, units, notes = draw_samples(context, self.images, 1, self.classes)
        outcome = Outcome(notes=notes)
        judge = Judge(context.evaluator, context.data.validation, clusters=_CLUSTERS)
        network, validation = context.network, context.data.validation
        indices = torch.randperm(len(validation), generator=context.generator("natural"))[: self.natural].sort().values
        layers = {n: network.unit_layers[n] for n in self.units}
        natural = responses(network, [*layers.values(), network.layers[-1]], validation, indices, context)
        rows: list[dict[str, Made]] = [{} for _ in drawn]
        for layer in self.layers:
            facets = class_facets(
                context,
                drawn,
                units,
                layer=layer,
                clustering={**self.clustering, "clusters": self.clusters},
                nearest=self.nearest,
                largest_map=self.largest_map,
            )
            for method in self.methods if layer == self.layers[0] else self.methods[:1]:
                made, said = self._made(context, judge, layer, facets, method, natural[network.layers[-1]])
                outcome.notes += said
                for row, one in zip(rows, made, strict=True):
                    row[one.name] = one
        self._report(outcome, context, judge, rows)
        for first in range(0, len(rows), self.a_picture):
            part = [list(row.values()) for row in rows[first : first + self.a_picture]]
            number = first // self.a_picture + 1
            outcome.pictures.append(picture_of_classes(part, context.data.train, judge, self.nearest, number))
        self._hidden(outcome, context, layers, natural, indices)
        return outcome

    def _made(
        self,
        context: Context,
        judge: Judge,
        layer: int,
        facets: Sequence[ClassFacets],
        method: Method,
        natural: Responses,
    ) -> tuple[list[Made], list[str]]:
        """The pictures of each class from its facets, and what is to be said of those that came to nothing."""
        k = self.clusters
        pictures = make_pictures(
            context.network,
            method,
            [one.unit for one in facets for _ in range(k)],
            seed=context.seed,
            restarts=[i for _ in facets for i in range(k)],
            starts=torch.cat([one.means for one in facets]),
            folder=context.workspace,
            name=f"layer {layer}",
            progress=context.progress,
        )
        made = []
        for i, one in enumerate(facets):
            rows = slice(i * k, (i + 1) * k)
            seen = judge.see(pictures.images[rows])
            quantiles = _quantiles(pictures.activations[rows], natural, one.unit.channel)
            common = _commonest(context, one)
            found = {
                "class probability": judge.class_probability(seen, one.name),
                "purity": judge.purity(seen, one.name),
                "quantile": quantiles,
                "shows its cluster": _shows(judge, one.name, seen.probabilities, common),
            }
            values = {key: value.tolist() for key, value in found.items() if value is not None}
            made.append(Made(layer, method.name, one, pictures.images[rows], seen.probabilities, values, common))
        names = [one.title for one in facets for _ in range(k)]
        return made, [f"Layer {layer}, {method.name}: {said}" for said in pictures.trouble(names)]

    def _report(self, outcome: Outcome, context: Context, judge: Judge, rows: Sequence[Mapping[str, Made]]) -> None:
        for row in rows:
            for name, made in row.items():
                for measure, values in made.values.items():
                    key = f"{measure}/{made.facets.title}/{name}"
                    outcome.measurements.append(Measurement(key, values, MEASURES[measure], "facet", "higher"))
        if not judge.tells_facets(rows[0][next(iter(rows[0]))].facets.name):
            outcome.notes.append(
                f"{judge.name} doesn't tell facets, so there is no purity, and its choices are classes."
            )
        outcome.tables += [_table_of_sets(rows), _table_of_classes(rows, judge)]

    def _hidden(
        self,
        outcome: Outcome,
        context: Context,
        layers: Mapping[int, str],
        natural: Mapping[str, Responses],
        indices: Tensor,
    ) -> None:
        network, chosen = context.network, []
        for number, count in self.units.items():
            layer = layers[number]
            channels = choose_channels(natural[layer].strongest, count, self.liked, context.generator("units", number))
            chosen += [(layer, channel) for channel in channels]
            if len(channels) < count:
                outcome.notes.append(
                    f"Layer {number}: only {len(channels)} channels fire for {self.liked} of {len(indices)} images."
                )
        found, notes = unit_facets(
            context,
            natural,
            chosen,
            indices,
            liked=self.liked,
            clustered=network.paper_layer(self.layers[0]),
            clustering={**self.clustering, "clusters": self.unit_clusters},
            nearest=self.nearest,
            largest_map=self.largest_map,
        )
        outcome.notes += notes
        made = []
        for number, layer in layers.items():
            own = [one for one in found if one.unit.layer == layer]
            if own:
                of_layer, said = self._made_of_units(context, number, own, natural[layer])
                made += of_layer
                outcome.notes += said
        for one in made:
            key = f"quantile/layer {one.number}, unit {one.facets.unit.channel}"
            outcome.measurements.append(Measurement(key, one.quantiles, MEASURES["quantile"], "facet", "higher"))
        if made:
            outcome.pictures.append(
                picture_of_units(made, context.data.validation, self.liked, self.nearest, self.layers[0])
            )

    def _made_of_units(
        self, context: Context, number: int, own: Sequence[UnitFacets], natural: Responses
    ) -> tuple[list[MadeOfUnit], list[str]]:
        """The pictures of a layer's units from their facets, and what is to be said of some."""
        k = self.unit_clusters
        sources = [before_rectification(context.network, one.unit) for one in own]
        pictures = make_pictures(
            context.network,
            self.methods[0],
            [unit for unit, _ in sources for _ in range(k)],
            seed=context.seed,
            restarts=[i for _ in own for i in range(k)],
            starts=torch.cat([one.means for one in own]),
            folder=context.workspace,
            name=f"units of layer {number}",
            progress=context.progress,
        )
        made = []
        for i, (one, (_, rectify)) in enumerate(zip(own, sources, strict=True)):
            rows = slice(i * k, (i + 1) * k)
            activations = pictures.activations[rows]
            if rectify is not None:
                activations = rectify(activations.clone())
            quantiles = _quantiles(activations, natural, one.unit.channel)
            made.append(MadeOfUnit(number, one, pictures.images[rows], quantiles.tolist()))
        names = [one.unit.name for one in own for _ in range(k)]
        return made, pictures.trouble(names)


def _quantiles(activations: Tensor, natural: Responses, channel: int) -> Tensor:
    return activation_quantiles(activations[:, None], natural.strongest[:, [channel]])[:, 0]


def _commonest(context: Context, facets: ClassFacets) -> list[Commonest] | None:
    """For each cluster its commonest facet and the share of its images that are of it; None where none is known."""
    train = context.data.train
    if "facets" not in train.provides:
        return None
    labels, names = known_facets(train, facets.sample.indices)
    found = []
    for cluster in range(facets.facets.count):
        counts = torch.bincount(torch.from_numpy(labels[facets.facets.labels == cluster]), minlength=len(names))
        found.append(Commonest(names[int(counts.argmax())], float(counts.max() / counts.sum())))
    return found


def _shows(judge: Judge, name: str, probabilities: Tensor, common: Sequence[Commonest] | None) -> Tensor | None:
    """(k,) float64, 1 where the first choice is the cluster's commonest facet; None where this can't be said."""
    if common is None or not judge.tells_facets(name):
        return None
    choices = [judge.network.classes[i] for i in probabilities.argmax(1).tolist()]
    pairs = zip(choices, common, strict=True)
    return torch.tensor([choice == f"{name}/{own.facet}" for choice, own in pairs]).double()


def _table_of_sets(rows: Sequence[Mapping[str, Made]]) -> Table:
    measures = [measure for measure in MEASURES if all(measure in one.values for row in rows for one in row.values())]
    cells: list[list[str | float | None]] = []
    for name in rows[0]:
        values = {m: [v for row in rows for v in row[name].values[m]] for m in measures}
        classes = [row[name].facets.title for row in rows for _ in row[name].images]
        row: list[str | float | None] = [name]
        for measure in measures:
            own = values[measure]
            row.append(over_classes(own, classes) if len(rows) > 1 else round(sum(own) / len(own), 3))
        cells.append(row)
    caption = (
        "Means over the pictures of all classes, with 95 % intervals from a bootstrap over the classes. Higher is "
        "better. " + " ".join(f"{m}: {MEASURES[m]}." for m in measures)
    )
    return Table("sets", "What the judge sees", ["clusters by, method", *measures], cells, caption)


def _table_of_classes(rows: Sequence[Mapping[str, Made]], judge: Judge) -> Table:
    methods = list(dict.fromkeys(one.method for row in rows for one in row.values()))
    cells: list[list[str | float | None]] = []
    for row in rows:
        for layer in dict.fromkeys(one.layer for one in row.values()):
            own = {one.method: one for one in row.values() if one.layer == layer}
            first = next(iter(own.values()))
            clusters = [
                f"{size} images" if first.common is None else first.common[i].words
                for i, size in enumerate(first.facets.facets.sizes)
            ]
            shown = [", ".join(own[m].choices(judge)) if m in own else None for m in methods]
            cells.append([first.facets.title, f"layer {layer}", ", ".join(clusters), *shown])
    kind = "the commonest facet of each and its share" if rows[0][next(iter(rows[0]))].common else "their sizes"
    caption = (
        f"Clusters: {kind}, the largest cluster first. Then, in the same order, what the judge first takes the picture "
        "from each cluster for (of its own class only the facet is named)."
    )
    columns = ["class", "clustered", "clusters", *(f"pictures by {method}" for method in methods)]
    return Table("facets", "Which facets the clusters and the pictures show", columns, cells, caption)
