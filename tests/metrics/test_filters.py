from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import entropy

from metrics import filters


def test_rms() -> None:
    weights = torch.stack([torch.full((3, 7, 7), 0.1), torch.zeros(3, 7, 7)])
    weights[1, 0, 0, 0] = math.sqrt(147)
    assert filters.filter_rms(weights).tolist() == pytest.approx([0.1, 1.0])


def test_dead_maps_are_judged_against_those_that_respond() -> None:
    maxima = torch.tensor([0.0, 0.009, 0.02, 1.0, 1.0, 1.0])
    assert filters.dead_maps(maxima).tolist() == [True, True, False, False, False, False]
    mostly_silent = torch.tensor([0.0] * 9 + [5.0])
    assert int(filters.dead_maps(mostly_silent).sum()) == 9
    assert filters.dead_maps(torch.zeros(4)).all()
    assert torch.equal(filters.dead_maps(maxima * 1000), filters.dead_maps(maxima))
    with pytest.raises(ValueError, match="after the ReLU"):
        filters.dead_maps(torch.tensor([-1.0, 2.0]))


def test_weak_filters() -> None:
    weights = torch.ones(5, 3, 2, 2)
    weights[2] = 0.05
    assert filters.weak_filters(weights).tolist() == [False, False, True, False, False]


def test_effective_number_is_the_exponential_of_scipys_entropy() -> None:
    weights = torch.rand(20, generator=torch.Generator().manual_seed(0))
    assert filters.effective_number(weights) == pytest.approx(math.exp(entropy(weights.double().numpy())))
    assert filters.effective_number(torch.ones(7)) == pytest.approx(7)
    assert filters.effective_number(torch.tensor([0.0, 3.0, 0.0])) == pytest.approx(1)


def test_top_share() -> None:
    weights = torch.tensor([1.0, 4.0, 3.0, 2.0])
    assert filters.top_share(weights, 0.25) == pytest.approx(0.4)
    assert filters.top_share(weights, 0.375) == pytest.approx(0.55)
    assert filters.top_share(weights, 1.0) == pytest.approx(1.0)
    assert filters.top_share(torch.ones(10), 0.1) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="not all zero"):
        filters.top_share(torch.zeros(3))
