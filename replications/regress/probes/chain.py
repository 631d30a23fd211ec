"""What chains of a Plug & Play Generative Network come to: codes that are like real ones, of the class that was asked.

Nguyen et al. 2017, Eq. 11: without the prior (epsilon 1 = 0) a chain leaves the codes that the generator knows, and
without the condition it forgets the class; both go on making pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch

from metrics.perceptual import all_pairs
from replications.multifaceted.judge import Judge
from replications.multifaceted.samples import needs_facets
from replications.ppgn.class_sets import asked_classes
from replications.ppgn.conditions import of_class
from replications.ppgn.epsilons_scores import CLASS, CODE, DETAIL, Natural, natural_images, scores
from replications.ppgn.parts import sample
from replications.ppgn.variants import Variant, Variants, check_variant, missing
from replications.regress.probe import Found, Probe, Quantity
from replications.suite.interface import Context

VARIETY = "variety"
_CLUSTERS = 2  # of natural images in place of facets; nothing is measured by them here


@dataclass(frozen=True, eq=False)
class Ready:
    """natural: by each class that is asked for, what real images of it are."""

    judge: Judge
    variant: Variant
    natural: Mapping[str, Natural]


@dataclass(frozen=True)
class Chain(Probe):
    """ppgn: a configuration of conf/ppgn. variant: one of its names. task: of its settings; changes: of single ones.

    classes: the first so many that the network knows. chains: of each, for a seed. natural: validation images of a
    class that distances are taken to, the same for all seeds.
    """

    name: ClassVar[str] = "chain"
    title: ClassVar[str] = "What a generative chain comes to"
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity(CODE, "distances among real codes, from the code to the nearest of the class", "lower", 0.05),
        Quantity(CLASS, "probability of the class as the judge sees it, 0 to 1", "higher", 0.05),
        Quantity(DETAIL, "share of real images' difference of neighbouring pixels", "none", 0.02),
        Quantity(VARIETY, "mean perceptual distance of pairs of one class's samples", "higher", 0.01),
    )

    protocol: Mapping[str, Any]
    ppgn: Mapping[str, Any]
    variant: str
    task: str | None
    changes: Mapping[str, Any]
    classes: int
    chains: int
    natural: int

    def __post_init__(self) -> None:
        check_variant(self.ppgn, self.variant)
        if self.chains < 2:
            raise ValueError(f"samples of a class are compared with each other, so there are 2 or more: {self.chains}")

    def missing(self, context: Context) -> str | None:
        return missing(self.ppgn, context, [self.variant]) or needs_facets(context.data.validation)

    def prepared(self, context: Context) -> Ready:
        names = asked_classes(context.network, context.data.validation, self.classes)
        variant = Variants.of(self.ppgn, context).get(self.variant, self.task, **self.changes)
        judge = Judge(context.evaluator, context.data.validation, clusters=_CLUSTERS)
        natural = {
            name: natural_images(judge, variant, name, self.natural, context.generator("natural", name))
            for name in names
        }
        return Ready(judge, variant, natural)

    def look(self, context: Context, seed: int, prepared: Ready) -> Iterator[Found]:
        judge, variant, names = prepared.judge, prepared.variant, list(prepared.natural)
        groups = [name for name in names for _ in range(self.chains)]
        made = sample(
            variant.sampler,
            [of_class(context.network, name) for name in groups],
            seed=context.seed,
            numbers=[seed * self.chains + i for _ in names for i in range(self.chains)],
        )
        images = variant.made(made.codes)
        found = scores(judge, groups, prepared.natural, images, variant, made)
        for i, name in enumerate(names):
            rows = slice(i * self.chains, (i + 1) * self.chains)
            values = {measure: float(found[measure][rows].mean()) for measure in (CODE, CLASS, DETAIL)}
            with torch.inference_mode():
                values[VARIETY] = float(all_pairs(judge.backbone, images[rows]).mean().value)
            yield Found(name, "class", values)
