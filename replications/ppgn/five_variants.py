"""The five variants side by side (Nguyen et al. 2017, Sec. 3): samples of the same classes, from the same starts.

PPGN-x, DGN-AM, PPGN-h, Joint PPGN-h and Noiseless Joint PPGN-h each make a few samples of every class, all with as many
steps. The paper shows them; here a held-out evaluator tells how good and how varied they are. Beside them stand as many
real validation images; others of these are what all are compared with.

Quality is the distance of an image to the nearest real images of its class in the evaluator's features, in units of the
distance that real images have to each other (`metrics.realism.plausibility`): it asks that an image look real and of
its class at once. Diversity is the mean perceptual distance, in the evaluator's maps, of a class's images to each
other, over that of real images of the class.

Statistics, fixed before any result was seen. Each class has one chain in each of several sets, by their numbers, which
are the seeds; values are paired by class and set, and intervals are 95 % bootstraps over the classes. Where a claim has
several tests all must hold, so none is corrected for their number.

PPGN-C-noiseless-best-quality: the distance to real images of each of the other four variants is larger than that of
Noiseless Joint PPGN-h.
PPGN-C-x-poor: that of PPGN-x is larger than that of each of the others, the claim being of a poor model among these.
PPGN-C-h-comparable-dgn: PPGN-h minus DGN-AM lies within a quarter either way, both in that distance and in diversity; a
quarter of what real images have is this suite's bound for what is comparable.
PPGN-C-dgn-same-mode: the diversity of DGN-AM's chains, which started at random, is below half of that of real images;
the half is this suite's bound for the same mode.
The differences that no claim is about stand in a table, with p-values that Holm has corrected.

Deviations: DGN-AM, PPGN-h and Noiseless Joint PPGN-h share a generator (see `variants`), so images differ by how they
were sampled. The schedules of three variants couldn't be recovered (conf/sampler says which). The paper judges by eye.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from replications.multifaceted.judge import Judge
from replications.ppgn.class_sets import asked_classes, drawn, sized, titles_of, too_few
from replications.ppgn.conditions import of_class
from replications.ppgn.five_variants_report import (
    BEST_QUALITY,
    COMPARABLE,
    POOR,
    REAL,
    SAME_MODE,
    Found,
    evidence,
    measurements,
    pictures,
    tables,
)
from replications.ppgn.parts import sample
from replications.ppgn.variant_scores import STARTS_APART, VariantScorer
from replications.ppgn.variants import NAMES, Variant, Variants, missing
from replications.suite.interface import Context, Experiment, Outcome

ONLY_ENDS = 1_000_000  # more steps than any chain has: only its start and its end are kept


@dataclass(frozen=True)
class FiveVariants(Experiment):
    """ppgn: a configuration of conf/ppgn. changes: of all variants' settings.

    classes: at most, the first ones; None for all. sets: chains of each class, each in a set of its own. compared: real
    images of each class that images are compared with. natural_clusters: of the validation images of a class, where its
    facets aren't known.
    """

    name: ClassVar[str] = "variants"
    title: ClassVar[str] = "The five variants side by side"
    paper: ClassVar[str] = "ppgn"
    answers: ClassVar[tuple[str, ...]] = (
        "PPGN-E10",
        "PPGN-V1",
        "PPGN-V7",
        "PPGN-V2",
        "PPGN-V3",
        "PPGN-V4",
        "PPGN-V5",
        "PPGN-H13",
        BEST_QUALITY,
        POOR,
        COMPARABLE,
        SAME_MODE,
    )
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    ppgn: Mapping[str, Any]
    changes: Mapping[str, Any]
    classes: int | None
    sets: int
    compared: int
    natural_clusters: int

    def __post_init__(self) -> None:
        if self.sets < 2 or self.compared < 6:
            raise ValueError(
                "expected 2 sets or more, whose images are compared, and 6 or more real images of a class to compare "
                f"with, found sets={self.sets}, compared={self.compared}"
            )

    def missing(self, context: Context) -> str | None:
        return missing(self.ppgn, context) or too_few(
            context.network, context.data.validation, self.sets + self.compared, self.classes
        )

    def run(self, context: Context) -> Outcome:
        validation = context.data.validation
        names = asked_classes(context.network, validation, self.classes)
        judge = Judge(context.evaluator, validation, clusters=self.natural_clusters)
        variants, outcome = Variants.of(self.ppgn, context), Outcome()
        images, starts = {}, {}
        for name in NAMES:
            variant = variants.get(name, **{**self.changes, "keep_every": ONLY_ENDS})
            images[variant.title], starts[variant.title], notes = self._sampled(context, variant, names)
            outcome.notes += notes
        yardstick, compared = self._real(context, names, images[variant.title].shape[-1])
        images[REAL] = yardstick
        scorer = VariantScorer(judge, context.network, names, compared)
        scores = {title: scorer.scores(own) for title, own in context.progress(images.items(), "looking", len(images))}
        for title, own in starts.items():
            scores[title].by_class[STARTS_APART] = scorer.apart(own)
        found = Found(scores, titles_of(validation, names), self.sets, judge.name, context.network.name)
        outcome.measurements, outcome.evidence = measurements(found), evidence(found)
        outcome.tables, outcome.pictures = tables(found), pictures(found, images)
        return outcome

    def _sampled(self, context: Context, variant: Variant, names: list[str]) -> tuple[Tensor, Tensor, list[str]]:
        """What a variant's chains show at their end and at their start, (classes, sets, 3, S, S) each, and notes.

        PPGN-x starts from pixels of which some are below black or above white, which nobody sees.
        """
        chains = sample(
            variant.sampler,
            [of_class(context.network, name) for name in names for _ in range(self.sets)],
            seed=context.seed,
            folder=context.workspace,
            name=variant.name,
            progress=context.progress,
        )
        shape = (len(names), self.sets)
        ends, begun = (variant.made(codes).clamp(0, 1).unflatten(0, shape) for codes in (chains.codes, chains.kept[0]))
        lost = len(chains.diverged)
        said = (
            f"{variant.title}: the numbers of {lost} of {len(chains)} chains were no longer finite, so these stopped."
        )
        return ends, begun, [said] if lost else []

    def _real(self, context: Context, names: list[str], size: int) -> tuple[Tensor, Tensor]:
        """Real images to be scored as samples are, and others to compare with: (classes, n, 3, S, S) each."""
        validation, count = context.data.validation, self.sets + self.compared
        parts = [drawn(validation, name, count, context.generator("real", name)) for name in names]
        real = torch.stack([sized(part, size) for part in parts])
        return real[:, : self.sets], real[:, self.sets :]
