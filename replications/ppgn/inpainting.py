"""Filling in a hole of an image: with and without the context term, with and without the class.

Nguyen et al. 2017 fill a square of 100 pixels at a random place of an image of 227 by chains whose update has a fourth
term (Eq. 12): the gradient of minus the squared distance between what is generated and the image around the hole. The
released code asks for the image's class as well, in 20 steps of a falling rate. The paper shows pictures; there are no
numbers in it to compare with.

Here validation images with such holes are filled by the same chains with both, with the context term alone, with the
class alone, and with neither. The network and the prior see the image around the hole in all four, as in the released
code, so even the last knows of it. Each image's four chains start from the same code. Beside them stand plain fillings,
which know nothing of images: the mean of the surroundings, and the smoothest filling (harmonic); and yardsticks: the
same place of another image of the class, the generator's copy of the whole image, G(E(image)), which is told what it
should fill in, and the image itself. What is generated is pasted into the hole.

Measured for each image: the error in the hole; how far what was generated is off around the hole, before pasting; the
perceptual distance of the filled image from the real one in a held-out network's maps; that network's probability of
the class, and whether no class is likelier; the step across the hole's edge.

The claim that missing pixels are filled in reasonably well, from the class and from the pixels around them, holds if by
classes each of these is above 0; set before any chain was run:
1. the error around the hole with the class alone, minus with class and context (the context term makes what is
   generated match the surroundings);
2. the error in the hole with the class alone, minus with class and context;
3. the class's probability with class and context, minus with the context alone;
4. the class's probability with class and context, minus with the harmonic filling.
All four must hold by themselves, so that their number needs no correction. That a plain filling has the larger error in
the hole is no part of it: where several fillings are likely, a smooth one has the least error and shows none of them.

Deviations, with their reasons:
- The hole has the published share of the side: 28 of 64 pixels.
- The context term is a sum over pixels, of which there are fewer here, and the class's log-probability isn't. So that
  they weigh as they did, epsilon 4 is the published 1e-9 times (227 / 64)^2. What other weights do, the published one
  among them, is measured on the first set (`weights`).
- The rate falls as published, from where conf/ppgn has all variants begin, and codes are clipped as there.
- Sets of images that share none, each with a hole of its own, are the seeds.
- Adobe's content-aware filling, which the paper shows beside its own, can't be had here; plain fillings stand for it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from replications.multifaceted.judge import Judge
from replications.multifaceted.samples import samples
from replications.ppgn.class_sets import asked_classes
from replications.ppgn.comparisons import Scored
from replications.ppgn.conditions import Condition, Masked, Unconditional, of_class
from replications.ppgn.conditions import Context as Surroundings
from replications.ppgn.holes import harmonic_filled, mean_filled, random_hole
from replications.ppgn.inpainting_drawing import picture_of_fillings, picture_of_weights
from replications.ppgn.inpainting_scores import MEASURES, SELDOM_SHOWN, Cases, score
from replications.ppgn.judging import judge_of, lacks
from replications.ppgn.parts import sample
from replications.ppgn.variants import TITLES, Variant, Variants, check_variant, missing
from replications.suite.interface import Context, Evidence, Experiment, Outcome

CLAIM = "PPGN-C-inpainting"
BOTH, CONTEXT, CLASS, NEITHER = "class and context", "context alone", "class alone", "neither"
ARMS = (BOTH, CONTEXT, CLASS, NEITHER)
MEAN, HARMONIC = "mean of the surroundings", "harmonic filling"
OTHER, COPY, REAL = "another image of the class", "copy of the whole image", "the image itself"
YARDSTICKS = (MEAN, HARMONIC, OTHER, COPY, REAL)


@dataclasses.dataclass(frozen=True)
class Inpainting(Experiment):
    """ppgn: a configuration of conf/ppgn. variant: which of its samplers fills. changes: of its settings.

    images, sets: of each class. hole: the share of the side that a hole has. context: epsilon 4. weights: others, tried
    on the first set. hidden: the share of the object that a hole hides, for the images that are looked at apart.
    shown: images drawn, of a class each.
    """

    name: ClassVar[str] = "inpainting"
    title: ClassVar[str] = "Filling in a hole"
    paper: ClassVar[str] = "ppgn"
    answers: ClassVar[tuple[str, ...]] = ("PPGN-E12", "PPGN-H6", CLAIM)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    ppgn: Mapping[str, Any]
    variant: str
    changes: Mapping[str, Any]
    images: int
    sets: int
    hole: float
    context: float
    weights: Sequence[float]
    hidden: float
    shown: int

    def __post_init__(self) -> None:
        if not 0 < self.hole < 1 or not 0 < self.hidden <= 1:
            raise ValueError(
                f"'hole' is a share of the side and 'hidden' of the object, above 0; found {self.hole}, {self.hidden}"
            )
        if min([self.context, *self.weights]) <= 0 or min(self.images, self.sets, self.shown) < 1 or self.alone:
            raise ValueError(
                "expected weights of the context above 0, two images of a class or more, and 1 set and image shown; "
                f"found context={self.context}, weights={list(self.weights)}, images={self.images}, "
                f"sets={self.sets}, shown={self.shown}"
            )
        check_variant(self.ppgn, self.variant, "inpainting")

    @property
    def alone(self) -> bool:
        """Whether an image would have no other of its class beside it."""
        return self.images * self.sets < 2

    def missing(self, context: Context) -> str | None:
        if absent := missing(self.ppgn, context, [self.variant]):
            return absent
        return lacks(context, self.images)

    def run(self, context: Context) -> Outcome:
        cases, notes = self._cases(context)
        outcome = Outcome(notes=notes)
        judge = judge_of(context)
        variant = self._variant(context, self.context)
        made = self._arms(context, outcome, cases)
        filled = {arm: cases.filled(images) for arm, images in made.items()}
        filled |= _plain(cases) | _yardsticks(cases, variant)
        scores = {
            title: score(judge, cases, images, made.get(title))
            for title, images in context.progress(filled.items(), "looking at the fillings", len(filled))
        }
        scored = Scored(scores, cases.classes, MEASURES, "image")
        self._report(outcome, scored, cases)
        hidden = _hidden(context, cases)
        self._report_hidden(outcome, scored, cases, hidden)
        rows = _most_hidden(cases, hidden)[: self.shown]
        columns = (*ARMS, MEAN, HARMONIC)
        outcome.pictures.append(picture_of_fillings(cases, filled, (BOTH, made[BOTH]), scores, REAL, columns, rows))
        self._report_weights(outcome, context, judge, cases, scored)
        return outcome

    def _variant(self, context: Context, weight: float) -> Variant:
        changes = {**self.changes, "epsilon4": weight}
        return Variants.of(self.ppgn, context).get(self.variant, "inpainting", **changes)

    def _cases(self, context: Context) -> tuple[Cases, list[str]]:
        """Validation images of each class that the network knows, each with a hole."""
        images = context.data.validation
        drawn, lacking = samples(images, self.images, self.sets, functools.partial(context.generator, "images"))
        names = asked_classes(context.network, images)
        known = [one for one in drawn if images.classes[one.label] in names]
        notes = [f"Fewer than {self.images} images, so left out: {', '.join(lacking)}."] if lacking else []
        if unknown := dict.fromkeys(one.title for one in drawn if one not in known):
            notes.append(f"Network '{context.network.name}' has no unit for {', '.join(unknown)}, so left out.")
        indices = torch.cat([one.indices for one in known])
        side = round(self.hole * images.size)
        holes = [random_hole(images.size, side, context.generator("hole", index)) for index in indices.tolist()]
        numbers = torch.cat([torch.full_like(one.indices, one.number) for one in known])
        classes = tuple(images.classes[label] for label in images.labels[indices].tolist())
        return Cases(images.name, indices, numbers, classes, images.images(indices), torch.stack(holes)), notes

    def _arms(self, context: Context, outcome: Outcome, cases: Cases) -> dict[str, Tensor]:
        """What the four kinds of chains generate, (n, 3, S, S) each, before it is pasted."""
        found: dict[str, Tensor] = {}
        for weight, pair in ((self.context, (BOTH, CONTEXT)), (0.0, (CLASS, NEITHER))):
            wanted = [one for asked in (True, False) for one in _conditions(context, cases, asked)]
            images = self._chains(context, outcome, wanted, cases, weight, " and ".join(pair))
            found |= dict(zip(pair, images.split(len(cases)), strict=True))
        return {arm: found[arm] for arm in ARMS}

    def _chains(
        self,
        context: Context,
        outcome: Outcome,
        wanted: Sequence[Condition],
        cases: Cases,
        weight: float,
        what: str,
    ) -> Tensor:
        variant = self._variant(context, weight)
        streams = [context.generator("start", int(index)) for index in cases.indices]
        starts = variant.sampler.drawn(streams)
        chains = sample(
            variant.sampler,
            wanted,
            seed=context.seed,
            start=starts.repeat(len(wanted) // len(cases), *[1] * (starts.dim() - 1)),
            folder=context.workspace,
            name=what,
            progress=context.progress,
        )
        if chains.diverged:
            outcome.notes.append(
                f"With {what} {len(chains.diverged)} of {len(chains)} chains diverged and stayed there."
            )
        return variant.made(chains.codes)

    def _report(self, outcome: Outcome, scored: Scored, cases: Cases) -> None:
        outcome.measurements += scored.measurements()
        outcome.evidence += self._evidence(scored, cases)
        caption = (
            f"Validation images with a hole of {cases.side} x {cases.side} of {cases.size} pixels at a random place, "
            f"filled by {TITLES[self.variant]} in different ways and plainly. "
        )
        outcome.tables.append(scored.table("fillings", "How holes are filled", caption, "filling"))
        pairs = [(BOTH, other) for other in (CONTEXT, CLASS, NEITHER, MEAN, HARMONIC)]
        measures = [measure for measure in MEASURES if measure not in SELDOM_SHOWN]
        outcome.tables.append(scored.differences("differences", "What class and context change", pairs, measures))
        outcome.pictures.append(scored.picture("scores", "How holes are filled", caption, YARDSTICKS))

    def _evidence(self, scored: Scored, cases: Cases) -> list[Evidence]:
        scores, seeds = scored.scores, len(cases.sets.unique())
        around, within, probability = "error around the hole", "error in the hole", "class probability"
        grey = "grey levels"
        tests = [
            (around, CLASS, BOTH, grey),
            (within, CLASS, BOTH, grey),
            (probability, BOTH, CONTEXT, ""),
            (probability, BOTH, HARMONIC, ""),
        ]
        return [
            scored.evidence(CLAIM, f"{measure}, {a} minus {b}", scores[a][measure] - scores[b][measure], unit, seeds)
            for measure, a, b, unit in tests
        ]

    def _report_hidden(self, outcome: Outcome, scored: Scored, cases: Cases, hidden: Tensor | None) -> None:
        """The same scores for the images whose object is hidden to a good part."""
        if hidden is None:
            outcome.notes.append(
                "Where the objects are isn't known here, so it isn't said how much of them holes hide."
            )
            return
        much = (hidden >= self.hidden).numpy()
        groups = [name for name, own in zip(cases.classes, much, strict=True) if own]
        said = (
            f"{int(much.sum())} of {len(cases)} images whose hole hides {100 * self.hidden:.0f} % of the object or more"
        )
        if len(set(groups)) < 2:
            outcome.notes.append(f"Only {said}, too few classes for a table of them.")
            return
        apart = {way: {m: values[much] for m, values in own.items()} for way, own in scored.scores.items()}
        caption = f"The {said}; not tested."
        few = Scored(apart, groups, MEASURES, "image")
        outcome.tables.append(few.table("hidden", "Where the hole hides much of the object", caption, "filling"))

    def _report_weights(self, outcome: Outcome, context: Context, judge: Judge, cases: Cases, scored: Scored) -> None:
        """The first set with other weights of the context term."""
        first = cases.sets == cases.sets.min()
        few, rows = cases.chosen(first), first.numpy()
        scores = {
            weight: {measure: values[rows] for measure, values in scored.scores[arm].items()}
            for weight, arm in ((0.0, CLASS), (self.context, BOTH))
        }
        for weight in sorted(set(self.weights) - set(scores)):
            what = f"class and context, epsilon 4 = {weight:g}"
            made = self._chains(context, outcome, _conditions(context, few, True), few, weight, what)
            scores[weight] = score(judge, few, few.filled(made), made)
        scores = dict(sorted(scores.items()))
        swept = Scored({f"{weight:g}": own for weight, own in scores.items()}, few.classes, MEASURES, "image")
        caption = "Class and context on the first set of images, by epsilon 4, the weight of the context term."
        outcome.tables.append(swept.table("weights", "What the weight of the context term does", caption, "epsilon 4"))
        outcome.pictures.append(picture_of_weights(list(scores), swept, self.context))


def _hidden(context: Context, cases: Cases) -> Tensor | None:
    """(n,) the share of the object that each hole hides; None where it isn't known where objects are."""
    data = context.data.validation
    if "masks" not in data.provides:
        return None
    masks = torch.from_numpy(data.annotations(cases.indices).masks)  # type: ignore[attr-defined]
    seen = masks.flatten(1).sum(1).clamp_min(1)
    return (masks & cases.holes).flatten(1).sum(1) / seen


def _most_hidden(cases: Cases, hidden: Tensor | None) -> list[int]:
    """For each class the image of the first set whose object is hidden most; its first where that isn't known."""
    shares = torch.zeros(len(cases)) if hidden is None else hidden
    first = [i for i, number in enumerate(cases.sets.tolist()) if number == int(cases.sets.min())]
    found: dict[str, int] = {}
    for i in first:
        best = found.setdefault(cases.classes[i], i)
        if shares[i] > shares[best]:
            found[cases.classes[i]] = i
    return list(found.values())


def _conditions(context: Context, cases: Cases, asked: bool) -> list[Condition]:
    """For each image its class, or nothing, and what is around its hole."""
    found: list[Condition] = []
    for called, name, image, hole in zip(cases.called, cases.classes, cases.images, cases.holes, strict=True):
        condition = of_class(context.network, name) if asked else Unconditional()
        found.append(Masked(called, condition, Surroundings(image, hole)))
    return found


def _plain(cases: Cases) -> dict[str, Tensor]:
    pairs = list(zip(cases.images, cases.holes, strict=True))
    return {
        title: torch.stack([fill(image, hole) for image, hole in pairs])
        for title, fill in ((MEAN, mean_filled), (HARMONIC, harmonic_filled))
    }


def _yardsticks(cases: Cases, variant: Variant) -> dict[str, Tensor]:
    others = torch.empty(len(cases), dtype=torch.int64)
    for name in dict.fromkeys(cases.classes):
        own = torch.tensor([i for i, other in enumerate(cases.classes) if other == name])
        others[own] = own.roll(1)
    copies = variant.made(variant.encode(cases.images))
    return {OTHER: cases.filled(cases.images[others]), COPY: cases.filled(copies), REAL: cases.images}
