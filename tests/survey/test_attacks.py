"""Attacks on linear models, whose best answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from replications.survey.applications import attacks

STRENGTH = 0.06


def linear(seed: int = 0, classes: int = 2) -> tuple[Tensor, Tensor]:
    """Weights (classes, 3, 4, 4), and images (5, 3, 4, 4) in [0, 1], some of whose pixels lie at the ends."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(classes, 3, 4, 4, generator=generator, dtype=torch.float64)
    images = (1.4 * torch.rand(5, 3, 4, 4, generator=generator, dtype=torch.float64) - 0.2).clamp(0, 1)
    return weights, images


def logits_of(weights: Tensor, images: Tensor) -> Tensor:
    return images.flatten(1) @ weights.flatten(1).T


def worst(weights: Tensor, images: Tensor, targets: Tensor) -> Tensor:
    """Of two classes: every pixel moved as far as it may towards the other class."""
    direction = (weights[1 - targets] - weights[targets]).sign()
    return (images + STRENGTH * direction).clamp(0, 1)


def test_fgsm_on_a_linear_model_moves_every_pixel_towards_the_other_class() -> None:
    weights, images = linear()
    targets = torch.tensor([0, 1, 0, 1, 1])
    objective = attacks.mistake(lambda x: logits_of(weights, x), targets)
    torch.testing.assert_close(attacks.fgsm(objective, images, STRENGTH), worst(weights, images, targets))


@pytest.mark.parametrize("seed", range(3))
def test_pgd_on_a_linear_model_ends_in_the_same_corner_from_any_start(seed: int) -> None:
    weights, images = linear(seed)
    targets = torch.tensor([0, 1, 0, 1, 1])
    objective = attacks.mistake(lambda x: logits_of(weights, x), targets)
    generator = torch.Generator().manual_seed(seed)
    found = attacks.pgd(objective, images, STRENGTH, steps=20, step=STRENGTH / 4, generator=generator)
    torch.testing.assert_close(found, worst(weights, images, targets))


def test_attacked_images_are_images_within_the_distance_and_follow_the_generator() -> None:
    weights, images = linear(classes=4)
    objective = attacks.mistake(lambda x: logits_of(weights, x).sin(), torch.zeros(5, dtype=torch.long))

    def made(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return attacks.pgd(objective, images, STRENGTH, steps=3, step=STRENGTH, generator=generator)

    for found in (made(0), attacks.noise(images, STRENGTH, torch.Generator().manual_seed(0))):
        assert float((found - images).abs().max()) <= STRENGTH + 1e-12
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1
    assert torch.equal(made(0), made(0))
    assert not torch.equal(made(0), made(1))


def test_an_image_is_attacked_alike_whatever_stands_beside_it() -> None:
    weights, images = linear(classes=3)
    targets = torch.tensor([0, 1, 2, 0, 1])

    def found(rows: slice) -> Tensor:
        objective = attacks.mistake(lambda x: logits_of(weights, x).tanh(), targets[rows])
        return attacks.fgsm(objective, images[rows], STRENGTH)

    torch.testing.assert_close(found(slice(2, 3)), found(slice(0, 5))[2:3])


def test_the_knowing_attack_fools_with_the_least_alarm_that_it_saw() -> None:
    weights, images = linear(1)
    targets = logits_of(weights, images).argmax(1)
    strength = 0.5  # enough to fool, with room to spare
    alarming = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(7), dtype=torch.float64)

    def seen(pixels: Tensor) -> tuple[Tensor, Tensor]:
        return logits_of(weights, pixels), (pixels * alarming).flatten(1).sum(1)

    start = (images + strength * (weights[1 - targets] - weights[targets]).sign()).clamp(0, 1)
    found = attacks.knowing(seen, images, targets, strength, steps=40, step=0.05, start=start)
    fooled = logits_of(weights, found).argmax(1) != targets
    assert bool(fooled.all())
    assert bool((seen(found)[1] < seen(start)[1]).all())
    assert float((found - images).abs().max()) <= strength + 1e-12
    # the least alarm of a linear detector with the linear model fooled is a linear program
    for i in range(len(images)):
        assert float(seen(found)[1][i]) < 0.7 * float(seen(start)[1][i]) + 0.3 * least(
            weights, images, alarming, i, 0.5
        )


def least(weights: Tensor, images: Tensor, alarming: Tensor, i: int, strength: float) -> float:
    from scipy.optimize import linprog

    target = int(logits_of(weights, images[i : i + 1]).argmax())
    margin = (weights[target] - weights[1 - target]).flatten().numpy()
    pixels = images[i].flatten().numpy()
    bounds = [(max(0.0, p - strength), min(1.0, p + strength)) for p in pixels]
    solved = linprog(alarming.flatten().numpy(), A_ub=margin[None], b_ub=[0.0], bounds=bounds)
    assert solved.success
    return float(solved.fun)


def test_where_nothing_fools_the_network_the_knowing_attack_still_goes_towards_it() -> None:
    weights, images = linear(2)
    targets = torch.zeros(5, dtype=torch.long)

    def seen(pixels: Tensor) -> tuple[Tensor, Tensor]:
        logits = logits_of(weights, pixels) + torch.tensor([100.0, 0.0], dtype=torch.float64)
        return logits, pixels.flatten(1).sum(1)

    found = attacks.knowing(seen, images, targets, STRENGTH, steps=10, step=STRENGTH / 4, start=images)
    torch.testing.assert_close(found, worst(weights, images, targets))


def test_the_gradient_is_that_of_the_cross_entropy_but_for_a_positive_factor_and_does_not_vanish() -> None:
    weights, images = linear(3, classes=4)
    targets = torch.tensor([0, 1, 2, 3, 0])
    for scale in (1.0, 300.0):
        changed = images.clone().requires_grad_(True)
        logits = scale * logits_of(weights, changed)
        cross_entropy = F.cross_entropy(logits, targets, reduction="none")
        odds = attacks.wrong_log_odds(logits, targets)
        torch.testing.assert_close(cross_entropy, F.softplus(odds))
        (gradient,) = torch.autograd.grad(odds.sum(), changed, retain_graph=True)
        assert bool((gradient.flatten(1).norm(dim=1) > 0.1).all())
        if scale == 1:
            (plain,) = torch.autograd.grad(cross_entropy.sum(), changed)
            factor = odds.sigmoid().detach()[:, None, None, None]
            torch.testing.assert_close(plain, factor * gradient)


@pytest.mark.parametrize("strength", [-0.1, 1.5])
def test_a_strength_that_is_no_change_of_a_pixel_is_refused(strength: float) -> None:
    weights, images = linear()
    objective = attacks.mistake(lambda x: logits_of(weights, x), torch.zeros(5, dtype=torch.long))
    with pytest.raises(ValueError, match="a strength is a change of values in"):
        attacks.fgsm(objective, images, strength)
