"""Whether pictures have the colours and the spatial frequencies of natural images that the unit likes."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

from metrics.colour import colour_histograms, histogram_distance
from metrics.spectrum import log_power
from replications.compare.looked import Looked
from replications.compare.measure import Measure


@dataclasses.dataclass(frozen=True)
class Colour(Measure):
    """`metrics.colour.colour_distance`, mean over the pictures; a share of pixels, hence the floor."""

    name: ClassVar[str] = "colour"
    title: ClassVar[str] = "colour distance"
    unit: ClassVar[str] = "of a picture's histogram to the natural images' mean one, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        return float(histogram_distance(colour_histograms(looked.images), looked.natural.histogram).mean())


@dataclasses.dataclass(frozen=True)
class Spectrum(Measure):
    """`metrics.spectrum.spectrum_distance`, mean over the pictures.

    Floor: about a tenth of what natural images have, one from the mean of the others: 0.3 to 0.6 decades.
    """

    name: ClassVar[str] = "spectrum"
    title: ClassVar[str] = "spectrum distance"
    unit: ClassVar[str] = "of a picture's log power to the natural images' mean, in decades"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = None
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        # the natural images' mean is known, so spectrum_distance, which takes the images, isn't asked
        away = log_power(looked.images) - looked.natural.power
        return float(away.square().mean(1).sqrt().mean())
