"""Samples of every class, and the table real / PPGN (Nguyen et al. 2017, Sec. 4 and supplement).

The paper samples every class by Noiseless Joint PPGN-h and sets the samples beside real images at two resolutions by
four numbers of Inception-v3: accuracy, Inception score, MS-SSIM within a class, and the classes that are as diverse as
real images. Here a held-out evaluator that took no part in sampling stands in Inception's place; half the evaluator's
input size stands for the paper's 128 of 256 pixels (images are made smaller and as large as before). Beside them as
many real validation images of each class, images at the chains' starts, and the real images through encoder and
generator, which is as good as samples can be expected to get.

Statistics, fixed before any result was seen. Chains of a class are split by number into disjoint sets, the seeds;
intervals are 95 % bootstraps over the classes.

PPGN-C-class-conditional ("samples conditioned on a class show it, for all classes") holds if
1. the evaluator finds the asked class the likeliest in more than half of the last samples, on average over classes; and
2. in the class where it does so least, more often than chance would: Wilson's interval over that class's chains, at a
   level that covers all classes at once (Bonferroni).

PPGN-C-diverse ("samples of a class are diverse") holds if
1. the mean MS-SSIM of pairs of a class's samples is less than 0.1 above that of as many real images; and
2. more than 70 % of a class's facets are found among its samples of all sets, as the evaluator tells facets.
MS-SSIM alone would reward noise, facets alone would pass for copies of each. Both bounds are this suite's: the paper's
own numbers (0.25 beside 0.10) are known from memory alone. Two further bars of this suite, not tests: 80 % accuracy,
and the evaluator's numbers for real images.

Deviations, with their reasons:
- As many chains as the time allows, one sample of each: its last.
- The Inception score is taken over sets of a tenth or so of the images, as the paper's splits are; over classes, as
  Inception's outputs are classes, and over facets besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from replications.multifaceted.judge import Judge
from replications.ppgn.chains import Chains
from replications.ppgn.class_samples_drawing import picture_of_classes, picture_of_films, picture_of_samples
from replications.ppgn.class_samples_report import (
    CONDITIONAL,
    DIVERSE,
    REAL,
    RECONSTRUCTED,
    SAMPLES,
    STARTS,
    Course,
    Found,
    evidence,
    measurements,
    smaller,
    tables,
)
from replications.ppgn.class_scores import class_scores
from replications.ppgn.class_sets import asked_classes, class_probabilities, drawn, sized, through, titles_of, too_few
from replications.ppgn.conditions import of_class
from replications.ppgn.parts import sample
from replications.ppgn.variants import Variant, Variants, check_variant, missing
from replications.suite.interface import Context, Experiment, Outcome


@dataclass(frozen=True)
class ClassSamples(Experiment):
    """ppgn: a configuration of conf/ppgn. variant: one of its names. changes: of its settings.

    classes: at most, the first ones; None for all. sets, chains: of each class, and chains of a set. smaller: pixels of
    the second resolution. film_every: steps between frames. natural_clusters: of the validation images of a class,
    where its facets aren't known. shown: samples of a class in the picture.
    """

    name: ClassVar[str] = "class_samples"
    title: ClassVar[str] = "Samples of every class, and the table real / PPGN"
    paper: ClassVar[str] = "ppgn"
    answers: ClassVar[tuple[str, ...]] = (
        "PPGN-H1",
        "PPGN-R1",
        "PPGN-R3",
        "PPGN-R4",
        "PPGN-R8",
        CONDITIONAL,
        DIVERSE,
    )
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    ppgn: Mapping[str, Any]
    variant: str
    changes: Mapping[str, Any]
    classes: int | None
    sets: int
    chains: int
    smaller: int
    film_every: int
    natural_clusters: int
    shown: int

    def __post_init__(self) -> None:
        check_variant(self.ppgn, self.variant)
        if self.classes is not None and (not isinstance(self.classes, int) or self.classes < 2):
            raise ValueError(f"'classes' is how many, 2 or more, or null for all of them; found {self.classes}")
        if self.sets < 2 or self.chains < 2 or self.shown < 1:
            raise ValueError(
                "expected 2 sets or more, 2 chains or more in each (which MS-SSIM compares) and 1 or more samples "
                f"shown, found sets={self.sets}, chains={self.chains}, shown={self.shown}"
            )

    @property
    def count(self) -> int:
        """Chains of a class."""
        return self.sets * self.chains

    def missing(self, context: Context) -> str | None:
        return missing(self.ppgn, context, [self.variant]) or too_few(
            context.network, context.data.validation, self.count, self.classes
        )

    def run(self, context: Context) -> Outcome:
        names = asked_classes(context.network, context.data.validation, self.classes)
        judge = Judge(context.evaluator, context.data.validation, clusters=self.natural_clusters)
        variants = Variants.of(self.ppgn, context)
        variant = variants.get(self.variant, **{**self.changes, "keep_every": self.film_every})
        chains = sample(
            variant.sampler,
            [of_class(context.network, name) for name in names for _ in range(self.count)],
            seed=context.seed,
            folder=context.workspace,
            name=self.variant,
            progress=context.progress,
        )
        sets = self._sets(context, variant, chains, names)
        scores = {
            title: class_scores(judge, images, names)
            for title, images in context.progress(sets.items(), "looking at the samples", len(sets))
        }
        course, frames = self._course(judge, variant, chains, names)
        size = sets[SAMPLES].shape[-1]
        titles = titles_of(context.data.validation, names)
        found = Found(
            scores=scores,
            classes=titles,
            facets=[_facets(judge, name) for name in names],
            condition=chains.values[-1].double().exp().unflatten(0, (len(names), self.sets, self.chains)).numpy(),
            course=course,
            judge=judge.name,
            network=context.network.name,
            variant=variant.title,
            sizes=(size, self.smaller),
        )
        outcome = Outcome(measurements(found), evidence(found), tables=tables(found))
        outcome.notes += _trouble(chains, titles, self.count)
        outcome.pictures = [
            picture_of_samples(found, sets[SAMPLES], sets[REAL], self.shown),
            picture_of_films(found, frames),
            picture_of_classes(found),
        ]
        return outcome

    def _sets(self, context: Context, variant: Variant, chains: Chains, names: list[str]) -> dict[str, Tensor]:
        """By words for them, images (classes, sets, chains, 3, S, S)."""
        made = variant.made(chains.codes)
        size, shape = made.shape[-1], (len(names), self.sets, self.chains)
        validation = context.data.validation
        parts = [drawn(validation, name, self.count, context.generator("real", name)) for name in names]
        real = sized(torch.cat(parts), size)
        found = {
            REAL: real,
            SAMPLES: made,
            smaller(REAL): through(real, self.smaller),
            smaller(SAMPLES): through(made, self.smaller),
            RECONSTRUCTED: variant.made(variant.encode(real)),
            STARTS: variant.made(chains.kept[0]).clamp(0, 1),
        }
        return {title: images.unflatten(0, shape) for title, images in found.items()}

    def _course(self, judge: Judge, variant: Variant, chains: Chains, names: list[str]) -> tuple[Course, Tensor]:
        """How the chains of the first set went, and the frames (k, classes, 3, S, S) of the first of each class."""
        rows = torch.arange(len(names))[:, None] * self.count + torch.arange(self.chains)
        named, probability, frames = [], [], []
        asked = torch.arange(len(names)).repeat_interleave(self.chains)
        for codes in chains.kept[:, rows.flatten()]:
            images = variant.made(codes).clamp(0, 1)
            found = class_probabilities(judge, judge.see(images), names)
            named.append((found.argmax(1) == asked).double().unflatten(0, rows.shape).mean(1))
            probability.append(found.gather(1, asked[:, None])[:, 0].unflatten(0, rows.shape).mean(1))
            frames.append(images[:: self.chains])
        own = chains.kept_values[:, rows.flatten()].double().exp().unflatten(1, rows.shape).mean(2)
        course = Course(
            np.array(chains.kept_steps), 100 * torch.stack(named).numpy(), torch.stack(probability).numpy(), own.numpy()
        )
        return course, torch.stack(frames)


def _facets(judge: Judge, name: str) -> list[str]:
    """What the judge calls the facets of a class, in the order of its outputs."""
    return [judge.network.classes[i].partition("/")[2] for i in judge.facets_of(name)]


def _trouble(chains: Chains, titles: list[str], count: int) -> list[str]:
    if not chains.diverged:
        return []
    lost = ", ".join(f"{titles[i // count]} {i % count} (step {step})" for i, step in chains.diverged.items())
    return [f"Chains whose numbers were no longer finite, which stayed where they were: {lost}."]
