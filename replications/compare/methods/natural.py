"""Natural images in place of pictures: the yardstick that a method has to reach, and the floor.

Borowski et al. 2021 put feature visualizations beside natural exemplars: the images of a data set that excite a unit
most. All images are training images of the set; nothing is optimized.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from replications.compare.material import Material
from replications.compare.method import ComparedMethod, Family, Made
from replications.compare.subjects import Subject


@dataclasses.dataclass(frozen=True)
class _Natural(ComparedMethod):
    family: ClassVar[Family] = "natural"
    optimizes: ClassVar[bool] = False

    title: str

    def visualize(self, material: Material, passes: int | None) -> Made:
        images = [material.pictures_of(self.chosen(material, subject)) for subject in material.subjects]
        return Made(torch.stack(images), passes=0.0, looked_at=float(self.looked_at(material)))

    @abstractmethod
    def chosen(self, material: Material, subject: Subject) -> Tensor:
        """As many training images as pictures are asked for."""

    def looked_at(self, material: Material) -> int:
        """How many images have to go through the network for one unit."""
        return len(material.indices)


@dataclasses.dataclass(frozen=True)
class Exemplars(_Natural):
    """The images that excite the unit most."""

    def chosen(self, material: Material, subject: Subject) -> Tensor:
        return material.exciting(subject, material.pictures)


@dataclasses.dataclass(frozen=True)
class Drawn(_Natural):
    """Images drawn at random among those that the unit likes: of a class its images."""

    def chosen(self, material: Material, subject: Subject) -> Tensor:
        liked = material.of_class_or_liked(subject, material.protocol.liked)
        order = torch.randperm(len(liked), generator=material.generator("drawn", subject.title))
        return liked[order[: material.pictures]]


@dataclasses.dataclass(frozen=True)
class AnyImages(_Natural):
    """Training images at random, others for each unit: what says nothing of a unit."""

    def chosen(self, material: Material, subject: Subject) -> Tensor:
        order = torch.randperm(len(material.indices), generator=material.generator("any images", subject.title))
        return material.indices[order[: material.pictures]]

    def looked_at(self, material: Material) -> int:
        return 0
