"""What each term of the generator's loss is for (Sec. 3.4 and 3.5, Fig. 3: L = L_img + L_h1 + L_h + L_GAN).

Generators of the noiseless joint variant, and of the same recipe with one term left out or with the one on the code,
are trained alike; each of them gives back validation images from their codes. Measured, for each of several seeds:
- squared errors of image, comparator layer and code, as shares of the variance of real ones;
- how often the encoder and a held-out network still see the image's class;
- how far the images are from real ones in the held-out network's features (kernel distance, relative) and in their
  power spectrum: a loss on pixels alone gives blurred images, one on features alone patterns.

All that is known of what the paper says of single terms is a line of a reading note: with feature matching on h1 images
are best. It holds if without h1 the kernel distance is larger, and the held-out network names fewer classes, than with
all terms (Welch's intervals over seeds). Trainings are far shorter than those of the generators that the other
experiments sample with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from metrics.contrasts import seed_contrast
from metrics.realism import kernel_distance
from metrics.spectrum import set_spectrum_distance
from metrics.statistics import plus_minus
from replications.multifaceted.judge import Judge
from replications.paths import cache_root
from replications.ppgn.class_sets import class_probabilities
from replications.ppgn.loss_terms_drawing import picture_of_copies
from replications.ppgn.recipe import GeneratorRecipe
from replications.ppgn.reconstruction import Reconstruction, reconstruct
from replications.ppgn.runs import GeneratorJob, TrainedGenerator, train_generator
from replications.suite.interface import Context, Direction, Evidence, Experiment, Measurement, Outcome, Table
from replications.workers import side_by_side

CLAIM = "PPGN-C-h1-best"
H1 = "comparator"
TERMS = {"image": "image", "comparator": "h1", "adversarial": "GAN", "code": "h"}


class Scores(NamedTuple):
    """Of one generator. errors: see `Reconstruction`. judged: share of images whose class the held-out network names.
    distance: kernel distance to real ones. spectrum: distance of the mean power spectrum, in decades."""

    errors: Reconstruction
    judged: float
    distance: float
    spectrum: float


COLUMNS: tuple[tuple[str, str, Direction, Callable[[Scores], float]], ...] = (
    ("image error", "share of the variance", "lower", lambda one: one.errors.image),
    ("h1 error", "share of the variance", "lower", lambda one: one.errors.comparator),
    ("h error", "share of the variance", "lower", lambda one: one.errors.code),
    ("class kept", "share of images", "higher", lambda one: one.errors.class_kept),
    ("class judged", "share of images", "higher", lambda one: one.judged),
    ("kernel distance", "relative", "lower", lambda one: one.distance),
    ("spectrum distance", "decades", "lower", lambda one: one.spectrum),
)


@dataclasses.dataclass(frozen=True)
class LossTerms(Experiment):
    """recipe: a file of conf/generator. steps: of each training instead of the recipe's, with the rate halved after a
    half and three quarters of them. left_out: terms of the loss, one generator without each. code_weight: of the term
    on the code, in one generator more. seeds: generators of each kind. images: of the validation set. shown: columns of
    the picture."""

    name: ClassVar[str] = "loss_terms"
    title: ClassVar[str] = "What each term of the generator's loss is for"
    paper: ClassVar[str] = "ppgn"
    trains: ClassVar[bool] = True
    answers: ClassVar[tuple[str, ...]] = ("PPGN-V4", "PPGN-V5", "PPGN-V8", "PPGN-H9", CLAIM)
    needs: ClassVar = ("network", "evaluator", "data")

    recipe: Mapping[str, Any]
    steps: int
    left_out: Sequence[str]
    code_weight: float
    seeds: int
    images: int
    shown: int

    def __post_init__(self) -> None:
        if H1 not in self.left_out:
            raise ValueError(f"what h1 is for is told by leaving it out: left_out has '{H1}', found {self.left_out}")
        if self.seeds < 2 or self.shown < 1:
            raise ValueError(f"an interval needs two seeds, a picture a column; found {self.seeds}, {self.shown}")
        if unknown := [term for term in self.left_out if term not in TERMS]:
            raise ValueError(f"a loss has no term '{unknown[0]}'; it has {', '.join(TERMS)}")
        self.recipes()

    def recipes(self) -> dict[str, GeneratorRecipe]:
        """What is trained, by words for its loss; the whole one first."""
        whole = dataclasses.replace(
            GeneratorRecipe.of(self.recipe), steps=self.steps, annealing=(self.steps // 2, self.steps * 3 // 4)
        )
        changes: dict[str, dict[str, Any]] = {"": {}}
        changes |= {f"without {TERMS[term]}": {term: 0.0} for term in self.left_out}
        changes |= {f"with {TERMS['code']}": {"code": self.code_weight}}
        named = " + ".join(TERMS[term] for term in ("image", "comparator", "adversarial"))
        return {
            said or named: dataclasses.replace(whole, losses=dataclasses.replace(whole.losses, **change))
            for said, change in changes.items()
        }

    def missing(self, context: Context) -> str | None:
        network = context.network
        for layer in (self.recipe["code_layer"], self.recipe["comparator_layer"]):
            if layer not in network.layers:
                return f"needs layers '{layer}' of the encoder, which network '{network.name}' hasn't got"
        if len(context.data.validation) < self.images:
            return f"needs {self.images} validation images, and {context.data.name} has {len(context.data.validation)}"
        return None

    def run(self, context: Context) -> Outcome:
        names, trained = self._trained(context)
        judge = Judge(context.evaluator, context.data.validation, clusters=2)
        chosen = torch.randperm(len(context.data.validation), generator=context.generator("images"))[: self.images]
        scores: dict[str, list[Scores]] = {}
        for name, one in context.progress(list(zip(names, trained, strict=True)), "looking at what is given back"):
            scores.setdefault(name, []).append(self._scores(context, judge, one, chosen))
        outcome = Outcome(notes=[self._note(trained)])
        _report(outcome, scores)
        outcome.evidence += _evidence(scores)
        real = context.data.validation.images(chosen[: self.shown])
        firsts = zip(names[:: self.seeds], trained[:: self.seeds], strict=True)
        outcome.pictures.append(picture_of_copies(real, {name: _given_back(one, real) for name, one in firsts}))
        return outcome

    def _trained(self, context: Context) -> tuple[list[str], list[TrainedGenerator]]:
        """Their kinds, and the generators, the seeds of a kind beside each other."""
        kinds = [(name, recipe, seed) for name, recipe in self.recipes().items() for seed in range(self.seeds)]
        jobs = [
            (
                GeneratorJob(context.network, context.data.train, recipe, context.seed + seed),
                cache_root() / "generators",
            )
            for name, recipe, seed in kinds
        ]
        if context.device.type == "cpu":
            made = side_by_side(_train, [(*job, "cpu") for job in jobs])
        else:
            made = (_train(*job, str(context.device)) for job in jobs)
        trained = list(context.progress(made, "training generators", len(jobs)))
        for one in trained:
            context.note_training(one.key, one.seconds)
        return [name for name, _, _ in kinds], trained

    def _scores(self, context: Context, judge: Judge, one: TrainedGenerator, chosen: Tensor) -> Scores:
        data = context.data.validation
        errors = reconstruct(one.generator, one.job.encoder, data, chosen)
        real = data.images(chosen)
        made = _given_back(one, real)
        seen = judge.see(made)
        named = class_probabilities(judge, seen, data.classes).argmax(1) == data.labels[chosen]
        distance = kernel_distance(seen.features, judge.see(real).features, relative=True).value
        return Scores(errors, float(named.float().mean()), distance, set_spectrum_distance(made, real))

    def _note(self, trained: Sequence[TrainedGenerator]) -> str:
        seconds = [one.seconds for one in trained]
        return (
            f"{len(trained)} generators were trained for {self.steps} steps each, {min(seconds):.0f} to "
            f"{max(seconds):.0f} s a generator"
        )


def _train(job: GeneratorJob, root: Path, device: str) -> TrainedGenerator:
    return train_generator(job, root, device, progress=False)


@torch.inference_mode()
def _given_back(one: TrainedGenerator, images: Tensor) -> Tensor:
    """What its generator makes of the codes of images, (n, 3, S, S) on the CPU."""
    device = next(one.generator.parameters()).device
    return torch.cat([one.generator(one.job.encoder.code(part.to(device))).float().cpu() for part in images.split(100)])


def _report(outcome: Outcome, scores: Mapping[str, Sequence[Scores]]) -> None:
    """One measurement and one column of the table for each thing measured, a row for each kind of loss."""
    rows: list[list[str | float | int | None]] = [[name] for name in scores]
    for what, unit, better, value in COLUMNS:
        for row, (name, own) in zip(rows, scores.items(), strict=True):
            values = [value(one) for one in own]
            outcome.measurements.append(Measurement(f"{what}/{name}", values, unit, "seed", better))
            row.append(plus_minus(values, 3))
    outcome.tables.append(
        Table(
            "terms",
            "Generators by the terms of their loss",
            ["loss", *(f"{what} ({unit})" for what, unit, _, _ in COLUMNS)],
            rows,
            "Of validation images given back from their codes: mean and standard deviation over seeds. "
            "'class kept': by the encoder; 'class judged': the held-out network names the image's true class.",
        )
    )


def _evidence(scores: Mapping[str, Sequence[Scores]]) -> list[Evidence]:
    """Of the claim on h1: what leaving it out does to two of the scores."""
    whole, without = next(iter(scores.values())), scores[f"without {TERMS[H1]}"]
    tests = (
        (
            "kernel distance of images given back to real ones, without h1 minus with all terms",
            "relative",
            1.0,
            lambda one: one.distance,
        ),
        (
            "share of them whose class the held-out network names, with all terms minus without h1",
            "share",
            -1.0,
            lambda one: one.judged,
        ),
    )
    found = []
    for said, unit, sign, value in tests:
        samples = [[value(one) for one in without], [value(one) for one in whole]]
        effect, low, high = seed_contrast(samples, (sign, -sign))
        statistic = f"{said}; difference of means over seeds, 95 % Welch interval"
        seeds = len(whole)
        found.append(Evidence(CLAIM, statistic, effect, low, high, unit, seeds, "generator", seeds=seeds))
    return found
