"""Which layer's features should be clustered? (Algorithm 1, step 1)

Nguyen, Yosinski & Clune 2016 cluster a class's images by fc7. Where the facets are known, this measures how well the
clusters agree with them for the features of other layers, for the pixels, and for the logits; in the trained network
and in the same with random weights. As many clusters are asked for as the class has facets, so that perfect agreement
is possible.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from metrics.statistics import cluster_bootstrap
from replications.drawing import MUTED, PALETTE, legend, new_figure, style
from replications.multifaceted.agreement import Agreement, Job, agreement, over_classes, run_jobs
from replications.multifaceted.facets import Clustering
from replications.multifaceted.images import PIXELS, image_features
from replications.multifaceted.samples import Sample, known_facets, needs_facets, samples, too_few_classes
from replications.multifaceted.untrained import untrained
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Picture, Table

OVER = "class and set of images"

Key = tuple[str, str]  # network, what was clustered


@dataclasses.dataclass(frozen=True)
class ClusteredLayer(Experiment):
    """layers: numbers of the paper's layers; the pixels and the logits are always clustered, too.

    images, sets: of each class. clustering: the settings of `Clustering`, but for the number of clusters.
    largest_map: see `image_features`.
    """

    name: ClassVar[str] = "clustered_layer"
    title: ClassVar[str] = "The layer whose features are clustered"
    paper: ClassVar[str] = "multifaceted"
    answers: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "data")

    layers: Sequence[int]
    images: int
    sets: int
    clustering: Mapping[str, Any]
    largest_map: int | None

    def __post_init__(self) -> None:
        Clustering(**self.clustering).check(self.images)

    def missing(self, context: Context) -> str | None:
        network = context.network
        if not set(self.layers) & set(network.paper_layers):
            return (
                f"needs one of the paper's layers {list(self.layers)}, and network '{network.name}' names none of them"
            )
        return needs_facets(context.data.train) or too_few_classes(context.data.train, self.images)

    def run(self, context: Context) -> Outcome:
        train = context.data.train
        drawn, lacking = samples(train, self.images, self.sets, functools.partial(context.generator, "images"))
        truth = [known_facets(train, sample.indices)[0] for sample in drawn]
        classes = [sample.title for sample in drawn]
        found = self._agreements(context, drawn, truth)
        outcome = Outcome()
        if lacking:
            outcome.notes.append(f"Fewer than {self.images} images, so left out: {', '.join(lacking)}.")
        for (kind, place), made in found.items():
            for field, unit in (("ari", "adjusted Rand index"), ("ami", "adjusted mutual information")):
                values = [getattr(a, field) for a in made]
                name = f"{field.upper()}/{kind}/{place}"
                outcome.measurements.append(Measurement(name, values, unit, OVER, "higher"))
        outcome.tables.append(_table(found, classes))
        outcome.pictures.append(_picture(found, classes, self.largest_map))
        return outcome

    def _agreements(
        self, context: Context, drawn: Sequence[Sample], truth: Sequence[np.ndarray]
    ) -> dict[Key, list[Agreement]]:
        """For each network and place the agreement of every sample; the pixels are the same for both networks."""
        network, train = context.network, context.data.train
        known = [number for number in self.layers if number in network.paper_layers]
        places = {f"layer {number}": network.paper_layer(number) for number in known}
        places["logits"] = network.layers[-1]
        jobs: dict[tuple[str, str, int], Job] = {}
        for number in context.progress(sorted({s.number for s in drawn}), "looking at images"):
            own = [i for i, sample in enumerate(drawn) if sample.number == number]
            indices = torch.cat([drawn[i].indices for i in own])
            seed = context.generator("clusters", number).initial_seed() % 2**32
            without = untrained(network, context.generator("untrained", number))
            for kind, seer in (("trained", network), ("untrained", without)):
                named = {PIXELS: PIXELS, **places} if kind == "trained" else places
                features = image_features(seer, list(named.values()), train, indices, largest_map=self.largest_map)
                for place, layer in named.items():
                    for i, rows in zip(own, np.split(features[layer], len(own)), strict=True):
                        k = len(np.unique(truth[i]))
                        clustering = Clustering(**{**self.clustering, "clusters": k})
                        jobs[kind, place, i] = Job(rows, clustering, (k,), seed)
        done = run_jobs(list(jobs.values()), lambda results: context.progress(results, "clustering", len(jobs)))
        found: dict[Key, list[Agreement]] = {(kind, place): [] for kind, place, _ in jobs}
        for (kind, place, i), made in sorted(zip(jobs, done, strict=True), key=lambda pair: pair[0][2]):
            (facets,) = made.values()
            found[kind, place].append(agreement(facets.labels, truth[i]))
        return found


def _table(found: Mapping[Key, Sequence[Agreement]], classes: Sequence[str]) -> Table:
    rows: list[list[str | float | None]] = []
    for place in dict.fromkeys(place for _, place in found):
        row: list[str | float | None] = [place]
        for kind in ("trained", "untrained"):
            made = found.get((kind, place))
            row += [over_classes([getattr(a, f) for a in made], classes) if made else None for f in ("ari", "ami")]
        if ("untrained", place) in found:
            pairs = zip(found["trained", place], found["untrained", place], strict=True)
            row.append(over_classes([a.ari - b.ari for a, b in pairs], classes))
        else:
            row.append(None)
        rows.append(row)
    measures = ("adjusted Rand index", "adjusted mutual information")
    columns = ["clustered", *(f"{kind}: {m}" for kind in ("trained", "untrained") for m in measures)]
    caption = (
        "As many clusters as the class has facets, after t-SNE. Means over classes and sets of images with 95 % "
        "intervals from a bootstrap over the classes; differences are paired."
    )
    title = "Agreement with the known facets by what is clustered"
    return Table("by_layer", title, [*columns, "trained minus untrained, adjusted Rand index"], rows, caption)


def _picture(found: Mapping[Key, Sequence[Agreement]], classes: Sequence[str], largest: int | None) -> Picture:
    figure = new_figure("Which layer's features hold the facets?", 8, 4)
    axes = style(figure.subplots(), "", "what is clustered", "adjusted Rand index\n(1: the facets, 0: chance)")
    places = list(dict.fromkeys(place for _, place in found))
    for kind, colour, shift in (("trained", PALETTE[0], -0.08), ("untrained", PALETTE[1], 0.08)):
        here = [(x, found[kind, place]) for x, place in enumerate(places) if (kind, place) in found]
        x = np.array([x for x, _ in here]) + shift
        means = np.array([cluster_bootstrap([a.ari for a in made], classes) for _, made in here])
        spread = np.abs(means[:, 1:] - means[:, :1]).T
        axes.errorbar(x, means[:, 0], spread, marker="o", markersize=5, capsize=3, color=colour, label=kind)
    axes.axhline(0, color=MUTED, linestyle=":", label="chance")
    axes.set_xticks(range(len(places)), places)
    axes.set_ylim(-0.05, 1.05)
    legend(axes, loc="upper right")
    averaged = "" if largest is None else f"Larger maps, and the pixels, are averaged down to {largest}x{largest}. "
    caption = (
        "A class's images clustered by the features of one layer, after t-SNE, into as many clusters as the class has "
        "facets; 1 would be the facets themselves. Means over classes and sets of images with 95 % intervals from a "
        "bootstrap over the classes. 'untrained' is the same network with random weights; the pixels are the same for "
        f"both. {averaged}The paper clusters layer 7."
    )
    arrays = {f"{kind}_{place}".replace(" ", "_"): np.array([a.ari for a in m]) for (kind, place), m in found.items()}
    return Picture("by_layer", "The layer that is clustered", caption, figure, arrays)
