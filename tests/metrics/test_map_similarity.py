"""Similarity of maps, against closed forms and a slow restatement of the histograms of gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from metrics.map_similarity import (
    BLOCK,
    ORIENTATIONS,
    gradient_similarity,
    histograms_of_gradients,
    in_unit_range,
    magnitudes,
    rank_correlation,
    structural_similarity,
)


def maps(seed: int, count: int = 3, side: int = 32) -> Tensor:
    return torch.rand(count, side, side, generator=torch.Generator().manual_seed(seed))


def slow_histograms(picture: np.ndarray, cell: int) -> np.ndarray:
    """Dalal & Triggs pixel by pixel."""
    height, width = (extent // cell for extent in picture.shape)
    cells = np.zeros((height, width, ORIENTATIONS))
    for y in range(height * cell):
        for x in range(width * cell):
            inner_y, inner_x = 0 < y < picture.shape[0] - 1, 0 < x < picture.shape[1] - 1
            down = picture[y + 1, x] - picture[y - 1, x] if inner_y else 0.0
            across = picture[y, x + 1] - picture[y, x - 1] if inner_x else 0.0
            degrees = math.degrees(math.atan2(down, across)) % 180
            orientation = min(int(degrees / (180 / ORIENTATIONS)), ORIENTATIONS - 1)
            cells[y // cell, x // cell, orientation] += math.hypot(down, across) / cell**2
    blocks = []
    for top in range(height - BLOCK + 1):
        for left in range(width - BLOCK + 1):
            block = cells[top : top + BLOCK, left : left + BLOCK]
            block = np.minimum(block / math.sqrt((block**2).sum() + 1e-10), 0.2)
            blocks.append(block / math.sqrt((block**2).sum() + 1e-10))
    return np.array(blocks)


@pytest.mark.parametrize(("cell", "shape"), [(8, (32, 32)), (5, (23, 18))])
def test_histograms_equal_the_slow_ones(cell: int, shape: tuple[int, int]) -> None:
    picture = torch.rand(1, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = slow_histograms(picture[0].numpy(), cell)
    found = histograms_of_gradients(picture, cell)[0].flatten(0, 1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(("axis", "orientation"), [(2, 0), (1, ORIENTATIONS // 2)])
def test_a_ramp_has_one_orientation(axis: int, orientation: int) -> None:
    ramp = torch.linspace(0, 1, 24).reshape((1, -1, 1) if axis == 1 else (1, 1, -1)).expand(1, 24, 24)
    votes = histograms_of_gradients(ramp, 8).sum((0, 1, 2, 3, 4))
    assert int(votes.argmax()) == orientation
    assert float(votes.sum() - votes[orientation]) == pytest.approx(0, abs=1e-9)


def test_rank_correlation_is_scipys_and_knows_ties() -> None:
    a, b = (maps(1) * 5).round(), (maps(2) * 4).round()
    expected = [stats.spearmanr(x.flatten(), y.flatten()).statistic for x, y in zip(a, b, strict=True)]
    assert rank_correlation(a, b).tolist() == pytest.approx(expected)
    assert rank_correlation(a, torch.zeros_like(a)).tolist() == [0, 0, 0]


def test_the_same_map_is_alike_and_its_opposite_is_not() -> None:
    a = maps(3)
    assert rank_correlation(a, a.square()).tolist() == pytest.approx([1, 1, 1])
    assert rank_correlation(a, -a).tolist() == pytest.approx([-1, -1, -1])
    assert structural_similarity(a, a).tolist() == pytest.approx([1, 1, 1])
    assert structural_similarity(a, 1 - a).tolist() == [0, 0, 0]
    # neither contrast nor which side is bright counts for unsigned gradients
    assert gradient_similarity(a, 1 - 0.5 * a).tolist() == pytest.approx([1, 1, 1], abs=1e-6)


def test_unrelated_maps_are_not_alike() -> None:
    a, b = maps(4, 40, 64), maps(5, 40, 64)
    for measure in (rank_correlation, structural_similarity, gradient_similarity):
        # not quite 0 for histograms: cells at the border have weaker gradients in every map
        assert abs(float(measure(a, b).mean())) < 0.1


def test_maps_are_summed_over_colours_and_cut_off_at_a_quantile() -> None:
    assert magnitudes(torch.tensor([[[[1.0]], [[-2.0]], [[0.5]]]])).tolist() == [[[3.5]]]
    found = in_unit_range(torch.arange(101.0).reshape(1, 1, 101) + 7, 0.9)
    assert found[0, 0, [0, 45, 90, 100]].tolist() == pytest.approx([0, 0.5, 1, 1])
    assert in_unit_range(torch.full((1, 2, 2), 3.0)).tolist() == [[[0, 0], [0, 0]]]
    # a map that is zero but for one pixel keeps it
    lonely = torch.zeros(1, 20, 20)
    lonely[0, 3, 4] = 5
    assert float(in_unit_range(lonely)[0, 3, 4]) == 1


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="expected pairs of maps"):
        rank_correlation(maps(1), maps(1, 2))
    with pytest.raises(ValueError, match="found nan"):
        rank_correlation(maps(1) / 0 - maps(1) / 0, maps(1))
    with pytest.raises(ValueError, match="a block needs 3 a side"):
        gradient_similarity(maps(1, side=16), maps(1, side=16), 8)
