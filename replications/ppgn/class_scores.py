"""The scores of images of classes: those of the paper's table of real images beside samples (Nguyen et al. 2017).

A held-out network stands in Inception's place, so its numbers are its own.

| score | of | direction | bounds |
|---|---|---|---|
| accuracy | images whose asked class is the likeliest, % | higher | [0, 100] |
| Inception score | classes (and facets) told apart surely and evenly | higher | [1, classes (facets)] |
| MS-SSIM | mean over pairs of a set's images of one class | lower | [0, 1] |
| varied classes | MS-SSIM below the largest of any class of real images | higher | [0, classes] |
| facets found | of a class, among all its images | higher | [0, 1] |

"Varied classes" is the count of Odena et al. 2017 (AC-GAN), which the paper takes over. Real images have all
classes but the one with the largest value itself: the 999 of 1000 in the paper's table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metrics.facets import Recall
from metrics.inception_score import inception_score
from metrics.ms_ssim import WINDOW, ms_ssim_pairs, scales_that_fit
from replications.multifaceted.judge import Judge, Seen
from replications.ppgn.class_sets import class_probabilities

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Of `sets` sets of `count` images of each class.

    named: (classes, sets, count) bool, whether the judge finds the asked class the likeliest. probability: of that
    class. similarity: (classes, sets) mean MS-SSIM. inception, facet_inception: (sets,), over the images of all
    classes; the latter None where the judge tells no facets. recalls: for each class, of all its images together.
    """

    named: Tensor
    probability: Tensor
    similarity: Floats
    inception: Floats
    facet_inception: Floats | None
    recalls: tuple[Recall, ...]

    @property
    def accuracy(self) -> Floats:
        """(classes, sets) in percent."""
        return 100 * self.named.double().mean(2).numpy()

    @property
    def recall(self) -> Floats:
        """(classes,) in [0, 1]."""
        return np.array([one.value for one in self.recalls])


def class_scores(judge: Judge, images: Tensor, names: Sequence[str]) -> ClassScores:
    """images: (classes, sets, count, 3, H, W) in [0, 1], of the classes `names` in order; two or more of each set.

    Raises ValueError for images of another layout, or too small for one scale of MS-SSIM.
    """
    if images.ndim != 6 or images.shape[0] != len(names) or images.shape[2] < 2:
        raise ValueError(
            f"expected images of {len(names)} classes as (classes, sets, 2 or more, 3, H, W), found "
            f"{tuple(images.shape)}"
        )
    shape = images.shape[:3]
    seen = judge.see(images.flatten(0, 2))
    probabilities = class_probabilities(judge, seen, names).unflatten(0, shape)
    asked = torch.arange(len(names))[:, None, None]
    facets = all(judge.tells_facets(name) for name in names)
    return ClassScores(
        named=probabilities.argmax(3) == asked,
        probability=probabilities.gather(3, asked[..., None].expand(*shape, 1))[..., 0],
        similarity=_similarities(images),
        inception=_inception(probabilities / probabilities.sum(3, keepdim=True)),
        facet_inception=_inception(seen.probabilities.unflatten(0, shape)) if facets else None,
        recalls=tuple(
            judge.recall(_rows(seen, rows), name) for name, rows in zip(names, _of_classes(shape), strict=True)
        ),
    )


def varied_classes(scores: ClassScores, real: ClassScores) -> int:
    """How many classes are about as varied as real images: see the head of the file."""
    return int((scores.similarity.mean(1) < real.similarity.mean(1).max()).sum())


def _similarities(images: Tensor) -> Floats:
    scales = scales_that_fit(*images.shape[4:])
    if not scales:
        raise ValueError(f"MS-SSIM needs images of {WINDOW} pixels or more, found {tuple(images.shape[4:])}")
    return np.array([[1 - ms_ssim_pairs(one, scales).mean().value for one in sets] for sets in images])


def _inception(probabilities: Tensor) -> Floats:
    """(sets,) from (classes, sets, count, K)."""
    return np.array([inception_score(one.flatten(0, 1)) for one in probabilities.transpose(0, 1)])


def _of_classes(shape: Sequence[int]) -> list[slice]:
    size = shape[1] * shape[2]
    return [slice(i * size, (i + 1) * size) for i in range(shape[0])]


def _rows(seen: Seen, rows: slice) -> Seen:
    return Seen(seen.probabilities[rows], replace(seen.features, values=seen.features.values[rows]))
