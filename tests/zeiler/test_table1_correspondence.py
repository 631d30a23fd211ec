"""The pieces of Table 1: covering parts, and drawing random places on the object."""

from __future__ import annotations

import pytest
import torch

from replications.zeiler.table1_correspondence import cover, random_centres


def test_cover_hides_exactly_the_square() -> None:
    images = torch.zeros(2, 3, 10, 12)
    covered = cover(images, torch.tensor([[5.0, 6.0], [0.0, 12.0]]), torch.tensor([4.0, 4.0]))
    expected = torch.zeros(2, 10, 12, dtype=torch.bool)
    expected[0, 3:7, 4:8] = True
    expected[1, 0:2, 10:12] = True  # cut off at the corner
    assert torch.equal(covered[:, 0] == 0.5, expected)
    assert torch.equal(images, torch.zeros_like(images))


def test_random_centres_are_uniform_over_the_region() -> None:
    regions = torch.zeros(4000, 6, 7, dtype=torch.bool)
    regions[:, 2:4, 1:5] = True
    centres = random_centres(regions, torch.Generator().manual_seed(0))
    rows, columns = (centres - 0.5).long().unbind(1)
    counts = torch.zeros(6, 7).index_put((rows, columns), torch.ones(4000), accumulate=True)
    assert counts[~regions[0]].sum() == 0
    assert counts[regions[0]].min() > 500 - 5 * 500**0.5
    assert counts[regions[0]].max() < 500 + 5 * 500**0.5


def test_random_centres_refuse_an_empty_region() -> None:
    with pytest.raises(RuntimeError):
        random_centres(torch.zeros(1, 4, 4, dtype=torch.bool), torch.Generator())
