"""Hidden units are multifaceted too: how many types of images the units of each layer fire for.

Nguyen, Yosinski & Clune 2016 show pictures of several facets of hidden units. Where the facets of images are known,
this measures how many types are among the images that excite a unit most: the effective number of facets, which is the
number of equally frequent facets that would be as mixed (e to the power of the entropy of their shares; Hill 1973). A
unit is taken to be multifaceted where that is above two. Beside it stand images drawn at random, the most mixed that a
unit could be, and the same network with random weights. Low layers tell no facets apart, so many types there say that a
unit is unselective rather than that it has learnt several things; the pictures show which.

The pictures are the images themselves, parted by the algorithm; a unit's response to an image is its highest over the
positions of its map.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from metrics.statistics import mean_interval
from replications.drawing import INK, MUTED, PALETTE, legend, mosaic, new_figure, show_image, style
from replications.multifaceted.facets import Clustering, DeadFeatures, TooFewImages, find_facets
from replications.multifaceted.images import image_features, preferred_images
from replications.multifaceted.mean_images import nearest_images
from replications.multifaceted.samples import needs_facets
from replications.multifaceted.untrained import untrained
from replications.networks.network import Network
from replications.suite.interface import Context, Evidence, Experiment, Measurement, Outcome, Picture, Table

LEAST = 2.0  # types of images that make a unit multifaceted
_MOSAIC = 9

Liked = dict[int, dict[int, Tensor]]  # by layer, by unit: the images that it likes, strongest first


@dataclasses.dataclass(frozen=True)
class HiddenUnits(Experiment):
    """layers: numbers of the paper's layers. images: validation images looked at, at most. liked: images of a unit.

    units: of a layer, at most. draws: random sets of images. clustered, clustering: layer and settings by which the
    images of the units shown are parted. shown: units drawn, by layer; shown_clusters: their number of clusters.
    largest_map: see `image_features`.
    """

    name: ClassVar[str] = "hidden_units"
    title: ClassVar[str] = "The facets of hidden units"
    paper: ClassVar[str] = "multifaceted"
    answers: ClassVar[tuple[str, ...]] = ("MFV-C-hidden-multifaceted",)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "data")

    layers: Sequence[int]
    images: int
    liked: int
    units: int
    draws: int
    clustered: int
    clustering: Mapping[str, Any]
    shown: Mapping[int, int]
    shown_clusters: int
    largest_map: int | None

    def __post_init__(self) -> None:
        if not self.layers or min(self.liked, self.draws) < 1:
            raise ValueError(
                "expected at least 1 layer, 1 image that a unit likes and 1 draw; "
                f"found layers={list(self.layers)}, liked={self.liked}, draws={self.draws}"
            )

    def missing(self, context: Context) -> str | None:
        network, validation = context.network, context.data.validation
        absent = [n for n in (*self.layers, self.clustered) if n not in network.paper_layers]
        if absent:
            return f"needs the paper's layers {absent}, which network '{network.name}' doesn't name"
        if min(self.images, len(validation)) < 2 * self.liked:
            return (
                f"needs at least {2 * self.liked} images, twice as many as a unit is given, and looks at "
                f"{min(self.images, len(validation))} of {validation.name}; set liked= of this experiment lower"
            )
        return needs_facets(validation)

    def run(self, context: Context) -> Outcome:
        validation = context.data.validation
        indices = torch.randperm(len(validation), generator=context.generator("images"))[: self.images].sort().values
        networks = {"trained": context.network, "untrained": untrained(context.network, context.generator("untrained"))}
        facets, classes = validation.facet_labels, validation.labels  # type: ignore[attr-defined]
        outcome = Outcome()
        found: dict[tuple[str, str, int], np.ndarray] = {}
        liked: dict[str, Liked] = {}
        for kind, network in networks.items():
            liked[kind] = self._liked(context, kind, network, indices, outcome)
            for layer, by_unit in liked[kind].items():
                if len(by_unit) < 2:
                    outcome.notes.append(f"Layer {layer}, {kind}: fewer than two units to measure, so left out.")
                    continue
                for what, labels in (("facets", facets), ("classes", classes)):
                    numbers = np.array([effective_number(labels[images]) for images in by_unit.values()])
                    found[kind, what, layer] = numbers
                    name = f"effective number of {what}/{kind}/layer {layer}"
                    unit = f"equally frequent {what} among a unit's {self.liked} images"
                    outcome.measurements.append(Measurement(name, numbers.tolist(), unit, "unit"))
        chance = {
            what: self._chance(labels[indices], context.generator("chance", what))
            for what, labels in (("facets", facets), ("classes", classes))
        }
        outcome.evidence += [self._evidence(n, v) for (k, w, n), v in found.items() if (k, w) == ("trained", "facets")]
        outcome.tables.append(self._table(found, chance))
        outcome.pictures.append(self._picture(found, chance))
        shown = {
            (n, unit): images
            for n, count in self.shown.items()
            for unit, images in list(liked["trained"].get(n, {}).items())[:count]
        }
        if shown:
            outcome.pictures.append(self._picture_of_units(context, shown))
        return outcome

    def _liked(self, context: Context, kind: str, network: Network, indices: Tensor, outcome: Outcome) -> Liked:
        names = {n: network.unit_layers.get(n, network.paper_layers[n]) for n in self.layers}
        parts: dict[int, list[Tensor]] = {n: [] for n in self.layers}
        images = context.data.validation
        batches = images.batches(64, indices)
        with torch.inference_mode():
            for _, batch, _ in context.progress(batches, f"looking at images, {kind}", images.batch_count(64, indices)):
                found = network.activations(names.values(), batch)
                for n, name in names.items():
                    parts[n].append(found[name].flatten(2).amax(2).cpu() if found[name].ndim > 2 else found[name].cpu())
        liked: Liked = {}
        for n, name in names.items():
            responses = torch.cat(parts[n])
            liked[n], silent, rare = {}, 0, 0
            order = torch.randperm(responses.shape[1], generator=context.generator("units", n)).tolist()
            for unit in order:
                if len(liked[n]) == self.units:
                    break
                try:
                    best = preferred_images(responses[:, unit], self.liked, f"{name}:{unit}")
                except DeadFeatures:
                    silent += 1
                    continue
                if len(best) < self.liked:
                    rare += 1
                    continue
                liked[n][unit] = indices[best]
            if silent or rare:
                outcome.notes.append(
                    f"Layer {n}, {kind}: {len(liked[n])} units measured; {silent} dead on these images and {rare} that "
                    f"fire for fewer than {self.liked} of them left out."
                )
        return liked

    def _chance(self, labels: Tensor, generator: torch.Generator) -> float:
        drawn = [torch.randperm(len(labels), generator=generator)[: self.liked] for _ in range(self.draws)]
        return float(np.mean([effective_number(labels[rows]) for rows in drawn]))

    def _evidence(self, layer: int, numbers: np.ndarray) -> Evidence:
        statistic = (
            f"effective number of facets among the {self.liked} images that excite a unit most, layer {layer}; mean "
            f"over units, 95 % BCa bootstrap; multifaceted is more than {LEAST:g}"
        )
        interval = mean_interval(numbers)
        return Evidence(
            "MFV-C-hidden-multifaceted", statistic, *interval, "facets", len(numbers), "unit", (LEAST, float("inf"))
        )

    def _table(self, found: Mapping[tuple[str, str, int], np.ndarray], chance: Mapping[str, float]) -> Table:
        rows: list[list[str | float | None]] = []
        for layer in self.layers:
            row: list[str | float | None] = [f"layer {layer}"]
            for what in ("facets", "classes"):
                for kind in ("trained", "untrained"):
                    numbers = found.get((kind, what, layer))
                    row.append(None if numbers is None else "{:.1f} ({:.1f} to {:.1f})".format(*mean_interval(numbers)))
            numbers = found.get(("trained", "facets", layer))
            row.append(None if numbers is None else round(float((numbers > LEAST).mean()), 2))
            rows.append(row)
        rows.append(["images at random", round(chance["facets"], 1), None, round(chance["classes"], 1), None, None])
        columns = [f"{what}, {kind}" for what in ("facets", "classes") for kind in ("trained", "untrained")]
        caption = (
            f"Effective number among the {self.liked} images that excite a unit most; means over units with 95 % "
            "intervals. The last column: units of the trained network."
        )
        title = "How many types of images a unit fires for"
        return Table("types", title, ["", *columns, f"share of units above {LEAST:g} facets"], rows, caption)

    def _picture(self, found: Mapping[tuple[str, str, int], np.ndarray], chance: Mapping[str, float]) -> Picture:
        figure = new_figure("How many types of images excite a unit most?", 10, 4)
        for axes, what in zip(figure.subplots(1, 2), ("facets", "classes"), strict=True):
            style(axes, what, "layer", f"effective number of {what}")
            for kind, colour, shift in (("trained", PALETTE[0], -0.1), ("untrained", PALETTE[1], 0.1)):
                here = [n for n in self.layers if (kind, what, n) in found]
                if not here:
                    continue
                for n in here:
                    numbers = found[kind, what, n]
                    x = n + shift + np.linspace(-0.08, 0.08, len(numbers))
                    axes.plot(x, numbers, ".", color=colour, alpha=0.25, markersize=4)
                means = np.array([mean_interval(found[kind, what, n]) for n in here])
                spread = np.abs(means[:, 1:] - means[:, :1]).T
                x = np.array(here) + shift
                axes.errorbar(x, means[:, 0], spread, marker="o", capsize=3, color=colour, label=kind)
            axes.axhline(chance[what], color=MUTED, linestyle="--", label="images at random")
            if what == "facets":
                axes.axhline(LEAST, color=MUTED, linestyle=":", label=f"{LEAST:g}: multifaceted above")
            axes.set_xticks(list(self.layers))
            axes.set_ylim(0, 1.25 * chance[what])
            legend(axes, loc="upper right", ncols=2)
        caption = (
            f"Among the {self.liked} validation images that excite a unit most: the number of equally frequent facets "
            "(left) and classes (right) that would be as mixed. Small dots: units; large: means with 95 % intervals. "
            "'untrained' is the same network with random weights."
        )
        arrays = {f"{kind}_{what}_{n}": values.astype(np.float32) for (kind, what, n), values in found.items()}
        return Picture("types", "Types of images by layer", caption, figure, arrays)

    def _picture_of_units(self, context: Context, chosen: Mapping[tuple[int, int], Tensor]) -> Picture:
        images, network = context.data.validation, context.network
        layer = network.paper_layer(self.clustered)
        clustering = Clustering(**{**self.clustering, "clusters": self.shown_clusters})
        figure = new_figure("Facets of hidden units", 2.3 * self.shown_clusters + 1, 2.5 * len(chosen) + 0.6)
        grid = figure.subplots(len(chosen), self.shown_clusters, squeeze=False)
        seed = context.generator("clusters").initial_seed() % 2**32
        for row, ((n, unit), own) in zip(grid, chosen.items(), strict=True):
            features = image_features(network, [layer], images, own, largest_map=self.largest_map)[layer]
            for axes in row:
                axes.set_axis_off()
            try:
                facets = find_facets(features, clustering, seed)
            except (TooFewImages, DeadFeatures) as error:
                row[0].set_title(f"layer {n}, unit {unit}: {error}", fontsize=8, color=INK)
                continue
            for axes, rows in zip(row, nearest_images(facets, _MOSAIC), strict=True):
                shown = own[torch.from_numpy(rows)]
                show_image(axes, mosaic(images.images(shown), 3, gap=2))
                names = [images.facets[f] for f in images.facet_labels[shown]]  # type: ignore[attr-defined]
                common = max(sorted(set(names)), key=names.count)
                axes.set_title(f"{common}, {names.count(common)} of {len(names)}", fontsize=8.5, color=INK)
            place = {"transform": row[0].transAxes, "ha": "right", "va": "center"}
            row[0].text(-0.06, 0.5, f"layer {n}\nunit {unit}", fontsize=10, color=INK, **place)
        caption = (
            f"For some hidden units the {self.liked} validation images that excite them most, parted by the algorithm "
            f"(features of layer {self.clustered}, PCA, t-SNE, k-means with k = {self.shown_clusters}); of each "
            f"cluster the {_MOSAIC} images nearest its centre, and above them their commonest facet."
        )
        return Picture("units", "Facets of hidden units", caption, figure)


def effective_number(labels: Tensor) -> float:
    """The number of equally frequent labels that would be as mixed: e to the entropy of their shares; at least 1.

    labels: (n,) integers. Source: Hill 1973, "Diversity and evenness", order 1.
    """
    shares = torch.bincount(labels).double() / len(labels)
    shares = shares[shares > 0]
    return float(torch.exp(-(shares * shares.log()).sum()))
