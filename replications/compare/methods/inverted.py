"""The mean code of what a unit likes, inverted by an up-convolutional network (Dosovitskiy & Brox 2016).

"Inverting Visual Representations with Convolutional Networks" inverts what a layer makes of an image. Here it is the
mean of what a layer makes of many: of a class the images of it, of a hidden unit those that excite it most. They are
dealt at random into as many parts of about the same size as there are pictures, so that no image stands behind two of
them, and the mean code of each part is inverted. The unit itself takes no further part: two units that like the same
images get the same pictures. What a mean code tells is the expected image of it, blurred where the images differ.

A mean of codes is no code of an image, and the network was trained with none, so nothing says that it inverts them as
well. The paper inverts no means of a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from replications.compare.material import Material
from replications.compare.method import ComparedMethod, Family, Made
from replications.compare.protocol import Protocol
from replications.compare.subjects import Subject
from replications.suite.interface import Context
from replications.survey.inversion_networks import InvertedLayer, lacking_inversions, load_inversions

FORWARD = 0.5  # of a forward and backward pass; for what isn't trained both halves cost about the same


@dataclass(frozen=True)
class Inverted(ComparedMethod):
    """layer: whose mean code is inverted. inversions: a configuration of conf/inversion_networks, of which the first
    network of the layer is taken; None where there is none."""

    title: str
    layer: str
    inversions: Mapping[str, Any] | None

    family: ClassVar[Family] = "inversion"
    optimizes: ClassVar[bool] = False

    def missing(self, context: Context, protocol: Protocol) -> str | None:
        network = context.network
        named = self.inversions
        if named is not None and named["network"] == network.name and self.layer not in named["files"]:
            return (
                f"needs an up-convolutional network that inverts layer '{self.layer}' of '{network.name}'; there are "
                f"some for {', '.join(named['files'])}"
            )
        return lacking_inversions(self._own(), network, network.input_size)

    def visualize(self, material: Material, passes: int | None) -> Made:
        own = self._own()
        assert own is not None, "missing() says that there are no networks"
        loaded = load_inversions(own, material.network)[self.layer][0]
        subjects = material.subjects
        made, looked_at = [], []
        for subject in material.progress(subjects, "inverting mean codes", len(subjects)):
            liked = material.of_class_or_liked(subject, material.protocol.liked)
            made.append(_inverted_means(material, subject, liked, loaded))
            # what a hidden unit likes is found among all images
            looked_at.append(len(liked) if subject.kind == "class" else len(material.indices))
        looked = sum(looked_at) / len(looked_at)
        return Made(torch.stack(made), passes=0.0, generator_passes=FORWARD, looked_at=looked)

    def _own(self) -> dict[str, Any] | None:
        """The configuration with the one network that is used."""
        if self.inversions is None:
            return None
        return {**self.inversions, "files": {self.layer: list(self.inversions["files"].get(self.layer, ()))[:1]}}


def parts_of(liked: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Indices (m,) dealt at random into `count` parts whose sizes differ by one at most. Raises ValueError where there
    are fewer indices than parts."""
    if len(liked) < count:
        raise ValueError(
            f"expected at least one image for each of {count} pictures, found {len(liked)}; set training_images of the "
            "protocol higher, or pictures lower"
        )
    return liked[torch.randperm(len(liked), generator=generator)].tensor_split(count)


@torch.inference_mode()
def _inverted_means(material: Material, subject: Subject, liked: Tensor, loaded: InvertedLayer) -> Tensor:
    """(n, 3, S, S) in [0, 1], on the CPU."""
    parts = parts_of(liked, material.pictures, material.generator("parts", subject.unit.name))
    means = [loaded.codes(material.pictures_of(part)).mean(0) for part in parts]
    return loaded.of_codes(torch.stack(means)).cpu().clone()
