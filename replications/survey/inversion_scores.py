"""What inversions keep of their images: six quantities, and the pairings that say how much is of this very image.

An inversion is compared with its image (OWN), with another image of the same class and with any other image. What is
better with its own than with another's was kept of the image; what is better than with another of the class isn't the
class alone.
"""

from __future__ import annotations

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


ERROR, COLOUR, CONTOURS, PLACE, CLASS, FACET = "error", "colour", "contours", "place", "class", "facet"
QUANTITIES = {
    ERROR: Quantity("distance from the image", "% of the mean distance of two images", "lower"),
    COLOUR: Quantity("colours of the parts", "distance of a*, b* in CIE L*a*b*", "lower"),
    CONTOURS: Quantity("rough contours", "correlation of coarse edges", "higher"),
    PLACE: Quantity("place of the object", "pixels off", "lower"),
    CLASS: Quantity("class", "% read rightly", "higher"),
    FACET: Quantity("facet", "% read rightly", "higher"),
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
    pictures: Tensor, reading: Reading, images: Tensor, truth: Reading, order: Tensor, scale: Scale
) -> dict[str, np.ndarray]:
    """By quantity (n,) float64: the pictures at `order` against the images; quantities that aren't known are left out.

    pictures, images: (n, 3, S, S) in [0, 1]. scale: of distances between images.
    """
    shown, read = pictures[order], reading.of(order)
    found = {
        ERROR: scale.percent((shown - images).flatten(1).double().norm(dim=1)),
        COLOUR: chroma_distance(shown, images),
        CONTOURS: contour_correlation(shown, images),
        CLASS: 100 * (read.classes == truth.classes).double(),
    }
    if read.places is not None and truth.places is not None:
        found[PLACE] = (read.places - truth.places).norm(dim=1)
    if read.facets is not None and truth.facets is not None:
        found[FACET] = 100 * (read.facets == truth.facets).double()
    return {name: found[name].numpy() for name in QUANTITIES if name in found}


def interval(values: np.ndarray) -> Interval:
    """The mean of values (networks, images) with a 95 % interval over images, and over networks too."""
    return crossed_interval(values) if len(values) > 1 else mean_interval(values[0])
