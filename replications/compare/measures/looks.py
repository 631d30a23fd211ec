"""Whether pictures have the colours and the spatial frequencies of natural images that the unit likes."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

import torch
from torch import Tensor

from metrics.colour import colour_histograms, histogram_distance
from metrics.spectrum import log_power
from replications.compare.looked import Looked
from replications.compare.measure import Measure
from replications.compare.references import NEAR


@dataclasses.dataclass(frozen=True)
class Colour(Measure):
    """Between histograms (`metrics.colour`), mean over the pictures. nan for five natural images or fewer.

    Not to the mean histogram: a single natural image hasn't all colours of its kind, so noise is nearer to their mean
    than natural images are. Instead as for `Plausibility`: to the five nearest, over what natural images have to
    theirs, in the median. Floor: a tenth of that.
    """

    name: ClassVar[str] = "colour"
    title: ClassVar[str] = "colour distance"
    unit: ClassVar[str] = "of the histogram to the five nearest of natural images; 1: theirs to each other"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = None
    floor: ClassVar[float] = 0.1

    def value(self, looked: Looked) -> float:
        natural = looked.natural.histograms
        if len(natural) <= NEAR:
            return math.nan
        usual = float(_to_the_nearest(_apart(natural, natural).fill_diagonal_(math.inf)).median())
        if usual == 0:
            return math.nan
        return float(_to_the_nearest(_apart(colour_histograms(looked.images), natural)).mean()) / usual


@dataclasses.dataclass(frozen=True)
class Spectrum(Measure):
    """`metrics.spectrum.spectrum_distance`, mean over the pictures.

    Floor: a tenth of what natural images of facetworld have, about 0.3 decades.
    """

    name: ClassVar[str] = "spectrum"
    title: ClassVar[str] = "spectrum distance"
    unit: ClassVar[str] = "of a picture's log power to the natural images' mean, in decades"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = None
    floor: ClassVar[float] = 0.03

    def value(self, looked: Looked) -> float:
        # the natural images' mean is known, so spectrum_distance, which takes the images, isn't asked
        away = log_power(looked.images) - looked.natural.power
        return float(away.square().mean(1).sqrt().mean())


def _apart(a: Tensor, b: Tensor) -> Tensor:
    """(n, m) the distances of histograms (n, bins) and (m, bins)."""
    return torch.stack([histogram_distance(one, b) for one in a])


def _to_the_nearest(distances: Tensor) -> Tensor:
    """(n,) the mean of the smallest in each row."""
    return distances.topk(NEAR, dim=1, largest=False).values.mean(1)
