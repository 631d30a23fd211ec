"""Streaming thresholds against sorting everything."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from replications.survey.dissection import slow
from replications.survey.dissection.thresholds import StreamingTop, rank_of


def test_the_rank_leaves_the_share_above() -> None:
    assert rank_of(0.005, 98_000) == 491  # 490 above; 0.005 * 98000 isn't 490 in floating point
    assert rank_of(0.005, 100) == 1
    assert rank_of(0.5, 7) == 4
    assert rank_of(0.999999, 3) == 3


@pytest.mark.parametrize(("quantile", "positions"), [(0.0, 5), (1.0, 5), (0.1, 0)])
def test_shares_that_mean_nothing_are_refused(quantile: float, positions: int) -> None:
    with pytest.raises(ValueError, match="expected a quantile between 0 and 1"):
        rank_of(quantile, positions)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("quantile", "chunk"), [(0.005, 1), (0.005, 400), (0.2, 37), (0.2, 999), (0.9, 100)])
def test_thresholds_equal_those_of_everything_sorted(seed: int, quantile: float, chunk: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(1200, 4, generator=generator)
    values[:, 1] = values[:, 1].clamp(min=0)  # half of them equal
    values[:, 2] = values[:, 2].sort().values  # the largest come last
    values[:, 3] = -7
    top = StreamingTop(4, rank_of(quantile, 1200), chunk, dtype=torch.float32, device="cpu")
    bounds = top.bounds
    for part in values.split(chunk):
        above = top.add(part)
        assert torch.equal(above, part > top.bounds)
        assert (top.bounds >= bounds).all()
        bounds = top.bounds
    expected = [slow.threshold(values[:, unit].double().numpy(), quantile) for unit in range(4)]
    np.testing.assert_array_equal(top.finished().numpy(), np.float32(expected))


def test_what_isnt_finite_is_told() -> None:
    top = StreamingTop(2, 3, 10, dtype=torch.float32, device="cpu")
    top.add(torch.tensor([[1.0, torch.nan]] * 5))
    with pytest.raises(ValueError, match=r"finite activations.*unit 1"):
        top.finished()


def test_more_than_there_is_room_for_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 4 values"):
        StreamingTop(2, 3, 4, dtype=torch.float32, device="cpu").add(torch.zeros(5, 2))
