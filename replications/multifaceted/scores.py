"""What is measured of a set of pictures of one class's unit, and the same of natural images."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import torch
from torch import Tensor

from metrics.activation import activation_quantiles
from metrics.colour import colour_histograms, histogram_distance
from metrics.diversity import Matched, matched_pairs
from metrics.facets import Recall
from metrics.perceptual import all_pairs
from metrics.realism import plausibility
from replications.multifaceted.judge import Judge
from replications.networks.network import Network
from replications.networks.unit import Unit, unit_activations

MATCHED_QUANTILE = 0.95
NEIGHBOURS = 5

# what each number is, its direction and its bounds
UNITS: Mapping[str, str] = {
    "recall": "share of the class's facets found",
    "purity": "facet purity, 0 to 1",
    "class": "the judge's probability of the class, 0 to 1",
    "quantile": "quantile among the unit's activations on natural images, 0 to 1",
    "activation": "the unit's activation",
    "plausibility": "distance to the nearest natural images of the class; 1: as far as these are from each other",
    "colour": "distance of the colours to those of natural images of the class, 0 to 1",
    "diversity": "mean perceptual distance of pairs that both drive the unit",
}
BETTER: Mapping[str, str] = {
    "recall": "higher",
    "purity": "higher",
    "class": "higher",
    "quantile": "higher",
    "activation": "higher",
    "plausibility": "lower",
    "colour": "lower",
    "diversity": "higher",
}


@dataclasses.dataclass(frozen=True)
class Scores:
    """Of one set of pictures of a class; all but recall and diversity are means over the pictures (see `UNITS`).

    purity: None where no facets are told. found: the recall itself, which can be stated for fewer pictures.
    """

    recall: float
    purity: float | None
    class_: float
    quantile: float
    activation: float
    plausibility: float
    colour: float
    diversity: float
    found: Recall

    def value(self, measure: str) -> float | None:
        """One of the measures in `UNITS`."""
        found: float | None = getattr(self, "class_" if measure == "class" else measure)
        return found


class Scorer:
    """Scores sets of pictures of classes of `network`, with the eyes of `judge`; natural images are the judge's."""

    def __init__(self, network: Network, judge: Judge) -> None:
        self.network, self.judge = network, judge
        self._natural: dict[str, Tensor] = {}  # by layer (N, C)

    def scores(self, name: str, unit: Unit, images: Tensor) -> Scores:
        """name: the class, as the images call it. unit: the network's for it. images: (n, 3, H, W) in [0, 1]."""
        seen = self.judge.see(images)
        _, naturally = self.judge.natural(name)
        activations = unit_activations(self.network, unit.layer, images, [unit.channel])
        quantiles = activation_quantiles(activations, self._natural_activations(unit))[:, 0]
        recall, purity = self.judge.recall(seen, name), self.judge.purity(seen, name)
        apart = matched_pairs(all_pairs(self.judge.backbone, images), Matched(quantiles, MATCHED_QUANTILE))
        return Scores(
            recall=recall.value,
            purity=None if purity is None else float(purity.mean()),
            class_=float(self.judge.class_probability(seen, name).mean()),
            quantile=float(quantiles.mean()),
            activation=float(activations.mean()),
            plausibility=float(plausibility(seen.features, naturally.features, k=NEIGHBOURS).mean()),
            colour=float(histogram_distance(colour_histograms(images), self._natural_colours(name)).mean()),
            diversity=apart.mean().value,
            found=recall,
        )

    @functools.cache  # noqa: B019 - lives as long as the experiment
    def _natural_colours(self, name: str) -> Tensor:
        """The mean histogram of the class's natural images."""
        return colour_histograms(self.judge.natural(name)[0]).mean(0)

    def _natural_activations(self, unit: Unit) -> Tensor:
        """(N, 1): of the unit on all natural images, of every class."""
        if unit.layer not in self._natural:
            batches = self.judge.images.batches(64)
            found = [unit_activations(self.network, unit.layer, images) for _, images, _ in batches]
            self._natural[unit.layer] = torch.cat(found)
        return self._natural[unit.layer][:, [unit.channel]]
