"""The images that are inverted, those that errors are measured by, and what is known of natural pixels."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.networks.network import Network
from replications.suite.interface import Context
from replications.survey.inversion import PixelStatistics
from replications.survey.representation_error import Scale


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """images: (n, 3, S, S) in [0, 1] as the network sees them, the first of `reference`: (m, 3, S, S), validation
    images. statistics: of training images. scale: of distances between images, from `reference`."""

    images: Tensor
    reference: Tensor
    statistics: PixelStatistics
    scale: Scale


def lacking_images(context: Context, images: int, reference: int, statistics: int) -> str | None:
    """What there is too little of, as one sentence, or None."""
    for what, wanted, found in (
        ("validation images", max(images, reference), context.data.validation),
        ("training images", statistics, context.data.train),
    ):
        if len(found) < wanted:
            return f"needs {wanted} {what}, and {found.name} has {len(found)}"
    return None


def material(context: Context, images: int, reference: int, statistics: int) -> Material:
    """Validation images drawn at random, and training images for the statistics."""
    network = context.network
    validation, train = context.data.validation, context.data.train
    drawn = torch.randperm(len(validation), generator=context.generator("images"))[: max(images, reference)]
    seen = as_seen(network, validation, drawn)
    others = torch.randperm(len(train), generator=context.generator("statistics"))[:statistics]
    known = PixelStatistics.of(as_seen(network, train, others.sort().values))
    return Material(seen[:images], seen[:reference], known, Scale.of(seen[:reference]))


def as_seen(network: Network, images: ImageSet, indices: Tensor) -> Tensor:
    """(n, 3, S, S) in [0, 1]: resized and cropped as the network does."""
    parts = []
    with torch.inference_mode():
        for part in indices.split(64):
            inputs = network.preprocess(images.images(part))
            parts.append(network.preprocessing.denormalize(inputs).cpu().clamp(0, 1))
    return torch.cat(parts)
