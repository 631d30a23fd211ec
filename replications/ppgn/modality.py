"""Another modality: digits as strokes, the pen's place at 32 moments, sampled by the same sampler.

The abstract of Nguyen et al. 2017 says that the approach is "modality-agnostic and can be applied to many types of
data"; the paper shows images alone. Here the sampler that makes images, unchanged and with its published settings,
makes strokes: sequences of points in time. All that is new are the parts it is given: a classifier of strokes, a hidden
layer of which is the code, a generator that inverts this code, and a denoising autoencoder of the codes (PPGN-h), each
trained here in seconds on examples that are rendered here (`strokes`). Nothing is read from the profile, so that this
is the same on all.

Each seed is a repetition of the whole: other examples, another classifier, generator and autoencoder, other chains.
Beside PPGN-h stand DGN-AM with the same generator, the codes that chains start from, real examples that no training
saw, and these after encoder and generator, which shows what the code has lost of them.

The claim holds if, for PPGN-h and by digits, both are above a half:
1. the share of samples for which a held-out network (another architecture, other examples) names the digit that was
   asked for. By chance it is a tenth.
2. how varied the samples of a digit are, as a share of how varied as many real examples are: the mean distance of pairs
   of samples, where pairs of which one isn't named as the digit count as 0, so that noise isn't diversity.
The halves are this suite's bounds: the paper gives none. Both have to hold, so neither is corrected for the other.

Deviation: the generator is trained without an adversarial loss (see `stroke_networks`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from metrics.diversity import Matched, matched_pairs
from metrics.facets import facet_recall
from metrics.feature_space import Features
from metrics.pairs import PairDistances
from metrics.realism import plausibility
from metrics.statistics import cluster_bootstrap
from replications.multifaceted.agreement import over_classes
from replications.ppgn.chains import Chains
from replications.ppgn.modality_drawing import picture_of_chains, picture_of_samples, picture_of_scores
from replications.ppgn.priors import DenoisingPrior, NoPrior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import Settings, build
from replications.ppgn.stroke_networks import (
    IsDigit,
    StrokeJudge,
    StrokeParts,
    StrokeRecipe,
    train_judge,
    train_parts,
)
from replications.ppgn.strokes import DIGITS, MOMENTS, NAMES, Strokes, strokes
from replications.suite.context import seed_of
from replications.suite.interface import Context, Direction, Evidence, Experiment, Measurement, Outcome, Table
from replications.training.side_by_side import one_thread

CLAIM = "PPGN-C-agnostic"
PPGN, DGN_AM, START, REAL, THROUGH = "PPGN-h", "DGN-AM", "where chains start", "real", "real, encoded and generated"
TITLES = {"ppgn_h": PPGN, "dgn_am": DGN_AM}
BOUND = 0.5
OVER = "digit and repetition"
NEIGHBOURS = 5


class Measure(NamedTuple):
    """unit: in words, with the bounds. better: which direction."""

    unit: str
    better: Direction


MEASURES: Mapping[str, Measure] = {
    "named": Measure("share that a held-out network names as the digit, 0 to 1", "higher"),
    "diversity": Measure(
        "mean distance of pairs that are named as the digit, as a share of that of real ones", "higher"
    ),
    "kinds": Measure("share of the digit's two ways of writing found, 0 to 1", "higher"),
    "distance": Measure("distance to the nearest real examples of the digit; 1: as far as these are apart", "lower"),
}


@dataclasses.dataclass(frozen=True)
class Modality(Experiment):
    """samplers: by name, as in conf/sampler. changes: of their settings. repetitions: of the whole, the seeds.

    examples: of each kind of digit to train on. chains: of each digit in a repetition, an even number. recipe: the
    settings of `StrokeRecipe`. judge: steps of the held-out network's training. shown: samples of a digit drawn.
    """

    name: ClassVar[str] = "modality"
    title: ClassVar[str] = "Another modality: digits as strokes"
    paper: ClassVar[str] = "ppgn"
    answers: ClassVar[tuple[str, ...]] = (CLAIM,)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ()

    samplers: Mapping[str, Any]
    changes: Mapping[str, Any]
    repetitions: int
    examples: int
    chains: int
    recipe: Mapping[str, Any]
    judge: int
    shown: int

    def __post_init__(self) -> None:
        if self.chains < 2 or self.chains % 2 or min(self.repetitions, self.examples, self.judge, self.shown) < 1:
            raise ValueError(
                "expected an even number of chains of a digit, one for each kind or more, and at least 1 repetition, "
                f"example, step of the judge and sample shown; found chains={self.chains}, "
                f"repetitions={self.repetitions}, examples={self.examples}, judge={self.judge}, shown={self.shown}"
            )
        StrokeRecipe(**self.recipe)
        if set(self.samplers) != set(TITLES):
            raise ValueError(f"expected the samplers {', '.join(TITLES)}, found {', '.join(self.samplers)}")

    def run(self, context: Context) -> Outcome:
        outcome = Outcome()
        with one_thread(torch.device("cpu")):
            judge = self._judge(context)
            rounds = [
                self._round(context, number)
                for number in context.progress(range(self.repetitions), "training and sampling", self.repetitions)
            ]
            reference = strokes(self.examples // 2 or 1, context.generator("reference"))
            scores = self._scores(judge, rounds, reference)
        for number, one in enumerate(rounds):
            diverged = {i for chains in one.chains.values() for i in chains.diverged}
            if diverged:
                outcome.notes.append(f"Repetition {number}: {len(diverged)} chains diverged.")
        self._report(outcome, scores)
        outcome.pictures.append(
            picture_of_samples(rounds[0].shown, (REAL, THROUGH, PPGN, DGN_AM), self.chains, self.shown)
        )
        outcome.pictures.append(picture_of_chains(rounds[0].along, rounds[0].chains[PPGN].kept_steps, self.chains))
        words = {measure: (about.unit, about.better) for measure, about in MEASURES.items()}
        outcome.pictures.append(picture_of_scores(scores, words, self._digits, BOUND))
        return outcome

    def _judge(self, context: Context) -> StrokeJudge:
        examples = strokes(self.examples, context.generator("judge's examples"))
        return train_judge(examples, self.judge, StrokeRecipe(**self.recipe), seed_of(context.seed, "judge"))

    def _round(self, context: Context, number: int) -> Round:
        """One repetition of the whole."""
        examples = strokes(self.examples, context.generator("examples", number))
        parts = train_parts(examples, StrokeRecipe(**self.recipe), seed_of(context.seed, "parts", number))
        real = by_digit(strokes(self.chains // 2, context.generator("real", number)))
        numbers = [number * self.chains + i for _ in DIGITS for i in range(self.chains)]
        wanted = [IsDigit(parts.classifier, i) for i in range(len(DIGITS)) for _ in range(self.chains)]
        chains, shown = {}, {REAL: real}
        with torch.inference_mode():
            shown[THROUGH] = parts.generator(parts.classifier.code(real))
        for name, described in self.samplers.items():
            sampler = sampler_of(parts, build(described, **self.changes))
            chains[TITLES[name]] = sampler.run(wanted, seed=context.seed, numbers=numbers)
            shown[TITLES[name]] = sampler.made(chains[TITLES[name]].codes)
        along = torch.stack([sampler.made(codes) for codes in chains[PPGN].kept])
        shown[START] = along[0]
        return Round(shown, chains, along)

    def _scores(self, judge: StrokeJudge, rounds: Sequence[Round], reference: Strokes) -> dict[str, list[Scores]]:
        """By what is shown, for each repetition and digit."""
        found: dict[str, list[Scores]] = {}
        for one in rounds:
            for i in range(len(DIGITS)):
                rows = slice(i * self.chains, (i + 1) * self.chains)
                real = diversity(judge, one.shown[REAL][rows], i)
                for kind in (PPGN, DGN_AM, START, THROUGH, REAL):
                    found.setdefault(kind, []).append(score(judge, one.shown[kind][rows], i, real, reference.of(i)))
        return found

    @property
    def _digits(self) -> list[str]:
        """The digit behind each score."""
        return [digit for _ in range(self.repetitions) for digit in DIGITS]

    def _report(self, outcome: Outcome, scores: Mapping[str, Sequence[Scores]]) -> None:
        for kind, found in scores.items():
            for measure, about in MEASURES.items():
                values = [one[measure] for one in found]
                outcome.measurements.append(Measurement(f"{measure}/{kind}", values, about.unit, OVER, about.better))
        for measure in ("named", "diversity"):
            statistic = (
                f"{PPGN}: {MEASURES[measure].unit}; mean over digits and repetitions, 95 % bootstrap over the digits"
            )
            effect = cluster_bootstrap([one[measure] for one in scores[PPGN]], self._digits)
            bounds, seeds = (BOUND, float("inf")), self.repetitions
            outcome.evidence.append(
                Evidence(CLAIM, statistic, *effect, "", len(DIGITS), "digit", expected=bounds, seeds=seeds)
            )
        outcome.tables.append(self._table(scores))

    def _table(self, scores: Mapping[str, Sequence[Scores]]) -> Table:
        rows: list[list[str | float | None]] = [
            [kind, *(over_classes([one[measure] for one in found], self._digits) for measure in MEASURES)]
            for kind, found in scores.items()
        ]
        caption = (
            f"{self.chains} strokes of each digit in {self.repetitions} repetitions of the whole, training included. "
            "Means with 95 % intervals from a bootstrap over the digits. "
            + " ".join(f"{name}: {about.unit}, {about.better} is better." for name, about in MEASURES.items())
        )
        return Table("strokes", "Digits as strokes", ["strokes", *MEASURES], rows, caption)


Scores = Mapping[str, float]  # one number for each of `MEASURES`


@dataclasses.dataclass(frozen=True, eq=False)
class Round:
    """One repetition. shown: by kind (digits x chains, 2, MOMENTS). chains: by sampler. along: (k, digits x chains, 2,
    MOMENTS), what the generator makes of the codes that PPGN-h's chains kept."""

    shown: Mapping[str, Tensor]
    chains: Mapping[str, Chains]
    along: Tensor


def sampler_of(parts: StrokeParts, settings: Settings) -> Sampler:
    """The suite's sampler, with a generator of strokes and, where the settings ask for one, the prior on their codes.

    Raises ValueError for settings whose prior reads images.
    """
    if settings.prior == "joint":
        raise ValueError(f"the prior of '{settings.name}' reads images through a network; strokes have the prior 'dae'")
    prior = NoPrior() if settings.prior == "none" else DenoisingPrior(parts.dae)
    return Sampler(parts.generator, settings, prior, parts.real)


def by_digit(examples: Strokes) -> Tensor:
    """The points of as many examples of each digit, digit after digit."""
    return torch.cat([examples.of(i) for i in range(len(DIGITS))])


def named(judge: StrokeJudge, points: Tensor, label: int) -> Tensor:
    """(n,) bool: whether the judge's likeliest digit, its kinds' probabilities added up, is the one asked for."""
    with torch.inference_mode():
        kinds = judge(points).softmax(1)
    digits = torch.stack([kinds[:, members(i)].sum(1) for i in range(len(DIGITS))], 1)
    return digits.argmax(1) == label


def members(label: int) -> list[int]:
    """The positions of a digit's kinds among all."""
    return [i for i, name in enumerate(NAMES) if name.partition("/")[0] == DIGITS[label]]


def diversity(judge: StrokeJudge, points: Tensor, label: int) -> float:
    """The mean distance of pairs: the root mean square over the moments, in half sides; 0 for pairs of which one isn't
    named as the digit."""
    apart = torch.cdist(points.flatten(1).double(), points.flatten(1).double()) / MOMENTS**0.5
    distances = PairDistances(apart.fill_diagonal_(0), "distance of points")
    matched = Matched(named(judge, points, label).double(), 1.0, "named as the digit")
    return matched_pairs(distances, matched).mean().value


def score(judge: StrokeJudge, points: Tensor, label: int, real: float, reference: Tensor) -> Scores:
    """points: (n, 2, MOMENTS). label: the digit asked for. real: the diversity of as many real ones, above 0.
    reference: real examples of the digit."""
    with torch.inference_mode():
        kinds = judge(points).softmax(1)
    near = plausibility(*(Features(x.flatten(1), "points") for x in (points, reference)), k=NEIGHBOURS)
    return {
        "named": float(named(judge, points, label).double().mean()),
        "diversity": diversity(judge, points, label) / real,
        "kinds": facet_recall(kinds, members(label), evaluator="stroke judge").value,
        "distance": float(near.mean()),
    }
