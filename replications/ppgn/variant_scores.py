"""How good images of classes are, and how varied, to a held-out network that knows real images of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metrics.ms_ssim import ms_ssim_pairs, scales_that_fit
from metrics.perceptual import all_pairs
from metrics.realism import kernel_distance, plausibility
from replications.multifaceted.judge import Judge, Seen
from replications.networks.network import Network
from replications.ppgn.class_sets import class_probabilities
from replications.ppgn.comparisons import Measure

Floats = NDArray[np.float64]

NEIGHBOURS = 5
FEWEST_FOR_KERNEL = 3

DISTANCE, NAMED, PROBABILITY, CONDITION = "distance to real images", "named", "class probability", "condition"
DIVERSITY, DISSIMILARITY, FACETS, STARTS_APART = "diversity", "1 - MS-SSIM", "facets found", "diversity of the starts"
KERNEL = "kernel distance"

OF_IMAGES: Mapping[str, Measure] = {
    DISTANCE: Measure(
        "relative to real images; to the nearest real images of the class, 1: as far as these are from each other",
        "lower",
    ),
    NAMED: Measure("share of images, 0 to 1; whose asked class the evaluator finds likeliest", "higher", share=True),
    PROBABILITY: Measure("the evaluator's probability, 0 to 1; of the asked class", "higher", share=True),
    CONDITION: Measure("probability, 0 to 1; the condition network's, of the asked class", "none", share=True),
}
OF_CLASSES: Mapping[str, Measure] = {
    DIVERSITY: Measure("relative to real images; mean perceptual distance between a class's images", "higher"),
    STARTS_APART: Measure("relative to real images; the same between the starts of chains", "none"),
    DISSIMILARITY: Measure("mean over pairs, 0 to 1; of a class's images", "higher", share=True),
    KERNEL: Measure("to real images; of a class's images together to real ones of the class, about 0: alike", "lower"),
    FACETS: Measure("share of facets, 0 to 1; of the class's, found among its images", "higher", share=True),
}


@dataclass(frozen=True, eq=False)
class Scores:
    """by_image: for each measure (classes x sets,); by_class: (classes,)."""

    by_image: dict[str, Floats]
    by_class: dict[str, Floats]


class VariantScorer:
    """judge: who took no part. network: the condition network. names: of the classes.

    compared: (classes, m, 3, S, S) real images of each class, more than NEIGHBOURS.
    """

    def __init__(self, judge: Judge, network: Network, names: Sequence[str], compared: Tensor) -> None:
        self.judge, self.network, self.names = judge, network, list(names)
        self._real = [judge.see(images).features for images in compared]
        self._apart = np.array([self._distance(images) for images in compared])

    def scores(self, images: Tensor) -> Scores:
        """images: (classes, sets, 3, S, S) in [0, 1], two sets or more."""
        seen = self.judge.see(images.flatten(0, 1))
        return Scores(self._by_image(images, seen), self._by_class(images, seen))

    def apart(self, images: Tensor) -> Floats:
        """(classes,) the mean perceptual distance between a class's images, (classes, n, 3, S, S); 1: real images'."""
        return np.array([self._distance(own) for own in images]) / self._apart

    def _by_image(self, images: Tensor, seen: Seen) -> dict[str, Floats]:
        sets = images.shape[1]
        classes = torch.arange(len(self.names)).repeat_interleave(sets)
        found = class_probabilities(self.judge, seen, self.names)
        outputs = torch.tensor([self.network.class_index(name) for name in self.names])[classes]
        with torch.inference_mode():
            parts = [self.network.probabilities(part).cpu() for part in images.flatten(0, 1).split(64)]
        pairs = zip(self._of_classes(images, seen), self._real, strict=True)
        near = [plausibility(own.features, real, k=NEIGHBOURS) for own, real in pairs]
        values = {
            DISTANCE: torch.cat(near),
            NAMED: (found.argmax(1) == classes).double(),
            PROBABILITY: found.gather(1, classes[:, None])[:, 0],
            CONDITION: torch.cat(parts).gather(1, outputs[:, None])[:, 0],
        }
        return {measure: own.double().numpy() for measure, own in values.items()}

    def _by_class(self, images: Tensor, seen: Seen) -> dict[str, Floats]:
        parts = self._of_classes(images, seen)
        recalls = [self.judge.recall(own, name).value for own, name in zip(parts, self.names, strict=True)]
        found = {DIVERSITY: self.apart(images), FACETS: np.array(recalls)}
        if images.shape[1] >= FEWEST_FOR_KERNEL:
            pairs = zip(parts, self._real, strict=True)
            found[KERNEL] = np.array([kernel_distance(own.features, real, relative=True).value for own, real in pairs])
        if scales := scales_that_fit(*images.shape[3:]):
            found[DISSIMILARITY] = np.array([ms_ssim_pairs(own, scales).mean().value for own in images])
        return found

    def _of_classes(self, images: Tensor, seen: Seen) -> list[Seen]:
        sets = images.shape[1]
        return [_rows(seen, slice(i * sets, (i + 1) * sets)) for i in range(len(self.names))]

    def _distance(self, images: Tensor) -> float:
        return all_pairs(self.judge.backbone, images).mean().value


def _rows(seen: Seen, rows: slice) -> Seen:
    return Seen(seen.probabilities[rows], replace(seen.features, values=seen.features.values[rows]))
