"""The three epsilons: what prior, condition and noise each do to the samples.

The code released with Nguyen et al. 2017 samples with epsilon 1 = 1e-5 (prior), epsilon 2 = 1 (condition) and epsilon 3
= 1e-17 (noise), and says of other epsilons 1 in chains of 100 steps a class (H2) that 1e-3 gives more abstract images
and that 1e-1 ignores the class's gradient. Here Noiseless Joint PPGN-h makes chains of 100 steps for every class with
one epsilon changed at a time, from the same starts: other epsilons 1 and none, no condition, and noise of the sizes
that the prior's and the condition's numbers have. The sets of chains are the seeds.

Statistics of the last samples, fixed before any result was seen; intervals are 95 % bootstraps over the classes.

PPGN-C-eps1-abstract: "abstract" is read as farther from real images of the class, and with less detail. It holds if
samples with epsilon 1 = 1e-3, compared with the published ones,
1. are farther from the nearest real images of their class in a held-out judge's features (plausibility), and
2. have less detail: neighbouring pixels differ less.

PPGN-C-eps1-ignores: it holds if, with epsilon 1 = 1e-1, the judge's probability of the asked class is
1. nearer to that of chains without the condition (epsilon 2 = 0) than to the published one, that is below the middle of
   the two, and
2. below the published one.

Beside them: how often the judge names the class, the condition network's own probability, the distance of codes to
those of real images of the class, how far the sample of a chain is from that of the published chain with the same
start, MS-SSIM among a class's samples, the kernel distance of all samples to real images, and the sizes of the three
terms. That of the published noise says what it can do: added to a number of single precision, it is lost where that
number is more than 2^24 times as large.

Deviations, with their reasons:
- Chains start at random for each class, where the published ones of 100 steps go on from the class before: so chains of
  one class are independent of those of another.
- The levels of noise, which no claim is about, were chosen by the sizes of the terms in chains of generators whose
  training hadn't ended, and once changed after a look at such chains and their scores: the prior's numbers are about
  1e-5 in the settings' units; the condition's begin at 0.01 to 0.2 and fall below the prior's when the class is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from metrics.feature_space import Features
from metrics.ms_ssim import ms_ssim_pairs, scales_that_fit
from metrics.realism import kernel_distance
from replications.multifaceted.judge import Judge
from replications.ppgn.chains import TERMS, Chains
from replications.ppgn.comparisons import Measure, Scored
from replications.ppgn.conditions import of_class
from replications.ppgn.epsilons_drawing import picture_of_samples
from replications.ppgn.epsilons_scores import (
    CLASS,
    DETAIL,
    FAR,
    MEASURES,
    MOVED,
    NEIGHBOURS,
    Natural,
    natural_images,
    scores,
)
from replications.ppgn.parts import sample
from replications.ppgn.variants import Variant, Variants, check_variant, missing
from replications.suite.formatting import number
from replications.suite.interface import Context, Evidence, Experiment, Outcome, Table

ABSTRACT, IGNORES = "PPGN-C-eps1-abstract", "PPGN-C-eps1-ignores"
PUBLISHED, REAL, ALIKE = "published", "real images", "MS-SSIM"
MORE, MOST = 1e-3, 1e-1  # the epsilons 1 of the claims
OVER = "class and set of chains"
_SIMILARITY = Measure("mean MS-SSIM of pairs of a class's samples, 0 to 1", "lower", share=True)


@dataclass(frozen=True)
class Epsilons(Experiment):
    """ppgn: a configuration of conf/ppgn. variant: one of its names. changes: of its settings. task: of them.

    epsilon1, epsilon2, epsilon3: values other than the variant's; each is tried with the others as they are. classes:
    at most, the first ones; None for all. sets: of chains. natural: validation images of a class that distances are
    taken to, at most. parts: that the chains of a setting are sampled in, side by side on a CPU.
    """

    name: ClassVar[str] = "epsilons"
    title: ClassVar[str] = "What prior, condition and noise do"
    paper: ClassVar[str] = "ppgn"
    answers: ClassVar[tuple[str, ...]] = ("PPGN-H1", "PPGN-H2", ABSTRACT, IGNORES)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    ppgn: Mapping[str, Any]
    variant: str
    changes: Mapping[str, Any]
    task: str
    epsilon1: Sequence[float]
    epsilon2: Sequence[float]
    epsilon3: Sequence[float]
    classes: int | None
    sets: int
    natural: int
    parts: int

    def __post_init__(self) -> None:
        check_variant(self.ppgn, self.variant)
        if not {MORE, MOST} <= set(self.epsilon1) or 0 not in self.epsilon2:
            raise ValueError(
                f"the claims are about epsilon 1 = {MORE:g} and {MOST:g}, and compare with epsilon 2 = 0; found "
                f"epsilon1={list(self.epsilon1)}, epsilon2={list(self.epsilon2)}"
            )
        if self.sets < 2 or self.natural <= NEIGHBOURS or self.parts < 1:
            raise ValueError(
                f"expected 2 sets or more, to compare samples of a class, and more than {NEIGHBOURS} natural images, "
                f"in 1 part or more; found sets={self.sets}, natural={self.natural}, parts={self.parts}"
            )

    @property
    def settings(self) -> dict[str, dict[str, float]]:
        """By words for it, what is changed."""
        found: dict[str, dict[str, float]] = {PUBLISHED: {}}
        for epsilon, values in (("1", self.epsilon1), ("2", self.epsilon2), ("3", self.epsilon3)):
            found |= {_title(epsilon, value): {f"epsilon{epsilon}": value} for value in values}
        return found

    def missing(self, context: Context) -> str | None:
        if lacking := missing(self.ppgn, context, [self.variant]):
            return lacking
        names = self._names(context)
        if len(names) < 2:
            return f"needs two classes that network '{context.network.name}' knows, and there are {len(names)}"
        return None

    def run(self, context: Context) -> Outcome:
        variants = Variants.of(self.ppgn, context)
        judge = Judge(context.evaluator, context.data.validation, clusters=2)
        names, outcome = self._names(context), Outcome()
        variant = variants.get(self.variant, self.task, **self.changes)
        natural = {
            name: natural_images(judge, variant, name, self.natural, context.generator("natural", name))
            for name in names
        }
        chains, images = {}, {}
        for title, changed in self.settings.items():
            own = variants.get(self.variant, self.task, **{**self.changes, **changed})
            chains[title] = self._sampled(context, own, names, title.replace(" = ", "_").replace(" ", ""))
            images[title] = own.made(chains[title].codes)
            if chains[title].diverged:
                outcome.notes.append(f"{title}: {len(chains[title].diverged)} chains diverged and stand still.")
        real = self._real(context, judge, names)
        groups = [name for name in names for _ in range(self.sets)]
        found = {
            title: scores(judge, groups, natural, images[title], variant, own, images[PUBLISHED])
            for title, own in chains.items()
        }
        del found[PUBLISHED][MOVED]  # nothing has moved
        found[REAL] = scores(judge, groups, natural, real, variant)
        self._report(outcome, Scored(found, groups, MEASURES, OVER))
        self._report_sets(outcome, judge, natural, {**images, REAL: real}, chains)
        shown = {title: own[:: self.sets] for title, own in {**images, REAL: real}.items()}
        outcome.pictures.append(picture_of_samples(shown, names, variant.title, variant.sampler.settings.steps))
        return outcome

    def _names(self, context: Context) -> list[str]:
        """The classes that both the images and the network know."""
        return [name for name in context.data.train.classes if name in context.network.classes][: self.classes]

    def _sampled(self, context: Context, variant: Variant, names: list[str], name: str) -> Chains:
        """One chain for each class and set; those of one class and set start alike whatever is changed."""
        wanted = [of_class(context.network, own) for own in names for _ in range(self.sets)]
        return sample(
            variant.sampler,
            wanted,
            seed=context.seed,
            numbers=[number for _ in names for number in range(self.sets)],
            folder=context.workspace,
            name=name,
            at_once=-(-len(wanted) // self.parts),
            progress=context.progress,
        )

    def _real(self, context: Context, judge: Judge, names: list[str]) -> Tensor:
        """Validation images of each class, as many as chains, none of those that distances are taken to if there are
        enough."""
        found = []
        for name in names:
            images, _ = judge.natural(name)
            order = torch.randperm(len(images), generator=context.generator("natural", name))
            found.append(images[order[-self.sets :]])
        return torch.cat(found)

    def _report(self, outcome: Outcome, scored: Scored) -> None:
        caption = f"The last samples of chains by {self.variant}, one epsilon changed at a time."
        pairs = [(title, PUBLISHED) for title in self.settings if title != PUBLISHED]
        outcome.measurements += scored.measurements()
        outcome.tables += [
            scored.table("settings", "What each epsilon does", caption, "setting"),
            scored.differences("differences", "What changing an epsilon changes", pairs, [CLASS, FAR, DETAIL], caption),
        ]
        outcome.pictures.append(scored.picture("scores", "What each epsilon does", caption, [REAL]))
        outcome.evidence += self._evidence(scored)

    def _evidence(self, scored: Scored) -> list[Evidence]:
        more, most, none = _title("1", MORE), _title("1", MOST), _title("2", 0)
        values = {title: scored.scores[title] for title in (PUBLISHED, more, most, none)}
        probability = {title: own[CLASS] for title, own in values.items()}
        middle = (probability[PUBLISHED] + probability[none]) / 2
        tests = [
            (
                ABSTRACT,
                f"distance to real images of the class, {more} minus published",
                values[more][FAR],
                PUBLISHED,
                FAR,
            ),
            (ABSTRACT, f"detail, published minus {more}", values[PUBLISHED][DETAIL], more, DETAIL),
        ]
        found = [
            scored.evidence(claim, what, first - values[second][measure], "of that among real images", self.sets)
            for claim, what, first, second, measure in tests
        ]
        what = f"the judge's probability of the class, middle of published and {none}, minus {most}"
        found.append(scored.evidence(IGNORES, what, middle - probability[most], "probability", self.sets))
        what = f"the judge's probability of the class, published minus {most}"
        found.append(
            scored.evidence(IGNORES, what, probability[PUBLISHED] - probability[most], "probability", self.sets)
        )
        return found

    def _report_sets(
        self,
        outcome: Outcome,
        judge: Judge,
        natural: Mapping[str, Natural],
        images: Mapping[str, Tensor],
        chains: Mapping[str, Chains],
    ) -> None:
        """What is a number of several samples: similarity, kernel distance, and the sizes of the terms."""
        scales = scales_that_fit(*images[REAL].shape[2:])
        alike = {
            title: {ALIKE: np.array([1 - ms_ssim_pairs(part, scales).mean().value for part in own.split(self.sets)])}
            for title, own in images.items()
        }
        scored = Scored(alike, list(natural), {ALIKE: _SIMILARITY}, "class")
        each = [own.features for own in natural.values()]
        together = Features(torch.cat([own.values for own in each]), each[0].space)
        rows: list[list[str | float | None]] = []
        for title, own in images.items():
            distance = kernel_distance(judge.see(own).features, together, relative=True)
            assert distance.interval is not None
            low, high = (number(value) for value in distance.interval[1:])
            sizes = _sizes(chains[title]) if title in chains else [None] * len(TERMS)
            mean, bottom, top = scored.interval(title, ALIKE)
            similarity = f"{mean:.3f} ({bottom:.3f} to {top:.3f})"
            rows.append([title, *sizes, f"{number(distance.value)} ({low} to {high})", similarity])
        columns = ["setting", *TERMS, "kernel distance", f"MS-SSIM ({scales} scales)"]
        caption = (
            "The size of the numbers of each term, median over chains and steps, in the settings' units; the kernel "
            f"distance of the last samples to {len(together)} real images of these classes in the features of "
            f"{judge.name}, lower is better, with its jackknife interval; the mean MS-SSIM of pairs of a class's "
            "samples, lower is more varied, with a bootstrap interval over the classes."
        )
        outcome.measurements += scored.measurements()
        outcome.tables.append(Table("terms", "How large the terms are, and what they make", columns, rows, caption))


def _title(epsilon: str, value: float) -> str:
    return f"epsilon {epsilon} = {value:g}"


def _sizes(chains: Chains) -> list[str | None]:
    """Of each of TERMS, the median over chains and steps: where a condition is met, its gradient all but vanishes."""
    return [number(float(size)) for size in chains.sizes.double().transpose(1, 2).flatten(0, 1).quantile(0.5, 0)]
