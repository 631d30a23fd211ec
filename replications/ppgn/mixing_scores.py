"""How far a chain gets: measured on its samples, one after the other, as a held-out judge sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from metrics.facets import found_facets
from replications.multifaceted.judge import Judge
from replications.ppgn.comparisons import Measure

SHOWS = 0.5  # the judge's probability from which on a picture shows a class

VARIETY, ALL, SHOWN, WAIT = "variety", "variety of all samples", "class shown", "steps to another facet"
MEASURES = {
    VARIETY: Measure(
        "share of real images' variance, that the samples of a chain that show its class have in the judge's features; "
        "0 where fewer than two show it",
        "higher",
    ),
    ALL: Measure("share of real images' variance, that all samples of a chain have, whatever they show", "none"),
    SHOWN: Measure(
        f"share of samples, in which the class has a probability of {SHOWS:g} or more", "higher", share=True
    ),
    WAIT: Measure("steps, until a second facet of the class has been shown; if none is, all steps looked at", "lower"),
}


@dataclass(frozen=True, eq=False)
class Walk:
    """What the judge sees in k samples of one chain, in order.

    features: (k, d), of unit length. shows: (k,) bool, whether the class is shown. facets: (k,) which facet of the
    class, -1 for none.
    """

    features: Tensor
    shows: Tensor
    facets: Tensor


def walks(judge: Judge, names: Sequence[str], images: Tensor) -> list[Walk]:
    """One for each of n chains.

    names: (n,) the class of each. images: (k, n, 3, H, W) in [0, 1]. Raises ValueError for a class whose facets the
    judge doesn't tell.
    """
    if dull := [name for name in dict.fromkeys(names) if not judge.tells_facets(name)]:
        raise ValueError(f"{judge.name} doesn't tell the facets of {', '.join(dull)}")
    found = []
    for i, name in enumerate(names):
        seen = judge.see(images[:, i])
        shown = found_facets(seen.probabilities, judge.facets_of(name))
        facets = torch.where(shown.any(1), shown.long().argmax(1), -1)
        found.append(Walk(seen.features.values, judge.class_probability(seen, name) >= SHOWS, facets))
    return found


def scores(walk: Walk, natural: Tensor, every: int) -> dict[str, float]:
    """By MEASURES. natural: (N, d) the features of real images of the class. every: steps between two samples."""
    steps = [i * every for i in range(len(walk.facets))]
    return {
        VARIETY: variety(walk.features[walk.shows], natural),
        ALL: variety(walk.features, natural),
        SHOWN: float(walk.shows.double().mean()),
        WAIT: float(steps_to_another(walk.facets.tolist(), steps)),
    }


def variety(features: Tensor, natural: Tensor) -> float:
    """The variance of features (k, d) over that of natural ones (N, d), in [0, inf): 0 where they are one place or
    fewer than two; about 1 if they are independent and distributed as the natural ones."""
    unit = float(natural.double().var(0).sum())
    if not unit > 0:
        raise ValueError("the natural images are all alike, and nothing can be as varied as they are")
    return float(features.double().var(0).sum()) / unit if len(features) > 1 else 0.0


def steps_to_another(shown: Sequence[int], steps: Sequence[int]) -> int:
    """The step at which a second one of what is shown appears, counted from the first step; the last if none does.

    shown: at each of `steps` what is shown, -1 for nothing, which doesn't count.
    """
    first = next((one for one in shown if one >= 0), None)
    others = (step for one, step in zip(shown, steps, strict=True) if one >= 0 and one != first)
    return next(others, steps[-1]) - steps[0]


def steps_to(reached: Sequence[bool], steps: Sequence[int]) -> int:
    """The first of `steps` at which something is reached; the last if it never is."""
    return next((step for there, step in zip(reached, steps, strict=True) if there), steps[-1])
