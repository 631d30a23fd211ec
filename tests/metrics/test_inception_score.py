"""The Inception score against its definition, and where its value is known."""

from __future__ import annotations

import math

import pytest
import torch

from metrics.inception_score import inception_score


def restated(probabilities: torch.Tensor) -> float:
    """From the definition, one image and one class at a time."""
    rows = probabilities.double().tolist()
    mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    divergences = [sum(p * math.log(p / m) for p, m in zip(row, mean, strict=True) if p > 0) for row in rows]
    return math.exp(sum(divergences) / len(rows))


@pytest.mark.parametrize("seed", range(3))
def test_it_is_its_definition(seed: int) -> None:
    logits = torch.randn(20, 7, generator=torch.Generator().manual_seed(seed)) * 3
    probabilities = logits.double().softmax(1)
    assert inception_score(probabilities) == pytest.approx(restated(probabilities), rel=1e-9)


def test_sure_and_even_gives_the_number_of_classes() -> None:
    assert inception_score(torch.eye(5).repeat(3, 1)) == pytest.approx(5)


def test_alike_or_unsure_gives_one() -> None:
    assert inception_score(torch.eye(5)[:1].repeat(9, 1)) == pytest.approx(1)
    assert inception_score(torch.full((9, 5), 0.2)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("given", "said"),
    [(torch.zeros(0, 3), "expected probabilities"), (torch.ones(3), "expected"), (torch.ones(2, 3), "sum to 1")],
)
def test_what_is_no_probability(given: torch.Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        inception_score(given)
