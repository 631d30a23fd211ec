"""Activation maximization: every published method that has a file in conf/method, from the noise that it starts from.

What is the same for all is said at the head of `ascent`. Beside it:
- Steps along a gradient that isn't normalized fit one network. They are multiplied (`stepped`) by the smallest power of
  ten with which the pictures of three quarters of the units of every layer are above the 0.95 quantile of natural
  activations: by the activation alone, with another seed, before anything was compared. The values are those of the
  survey's replication. What isn't in it was found by the same rule: of yosinski2015_decay on facetworld, and of the
  published numbers of iterations, which ask for no other factors but for mahendran2016_tv. On natural images the values
  were found for classes and few iterations; yosinski2015_decay falls short of the rule with any there and has the one
  that comes nearest. On ImageNet the published steps are taken.
- MACO (Fel et al. 2023) holds the magnitudes of `spectrum_images` of the training images. The network doesn't see them,
  so they aren't counted as looked at.
- VITAL (Görgün et al. 2025) matches the features of training images: of a class some of the images of the class, of a
  hidden unit those that excite it most, whole, and without the code's weighting by relevance.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from replications.compare.material import Material
from replications.compare.method import ComparedMethod, Family, Made
from replications.compare.methods.ascent import built, passes_of, pictures, within
from replications.compare.protocol import Protocol
from replications.images.presets import Method, Vital
from replications.images.spectral import PhaseOnly
from replications.networks.unit import Unit
from replications.suite.interface import Context


@dataclasses.dataclass(frozen=True, kw_only=True)
class Maximization(ComparedMethod):
    """preset: a configuration of conf/method. stepped: the factor of its steps. spectrum_images, reference_images:
    training images for a method that has to know what natural images, and what those that a unit likes, look like.
    """

    family: ClassVar[Family] = "maximization"
    optimizes: ClassVar[bool] = True

    title: str
    preset: Mapping[str, Any]
    stepped: float = 1.0
    spectrum_images: int = 256
    reference_images: int = 50

    def __post_init__(self) -> None:
        if min(self.spectrum_images, self.reference_images) < 1 or not self.stepped > 0:
            raise ValueError(
                "expected at least 1 image of each kind and a factor of the steps above 0; found "
                f"spectrum_images={self.spectrum_images}, reference_images={self.reference_images}, "
                f"stepped={self.stepped}"
            )
        built(self.preset, self.stepped)

    def missing(self, context: Context, protocol: Protocol) -> str | None:
        method = built(self.preset, self.stepped)
        if isinstance(method, Vital) and method.layers is None and not context.network.unit_layers:
            return f"needs layers whose features are matched, and network '{context.network.name}' names none"
        return None

    def visualize(self, material: Material, passes: int | None) -> Made:
        method = within(built(self.preset, self.stepped), passes)
        natural = self._natural(material) if isinstance(method.parametrization, PhaseOnly) else None
        references, looked_at = self._references(material, method)
        images, notes = pictures(material, method, natural=natural, references=references)
        return Made(images, passes=float(passes_of(method)), looked_at=looked_at, notes=notes)

    def _natural(self, material: Material) -> Tensor:
        """(N, 3, H, W): training images at random."""
        order = torch.randperm(len(material.indices), generator=material.generator("spectrum"))
        return material.pictures_of(material.indices[order[: self.spectrum_images].sort().values])

    def _references(self, material: Material, method: Method) -> tuple[dict[Unit, Tensor] | None, float]:
        """By what is asked the images whose features are matched, and how many were looked at for one unit."""
        if not isinstance(method, Vital):
            return None, 0.0
        liked = [material.of_class_or_liked(subject, self.reference_images) for subject in material.subjects]
        found = {s.asked: material.pictures_of(indices) for s, indices in zip(material.subjects, liked, strict=True)}
        # to find what excites a hidden unit, all images are looked at
        looked = [
            len(own) if s.kind == "class" else len(material.indices)
            for s, own in zip(material.subjects, liked, strict=True)
        ]
        return found, sum(looked) / len(looked)
