"""Samples of hidden units, beside the pictures of Multifaceted Feature Visualization.

The abstract of Nguyen et al. 2017 says that their samples improve on Multifaceted Feature Visualization (Nguyen,
Yosinski & Clune 2016, MFV), which makes the set of pictures that excite a neuron. Here both make as many pictures of
the same hidden units, several times:
- PPGN: Noiseless Joint PPGN-h asked for the unit, by the released schedule (3_hidden_conditional_sampling.sh and
  sampler.py): a chain that starts anew every 100 steps, from noise and with an epsilon 1 drawn at random; the last code
  before each new start is a sample. The condition is the unit's log-probability among the units at its position, with
  the gradient as released.
- MFV: the training images that excite the unit most are clustered as a class's are (layer 7, PCA, t-SNE, k-means), into
  as many clusters as there are samples; activation maximization starts from the mean image of each.
Beside them stand those mean images, not optimized, and as many of the validation images that excite the unit most.

Units: channels drawn at random in each of the layers (the last two of convolutions and both fully connected ones: there
a unit sees all of a small image, so a picture of it is a picture that can be judged), at the centre of a map, if they
- fire for at least a tenth of the validation images, and
- like at least two facets: each at least a tenth of the images that excite the unit most.
Facets of any class count, for hidden units mix classes.

The claim holds if, by units, both are higher for PPGN than for MFV, at matched activation (see `unit_scores`):
1. the share of the facets that the unit likes which a held-out network finds among the pictures, and
2. the purity of the pictures: how far that network sees one of those facets and nothing else.
Both have to hold, so neither is corrected for the other. The seeds are disjoint sets of chains, and for MFV disjoint
sets of training images.

Deviations, with their reasons:
- Fewer samples than the ten of a released chain, and as many clusters in place of MFV's ten: for time, and as a unit
  likes about four facets here.
- The released code keeps a sample if its probability is at least 0.98. How many reach it is measured; which pictures
  count is decided by their activation, which exists for the other pictures as well.
- Of MFV's iterations a quarter, as in the suite's replication of that paper.
- Both methods are asked for what the unit's rectification reads: a rectified unit that is silent has no gradient.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from metrics.comparison import compare_methods
from replications.images import presets
from replications.multifaceted.agreement import over_classes
from replications.multifaceted.images import preferred_images
from replications.multifaceted.judge import Judge
from replications.multifaceted.samples import needs_facets
from replications.multifaceted.unit_fields import Responses, centre, responses
from replications.networks.network import Network
from replications.networks.unit import Unit, unit_activations
from replications.ppgn import variants
from replications.ppgn.hidden_units_drawing import picture_of_scores, picture_of_units
from replications.ppgn.unit_pictures import Made, Task, mfv_pictures, ppgn_pictures
from replications.ppgn.unit_scores import MATCHED_QUANTILE, MEASURES, UnitScores, difference, liked_facets, score
from replications.ppgn.variants import BEST, Variants
from replications.suite.interface import Context, Evidence, Experiment, Measurement, Outcome, Table

CLAIM = "PPGN-C-beats-mfv"
PPGN, MFV, STARTS, LIKED = "PPGN", "MFV", "MFV's mean images", "validation images"
FIRES = 0.1  # share of the validation images that a unit has to fire for
SURE = 0.98  # probability of the unit from which the released code keeps a sample
OVER = "unit and set of pictures"
_CLUSTERS = 2  # of natural images in place of facets; nothing is measured by them here


@dataclasses.dataclass(frozen=True)
class ChosenUnit:
    """number: of its layer. unit: rectified, at the centre of its map. facets: that it likes, with their shares.

    liked: the validation images that excite it most. natural: (N,) its highest activation in each validation image.
    """

    number: int
    unit: Unit
    facets: Mapping[str, float]
    liked: Tensor
    natural: Tensor


@dataclasses.dataclass(frozen=True)
class HiddenUnits(Experiment):
    """units: how many by the layer's number in the paper. images: validation images looked at, and training images of a
    set, at most. liked: of these, that a unit likes. least_share: of a facet among them, to be one that the unit likes.

    sets: of pictures, the seeds. pictures: in a set. ppgn: as in conf/ppgn; changes: of the sampler's settings.
    clustered: number of the layer whose features are clustered; clustering: the settings of `Clustering` but for the
    number of clusters; nearest: images behind a mean; method: a configuration of conf/method; share: of its iterations.
    """

    name: ClassVar[str] = "hidden_units"
    title: ClassVar[str] = "Hidden units, beside Multifaceted Feature Visualization"
    paper: ClassVar[str] = "ppgn"
    answers: ClassVar[tuple[str, ...]] = ("PPGN-H3", "PPGN-H7", CLAIM)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    ppgn: Mapping[str, Any]
    changes: Mapping[str, Any]
    units: Mapping[int, int]
    images: int
    liked: int
    least_share: float
    sets: int
    pictures: int
    clustered: int
    clustering: Mapping[str, Any]
    nearest: int
    method: Mapping[str, Any]
    share: float

    def __post_init__(self) -> None:
        if min(self.sets, self.images, self.liked) < 1 or self.pictures < 2 or sum(self.units.values()) < 2:
            raise ValueError(
                "expected at least 1 set, 1 image, 1 liked image, 2 pictures and 2 units; found "
                f"sets={self.sets}, images={self.images}, liked={self.liked}, pictures={self.pictures}, "
                f"units={dict(self.units)}"
            )
        presets.build(self.method).shortened(self.share)

    def missing(self, context: Context) -> str | None:
        if lacking := variants.missing(self.ppgn, context, [BEST]):
            return lacking
        network, data = context.network, context.data
        absent = [n for n in (*self.units, self.clustered) if n not in network.paper_layers]
        if absent:
            return f"needs the paper's layers {absent}, which network '{network.name}' doesn't name"
        if lacking := needs_facets(data.validation):
            return lacking
        unknown = sorted(set(data.validation.facets) - set(context.evaluator.classes))  # type: ignore[attr-defined]
        if unknown:
            return f"needs a judge that tells facets, and {context.evaluator.name} has no {unknown[0]}"
        # what a unit likes drives it as strongly as is asked of pictures
        least = round(self.liked / (1 - MATCHED_QUANTILE))
        looked_at = min(self.images, len(data.validation))
        if looked_at < least or len(data.train) < self.sets * self.liked:
            return (
                f"needs {least} validation images, of which a unit likes {self.liked}, and {self.sets} sets of at "
                f"least {self.liked} training images; it looks at {looked_at}, and there are {len(data.train)}; set "
                "liked= of this experiment lower"
            )
        return None

    def run(self, context: Context) -> Outcome:
        outcome = Outcome()
        chosen = self._chosen(context, outcome)
        if len(chosen) < 2:
            outcome.notes.append("Fewer than two units to compare, so no picture was made.")
            return outcome
        tasks = [Task(one.unit, number) for one in chosen for number in range(self.sets)]
        variant = Variants.of(self.ppgn, context).get(BEST, task="hidden", **self.changes)
        samples = ppgn_pictures(context, variant, tasks, self.pictures)
        method = presets.build(self.method).shortened(self.share)
        liked = self._liked_training_images(context, [one.unit for one in chosen])
        clustering = {**self.clustering, "clusters": self.pictures}
        layer = context.network.paper_layer(self.clustered)
        mfv = mfv_pictures(
            context, tasks, liked, method=method, layer=layer, clustering=clustering, nearest=self.nearest
        )
        outcome.notes += [*samples.notes, *mfv.notes]
        shown = {PPGN: samples.images, MFV: mfv.images, STARTS: mfv.starts, LIKED: self._natural(context, chosen)}
        scores = self._scores(context, chosen, shown)
        self._report(outcome, chosen, scores, samples)
        outcome.pictures.append(picture_of_units(self._first_of_layers(chosen), chosen, shown, scores, self.sets))
        outcome.pictures.append(picture_of_scores(scores, self._names(chosen), self.pictures))
        return outcome

    def _chosen(self, context: Context, outcome: Outcome) -> list[ChosenUnit]:
        """The units, by layer; notes on layers with fewer than were asked for."""
        validation = context.data.validation
        indices = _drawn(len(validation), self.images, context.generator("validation images"))
        layers = {n: unit_layer(context.network, n) for n in self.units}
        found = responses(context.network, list(layers.values()), validation, indices, context)
        chosen: list[ChosenUnit] = []
        for n, layer in layers.items():
            order = torch.randperm(found[layer].strongest.shape[1], generator=context.generator("units", n))
            able = [
                one for channel in order.tolist() if (one := self._unit(context, n, channel, found[layer], indices))
            ]
            chosen += able[: self.units[n]]
            if len(able) < self.units[n]:
                outcome.notes.append(
                    f"Layer {n}: only {len(able)} units fire for a tenth of the images and like two facets or more."
                )
        return chosen

    def _unit(self, context: Context, n: int, channel: int, found: Responses, indices: Tensor) -> ChosenUnit | None:
        """The unit of a channel, or None if it fires too rarely or likes fewer than two facets."""
        natural, validation = found.strongest[:, channel], context.data.validation
        if float((natural > natural.min()).double().mean()) < FIRES:
            return None
        liked = indices[preferred_images(natural, self.liked, f"{unit_layer(context.network, n)}:{channel}")]
        labels = validation.facet_labels[liked]  # type: ignore[attr-defined]
        facets = liked_facets(labels, validation.facets, self.least_share)  # type: ignore[attr-defined]
        if len(facets) < 2:
            return None
        return ChosenUnit(n, unit_at_centre(context.network, n, channel), facets, liked, natural)

    def _liked_training_images(self, context: Context, units: Sequence[Unit]) -> dict[tuple[Unit, int], Tensor]:
        """By unit and set: of the set's training images those that excite the unit most."""
        train, liked = context.data.train, {}
        size = min(self.images, len(train) // self.sets)
        order = torch.randperm(len(train), generator=context.generator("training images"))
        for number in range(self.sets):
            indices = order[number * size : (number + 1) * size].sort().values
            found = responses(context.network, list(dict.fromkeys(u.layer for u in units)), train, indices, context)
            for unit in units:
                strongest = found[unit.layer].strongest[:, unit.channel]
                liked[unit, number] = indices[preferred_images(strongest, self.liked, unit.name)]
        return liked

    def _natural(self, context: Context, chosen: Sequence[ChosenUnit]) -> Tensor:
        """(units x sets, pictures, 3, H, W): validation images that the unit likes, at random."""
        images = []
        for one in chosen:
            for number in range(self.sets):
                drawn = _drawn(len(one.liked), self.pictures, context.generator("natural", one.unit.name, number))
                images.append(context.data.validation.images(one.liked[drawn]))
        return torch.stack(images)

    def _scores(
        self, context: Context, chosen: Sequence[ChosenUnit], shown: Mapping[str, Tensor]
    ) -> dict[str, list[UnitScores]]:
        """For each kind of pictures one entry for each unit and set. shown: (units x sets, pictures, 3, H, W)."""
        judge = Judge(context.evaluator, context.data.validation, clusters=_CLUSTERS)
        position = {name: i for i, name in enumerate(context.evaluator.classes)}
        found: dict[str, list[UnitScores]] = {kind: [] for kind in shown}
        for i in context.progress(range(len(chosen) * self.sets), "looking at the pictures", len(chosen) * self.sets):
            one = chosen[i // self.sets]
            members = [position[name] for name in one.facets]
            for kind, images in shown.items():
                # a natural image is asked as it is when the unit's images are found: where it excites the unit most
                reduce: Literal["max", "centre"] = "max" if kind == LIKED else "centre"
                driven = unit_activations(context.network, one.unit.layer, images[i], [one.unit.channel], reduce)[:, 0]
                found[kind].append(score(judge.see(images[i]).probabilities, members, driven, one.natural))
        return found

    def _report(
        self, outcome: Outcome, chosen: Sequence[ChosenUnit], scores: Mapping[str, list[UnitScores]], samples: Made
    ) -> None:
        names = self._names(chosen)
        for kind, found in scores.items():
            for measure, about in MEASURES.items():
                values = [one.values[measure] for one in found]
                outcome.measurements.append(Measurement(f"{measure}/{kind}", values, about.unit, OVER, about.better))
        sure = (samples.probabilities >= SURE).double().mean(1)
        unit = f"share of samples with a probability of the unit of at least {SURE:g}, 0 to 1"
        outcome.measurements.append(Measurement("kept/PPGN", sure.tolist(), unit, OVER, "higher"))
        outcome.evidence += [self._evidence(scores, names, measure) for measure in ("recall", "purity")]
        outcome.tables += [_table_of_kinds(scores, names, self.pictures), self._table_of_units(chosen, scores)]

    def _evidence(self, scores: Mapping[str, list[UnitScores]], names: Sequence[str], measure: str) -> Evidence:
        about = MEASURES[measure]
        statistic = (
            f"{about.unit}, {self.pictures} pictures: PPGN's minus MFV's, mean over units and sets of pictures, 95 % "
            "bootstrap over the units"
        )
        effect = difference(scores[PPGN], scores[MFV], names, measure)
        return Evidence(CLAIM, statistic, *effect, "", len(set(names)), "unit", seeds=self.sets)

    def _table_of_units(self, chosen: Sequence[ChosenUnit], scores: Mapping[str, list[UnitScores]]) -> Table:
        rows: list[list[str | float | None]] = []
        for i, one in enumerate(chosen):
            own = slice(i * self.sets, (i + 1) * self.sets)
            facets = ", ".join(f"{name} {100 * share:.0f} %" for name, share in one.facets.items())
            cells = [
                round(sum(found.values[measure] for found in scores[kind][own]) / self.sets, 2)
                for measure in ("recall", "purity")
                for kind in (PPGN, MFV, LIKED)
            ]
            rows.append([f"layer {one.number}, {one.unit.name}", facets, *cells])
        columns = [f"{measure}, {kind}" for measure in ("recall", "purity") for kind in (PPGN, MFV, LIKED)]
        caption = (
            f"The facets that are at least {100 * self.least_share:.0f} % of the {self.liked} validation images that "
            "excite the unit most, and what the judge finds of them at matched activation; means over "
            f"{self.sets} sets of {self.pictures} pictures."
        )
        return Table("units", "Unit by unit", ["unit", "facets that it likes", *columns], rows, caption)

    def _names(self, chosen: Sequence[ChosenUnit]) -> list[str]:
        """The unit behind each set of pictures."""
        return [one.unit.name for one in chosen for _ in range(self.sets)]

    def _first_of_layers(self, chosen: Sequence[ChosenUnit]) -> list[int]:
        """The first unit of each layer, which is drawn."""
        numbers = [one.number for one in chosen]
        return [numbers.index(n) for n in dict.fromkeys(numbers)]


def unit_layer(network: Network, number: int) -> str:
    """Whose channels are the units of a layer of the paper: feature maps where there are some."""
    return network.unit_layers.get(number, network.paper_layers[number])


def unit_at_centre(network: Network, number: int, channel: int) -> Unit:
    """A channel at the centre of its map, or the unit itself where the layer has no positions."""
    layer = unit_layer(network, number)
    return Unit(layer, channel, centre(network, layer) if len(network.shape(layer)) == 3 else None)


def _drawn(count: int, most: int, generator: torch.Generator) -> Tensor:
    """Up to `most` of the numbers below `count`, ascending."""
    return torch.randperm(count, generator=generator)[:most].sort().values


def _table_of_kinds(scores: Mapping[str, list[UnitScores]], names: Sequence[str], pictures: int) -> Table:
    rows: list[list[str | float | None]] = [
        [kind, *(over_classes([one.values[measure] for one in found], names) for measure in MEASURES)]
        for kind, found in scores.items()
    ]
    tests: list[str | float | None] = ["PPGN minus MFV"]
    for measure in MEASURES:
        mean, low, high = difference(scores[PPGN], scores[MFV], names, measure)
        ours, theirs = (_by_unit(scores[kind], names, measure) for kind in (PPGN, MFV))
        p = compare_methods(ours, theirs).p_value
        tests.append(f"{mean:.3f} ({low:.3f} to {high:.3f}), p = {p:.2g}")
    caption = (
        f"{pictures} pictures of each unit and set. Means over units and sets with 95 % intervals from a bootstrap "
        "over the units; p by a two-sided permutation test over the units (not corrected for the number of measures). "
        f"Matched activation: as high as the {MATCHED_QUANTILE:g} quantile of the unit's highest activations in "
        "validation images. "
        + " ".join(
            f"{measure}: {about.unit}{'' if about.better == 'none' else f', {about.better} is better'}."
            for measure, about in MEASURES.items()
        )
    )
    return Table("kinds", "What is found of units", ["pictures", *MEASURES], [*rows, tests], caption)


def _by_unit(found: Sequence[UnitScores], names: Sequence[str], measure: str) -> list[float]:
    values: dict[str, list[float]] = {}
    for name, one in zip(names, found, strict=True):
        values.setdefault(name, []).append(one.values[measure])
    return [sum(own) / len(own) for own in values.values()]
