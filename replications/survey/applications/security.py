"""Security: adversarial images as deconvnet, inversion and dissection show them, and a detector built on that.

The survey names security among the uses of seeing inside a network. Images that the network classifies correctly are
changed a little so that it doesn't (FGSM, PGD; `attacks`); a few numbers say how the survey's methods see an image
(`sight`); a logistic regression on them tells attacked images from clean ones (`adversarial_detector`). It is compared
with the plain threshold on the network's confidence, which needs no training.

What is held out: a detector trained on FGSM is tested on PGD and the other way round, and at other strengths than the
one it is trained at; always on other images. Last comes an attack that knows the detector, with the gradient of all its
statistics (`attacks.knowing`), and the same against the confidence threshold.

Statistics, fixed beforehand: the area under the ROC curve between the clean test images and those attacked versions of
them that fool the network, one for each of the seeds (disjoint images, own detectors, own random starts); its mean and
the difference to the threshold's, with intervals from resampling the images within each seed, both versions of one
together (`metrics.roc`). Beside it: the area for images changed by noise of the same strength, in which there is no
attack to find; and of the attack that knows the detector the share of images that fool the network and stay below the
alarm that 5 % of the clean images raise. No row of the ledger asks this, so no verdict hangs on it.

The network's classes are those of the images: attacks and confidence know no others.

Changed after a first look, at strengths of 2, 4 and 8 of 255: as the middle one, at which detectors are trained, fooled
the network on a third of the images only, the strengths became 4, 8 and 16.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from metrics.roc import LEAST, ScoredImages
from replications.networks.network import UnknownClass
from replications.networks.weights import WeightsError
from replications.suite.interface import Context, Experiment, Measurement, MissingInput, Outcome
from replications.survey.applications.adversarial_detector import Detector, threshold, train
from replications.survey.applications.attacked import (
    FGSM,
    KNOWING,
    NOISE,
    PGD,
    Budget,
    Looked,
    attacked,
    knowingly_attacked,
    look,
)
from replications.survey.applications.differentiable_deconvnet import Ascent
from replications.survey.applications.remainder import NoPassage, Remainder
from replications.survey.applications.security_drawing import Example, picture_of_areas, picture_of_examples
from replications.survey.applications.security_tables import (
    ALL,
    BASELINE,
    Case,
    Scores,
    areas,
    attack_table,
    detection_table,
    knowing_table,
    strengths_table,
)
from replications.survey.applications.sight import CONFIDENCE, PROJECTED, Sight, TooFewReferences
from replications.survey.applications.unit_orders import best_iou
from replications.survey.concept_choice import concept_set, content, lacking
from replications.survey.dissection.cache import cached
from replications.survey.dissection.result import Dissection
from replications.survey.inversion_networks import InversionMismatch, InvertedLayer, load_inversion
from replications.zeiler import deconvnet
from replications.zeiler.deconvnet_rules import NoRule

_BATCH = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """Some of the images: (N, 3, H, W) in [0, 1] and their classes, (N,)."""

    images: Tensor
    labels: Tensor


@dataclasses.dataclass(frozen=True)
class Security(Experiment):
    """layer: number of the paper's layer whose feature maps are looked at. concepts: a configuration of conf/concepts.

    inversion: weights of a network that inverts a layer, or None to do without. first: validation images before this
    number are left out (they may be among those with concepts). classes: at most, the first ones; None for all.
    reference: images of each class behind its mean. seeds: sets of images; train, test: images of each. strengths: grey
    levels of 255 that a pixel may change; detectors are trained at `trained_at`. steps, knowing_steps: of PGD and of
    the attack that knows the detector. shown: images drawn.
    """

    name: ClassVar[str] = "security"
    title: ClassVar[str] = "Security: telling adversarial images by what is seen of them"
    paper: ClassVar[str] = "survey"
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "data")

    layer: int
    concepts: Mapping[str, Any] | None
    inversion: str | None
    first: int
    classes: int | None
    reference: int
    seeds: int
    train: int
    test: int
    strengths: Sequence[float]
    trained_at: float
    steps: int
    knowing_steps: int
    shown: int

    def __post_init__(self) -> None:
        if self.trained_at not in self.strengths:
            raise ValueError(f"expected trained_at to be one of {list(self.strengths)}, found {self.trained_at}")
        if min(self.seeds, self.steps, self.knowing_steps, self.shown) < 1:
            raise ValueError(
                f"expected at least 1 seed, step and image shown; found seeds={self.seeds}, steps={self.steps}, "
                f"knowing_steps={self.knowing_steps}, shown={self.shown}"
            )
        if min(self.train, self.test) < 2 * LEAST:
            raise ValueError(
                f"expected at least {2 * LEAST} images to train and to test on, found {self.train} and {self.test}"
            )

    def missing(self, context: Context) -> str | None:
        network, validation = context.network, context.data.validation
        if self.layer not in network.unit_layers:
            return f"needs the feature maps of layer {self.layer}, which network '{network.name}' doesn't name"
        try:
            Remainder(network, network.unit_layers[self.layer])
            self._outputs(context)
            self._inversion(context)
        except (NoPassage, UnknownClass, WeightsError, InversionMismatch) as error:
            return f"can't look at attacks: {error}"
        wanted = self.seeds * (self.train + self.test) + self.reference * self._class_count(context)
        if len(validation) - self.first < wanted:
            return f"needs {wanted} validation images from number {self.first} on, and there are {len(validation)}"
        return lacking(self.concepts, network)

    def reads(self, context: Context) -> dict[str, str]:
        return content(self.concepts, context.network)

    def run(self, context: Context) -> Outcome:
        outcome = Outcome()
        sight, found = self._sight(context)
        if (detecting := len(found.detector_units())) < PROJECTED:
            outcome.notes.append(
                f"Only {detecting} units detect a concept; the {PROJECTED} that a concept describes best are looked at."
            )
        parts = self._parts(context, sight)
        scores: Scores = {}
        rates: dict[Case, list[float]] = {}
        for seed in range(self.seeds):
            self._one_seed(context, sight, seed, *parts[seed], scores, rates)
        for case, per_seed in rates.items():
            name = f"fooled/{case.attack} at {case.strength:g}" + (f"/{case.detector}" if case.detector else "")
            outcome.measurements.append(Measurement(name, per_seed, "share of correctly classified images", "seed"))
        rare: dict[str, None] = {}
        for case, groups in scores.items():
            values = areas(groups)
            if values is None:
                rare.setdefault(f"{case.attack} at {case.strength:g}", None)
                continue
            outcome.measurements.append(Measurement(f"area/{case.words}", values, "area under ROC", "seed", "higher"))
        outcome.notes += [f"{what}: fewer than {LEAST} images of a seed are fooled, so no areas." for what in rare]
        detectors = [name for name in self._families(sight) if any(case.detector == name for case in scores)]
        outcome.tables.append(attack_table(rates, self.strengths))
        outcome.tables.append(detection_table(scores, detectors, self.trained_at))
        outcome.tables.append(strengths_table(scores, detectors, self.strengths, self.trained_at))
        outcome.tables.append(knowing_table(scores, rates, self.trained_at))
        outcome.pictures.append(picture_of_areas(scores, detectors, self.trained_at))
        outcome.pictures.append(picture_of_examples(self._examples(context, sight, found, parts[0][1])))
        if sight.inversion is None:
            outcome.notes.append(
                "No network that inverts a layer of this network is at hand, so there is no inversion."
            )
        return outcome

    # ---------------------------------------------------------------------------------------------- preparing

    def _class_count(self, context: Context) -> int:
        count = len(context.data.validation.classes)
        return count if self.classes is None else min(count, self.classes)

    def _outputs(self, context: Context) -> list[int]:
        """The network's outputs for the images' classes. Raises UnknownClass."""
        classes = context.data.validation.classes[: self._class_count(context)]
        return [context.network.class_index(name) for name in classes]

    def _inversion(self, context: Context) -> InvertedLayer | None:
        return None if self.inversion is None else load_inversion(self.inversion, context.network)

    def _sight(self, context: Context) -> tuple[Sight, Dissection]:
        """How images are seen, by the units that dissection calls detectors. Raises MissingInput where too few are."""
        network = context.network
        layer, concepts = network.unit_layers[self.layer], concept_set(self.concepts, network)
        found = cached(network, [layer], concepts, progress=context.progress)[layer]
        try:
            Ascent(network, context.data.validation.images([0]), layer)  # says what the deconvnet has no rule for
            sight = Sight(
                network,
                layer,
                thresholds=torch.from_numpy(found.thresholds),
                units=_looked_at(found),
                outputs=self._outputs(context),
                inversion=self._inversion(context),
            )
        except (ValueError, NoRule) as error:
            raise MissingInput(str(error)) from error
        return sight, found

    def _parts(self, context: Context, sight: Sight) -> list[tuple[Part, Part]]:
        """For each seed images to train and to test on, all classified correctly; the sight learns from others."""
        validation, count = context.data.validation, self._class_count(context)
        left = torch.arange(self.first, len(validation))
        left = left[validation.labels[left] < count]
        order = left[torch.randperm(len(left), generator=context.generator("images"))]
        reference, others = self._right_ones(context, sight, order, count)
        try:
            sight.learn(validation.images(reference), validation.labels[reference])
        except TooFewReferences as error:
            raise MissingInput(str(error)) from error
        each = self.train + self.test
        if len(others) < self.seeds * each:
            raise MissingInput(
                f"the network classifies {len(others)} images correctly beside the reference ones; "
                f"{self.seeds * each} are needed: set train= and test= of this experiment lower"
            )
        parts = []
        for chosen in torch.tensor(others[: self.seeds * each]).split(each):
            images, labels = validation.images(chosen), validation.labels[chosen]
            parts.append(
                (
                    Part(images[: self.train], labels[: self.train]),
                    Part(images[self.train :], labels[self.train :]),
                )
            )
        return parts

    def _right_ones(self, context: Context, sight: Sight, order: Tensor, count: int) -> tuple[list[int], list[int]]:
        """Of the images at `order` those classified correctly: the reference ones of each class, and others."""
        validation = context.data.validation
        reference: list[int] = []
        others: list[int] = []
        missing = [self.reference] * count
        for indices, images, labels in validation.batches(_BATCH, order):
            with torch.inference_mode():
                right = sight.logits(images).argmax(1).cpu() == labels
            for index, label in zip(indices[right].tolist(), labels[right].tolist(), strict=True):
                if missing[label]:
                    missing[label] -= 1
                    reference.append(index)
                else:
                    others.append(index)
            if len(others) >= self.seeds * (self.train + self.test) and not any(missing):
                break
        return reference, others

    # ---------------------------------------------------------------------------------------------- measuring

    @property
    def _budget(self) -> Budget:
        return Budget(self.steps, self.knowing_steps)

    def _families(self, sight: Sight) -> dict[str, tuple[str, ...]]:
        """What each detector reads, by the detector's name."""
        seeing = tuple(name for name in sight.families if name != CONFIDENCE)
        return {
            BASELINE: (CONFIDENCE,),
            **{name: (name,) for name in seeing},
            ALL: seeing,
            f"{ALL}, and confidence": (*seeing, CONFIDENCE),
        }

    def _one_seed(
        self,
        context: Context,
        sight: Sight,
        seed: int,
        train_part: Part,
        test_part: Part,
        scores: Scores,
        rates: dict[Case, list[float]],
    ) -> None:
        clean_train, clean = look(sight, train_part.images), look(sight, test_part.images)
        detectors = self._trained(context, sight, seed, train_part, clean_train)
        made: dict[tuple[str, float], Tensor] = {}
        cases = [(attack, strength) for strength in self.strengths for attack in (FGSM, PGD, NOISE)]
        for attack, strength in context.progress(cases, f"attacking, seed {seed}", len(cases)):
            images = self._attacked(context, sight, attack, strength, test_part, seed, "test")
            made[attack, strength] = images
            seen = look(sight, images)
            fooled = seen.predicted != test_part.labels
            rates.setdefault(Case("", "", attack, strength), []).append(float(fooled.double().mean()))
            if attack == NOISE and strength != self.trained_at:
                continue
            counted = torch.ones_like(fooled) if attack == NOISE else fooled
            for (name, trained), detector in detectors.items():
                case = Case(name, trained, attack, strength)
                scores.setdefault(case, []).append(_scored(detector, clean, seen, counted))
        for name, trained in ((BASELINE, ""), (ALL, PGD)):
            detector = detectors[name, trained]
            images = knowingly_attacked(
                sight,
                detector,
                test_part.images,
                test_part.labels,
                self.trained_at / 255,
                self._budget,
                made[PGD, self.trained_at],
                lambda batches: context.progress(batches, f"attacking the detector, seed {seed}", len(batches)),
            )
            seen = look(sight, images)
            fooled = seen.predicted != test_part.labels
            case = Case(name, trained, KNOWING, self.trained_at)
            rates.setdefault(case, []).append(float(fooled.double().mean()))
            scores.setdefault(case, []).append(_scored(detector, clean, seen, fooled))

    def _trained(
        self, context: Context, sight: Sight, seed: int, part: Part, clean: Looked
    ) -> dict[tuple[str, str], Detector]:
        """By name and by what it was trained on."""
        families = self._families(sight)
        detectors = {(BASELINE, ""): threshold(CONFIDENCE)}
        for attack in (FGSM, PGD):
            seen = look(sight, self._attacked(context, sight, attack, self.trained_at, part, seed, "train"))
            fooled = seen.predicted != part.labels
            if int(fooled.sum()) < LEAST:
                raise MissingInput(
                    f"{attack} at {self.trained_at:g} of 255 fools the network on {int(fooled.sum())} of {len(fooled)} "
                    "images, too few to learn from: set strengths= and trained_at= of this experiment higher"
                )
            for name, own in families.items():
                if name != BASELINE:
                    detectors[name, attack] = train(clean.statistics, seen.where(fooled), own)
        return detectors

    def _attacked(
        self, context: Context, sight: Sight, attack: str, strength: float, part: Part, seed: int, which: str
    ) -> Tensor:
        generator = context.generator(attack, which, seed, str(strength))
        return attacked(sight, attack, part.images, part.labels, strength / 255, self._budget, generator)

    # ------------------------------------------------------------------------------------------------ showing

    def _examples(self, context: Context, sight: Sight, found: Dissection, part: Part) -> list[Example]:
        """The first test images that PGD fools the network on, with their attacked versions."""
        labels = {one.unit: one.concept for one in found.top("top")}
        names = [labels[unit] for unit in sight.units.tolist()]
        classes = context.data.validation.classes
        images = self._attacked(context, sight, PGD, self.trained_at, part, 0, "test")
        fooled = look(sight, images).predicted != part.labels
        examples = []
        for i in fooled.nonzero().flatten()[: self.shown].tolist():
            versions = torch.stack([part.images[i], images[i]])
            seen = sight(versions)
            for j, what in enumerate(("clean", f"PGD, {self.trained_at:g} of 255")):
                strongest = seen.evidence[j].topk(min(3, len(names)))
                told = [
                    f"{names[unit]} {value:.1f}" for value, unit in zip(*map(Tensor.tolist, strongest), strict=True)
                ]
                examples.append(
                    Example(
                        what,
                        classes[int(seen.logits[j].argmax())],
                        float(seen.logits[j].softmax(0).max()),
                        versions[j],
                        deconvnet.normalize_for_display(seen.projections[j : j + 1].cpu())[0],
                        None if seen.inverted is None else seen.inverted[j].cpu(),
                        told,
                    )
                )
        return examples


def _looked_at(found: Dissection) -> list[int]:
    """The units that detect a concept; where those are too few to project, the ones best described."""
    detecting = found.detector_units()
    if len(detecting) >= PROJECTED:
        return detecting
    best: list[int] = best_iou(found).topk(min(PROJECTED, found.units)).indices.tolist()
    return best


def _scored(detector: Detector, clean: Looked, seen: Looked, counted: Tensor) -> ScoredImages:
    return ScoredImages(detector(clean.statistics).numpy(), detector(seen.statistics).numpy(), counted.numpy())
