"""The map of a unit's images, and how well its clusters are the facets (Algorithm 1).

Nguyen, Yosinski & Clune 2016 cluster the training images of a class by their fc7 features and show what the clusters
look like. Where the facets are known (facetworld) this is measured, which the paper doesn't:
- how well the clusters agree with the known facets, for k as released and for as many clusters as the class has facets;
- the same with random weights in place of the trained ones, and without t-SNE, on the principal components directly;
- whether the unit of a class fires for each of its facets, on validation images.

Deviations, with their reasons:
- Several disjoint sets of a few hundred images of each class in place of all its images, so that there is an interval.
- After a first look 200 images of a class replaced 300, for time; no verdict changed.
- Layer 7 of the network at hand, which the paper's fc7 is only in a network with fully connected layers.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from metrics.statistics import cluster_bootstrap, mean_interval
from replications.data.image_set import ImageSet
from replications.multifaceted.agreement import Agreement, Job, agreement, most_even, one_number, over_classes, run_jobs
from replications.multifaceted.facets import Clustering, Facets
from replications.multifaceted.images import image_features
from replications.multifaceted.map_drawing import Shown, picture_of_agreement, picture_of_map
from replications.multifaceted.mean_images import check_nearest, mean_images, nearest_images
from replications.multifaceted.samples import Sample, known_facets, samples, too_few_classes
from replications.multifaceted.untrained import untrained
from replications.networks.network import Network
from replications.suite.interface import Context, Evidence, Experiment, Measurement, Outcome, Table

NETWORKS = ("trained", "untrained")
SPACES = {"tsne": "t-SNE", "none": "features"}
OVER = "class and set of images"
UNITS = {
    "ari": "adjusted Rand index; 1 the facets, 0 chance",
    "ami": "adjusted mutual information; 1 the facets, 0 chance",
    "purity": "share of images of their cluster's commonest facet",
}

Key = tuple[str, str, int]  # network, space, number of the sample
Values = Mapping[tuple[str, str, str], Sequence[Agreement]]  # by words for k, network, space


@dataclasses.dataclass(frozen=True)
class FacetMap(Experiment):
    """layer: number of the paper's layer. classes: at most, the first ones; None for all. images, sets: of each class.

    clustering: the settings of `Clustering`, with one number of clusters. nearest: images behind a mean image.
    shown: classes drawn. largest_map: see `image_features`.
    """

    name: ClassVar[str] = "facet_map"
    title: ClassVar[str] = "The map of a unit's images, and its facets"
    paper: ClassVar[str] = "multifaceted"
    answers: ClassVar[tuple[str, ...]] = (
        "MFV-02",
        "MFV-03",
        "MFV-04",
        "MFV-C-multifaceted",
        "MFV-C-uncovers-facets",
    )
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "data")

    layer: int
    classes: int | None
    images: int
    sets: int
    clustering: Mapping[str, Any]
    nearest: int
    shown: int
    largest_map: int | None

    def __post_init__(self) -> None:
        one_number(self.clustering)
        check_nearest(self.nearest)
        Clustering(**self.clustering).check(self.images)

    def missing(self, context: Context) -> str | None:
        network = context.network
        if self.layer not in network.paper_layers:
            return (
                f"needs the paper's layer {self.layer}, which network '{network.name}' doesn't name; "
                f"it names {', '.join(map(str, network.paper_layers)) or 'none'}"
            )
        return too_few_classes(context.data.train, self.images)

    def run(self, context: Context) -> Outcome:
        train = context.data.train
        generator = functools.partial(context.generator, "images")
        drawn, lacking = samples(train, self.images, self.sets, generator, self.classes)
        known = "facets" in train.provides
        truth = {i: known_facets(train, sample.indices)[0] for i, sample in enumerate(drawn)} if known else {}
        found = self._clusterings(context, drawn, truth)
        outcome = Outcome()
        if lacking:
            outcome.notes.append(f"Fewer than {self.images} images, so left out: {', '.join(lacking)}.")
        self._draw_maps(outcome, context, drawn, found, known)
        self._measure_silhouettes(outcome, found)
        if known:
            self._measure_agreement(outcome, drawn, truth, found)
            self._measure_answers(outcome, context)
        else:
            outcome.notes.append(f"The facets of {train.name} aren't known, so only the maps are shown.")
        return outcome

    @property
    def published(self) -> int:
        """The k of the claim."""
        return one_number(self.clustering)

    def _clusterings(
        self, context: Context, drawn: Sequence[Sample], truth: Mapping[int, np.ndarray]
    ) -> dict[Key, dict[int, Facets]]:
        jobs: dict[Key, Job] = {}
        layer = context.network.paper_layer(self.layer)
        total = len(NETWORKS) * len({sample.number for sample in drawn})
        passes = context.progress(_passes(context, drawn), "looking at images", total)
        for kind, network, numbers in passes:
            indices = torch.cat([drawn[i].indices for i in numbers])
            features = image_features(network, [layer], context.data.train, indices, largest_map=self.largest_map)[
                layer
            ]
            for i, rows in zip(numbers, np.split(features, len(numbers)), strict=True):
                tried = {self.published, len(np.unique(truth[i]))} if truth else {self.published}
                seed = context.generator("clusters", drawn[i].number).initial_seed() % 2**32
                for space in SPACES:
                    clustering = Clustering(**{**self.clustering, "embedding": space})
                    jobs[kind, space, i] = Job(rows, clustering, tuple(sorted(tried)), seed)
        done = run_jobs(list(jobs.values()), lambda r: context.progress(r, "clustering", len(jobs)))
        return dict(zip(jobs, done, strict=True))

    def _draw_maps(
        self,
        outcome: Outcome,
        context: Context,
        drawn: Sequence[Sample],
        found: Mapping[Key, dict[int, Facets]],
        known: bool,
    ) -> None:
        train: ImageSet = context.data.train
        firsts = [i for i, sample in enumerate(drawn) if sample.number == 0]
        for i in firsts[: self.shown]:
            facets, indices = found["trained", "tsne", i][self.published], drawn[i].indices
            names, labels = None, None
            if known:
                labels, names = known_facets(train, indices)
            means = mean_images(train, indices, nearest_images(facets, self.nearest))
            shown = Shown(drawn[i].title, train.images(indices), indices.numpy(), facets, means, labels, names)
            outcome.pictures.append(picture_of_map(shown, self.layer, self.nearest))

    def _measure_silhouettes(self, outcome: Outcome, found: Mapping[Key, dict[int, Facets]]) -> None:
        for kind in NETWORKS:
            for space, label in SPACES.items():
                values = [
                    facets[self.published].silhouettes[self.published]
                    for (k, s, _), facets in found.items()
                    if (k, s) == (kind, space)
                ]
                unit = "mean silhouette in the space that is clustered, -1 to 1"
                name = f"silhouette/{kind}/{label}/k = {self.published}"
                outcome.measurements.append(Measurement(name, values, unit, OVER, "higher"))

    def _measure_agreement(
        self,
        outcome: Outcome,
        drawn: Sequence[Sample],
        truth: Mapping[int, np.ndarray],
        found: Mapping[Key, dict[int, Facets]],
    ) -> None:
        classes = [sample.title for sample in drawn]
        ks = {f"k = {self.published}": lambda i: self.published, "k = facets": lambda i: len(np.unique(truth[i]))}
        values: dict[tuple[str, str, str], Sequence[Agreement]] = {}
        for words, k in ks.items():
            for kind in NETWORKS:
                for space, label in SPACES.items():
                    values[words, kind, label] = [
                        agreement(found[kind, space, i][k(i)].labels, truth[i]) for i in range(len(drawn))
                    ]
        for (words, kind, label), made in values.items():
            for field, unit in UNITS.items():
                name = f"{field if field == 'purity' else field.upper()}/{kind}/{label}/{words}"
                numbers = [getattr(a, field) for a in made]
                outcome.measurements.append(Measurement(name, numbers, unit, OVER, "higher"))
        limit = [most_even(truth[i], self.published).ari for i in range(len(drawn))]
        outcome.tables += [_table(values, classes), _table_of_classes(values, drawn, truth, self.published)]
        outcome.tables.append(_table_of_differences(values, classes))
        outcome.pictures.append(picture_of_agreement(values, classes, self.published, float(np.mean(limit))))
        outcome.evidence += self._evidence(values, classes, len({sample.number for sample in drawn}))
        outcome.notes.append(
            f"A class has {min(_counts(truth))} to {max(_counts(truth))} facets. {self.published} clusters can't "
            f"agree with so few better than about {np.mean(limit):.2f} (adjusted Rand index), which is reached where "
            "each cluster holds one facet and all are about the same size; see the purity for how near that is."
        )

    def _evidence(self, values: Values, classes: Sequence[str], sets: int) -> list[Evidence]:
        """Better than chance, and better than what the images alone give: what is uncovered must have been learnt."""
        words = f"k = {self.published}"
        trained, without = (np.array([a.ari for a in values[words, kind, "t-SNE"]]) for kind in NETWORKS)
        index = f"adjusted Rand index of the {self.published} clusters of a class's images and its known facets"
        over = "mean over classes and sets of images, 95 % bootstrap over the classes"
        tests = {
            f"{index} (chance is 0); {over}": trained,
            f"{index}, trained minus untrained network; {over}": trained - without,
        }
        claim, count = "MFV-C-uncovers-facets", len(set(classes))
        return [
            Evidence(claim, statistic, *cluster_bootstrap(numbers, classes), "", count, "class", seeds=sets)
            for statistic, numbers in tests.items()
        ]

    def _measure_answers(self, outcome: Outcome, context: Context) -> None:
        shares = _answers(context)
        if len(shares) < 2:
            outcome.notes.append(f"Network '{context.network.name}' tells fewer than two of these classes apart.")
            return
        chance = 1 / len(context.network.classes)
        unit = "share of validation images on which the class's unit is the strongest"
        for name, by_facet in shares.items():
            outcome.measurements.append(
                Measurement(f"answered/{name}", list(by_facet.values()), unit, f"facet ({', '.join(by_facet)})")
            )
        weakest = [min(by_facet.values()) - chance for by_facet in shares.values()]
        statistic = (
            "share of a facet's images on which the unit of the class is the strongest, for the facet that the unit "
            f"answers worst, minus chance ({chance:.3f}); mean over classes, 95 % BCa bootstrap"
        )
        interval = mean_interval(weakest)
        outcome.evidence.append(Evidence("MFV-C-multifaceted", statistic, *interval, "", len(weakest), "class"))
        rows: list[list[str | float]] = []
        for name, by_facet in shares.items():
            facet = min(by_facet, key=lambda f: by_facet[f])
            rows.append([name, len(by_facet), facet, round(by_facet[facet], 3), round(max(by_facet.values()), 3)])
        columns = ["class", "facets", "the facet answered worst", "share of its images", "share of the best facet's"]
        caption = (
            "On validation images. An image is answered where the unit of its class is the strongest of all classes."
        )
        outcome.tables.append(Table("answers", "Does a unit fire for each of its facets?", columns, rows, caption))


def _passes(context: Context, drawn: Sequence[Sample]) -> Iterable[tuple[str, Network, list[int]]]:
    """Each network with the samples that it looks at; every set of images has random weights of its own."""
    for number in sorted({sample.number for sample in drawn}):
        numbers = [i for i, sample in enumerate(drawn) if sample.number == number]
        yield "trained", context.network, numbers
        yield "untrained", untrained(context.network, context.generator("untrained", number)), numbers


@torch.inference_mode()
def _answers(context: Context) -> dict[str, dict[str, float]]:
    """For each class that the network knows, and each of its facets, the share of validation images it is told by."""
    network, images = context.network, context.data.validation
    told = torch.cat([network.logits(batch).argmax(1).cpu() for _, batch, _ in images.batches(64)])
    facets, names = images.facet_labels, images.facets  # type: ignore[attr-defined]
    found: dict[str, dict[str, float]] = {}
    for label, name in enumerate(images.classes):
        if name in network.classes:
            right = told == network.class_index(name)
            own = facets[images.labels == label].unique().tolist()
            found[name] = {names[f].rpartition("/")[2]: float(right[facets == f].double().mean()) for f in own}
    return found


def _counts(truth: Mapping[int, np.ndarray]) -> list[int]:
    return [len(np.unique(labels)) for labels in truth.values()]


def _table(values: Values, classes: Sequence[str]) -> Table:
    rows = [
        [words, kind, space, *(over_classes([getattr(a, f) for a in made], classes) for f in UNITS)]
        for (words, kind, space), made in values.items()
    ]
    columns = ["clusters", "network", "clustered in", "adjusted Rand index", "adjusted mutual information", "purity"]
    caption = "Means over classes and sets of images with 95 % intervals from a bootstrap over the classes."
    return Table("agreement", "Do the clusters agree with the known facets?", columns, rows, caption)


def _table_of_differences(values: Values, classes: Sequence[str]) -> Table:
    rows: list[list[str | float]] = []
    for words in dict.fromkeys(key[0] for key in values):
        for title, a, b in (
            ("trained minus untrained, t-SNE", ("trained", "t-SNE"), ("untrained", "t-SNE")),
            ("trained minus untrained, features", ("trained", "features"), ("untrained", "features")),
            ("t-SNE minus features, trained", ("trained", "t-SNE"), ("trained", "features")),
        ):
            first, second = values[words, *a], values[words, *b]
            row: list[str | float] = [words, title]
            for field in UNITS:
                gaps = [getattr(x, field) - getattr(y, field) for x, y in zip(first, second, strict=True)]
                row.append(over_classes(gaps, classes))
            rows.append(row)
    columns = ["clusters", "difference", "adjusted Rand index", "adjusted mutual information", "purity"]
    caption = "Paired: the same class and images. Means with 95 % intervals from a bootstrap over the classes."
    return Table("differences", "What training and t-SNE add", columns, rows, caption)


def _table_of_classes(
    values: Values,
    drawn: Sequence[Sample],
    truth: Mapping[int, np.ndarray],
    published: int,
) -> Table:
    rows: list[list[str | float]] = []
    for title in dict.fromkeys(sample.title for sample in drawn):
        own = [i for i, sample in enumerate(drawn) if sample.title == title]
        row: list[str | float] = [title, len(np.unique(truth[own[0]]))]
        for words in (f"k = {published}", "k = facets"):
            row += [round(float(np.mean([values[words, kind, "t-SNE"][i].ari for i in own])), 3) for kind in NETWORKS]
        rows.append(row)
    columns = ["class", "facets", *(f"{kind}, k {k}" for k in (f"= {published}", "= facets") for kind in NETWORKS)]
    caption = "Adjusted Rand index after t-SNE, mean over the sets of images."
    return Table("classes", "By class", columns, rows, caption)
