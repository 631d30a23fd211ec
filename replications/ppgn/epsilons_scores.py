"""What is measured of the last sample of a chain that is asked for a class, and of real images of that class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metrics.feature_space import Features
from metrics.realism import plausibility
from replications.multifaceted.judge import Judge
from replications.ppgn.chains import Chains
from replications.ppgn.comparisons import Measure
from replications.ppgn.variants import Variant

NEIGHBOURS = 5
CLASS, NAMED, FAR, DETAIL, CODE, MOVED, OWN = (
    "class probability",
    "class named",
    "distance to real images",
    "detail",
    "distance to real codes",
    "moved",
    "condition's probability",
)
MEASURES = {
    CLASS: Measure("probability, of the class as the judge sees it, 0 to 1", "higher", share=True),
    NAMED: Measure("share, for which the judge's first choice is the class", "higher", share=True),
    FAR: Measure("distances among real images, to the nearest of the class in the judge's features", "lower"),
    DETAIL: Measure("share of real images' detail, that is the difference of neighbouring pixels", "none"),
    CODE: Measure("distances among real codes, from the code to the nearest of the class", "lower"),
    MOVED: Measure("root mean square, of the difference in pixels from the published chain's sample, 0 to 1", "none"),
    OWN: Measure("probability, of the class as the condition network sees it, 0 to 1", "higher", share=True),
}


@dataclass(frozen=True, eq=False)
class Natural:
    """Of the validation images of a class: what the judge sees (N, ...), detail, and codes (N, d)."""

    features: Features
    detail: float
    codes: Features


def natural_images(judge: Judge, variant: Variant, name: str, count: int, generator: torch.Generator) -> Natural:
    """Of `count` validation images of a class, at most: the first in the generator's order."""
    images, seen = judge.natural(name)
    chosen = torch.randperm(len(images), generator=generator)[:count]
    features = Features(seen.features.values[chosen], seen.features.space)
    codes = Features(variant.encode(images[chosen]).flatten(1), "codes")
    return Natural(features, float(detail(images[chosen]).mean()), codes)


def scores(
    judge: Judge,
    groups: Sequence[str],
    natural: Mapping[str, Natural],
    images: Tensor,
    variant: Variant,
    chains: Chains | None = None,
    published: Tensor | None = None,
) -> dict[str, np.ndarray]:
    """By MEASURES, of one picture (n, 3, S, S) for each of `groups`, the classes.

    chains: whose last samples they are; None for real images. published: (n, 3, S, S), how far they are from which.
    """
    seen, codes = judge.see(images), (variant.encode(images) if chains is None else chains.codes).flatten(1)
    outputs = [judge.outputs_of(name) for name in groups]
    first = seen.probabilities.argmax(1).tolist()
    found = {
        CLASS: np.array([float(row[own].double().sum()) for row, own in zip(seen.probabilities, outputs, strict=True)]),
        NAMED: np.array([float(one in own) for one, own in zip(first, outputs, strict=True)]),
        FAR: _distances(seen.features, groups, {name: own.features for name, own in natural.items()}),
        DETAIL: detail(images).numpy() / np.array([natural[name].detail for name in groups]),
        CODE: _distances(Features(codes, "codes"), groups, {name: own.codes for name, own in natural.items()}),
    }
    if published is not None:
        found[MOVED] = (images - published).double().square().flatten(1).mean(1).sqrt().numpy()
    if chains is not None:
        found[OWN] = chains.values[-1].double().exp().numpy()
    return found


def _distances(features: Features, groups: Sequence[str], natural: Mapping[str, Features]) -> np.ndarray:
    """(n,) to the nearest real ones of each one's class; see `plausibility`."""
    number = {name: i for i, name in enumerate(natural)}
    found = plausibility(
        features,
        Features(torch.cat([own.values for own in natural.values()]), features.space),
        k=NEIGHBOURS,
        labels=torch.tensor([number[name] for name in groups]),
        natural_labels=torch.cat([torch.full((len(own),), number[name]) for name, own in natural.items()]),
    )
    return found.numpy()


def detail(images: Tensor) -> Tensor:
    """(n,) the mean difference of neighbouring pixels, in [0, 1]. images: (n, 3, H, W) in [0, 1]."""
    values = images.double()
    down, across = values.diff(dim=2).abs().flatten(1).mean(1), values.diff(dim=3).abs().flatten(1).mean(1)
    return (down + across) / 2
