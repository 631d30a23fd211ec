"""Which images the experiments look at: for each class several sets that share no image."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.multifaceted.facets import Integers
from replications.multifaceted.images import class_images


@dataclasses.dataclass(frozen=True)
class Sample:
    """Images of one class.

    label: the class, position in `classes`. title: what people call it. number: of the set, from 0.
    indices: (n,) int64, ascending.
    """

    label: int
    title: str
    number: int
    indices: Tensor


def samples(
    images: ImageSet, size: int, sets: int, generator: Callable[[str], torch.Generator], classes: int | None = None
) -> tuple[list[Sample], list[str]]:
    """For each class up to `sets` disjoint sets of `size` images, drawn from its first `size * sets`; and the classes
    that have too few images for one.

    generator: of the random numbers for a class, by its name. classes: how many at most, the first ones; None for all.

    Raises ValueError where no image, set or class is asked for.
    """
    if min(size, sets, 1 if classes is None else classes) < 1:
        raise ValueError(
            "expected at least 1 image in a set, 1 set and 1 class; "
            f"found images={size}, sets={sets}, classes={classes}"
        )
    titles = getattr(images, "titles", images.classes)
    drawn: list[Sample] = []
    lacking: list[str] = []
    for label, name in enumerate(images.classes):
        if len({sample.label for sample in drawn}) == classes:
            break
        if int((images.labels == label).sum()) < size:
            lacking.append(titles[label])
            continue
        pool = class_images(images, name)[: size * sets]
        pool = pool[torch.randperm(len(pool), generator=generator(name))]
        whole = pool[: len(pool) // size * size].split(size)
        drawn += [Sample(label, titles[label], number, part.sort().values) for number, part in enumerate(whole)]
    return drawn, lacking


def too_few_classes(images: ImageSet, size: int) -> str | None:
    """What is lacking for an interval over classes, as one sentence, or None."""
    counts = torch.bincount(images.labels, minlength=len(images.classes))
    enough = int((counts >= size).sum())
    if enough >= 2:
        return None
    return (
        f"needs at least two classes of {size} images each to cluster, and {images.name} has {enough} "
        f"(the largest has {int(counts.max())} images); give more images, or set images= of this experiment lower"
    )


def needs_facets(images: ImageSet) -> str | None:
    """That the facets of the images aren't known, as one sentence, or None."""
    if "facets" in images.provides:
        return None
    return f"needs images whose facets are known, and those of {images.name} aren't; facetworld's are"


def known_facets(images: ImageSet, indices: Tensor) -> tuple[Integers, list[str]]:
    """The facets of images whose set provides them: (n,) numbers from 0, and the name of each number ("frontal")."""
    numbers, labels = images.facet_labels[indices].unique(return_inverse=True)  # type: ignore[attr-defined]
    names = [images.facets[number].rpartition("/")[2] for number in numbers.tolist()]  # type: ignore[attr-defined]
    return labels.numpy().astype(np.int64), names
