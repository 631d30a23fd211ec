"""Which classes are asked for, real images of them to set beside samples, and what a judge makes of classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from replications.data.image_set import ImageSet
from replications.multifaceted.images import class_images
from replications.multifaceted.judge import Judge, Seen
from replications.networks.network import Network, UnknownClass


def asked_classes(network: Network, images: ImageSet, most: int | None = None) -> list[str]:
    """The classes of the images that the network has an output for, the first `most`."""
    known = []
    for name in images.classes:
        try:
            network.class_index(name)
        except UnknownClass:
            continue
        known.append(name)
    return known[:most]


def titles_of(images: ImageSet, names: Sequence[str]) -> list[str]:
    """What people call classes."""
    titles = getattr(images, "titles", images.classes)
    return [titles[images.classes.index(name)] for name in names]


def too_few(network: Network, images: ImageSet, count: int, most: int | None = None) -> str | None:
    """What lacks for `count` images of each asked class, of two classes or more, as one sentence, or None."""
    names = asked_classes(network, images, most)
    if len(names) < 2:
        return f"needs two classes that network '{network.name}' has outputs for, and {images.name} has {len(names)}"
    counts = {name: int((images.labels == images.classes.index(name)).sum()) for name in names}
    fewest = min(counts, key=counts.__getitem__)
    if counts[fewest] >= count:
        return None
    return f"needs {count} images of each class beside the samples, and {images.name} has {counts[fewest]} of {fewest}"


def drawn(images: ImageSet, name: str, count: int, generator: torch.Generator) -> Tensor:
    """(count, 3, H, W): images of a class at random, none twice."""
    own = class_images(images, name)
    return images.images(own[torch.randperm(len(own), generator=generator)[:count]])


def class_probabilities(judge: Judge, seen: Seen, names: Sequence[str]) -> Tensor:
    """(n, classes) float64: the judge's probability of each class, the sum over its facets where it tells these."""
    return torch.stack([judge.class_probability(seen, name) for name in names], 1)


def sized(images: Tensor, size: int) -> Tensor:
    """Images (n, 3, H, W) in [0, 1] made `size` pixels wide and high."""
    if images.shape[2] == images.shape[3] == size:
        return images
    found = functional.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)
    return found.clamp(0, 1)


def through(images: Tensor, size: int) -> Tensor:
    """Images (n, 3, H, W) in [0, 1] made `size` pixels wide and high, and as large as before again: what is finer is
    lost, as in the paper's samples at 128 pixels."""
    height, width = images.shape[2:]
    if not 1 <= size <= min(height, width):
        raise ValueError(f"images of {height}x{width} pixels pass through 1 to {min(height, width)}, not {size}")
    small = sized(images, size)
    return functional.interpolate(small, (height, width), mode="bilinear", align_corners=False).clamp(0, 1)
