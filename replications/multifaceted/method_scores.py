"""What is measured of the pictures that several methods made of the same units.

Half of the validation images of a class (drawn at random) is what pictures are compared with. The other half is where
yardsticks come from: natural images that are scored as if a method had made them, and averages of two facets.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from metrics.activation import activation_quantiles
from metrics.colour import colour_distance
from metrics.diversity import Matched, gaussian_similarity, matched_pairs, vendi_score
from metrics.facets import facet_mixtures, facet_purity
from metrics.feature_space import Features
from metrics.ms_ssim import ms_ssim_pairs, scales_that_fit
from metrics.pairs import PairDistances
from metrics.perceptual import all_pairs
from metrics.realism import kernel_distance, plausibility
from metrics.spectrum import spectrum_distance
from metrics.transferability import transfer
from replications.multifaceted.judge import Judge, Seen
from replications.networks.network import Network
from replications.networks.unit import Unit, unit_activations

Floats = NDArray[np.float64]
Progress = Callable[[Iterable[str], str, int], Iterator[str]]

MATCHED_QUANTILE = 0.95
NEIGHBOURS = 5
COMPARED = 40  # natural images of a class, at most, whose mean distance is the scale of the Vendi score


@dataclasses.dataclass(frozen=True)
class Measure:
    """title: for a column or a panel. unit: in words, with its bounds. better: which direction."""

    title: str
    unit: str
    better: Literal["higher", "lower"]


MEASURES: Mapping[str, Measure] = {
    "activation": Measure("activation", "the unit's activation (logit)", "higher"),
    "quantile": Measure("activation quantile", "among the unit's own on natural images, 0 to 1", "higher"),
    "class": Measure("class probability", "the judge's, of the picture's class, 0 to 1", "higher"),
    "top1": Measure("named first", "share of pictures whose class the judge finds likeliest, 0 to 1", "higher"),
    "recall": Measure("facets found", "share of the class's facets found among its pictures, 0 to 1", "higher"),
    "purity": Measure("purity", "the likeliest facet's probability less the next one's, 0 to 1", "higher"),
    "purity within": Measure("purity within the class", "the same among the class's facets alone, 0 to 1", "higher"),
    "choice": Measure("forced choice", "share of right choices by the pictures, chance 1/2", "higher"),
    "hard choice": Measure("harder forced choice", "the same for queries that are less extreme", "higher"),
    "colour": Measure("colour distance", "of the histogram to natural images of the class, 0 to 1", "lower"),
    "spectrum": Measure("spectrum distance", "of the log power to natural images of the class, decades", "lower"),
    "plausibility": Measure(
        "distance to natural images", "to the nearest of the class; 1: theirs to each other", "lower"
    ),
    "kernel": Measure("kernel distance", "of the pictures to natural images of the class; about 0: alike", "lower"),
    "diversity": Measure("diversity", "mean perceptual distance of pairs that both drive the unit", "higher"),
    "dissimilarity": Measure("1 - MS-SSIM", "mean over pairs that both drive the unit, 0 to 1", "higher"),
    "vendi": Measure("Vendi score", "effective number of different pictures that drive the unit", "higher"),
}


class MethodScorer:
    """Scores pictures of `network`'s units with the eyes of `judge`, whose natural images are compared with.

    names, units: of each set of pictures the class, as the images call it, and its unit. count: pictures of a set.
    generator: of random numbers by a name.
    """

    def __init__(
        self,
        network: Network,
        judge: Judge,
        names: Sequence[str],
        units: Sequence[Unit],
        count: int,
        generator: Callable[..., torch.Generator],
    ) -> None:
        self.network, self.judge, self.count = network, judge, count
        self.names, self.units, self.generator = list(names), list(units), generator

    @functools.cached_property
    def classes(self) -> dict[str, list[int]]:
        """By class the places of its sets."""
        return {name: [i for i, own in enumerate(self.names) if own == name] for name in dict.fromkeys(self.names)}

    @functools.cached_property
    def activations(self) -> dict[str, Tensor]:
        """By class (N,): its unit's activations on all of the judge's natural images, of every class."""
        first = {name: self.units[places[0]] for name, places in self.classes.items()}
        layer = next(iter(first.values())).layer
        channels = [unit.channel for unit in first.values()]
        parts = [
            unit_activations(self.network, layer, images, channels) for _, images, _ in self.judge.images.batches(64)
        ]
        return dict(zip(first, torch.cat(parts).T, strict=True))

    @property
    def tells_facets(self) -> bool:
        """Whether the judge tells the facets of every class."""
        return all(self.judge.tells_facets(name) for name in self.classes)

    # ------------------------------------------------------------------------------------------------ yardsticks

    def natural(self) -> Tensor:
        """(sets x count, 3, H, W): natural images of each set's class."""
        return torch.cat([self._drawn(name, i) for i, name in enumerate(self.names)])

    def of_other_classes(self) -> Tensor:
        """The same of other classes than the set's, at random."""
        images, found = self.judge.images, []
        for i, name in enumerate(self.names):
            others = (images.labels != images.classes.index(name)).nonzero().flatten()
            order = torch.randperm(len(others), generator=self.generator("other classes", name, i))
            found.append(images.images(others[order[: self.count]]))
        return torch.cat(found)

    def mixtures(self) -> Tensor | None:
        """Averages of two natural images of different facets of the class; None where the facets aren't known."""
        images, found = self.judge.images, []
        if "facets" not in images.provides:
            return None
        for i, name in enumerate(self.names):
            own, _ = self._halves(name)
            rows = (images.labels == images.classes.index(name)).nonzero().flatten()[own]
            facets = images.facet_labels[rows]  # type: ignore[attr-defined]
            if len(facets.unique()) < 2:
                return None
            random = self.generator("mixtures", name, i)
            found.append(facet_mixtures(images.images(rows), facets, self.count, random))
        return torch.cat(found)

    def liked(self, name: str) -> Tensor:
        """(count, 3, H, W): the natural images that drive the class's unit most."""
        best = self.activations[name].argsort(descending=True, stable=True)[: self.count]
        return self.judge.images.images(best)

    def _drawn(self, name: str, place: int) -> Tensor:
        own, _ = self._halves(name)
        order = torch.randperm(len(own), generator=self.generator("natural", name, place))
        return self.judge.natural(name)[0][own[order[: self.count]]]

    def _halves(self, name: str) -> tuple[Tensor, Tensor]:
        """Of the class's natural images those that yardsticks come from, and those to compare with."""
        count = len(self.judge.natural(name)[0])
        order = torch.randperm(count, generator=self.generator("halves", name))
        return order[: count // 2], order[count // 2 :]

    # ---------------------------------------------------------------------------------------------------- scores

    def scores(self, pictures: Mapping[str, Tensor], progress: Progress) -> dict[str, dict[str, Floats]]:
        """For each method and measure (but the forced choice) the values of the sets, each a mean over its pictures.

        pictures: by method (sets x count, 3, H, W) in [0, 1], all of one size.
        """
        found: dict[str, dict[str, Floats]] = {method: {} for method in pictures}
        for name in progress(self.classes, "looking at the pictures", len(self.classes)):
            places = self.classes[name]
            rows = torch.cat([torch.arange(i * self.count, (i + 1) * self.count) for i in places])
            everything = torch.cat([images[rows] for images in pictures.values()])
            values = self._of_class(name, everything)
            shape = (len(pictures), len(places), self.count)
            for measure, numbers in values.items():
                means = numbers.reshape(*shape[:2], -1).mean(2)
                for method, own in zip(pictures, means, strict=True):
                    target = found[method].setdefault(measure, np.full(len(self.names), np.nan))
                    target[places] = own
        return found

    def _of_class(self, name: str, images: Tensor) -> dict[str, Floats]:
        """Values of consecutive sets of pictures of one class, one a picture or one a set."""
        natural, naturally = self.judge.natural(name)
        compared = self._halves(name)[1]
        unit = self.units[self.classes[name][0]]
        seen = self.judge.see(images)
        activations = unit_activations(self.network, unit.layer, images, [unit.channel])
        quantiles = activation_quantiles(activations, self.activations[name][:, None])[:, 0]
        near = dataclasses.replace(naturally.features, values=naturally.features.values[compared])
        size = (images.shape[2], images.shape[3])
        told = transfer(
            {self.judge.name: self._by_class(name, seen.probabilities)},
            torch.zeros(len(images), dtype=torch.int64),
            optimized_on=[self.network.name],
            k=1,
        )
        values = {
            "activation": activations[:, 0],
            "quantile": quantiles,
            "class": told.per_picture("probability"),
            "top1": told.per_picture("top1"),
            "colour": colour_distance(images, natural[compared]),
            "spectrum": spectrum_distance(images, _resized(natural[compared], size)),
            "plausibility": plausibility(seen.features, near, k=NEIGHBOURS),
        }
        purity = self.judge.purity(seen, name)
        if purity is not None:
            values["purity"] = purity
            own = seen.probabilities[:, self.judge.facets_of(name)].double()
            values["purity within"] = facet_purity(own / own.sum(1, keepdim=True), range(own.shape[1]))
        found = {measure: numbers.double().numpy() for measure, numbers in values.items()}
        alike = all_pairs(self.judge.backbone, _resized(natural[compared[:COMPARED]], size)).mean().value
        sets = [slice(i, i + self.count) for i in range(0, len(images), self.count)]
        by_set = [self._of_set(name, images[one], _rows(seen, one), quantiles[one], near, alike) for one in sets]
        return found | {measure: np.array([one[measure] for one in by_set]) for measure in by_set[0]}

    def _of_set(
        self, name: str, images: Tensor, seen: Seen, quantiles: Tensor, natural: Features, alike: float
    ) -> dict[str, float]:
        matched = Matched(quantiles, MATCHED_QUANTILE)
        apart = all_pairs(self.judge.backbone, images)
        values = {
            "recall": self.judge.recall(seen, name).value,
            "kernel": kernel_distance(seen.features, natural).value,
            "diversity": matched_pairs(apart, matched).mean().value,
            "vendi": _vendi(apart, alike, matched),
        }
        if scales := scales_that_fit(*images.shape[2:]):
            values["dissimilarity"] = matched_pairs(ms_ssim_pairs(images, scales), matched).mean().value
        return values

    def _by_class(self, name: str, probabilities: Tensor) -> Tensor:
        """(n, classes): the judge's probability of the class, then of the others (of whatever else it tells)."""
        groups: dict[str, list[int]] = {}
        for i, own in enumerate(self.judge.network.classes):
            groups.setdefault(own.partition("/")[0] if self.judge.tells_facets(name) else str(i), []).append(i)
        mine = set(self.judge.outputs_of(name))
        others = [columns for columns in groups.values() if not mine & set(columns)]
        return torch.stack([probabilities[:, columns].sum(1) for columns in (sorted(mine), *others)], 1)


def _vendi(distances: PairDistances, scale: float, matched: Matched) -> float:
    return vendi_score(gaussian_similarity(distances, scale), kernel=distances.measure, matched=matched).value


def _rows(seen: Seen, rows: slice) -> Seen:
    return Seen(seen.probabilities[rows], dataclasses.replace(seen.features, values=seen.features.values[rows]))


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(images.shape[2:]) == size:
        return images
    return functional.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
