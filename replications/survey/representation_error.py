"""How far a reconstruction is from what it reconstructs, in units that make layers comparable.

Mahendran & Vedaldi 2015 divide the Euclidean distance between features by N, the average Euclidean distance between the
features of two test images; Dosovitskiy & Brox 2016 do so with images. 100 % is thus no better than another image. The
script that Mahendran & Vedaldi released squares both distances, and counts the distance 0 of each image to itself among
the pairs (experiment_shallow_quantitative.m), which gives other numbers.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

_COLUMNS = 65536  # widened to float64 at a time


@dataclasses.dataclass(frozen=True)
class Scale:
    """What distances between features, or images, are measured by.

    distance: the mean Euclidean distance over pairs of different ones. square: the mean of its square over all pairs,
    each with itself too, as in the released script.
    """

    distance: float
    square: float

    @classmethod
    def of(cls, features: Tensor) -> Scale:
        """features: (n, ...), of different test images. Raises ValueError unless there are two that differ."""
        count = len(features)
        if count < 2:
            raise ValueError(f"an average distance between features needs at least two of them, found {count}")
        squares = _squared_distances(features)
        distance = float(squares.sqrt().sum()) / (count * (count - 1))
        if not distance > 0:
            raise ValueError(f"all {count} features are the same, so no distance can be measured by theirs")
        return cls(distance, float(squares.mean()))

    def percent(self, distances: Tensor) -> Tensor:
        """The normalized error in percent."""
        return 100 * distances / self.distance

    def squared_percent(self, distances: Tensor) -> Tensor:
        """The same as the released script has it."""
        return 100 * distances.square() / self.square


def _squared_distances(features: Tensor) -> Tensor:
    """(n, ...) -> (n, n) float64, between all rows."""
    products = torch.zeros(len(features), len(features), dtype=torch.float64, device=features.device)
    for part in features.detach().flatten(1).split(_COLUMNS, 1):
        wide = part.double()
        products += wide @ wide.T
    own = products.diagonal()
    squares = (own[:, None] + own - 2 * products).clamp_min(0)
    return squares.fill_diagonal_(0.0)
