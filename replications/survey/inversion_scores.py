"""What inversions keep of their images: nine quantities, and the pairings that say how much is of this very image.

An inversion is compared with its image (OWN), with another image of the same class and with any other image. What is
better with its own than with another's was kept of the image; what is better than with another of the class isn't the
class alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from metrics.coarse_likeness import chroma_distance, contour_correlation
from metrics.crossed_bootstrap import crossed_interval
from metrics.statistics import Interval, mean_interval
from replications.survey.picture_reading import Reading
from replications.survey.representation_error import Scale

OWN, OF_CLASS, ANY = "its own image", "another image of the class", "any other image"
PAIRINGS = (OWN, OF_CLASS, ANY)


class Quantity(NamedTuple):
    """title, unit: for people. better: which direction is better."""

    title: str
    unit: str
    better: Literal["higher", "lower"]


ERROR, COLOUR, CONTOURS = "error", "colour", "contours"
PLACE, CLASS, FACET = "place", "class", "facet"  # as the viewer of real images reads them
LEARNT_PLACE, LEARNT_CLASS, LEARNT_FACET = "learnt place", "learnt class", "learnt facet"
READ = ((PLACE, CLASS, FACET), (LEARNT_PLACE, LEARNT_CLASS, LEARNT_FACET))
QUANTITIES = {
    ERROR: Quantity("distance from the image", "% of the mean distance of two images", "lower"),
    COLOUR: Quantity("colours of the parts", "distance of a*, b* in CIE L*a*b*", "lower"),
    CONTOURS: Quantity("rough contours", "correlation of coarse edges", "higher"),
    PLACE: Quantity("place, to one who knows real images", "pixels off", "lower"),
    CLASS: Quantity("class, to one who knows real images", "% read rightly", "higher"),
    FACET: Quantity("facet, to one who knows real images", "% read rightly", "higher"),
    LEARNT_PLACE: Quantity("place, to one who knows inversions", "pixels off", "lower"),
    LEARNT_CLASS: Quantity("class, to one who knows inversions", "% read rightly", "higher"),
    LEARNT_FACET: Quantity("facet, to one who knows inversions", "% read rightly", "higher"),
}


def orders(classes: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """By pairing (n,) int64: whose inversion is compared with each image; never its own but for OWN.

    classes: (n,), each of at least two images, else ValueError.
    """
    everyone = torch.arange(len(classes))
    of_class = everyone.clone()
    for number in classes.unique():
        members = everyone[classes == number]
        if len(members) < 2:
            raise ValueError(f"class {int(number)} has a single image, so there is no other one of it to compare with")
        of_class[members] = _another(members, generator)
    return {OWN: everyone, OF_CLASS: of_class, ANY: _another(everyone, generator)}


def _another(members: Tensor, generator: torch.Generator) -> Tensor:
    """For each of `members` another one, each once."""
    shuffled = torch.randperm(len(members), generator=generator)
    other = torch.empty_like(shuffled)
    other[shuffled] = shuffled.roll(1)
    return members[other]


def scores(
    pictures: Tensor,
    readings: Sequence[Reading],
    images: Tensor,
    truth: Reading,
    order: Tensor,
    scale: Scale,
) -> dict[str, np.ndarray]:
    """By quantity (n,) float64: the pictures at `order` against the images; quantities that aren't known are left out.

    pictures, images: (n, 3, S, S) in [0, 1]. readings: the viewer's, and a learner's if there is one. scale: of
    distances between images.
    """
    shown = pictures[order]
    found = {
        ERROR: scale.percent((shown - images).flatten(1).double().norm(dim=1)),
        COLOUR: chroma_distance(shown, images),
        CONTOURS: contour_correlation(shown, images),
    }
    for (place, class_, facet), reading in zip(READ, readings, strict=False):
        read = reading.of(order)
        found[class_] = 100 * (read.classes == truth.classes).double()
        if read.places is not None and truth.places is not None:
            found[place] = (read.places - truth.places).norm(dim=1)
        if read.facets is not None and truth.facets is not None:
            found[facet] = 100 * (read.facets == truth.facets).double()
    return {name: found[name].numpy() for name in QUANTITIES if name in found}


def interval(values: np.ndarray) -> Interval:
    """The mean of values (networks, images) with a 95 % interval over images, and over networks too."""
    return crossed_interval(values) if len(values) > 1 else mean_interval(values[0])
