"""Adversarial images within a given distance, in the largest change of any channel of any pixel (L-infinity).

- `fgsm`: one step of the gradient's sign (Goodfellow et al. 2015, "Explaining and Harnessing Adversarial Examples");
- `pgd`: many small ones from a random start, each brought back within the distance (Madry et al. 2018, "Towards Deep
  Learning Models Resistant to Adversarial Attacks");
- `knowing`: an attack that knows a detector. It raises the loss while the network isn't fooled and lowers the alarm
  once it is (selective projected gradient descent: Bryniarski et al. 2022, "Evading Adversarial Example Detection
  Defenses with Orthogonal Projected Gradient Descent"), and keeps the least alarming image that fools.

Images are (N, 3, H, W) in [0, 1], and stay there; strengths are in the same unit, so that 8 / 255 is eight grey levels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Objective = Callable[[Tensor], Tensor]
"""Images (N, 3, H, W) -> (N,), what an attack raises; the value of an image depends on that image alone."""


def wrong_log_odds(logits: Tensor, targets: Tensor) -> Tensor:
    """(N,) the log-odds that another class than the right one is seen. logits: (N, classes); targets: (N,).

    The cross-entropy is log(1 + e^this), so for each image their gradients point the same way; that of the
    cross-entropy vanishes in rounding where the network is sure.
    """
    own = targets[:, None]
    return logits.scatter(1, own, -torch.inf).logsumexp(1) - logits.gather(1, own)[:, 0]


def mistake(logits: Callable[[Tensor], Tensor], targets: Tensor) -> Objective:
    """What an attack raises so that another class than the right one wins. targets: (N,) the right outputs."""
    return lambda images: wrong_log_odds(logits(images), targets)


def fgsm(objective: Objective, images: Tensor, strength: float) -> Tensor:
    """One step of `strength` along the sign of the objective's gradient, cut off to [0, 1]."""
    _check(strength)
    return (images + strength * _gradient(objective, images).sign()).clamp(0, 1)


def pgd(
    objective: Objective, images: Tensor, strength: float, *, steps: int, step: float, generator: torch.Generator
) -> Tensor:
    """`steps` steps of `step` along the sign of the gradient, from a uniformly random start within `strength`."""
    _check(strength)
    current = _within(images + strength * _uniform(images, generator), images, strength)
    for _ in range(steps):
        current = _within(current + step * _gradient(objective, current).sign(), images, strength)
    return current


def noise(images: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Each channel of each pixel changed by `strength` up or down at random: as far as FGSM, in no direction."""
    _check(strength)
    signs = torch.randint(0, 2, images.shape, generator=generator).to(images) * 2 - 1
    return (images + strength * signs).clamp(0, 1)


def knowing(
    seen: Callable[[Tensor], tuple[Tensor, Tensor]],
    images: Tensor,
    targets: Tensor,
    strength: float,
    *,
    steps: int,
    step: float,
    start: Tensor,
) -> Tensor:
    """The least alarming of the images on the way that are not classified as `targets`; where there is none, the last.

    seen: images -> logits (N, classes) and alarm (N,), differentiable. start: (N, 3, H, W), such as the images of an
    attack that doesn't know the detector; brought within `strength` of `images`.
    """
    _check(strength)
    current = _within(start, images, strength)
    best, least = current, images.new_full((len(images),), torch.inf)
    for number in range(steps + 1):
        changed = current.detach().clone().requires_grad_(True)
        logits, alarm = seen(changed)
        fooled = logits.argmax(1) != targets
        improved = fooled & (alarm < least)
        best = torch.where(improved[:, None, None, None], current, best)
        least = torch.where(improved, alarm.detach(), least)
        if number == steps:
            break
        objective = torch.where(fooled, -alarm, wrong_log_odds(logits, targets))
        (gradient,) = torch.autograd.grad(objective.sum(), changed)
        current = _within(current + step * gradient.sign(), images, strength)
    return torch.where(torch.isfinite(least)[:, None, None, None], best, current)


def _gradient(objective: Objective, images: Tensor) -> Tensor:
    changed = images.detach().clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(objective(changed).sum(), changed)
    return gradient


def _within(changed: Tensor, images: Tensor, strength: float) -> Tensor:
    return torch.minimum(torch.maximum(changed, images - strength), images + strength).clamp(0, 1)


def _uniform(images: Tensor, generator: torch.Generator) -> Tensor:
    """Between -1 and 1, drawn on the CPU, so that the device doesn't matter."""
    return (2 * torch.rand(images.shape, generator=generator) - 1).to(images)


def _check(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise ValueError(f"a strength is a change of values in [0, 1] and lies there itself, found {strength}")
