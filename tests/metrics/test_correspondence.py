from __future__ import annotations

import itertools

import pytest
import torch

from metrics import correspondence


def _slow_delta(features: torch.Tensor, covered: torch.Tensor) -> float:
    epsilon = (features - covered).tolist()
    sign = [[(value > 0) - (value < 0) for value in row] for row in epsilon]
    total = 0.0
    for i, j in itertools.permutations(range(len(sign)), 2):
        total += sum(a != b for a, b in zip(sign[i], sign[j], strict=True)) / len(sign[0])
    return total / (len(sign) * (len(sign) - 1))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_delta_is_the_slow_sum_of_the_paper(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(3, 4, 5, 40, generator=generator).relu()
    covered = torch.randn(3, 4, 5, 40, generator=generator).relu()
    ours = correspondence.delta(correspondence.change_signs(features, covered))
    assert ours.shape == (3, 4)
    for a, b in itertools.product(range(3), range(4)):
        assert float(ours[a, b]) == pytest.approx(_slow_delta(features[a, b], covered[a, b]), abs=1e-12)


def test_delta_in_closed_form() -> None:
    same = torch.tensor([[1, -1, 0, 1]]).repeat(5, 1)
    assert float(correspondence.delta(same)) == 0
    assert float(correspondence.delta(torch.tensor([[1, 1], [-1, 0]]))) == 1
    # random signs of two values agree half of the time
    random = torch.randint(0, 2, (5, 20_000), generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert float(correspondence.delta(random)) == pytest.approx(0.5, abs=0.01)


def test_pairwise_distances_are_symmetric_with_a_zero_diagonal() -> None:
    signs = torch.randint(-1, 2, (6, 33), generator=torch.Generator().manual_seed(1))
    distances = correspondence.pairwise_hamming(signs)
    slow = (signs[:, None] != signs[None]).double().mean(2)
    assert torch.allclose(distances, slow)
    assert torch.equal(distances.diagonal(), torch.zeros(6, dtype=torch.float64))


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="two images"):
        correspondence.delta(torch.ones(1, 4))
    with pytest.raises(ValueError, match="one shape"):
        correspondence.change_signs(torch.ones(2, 4), torch.ones(2, 5))
