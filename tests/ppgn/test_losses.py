"""The losses against Caffe's definitions, restated slowly in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from replications.ppgn.losses import (
    PUBLISHED_WEIGHTS,
    LossWeights,
    Terms,
    Variances,
    adversarial_loss,
    discriminator_loss,
    divisors,
    in_shares_of_variance,
    squared_distance,
    total,
)

VARIANCES = Variances(image=3.0, comparator=5.0, code=7.0)


def euclidean_loss(found: Tensor, wanted: Tensor) -> float:
    """Caffe's EuclideanLoss: 1 / (2 N) times the sum of squared differences."""
    a, b = found.double().flatten(1).tolist(), wanted.double().flatten(1).tolist()
    return sum((x - y) ** 2 for row, other in zip(a, b, strict=True) for x, y in zip(row, other, strict=True)) / (
        2 * len(a)
    )


def softmax_loss(logits: Tensor, label: int) -> float:
    """Caffe's SoftmaxWithLoss: the mean over images of minus the logarithm of the label's probability."""
    losses = []
    for row in logits.double().tolist():
        exponentials = [math.exp(value) for value in row]
        losses.append(-math.log(exponentials[label] / sum(exponentials)))
    return sum(losses) / len(losses)


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(3)
    shapes = {"real": (4, 3, 5, 5), "fake": (4, 3, 5, 5), "h1": (4, 6, 2, 2), "g1": (4, 6, 2, 2), "h": (4, 9)}
    shapes |= {"g": (4, 9), "d_real": (4, 2), "d_fake": (4, 2)}
    return {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}


def test_published_loss_is_caffes_on_pixels_of_0_to_255(tensors: dict[str, Tensor]) -> None:
    t = tensors
    expected = 2e-6 * euclidean_loss(255 * t["fake"].double(), 255 * t["real"].double())
    expected += 0.01 * euclidean_loss(t["g1"], t["h1"]) + 100 * softmax_loss(t["d_fake"], 0)
    by = divisors(PUBLISHED_WEIGHTS, VARIANCES)
    terms = Terms(
        image=squared_distance(t["fake"], t["real"]) / by.image,
        comparator=squared_distance(t["g1"], t["h1"]) / by.comparator,
        code=None,
        adversarial=adversarial_loss(t["d_fake"]),
    )
    assert float(total(terms, PUBLISHED_WEIGHTS)) == pytest.approx(expected, rel=1e-5)


def test_discriminator_is_to_say_real_of_real_and_generated_of_generated(tensors: dict[str, Tensor]) -> None:
    expected = softmax_loss(tensors["d_real"], 0) + softmax_loss(tensors["d_fake"], 1)
    assert float(discriminator_loss(tensors["d_real"], tensors["d_fake"])) == pytest.approx(expected, rel=1e-6)
    certain = torch.tensor([[30.0, 0.0]]).expand(4, 2)
    assert float(discriminator_loss(certain, certain.flip(1))) == pytest.approx(0, abs=1e-9)
    assert float(adversarial_loss(certain.flip(1))) == pytest.approx(30)


def test_in_shares_of_variance_the_mean_errs_by_one_and_another_image_by_two() -> None:
    images = torch.rand(400, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    mean = images.mean(0, keepdim=True)
    variance = float((images.double() - mean.double()).square().flatten(1).sum(1).mean())
    weights = LossWeights(image=1.0, comparator=0.0, adversarial=0.0)
    by = divisors(weights, Variances(variance, 1.0, 1.0)).image
    assert float(squared_distance(mean.expand_as(images), images)) / by == pytest.approx(1, rel=1e-5)
    assert float(squared_distance(images.roll(1, 0), images)) / by == pytest.approx(2, rel=0.05)


def test_published_weights_in_shares_of_variance_give_the_same_loss(tensors: dict[str, Tensor]) -> None:
    t = tensors
    published = LossWeights(image=2e-6, comparator=0.01, adversarial=100.0, code=0.3, scale="published")
    found = []
    for weights in (published, in_shares_of_variance(published, VARIANCES)):
        by = divisors(weights, VARIANCES)
        terms = Terms(
            image=squared_distance(t["fake"], t["real"]) / by.image,
            comparator=squared_distance(t["g1"], t["h1"]) / by.comparator,
            code=squared_distance(t["g"], t["h"]) / by.code,
            adversarial=adversarial_loss(t["d_fake"]),
        )
        found.append(float(total(terms, weights)))
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    # the number at the head of losses.py: 0.065 times the total variance
    assert in_shares_of_variance(published, Variances(730 / 0.065025, 1, 1)).image == pytest.approx(730)
    assert in_shares_of_variance(LossWeights(1, 2, 3), VARIANCES) == LossWeights(1, 2, 3)


def test_each_term_is_weighted_and_what_was_not_computed_is_left_out() -> None:
    weights = LossWeights(image=2.0, comparator=3.0, adversarial=5.0, code=7.0)
    one = torch.ones(())
    for terms, expected in (
        (Terms(one, None, None, None), 2.0),
        (Terms(None, one, None, None), 3.0),
        (Terms(None, None, one, None), 7.0),
        (Terms(None, None, None, one), 5.0),
        (Terms(one, one, one, one), 17.0),
    ):
        assert float(total(terms, weights)) == expected


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(ValueError, match="same shape"):
        squared_distance(torch.zeros(2, 3), torch.zeros(3, 3))
    with pytest.raises(ValueError, match="'published' or 'variance'"):
        LossWeights(1, 1, 1, scale="caffe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nor all zero"):
        LossWeights(0, 0, 0)
