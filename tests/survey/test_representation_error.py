"""Distances in units of the average distance, against sums over pairs."""

from __future__ import annotations

import itertools

import pytest
import torch

from replications.survey import representation_error
from replications.survey.representation_error import Scale


def test_the_average_distance_is_the_mean_over_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    features = torch.randn(7, 3, 5, generator=torch.Generator().manual_seed(0)) + 10
    rows = [row.flatten().double() for row in features]
    pairs = [float((a - b).norm()) for a, b in itertools.combinations(rows, 2)]
    for columns in (4, 100):
        monkeypatch.setattr(representation_error, "_COLUMNS", columns)
        scale = Scale.of(features)
        assert scale.distance == pytest.approx(sum(pairs) / 21)
        assert scale.square == pytest.approx(2 * sum(d * d for d in pairs) / 49)


def test_the_features_of_another_image_are_at_a_hundred_percent() -> None:
    scale = Scale.of(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
    assert scale.percent(torch.tensor([5.0, 2.5, 0.0])).tolist() == [100, 50, 0]
    assert scale.squared_percent(torch.tensor([5.0, 2.5])).tolist() == [200, 50]  # half of the pairs have no distance


@pytest.mark.parametrize(("features", "message"), [(torch.ones(1, 4), "at least two"), (torch.ones(3, 4), "the same")])
def test_without_a_distance_there_is_no_scale(features: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scale.of(features)
