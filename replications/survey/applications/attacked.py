"""Attacked versions of images, and what is seen of images: the raw material of the detectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from replications.survey.applications import attacks
from replications.survey.applications.adversarial_detector import Detector
from replications.survey.applications.sight import CONFIDENCE, Sight

FGSM, PGD, NOISE, KNOWING = "FGSM", "PGD", "noise", "knows the detector"
BATCH = 64

_Batch = tuple[Tensor, Tensor, Tensor]  # images, their right classes, where an attack begins


@dataclasses.dataclass(frozen=True)
class Budget:
    """How hard an attack tries: steps of PGD, and of the attack that knows the detector.

    A step is `2.5 / steps` of the strength, so that it can cross the allowed distance (Madry et al. 2018).
    """

    steps: int
    knowing_steps: int


@dataclasses.dataclass(frozen=True, eq=False)
class Looked:
    """What is seen of N images: statistics by family (N, d), and the predicted classes (N,); on the CPU."""

    statistics: Mapping[str, Tensor]
    predicted: Tensor

    def where(self, chosen: Tensor) -> dict[str, Tensor]:
        """The statistics of some of the images."""
        return {name: values[chosen] for name, values in self.statistics.items()}


def look(sight: Sight, images: Tensor) -> Looked:
    """images: (N, 3, H, W) in [0, 1]."""
    parts = [sight(part) for part in images.split(BATCH)]
    statistics = {name: torch.cat([part.statistics[name].cpu() for part in parts]) for name in sight.families}
    return Looked(statistics, torch.cat([part.logits.argmax(1).cpu() for part in parts]))


def attacked(
    sight: Sight,
    name: str,
    images: Tensor,
    targets: Tensor,
    strength: float,
    budget: Budget,
    generator: torch.Generator,
) -> Tensor:
    """The images (N, 3, H, W) under FGSM, PGD or noise of a strength, on the CPU. targets: (N,) the right classes."""
    made = []
    for part, right in _batches(images, targets, sight.network.device):
        objective = attacks.mistake(sight.logits, right)
        if name == FGSM:
            found = attacks.fgsm(objective, part, strength)
        elif name == PGD:
            step = 2.5 * strength / budget.steps
            found = attacks.pgd(objective, part, strength, steps=budget.steps, step=step, generator=generator)
        elif name == NOISE:
            found = attacks.noise(part, strength, generator)
        else:
            raise ValueError(f"expected the attack to be {FGSM}, {PGD} or {NOISE}, found '{name}'")
        made.append(found.cpu())
    return torch.cat(made)


def knowingly_attacked(
    sight: Sight,
    detector: Detector,
    images: Tensor,
    targets: Tensor,
    strength: float,
    budget: Budget,
    starts: Tensor,
    each: Callable[[Sequence[_Batch]], Iterable[_Batch]] = iter,
) -> Tensor:
    """The images under the attack that knows `detector`, on the CPU. starts: where it begins, such as PGD's images.

    each: wraps the batches, such as a progress bar.
    """

    def seen(changed: Tensor) -> tuple[Tensor, Tensor]:
        if detector.families == (CONFIDENCE,):
            logits = sight.logits(changed)
            return logits, detector({CONFIDENCE: sight.confidence(logits)})
        shown = sight(changed)
        return shown.logits, detector(shown.statistics)

    step = 2.5 * strength / budget.knowing_steps
    device = sight.network.device
    batches = [
        (part, right, start)
        for (part, right), start in zip(_batches(images, targets, device), starts.split(BATCH), strict=True)
    ]
    made = []
    for part, right, start in each(batches):
        found = attacks.knowing(
            seen, part, right, strength, steps=budget.knowing_steps, step=step, start=start.to(device)
        )
        made.append(found.detach().cpu())
    return torch.cat(made)


def _batches(images: Tensor, targets: Tensor, device: torch.device) -> list[tuple[Tensor, Tensor]]:
    parts = zip(images.split(BATCH), targets.split(BATCH), strict=True)
    return [(part.to(device), right.to(device)) for part, right in parts]
