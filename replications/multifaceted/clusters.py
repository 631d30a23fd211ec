"""How many clusters, and what t-SNE adds (Algorithm 1, step 4).

Nguyen, Yosinski & Clune 2016 part the map into k clusters; the released data have k = 10 for every class. Where the
facets are known, this measures how the agreement of the clusters with them depends on k, with t-SNE and without; and
how often the k of the highest mean silhouette, which needs no truth, is the number of facets.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from metrics.statistics import cluster_bootstrap
from replications.drawing import MUTED, PALETTE, legend, line_with_interval, new_figure, style
from replications.multifaceted.agreement import Agreement, Job, agreement, one_number, over_classes, run_jobs
from replications.multifaceted.facets import Clustering, Facets
from replications.multifaceted.images import image_features
from replications.multifaceted.samples import Sample, known_facets, needs_facets, samples, too_few_classes
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Picture, Table

SPACES = {"tsne": "t-SNE", "none": "features"}
OVER = "class and set of images"

Found = Mapping[str, Sequence[Mapping[int, Facets]]]  # by space, for each sample by k


@dataclasses.dataclass(frozen=True)
class Clusters(Experiment):
    """layer: number of the paper's layer. images, sets: of each class. clustering: the settings of `Clustering`,
    with one number of clusters. tried: other numbers of clusters. largest_map: see `image_features`.
    """

    name: ClassVar[str] = "clusters"
    title: ClassVar[str] = "How many clusters, and what t-SNE adds"
    paper: ClassVar[str] = "multifaceted"
    answers: ClassVar[tuple[str, ...]] = ("MFV-05",)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "data")

    layer: int
    images: int
    sets: int
    clustering: Mapping[str, Any]
    tried: Sequence[int]
    largest_map: int | None

    def __post_init__(self) -> None:
        one_number(self.clustering)
        Clustering(**{**self.clustering, "clusters": self.every}).check(self.images)

    def missing(self, context: Context) -> str | None:
        if self.layer not in context.network.paper_layers:
            return f"needs the paper's layer {self.layer}, which network '{context.network.name}' doesn't name"
        return needs_facets(context.data.train) or too_few_classes(context.data.train, self.images)

    def run(self, context: Context) -> Outcome:
        train, network = context.data.train, context.network
        drawn, lacking = samples(train, self.images, self.sets, functools.partial(context.generator, "images"))
        layer = network.paper_layer(self.layer)
        indices = torch.cat([sample.indices for sample in drawn])
        features = image_features(network, [layer], train, indices, largest_map=self.largest_map)[layer]
        found = self._clusterings(context, drawn, np.split(features, len(drawn)))
        truth = [known_facets(train, sample.indices)[0] for sample in drawn]
        classes = [sample.title for sample in drawn]
        outcome = Outcome()
        if lacking:
            outcome.notes.append(f"Fewer than {self.images} images, so left out: {', '.join(lacking)}.")
        agreements = {
            (space, k): [agreement(made[k].labels, known) for made, known in zip(found[space], truth, strict=True)]
            for space in SPACES
            for k in self.every
        }
        for (space, k), made in agreements.items():
            for field, unit in (("ari", "adjusted Rand index"), ("ami", "adjusted mutual information"), ("purity", "")):
                name = f"{field if field == 'purity' else field.upper()}/{SPACES[space]}/k = {k}"
                unit = unit or "share of images of their cluster's commonest facet"
                outcome.measurements.append(Measurement(name, [getattr(a, field) for a in made], unit, OVER, "higher"))
        numbers = np.array([len(np.unique(known)) for known in truth])
        picked = {space: np.array([_by_silhouette(made) for made in found[space]]) for space in SPACES}
        for space, label in SPACES.items():
            gap = (picked[space] - numbers).tolist()
            outcome.measurements.append(Measurement(f"k by silhouette minus facets/{label}", gap, "clusters", OVER))
        outcome.tables.append(self._table(agreements, classes))
        outcome.tables.append(_table_of_picked(picked, numbers, agreements, classes))
        outcome.pictures.append(self._picture(agreements, classes, picked, numbers))
        return outcome

    @property
    def every(self) -> tuple[int, ...]:
        """The numbers of clusters, ascending, the published one among them."""
        return tuple(sorted({*self.tried, one_number(self.clustering)}))

    def _clusterings(self, context: Context, drawn: Sequence[Sample], features: Sequence[np.ndarray]) -> Found:
        jobs = []
        for space in SPACES:
            clustering = Clustering(**{**self.clustering, "embedding": space})
            for sample, rows in zip(drawn, features, strict=True):
                seed = context.generator("clusters", sample.number).initial_seed() % 2**32
                jobs.append(Job(rows, clustering, self.every, seed))
        done = run_jobs(jobs, lambda results: context.progress(results, "clustering", len(jobs)))
        return {space: done[i * len(drawn) : (i + 1) * len(drawn)] for i, space in enumerate(SPACES)}

    def _table(self, agreements: Mapping[tuple[str, int], Sequence[Agreement]], classes: Sequence[str]) -> Table:
        rows: list[list[str | float]] = []
        for k in self.every:
            row: list[str | float] = [k]
            for space in SPACES:
                row += [
                    over_classes([a.ari for a in agreements[space, k]], classes),
                    over_classes([a.purity for a in agreements[space, k]], classes),
                ]
            gaps = [a.ari - b.ari for a, b in zip(agreements["tsne", k], agreements["none", k], strict=True)]
            rows.append([*row, over_classes(gaps, classes)])
        columns = ["k", *(f"{space}: {m}" for space in SPACES.values() for m in ("adjusted Rand index", "purity"))]
        caption = "Means over classes and sets of images with 95 % intervals from a bootstrap over the classes."
        title = "Agreement with the known facets by the number of clusters"
        return Table("by_k", title, [*columns, "t-SNE minus features, adjusted Rand index"], rows, caption)

    def _picture(
        self,
        agreements: Mapping[tuple[str, int], Sequence[Agreement]],
        classes: Sequence[str],
        picked: Mapping[str, np.ndarray],
        numbers: np.ndarray,
    ) -> Picture:
        figure = new_figure("How many clusters?", 11, 3.8)
        panels = figure.subplots(1, 3)
        published = one_number(self.clustering)
        for axes, field, words in zip(panels, ("ari", "purity"), ("adjusted Rand index", "purity"), strict=False):
            style(axes, f"{words} of clusters and facets", "number of clusters k", words)
            for (space, label), colour in zip(SPACES.items(), PALETTE, strict=False):
                made = [[getattr(a, field) for a in agreements[space, k]] for k in self.every]
                mean, low, high = np.array([cluster_bootstrap(values, classes) for values in made]).T
                line_with_interval(axes, self.every, mean, low, high, label, colour)
            axes.axvline(published, color=MUTED, linestyle=":", label=f"as released, k = {published}")
            axes.set_ylim(-0.05 if field == "ari" else 0, 1.05)
            axes.set_xticks([k for k in self.every if k in (2, 4, 6, 8, 10, 15, 20)])
            legend(axes, loc="upper right" if field == "ari" else "lower right")
        axes = style(panels[2], "k of the highest silhouette", "number of clusters k", "sets of images")
        places = np.arange(len(self.every))
        for i, ((space, label), colour) in enumerate(zip(SPACES.items(), PALETTE, strict=False)):
            counts = [int((picked[space] == k).sum()) for k in self.every]
            axes.bar(places + (i - 0.5) * 0.4, counts, 0.4, color=colour, label=label)
        axes.set_xticks(places, [str(k) for k in self.every])
        legend(axes, loc="upper right")
        caption = (
            f"Left and middle: means over classes and sets of images with 95 % intervals from a bootstrap over the "
            f"classes. The classes have {numbers.min()} to {numbers.max()} facets. Purity is the share of images of "
            "their cluster's commonest facet, which grows with k whatever the clusters. Right: the k that would be "
            "chosen without knowing the facets."
        )
        arrays = {
            f"{field}_{space}_{k}": np.array([getattr(a, field) for a in made])
            for (space, k), made in agreements.items()
            for field in ("ari", "ami", "purity")
        }
        return Picture("by_k", "The number of clusters", caption, figure, arrays)


def _by_silhouette(made: Mapping[int, Facets]) -> int:
    """The k of the highest mean silhouette; of equals the smallest."""
    return max(sorted(made), key=lambda k: made[k].silhouettes.get(k, -1.0))


def _table_of_picked(
    picked: Mapping[str, np.ndarray],
    numbers: np.ndarray,
    agreements: Mapping[tuple[str, int], Sequence[Agreement]],
    classes: Sequence[str],
) -> Table:
    rows: list[list[str | float]] = []
    for space, label in SPACES.items():
        chosen = [agreements[space, int(k)][i].ari for i, k in enumerate(picked[space])]
        right, near = (picked[space] == numbers), np.abs(picked[space] - numbers) <= 1
        rows.append(
            [
                label,
                f"{int(right.sum())} of {len(right)}",
                f"{int(near.sum())} of {len(near)}",
                float(np.median(picked[space])),
                over_classes(chosen, classes),
            ]
        )
    columns = ["clustered in", "k is the number of facets", "or one off", "median k", "adjusted Rand index at that k"]
    return Table("silhouette", "Choosing k by the silhouette", columns, rows)
