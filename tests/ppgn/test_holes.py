"""Holes lie within the image, and plain fillings are what their equations say."""

from __future__ import annotations

import pytest
import torch

from replications.ppgn.holes import harmonic_filled, mean_filled, random_hole


def test_holes_lie_anywhere_in_the_image() -> None:
    generator = torch.Generator().manual_seed(0)
    holes = [random_hole(7, 3, generator) for _ in range(400)]
    assert all(int(hole.sum()) == 9 for hole in holes)
    corners = {tuple(hole.nonzero()[0].tolist()) for hole in holes}
    assert corners == {(top, left) for top in range(5) for left in range(5)}
    again = torch.Generator().manual_seed(0)
    assert all(torch.equal(hole, random_hole(7, 3, again)) for hole in holes)


@pytest.mark.parametrize("side", [0, 7, 9])
def test_a_hole_leaves_something(side: int) -> None:
    with pytest.raises(ValueError, match="1 to 6 pixels"):
        random_hole(7, side, torch.Generator())


def test_the_mean_of_the_surroundings() -> None:
    image, hole = torch.rand(3, 6, 6), torch.zeros(6, 6, dtype=torch.bool)
    hole[1:3, 2:5] = True
    filled = mean_filled(image, hole)
    assert torch.equal(filled[:, ~hole], image[:, ~hole])
    for channel in range(3):
        around = [float(image[channel, y, x]) for y in range(6) for x in range(6) if not hole[y, x]]
        torch.testing.assert_close(filled[channel, hole], torch.full((6,), sum(around) / 30))


@pytest.mark.parametrize("box", [(2, 6, 3, 8), (0, 4, 3, 8), (5, 9, 0, 4)])
def test_harmonic_functions_come_back(box: tuple[int, int, int, int]) -> None:
    """x, y and x^2 - y^2 are harmonic; at the image's border, what doesn't change across it."""
    top, bottom, left, right = box
    hole = torch.zeros(9, 9, dtype=torch.bool)
    hole[top:bottom, left:right] = True
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    inner = [x, y, x.square() - y.square() + 3 * x]
    at_border = [x] if top == 0 else [torch.ones(9, 9)]
    image = torch.stack(inner if min(top, left) > 0 and max(bottom, right) < 9 else at_border * 3)
    torch.testing.assert_close(harmonic_filled(image, hole), image, rtol=1e-5, atol=1e-4)


def test_each_filled_pixel_is_the_mean_of_its_neighbours() -> None:
    image, hole = torch.rand(3, 8, 8, dtype=torch.float64), torch.zeros(8, 8, dtype=torch.bool)
    hole[0:4, 4:8] = True  # in a corner
    filled = harmonic_filled(image, hole)
    assert torch.equal(filled[:, ~hole], image[:, ~hole])
    for y, x in hole.nonzero().tolist():
        beside = [(y + dy, x + dx) for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))]
        within = torch.stack([filled[:, b, a] for b, a in beside if 0 <= b < 8 and 0 <= a < 8])
        torch.testing.assert_close(filled[:, y, x], within.mean(0))


def test_nothing_around_it() -> None:
    with pytest.raises(ValueError, match="leaves none"):
        harmonic_filled(torch.rand(3, 4, 4), torch.ones(4, 4, dtype=torch.bool))
