"""What a method of feature visualization has to offer to be compared with the others."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor

from replications.compare.material import Material
from replications.compare.protocol import Protocol
from replications.suite.interface import Context

Family = Literal["natural", "projection", "maximization", "multifaceted", "generative", "inversion"]


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """The pictures of all units in one set, and what they cost.

    images: (subjects, n, 3, S, S) in [0, 1] on the CPU, S what the network reads.
    passes: forward-backward passes of the network for one picture, views counted. generator_passes: the same of a
    generator or an inversion network. looked_at: training images looked at (forward alone) for one unit and set.
    notes: on pictures that came to nothing, as sentences.
    """

    images: Tensor
    passes: float
    generator_passes: float = 0.0
    looked_at: float = 0.0
    notes: tuple[str, ...] = ()

    def check(self, subjects: int, pictures: int, size: int) -> None:
        """Raises ValueError unless there are so many pictures of so many units, of that size, finite and in [0, 1]."""
        expected = (subjects, pictures, 3, size, size)
        if tuple(self.images.shape) != expected:
            raise ValueError(f"expected pictures of the shape {expected}, found {tuple(self.images.shape)}")
        if not bool(torch.isfinite(self.images).all()) or self.images.min() < 0 or self.images.max() > 1:
            raise ValueError(
                f"expected pictures in [0, 1], found numbers from {float(self.images.min()):g} to "
                f"{float(self.images.max()):g}"
            )


class ComparedMethod(ABC):
    """Subclasses are frozen dataclasses whose fields are plain values, as a configuration gives them.

    title: for people, not shared by two methods of a comparison.
    family: what kind of method it is. optimizes: whether `passes` bounds it; exemplars, projections and inversions have
    one setting only.
    """

    title: str
    family: ClassVar[Family]
    optimizes: ClassVar[bool]

    def missing(self, context: Context, protocol: Protocol) -> str | None:
        """What this profile lacks for the method, as one sentence, or None. Must be cheap."""
        return None

    @abstractmethod
    def visualize(self, material: Material, passes: int | None) -> Made:
        """`material.pictures` pictures of each of `material.subjects`.

        passes: of the network for one picture, at most (about); None for the published setting. A method that doesn't
        optimize takes no notice of it.
        """
