"""From real images and back: what each variant's autoencoder keeps of an image, and chains that start from one.

A PPGN's prior is the residual of an autoencoder (Nguyen et al. 2017, Sec. 3 and Fig. 3): of images (PPGN-x), of codes
(PPGN-h), or of encoder and generator together, E(G(h)) (the joint variants). The released code also starts chains from
real images (6_class_conditional_sampling_from_real_image.sh). There is no claim with a number to test here, so what is
measured stands by itself, each with its interval.

1. There and back. Validation images x go through each variant's autoencoder: R(x) for PPGN-x, G(R(E(x))) for PPGN-h,
   G(E(x)) for the joint ones; and what comes out goes round again, up to the last of `rounds` times. After each of
   `rounds` it is compared with the real images: squared error of the image, and of its code by the encoder, as shares
   of the variance over these images (1: as far as the mean image or code is; 2: as far as another real image is on
   average), perceptual distance, and whether the encoder's network and the held-out evaluator still find the class that
   they find in the real image likeliest, and the evaluator the facet. Beside them stands another real image of the
   class, the yardstick for what an image that shows the class but not this image scores. A prior needs no small error:
   an autoencoder that keeps everything, noise too, says nothing of what is likely.
   Differences between the variants are paired by class, with permutation tests that are corrected (Holm).
2. Chains from real images. For some images of each class, chains start from the image's code and are asked for its own
   class, and for another. Measured along the way, at the kept steps: the evaluator's probability of the asked class,
   the squared distance from the starting code as a share of the variance of real codes, the perceptual distance from
   the starting image; and at the end whether the asked class is the likeliest, and whether the facet is still the
   start's.

Choices and deviations:
- Autoencoders are compared, not the generators alone, since after a first look with barely trained weights there were
  but two generators left.
- DGN-AM has no prior; its generator is the noiseless joint variant's (conf/ppgn), so it is left out of the first part.
- Another class is the next in the order of the classes, and the first after the last.
- One image is one thing, and classes are resampled; there is no claim, so there are no seeds.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from replications.multifaceted.samples import samples
from replications.ppgn.chains import Chains
from replications.ppgn.class_sets import asked_classes
from replications.ppgn.comparisons import Scored
from replications.ppgn.conditions import of_class
from replications.ppgn.from_real_drawing import picture_of_chains, picture_of_copies, picture_of_steps
from replications.ppgn.from_real_scores import FACET, Originals, Scorer
from replications.ppgn.judging import judge_of, lacks
from replications.ppgn.parts import sample
from replications.ppgn.priors import DenoisingPrior
from replications.ppgn.variants import TITLES, Variant, Variants, missing
from replications.suite.interface import Context, Experiment, Outcome

OTHER = "another image of the class"
START, OWN_CLASS, OTHER_CLASS = "start", "own class", "another class"
_BATCH = 100


@dataclasses.dataclass(frozen=True)
class FromRealImages(Experiment):
    """ppgn: a configuration of conf/ppgn. variants: whose autoencoders are compared. changes: of a sampler's settings.

    images: of each class. rounds: rising; after how many times there and back images are looked at, the first once.
    chains_of: the variant whose chains start from real images. started: images of each class that they start from.
    every: steps between those that are looked at. shown: classes drawn.
    """

    name: ClassVar[str] = "reconstruction"
    title: ClassVar[str] = "From real images and back"
    paper: ClassVar[str] = "ppgn"
    answers: ClassVar[tuple[str, ...]] = ("PPGN-H5",)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    ppgn: Mapping[str, Any]
    variants: Sequence[str]
    changes: Mapping[str, Any]
    images: int
    rounds: Sequence[int]
    chains_of: str
    started: int
    every: int
    shown: int

    def __post_init__(self) -> None:
        if not self.variants or self.chains_of == "ppgn_x":
            raise ValueError(
                "expected variants whose autoencoders are compared, and one with a generator for the chains; found "
                f"{', '.join(self.variants) or 'none'} and {self.chains_of}"
            )
        if not self.rounds or self.rounds[0] != 1 or list(self.rounds) != sorted(set(self.rounds)):
            raise ValueError(f"'rounds' rise from 1, found {list(self.rounds)}")
        if self.images < 2 or not 1 <= self.started <= self.images or min(self.every, self.shown) < 1:
            raise ValueError(
                "expected two images of a class or more, chains from 1 of them or more, and 1 step and class shown or "
                f"more; found images={self.images}, started={self.started}, every={self.every}, shown={self.shown}"
            )

    def missing(self, context: Context) -> str | None:
        if absent := missing(self.ppgn, context, [*self.variants, self.chains_of]):
            return absent
        return lacks(context, self.images)

    def run(self, context: Context) -> Outcome:
        originals, notes = self._originals(context)
        outcome = Outcome(notes=notes)
        judge = judge_of(context)
        found = Variants.of(self.ppgn, context)
        copies = {TITLES[name]: self._copies(context, found.get(name), originals) for name in self.variants}
        variant = found.get(self.chains_of, "from_image", **{**self.changes, "keep_every": self.every})
        scorer = Scorer(judge, context.network, originals, variant.encode)
        self._report_copies(outcome, context, scorer, copies)
        self._report_chains(outcome, context, scorer, variant)
        return outcome

    def _originals(self, context: Context) -> tuple[Originals, list[str]]:
        """Validation images of each class that the network knows, class by class, in random order."""
        images, names = context.data.validation, asked_classes(context.network, context.data.validation)
        drawn, lacking = samples(images, self.images, 1, functools.partial(context.generator, "images"))
        known = [one for one in drawn if images.classes[one.label] in names]
        notes = [f"Fewer than {self.images} images, so left out: {', '.join(lacking)}."] if lacking else []
        if unknown := [one.title for one in drawn if one not in known]:
            notes.append(f"Network '{context.network.name}' has no unit for {', '.join(unknown)}, so left out.")
        orders = [torch.randperm(self.images, generator=context.generator("order", one.title)) for one in known]
        indices = torch.cat([one.indices[order] for one, order in zip(known, orders, strict=True)])
        classes = tuple(images.classes[one.label] for one in known for _ in range(self.images))
        return Originals(classes, images.images(indices), self.images), notes

    def _copies(self, context: Context, variant: Variant, originals: Originals) -> dict[int, Tensor]:
        """The images after each of `rounds` times there and back, (n, 3, S, S)."""
        images, found = originals.images, {}
        for turn in context.progress(
            range(1, self.rounds[-1] + 1), f"{variant.title}, there and back", self.rounds[-1]
        ):
            images = torch.cat([there_and_back(variant, part) for part in images.split(_BATCH)])
            if turn in self.rounds:
                found[turn] = images
        return found

    def _report_copies(
        self,
        outcome: Outcome,
        context: Context,
        scorer: Scorer,
        copies: Mapping[str, Mapping[int, Tensor]],
    ) -> None:
        """copies: by the variant's title and number of times there and back."""
        originals = scorer.originals
        ways = {_times(title, turn): found[turn] for turn in self.rounds for title, found in copies.items()}
        ways[OTHER] = originals.others
        scores = {
            way: scorer.copies(images)
            for way, images in context.progress(ways.items(), "looking at the copies", len(ways))
        }
        scored = Scored(scores, originals.classes, scorer.measures_of_copies, "image")
        outcome.measurements += scored.measurements()
        caption = (
            f"Validation images, {self.images} of each class, through the autoencoder whose residual is a variant's "
            "prior: once, or several times one after the other."
        )
        outcome.tables.append(
            scored.table("copies", "What is kept of an image there and back", caption, "autoencoder of")
        )
        if pairs := [(b, a) for i, a in enumerate(copies) for b in list(copies)[i + 1 :]]:
            title = "How the variants differ, once there and back"
            outcome.tables.append(scored.differences("differences", title, pairs, list(scored.measures)))
        outcome.pictures.append(picture_of_copies(originals, copies, OTHER, self.shown))
        outcome.pictures.append(scored.picture("scores", "There and back", caption, (OTHER,)))

    def _chains(self, context: Context, variant: Variant, originals: Originals, asked: Sequence[str]) -> Chains:
        """From the code of each of `originals` a chain that is asked for a class."""
        return sample(
            variant.sampler,
            [of_class(context.network, name) for name in asked],
            seed=context.seed,
            start=variant.encode(originals.images),
            folder=context.workspace,
            name="chains from real images",
            progress=context.progress,
        )

    def _report_chains(self, outcome: Outcome, context: Context, scorer: Scorer, variant: Variant) -> None:
        starts = scorer.originals.first(self.started)
        names = list(dict.fromkeys(starts.classes))
        after = dict(zip(names, [*names[1:], names[0]], strict=True))
        asked = {OWN_CLASS: starts.classes, OTHER_CLASS: tuple(after[name] for name in starts.classes)}
        chains = self._chains(context, variant, starts.repeated(2), [name for own in asked.values() for name in own])
        if chains.diverged:
            outcome.notes.append(f"{len(chains.diverged)} of {len(chains)} chains diverged and stayed there.")
        made = torch.stack([variant.made(codes) for codes in chains.kept])
        halves = (chains.kept.split(len(starts), 1), made.split(len(starts), 1))
        along = {
            way: scorer.along(starts, codes, frames, names)
            for (way, names), codes, frames in zip(asked.items(), *halves, strict=True)
        }
        along[OTHER_CLASS].pop(FACET, None)  # another class has none of its facets
        ends = {way: {measure: values[-1] for measure, values in own.items()} for way, own in along.items()}
        ends = {START: {measure: values[0] for measure, values in along[OWN_CLASS].items()}} | ends
        scored = Scored(ends, starts.classes, scorer.measures_of_chains, "chain")
        outcome.measurements += scored.measurements()
        steps = chains.kept_steps
        caption = (
            f"Chains of {variant.title} of {steps[-1]} steps from the codes of validation images, {self.started} of "
            "each class, asked for the image's class or for the next one; "
            f"'{START}': what the codes that they start from show."
        )
        outcome.tables.append(scored.table("chains", "Chains from real images", caption, "asked for"))
        frames = dict(zip(asked, halves[1], strict=True))
        outcome.pictures.append(picture_of_chains(starts, asked, frames, steps, self.shown))
        outcome.pictures.append(picture_of_steps(along, starts.classes, scorer.measures_of_chains, steps))


@torch.inference_mode()
def there_and_back(variant: Variant, images: Tensor) -> Tensor:
    """Images (n, 3, S, S) in [0, 1] through the autoencoder whose residual is the variant's prior; on the CPU.

    Without a prior: encoded and decoded.
    """
    codes, prior = variant.encode(images), variant.sampler.prior
    if isinstance(prior, DenoisingPrior):
        device = variant.sampler.device
        codes = codes + prior.dae.residual(codes.to(device)).cpu()
    return variant.made(codes).clamp(0, 1)


def _times(title: str, turn: int) -> str:
    return title if turn == 1 else f"{title}, {turn} times"
