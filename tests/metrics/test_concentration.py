"""Centred, even and cornered maps have the numbers that follow from their shape."""

from __future__ import annotations

import pytest
import torch

from metrics.concentration import central_excess, centre_distance, contrast_energy


def test_an_even_map_has_no_excess_and_is_in_the_middle() -> None:
    for size in (6, 7, 64):
        for part in (0.3, 0.5, 0.8):
            assert float(central_excess(torch.ones(1, size, size), part)) == pytest.approx(0, abs=1e-12)
        assert float(centre_distance(torch.full((1, size, size), 3.0))) == pytest.approx(0, abs=1e-12)


def test_a_point_in_the_centre_and_one_in_a_corner() -> None:
    maps = torch.zeros(2, 5, 5)
    maps[0, 2, 2], maps[1, 0, 0] = 2.0, 0.5
    assert central_excess(maps, 0.5).tolist() == pytest.approx([1 - 0.25, -0.25])
    assert centre_distance(maps).tolist() == pytest.approx([0, 0.4 * 2**0.5])


def test_positions_at_the_border_of_the_centre_count_by_their_area() -> None:
    maps = torch.zeros(1, 3, 3)
    maps[0, 0, 1] = 1.0  # the central half is from 0.25 to 0.75, this row from 0 to 1/3: a quarter of it lies in it
    assert float(central_excess(maps, 0.5)) == pytest.approx(0.25 - 0.25)
    maps[0, 0, 1], maps[0, 0, 0] = 0.0, 1.0
    assert float(central_excess(maps, 0.5)) == pytest.approx(1 / 16 - 0.25)


def test_what_is_the_same_at_opposite_sides_is_in_the_middle_without_excess() -> None:
    maps = torch.zeros(1, 8, 8)
    maps[0, 0, 0] = maps[0, 7, 7] = 1.0
    assert float(centre_distance(maps)) == pytest.approx(0)
    assert float(central_excess(maps, 0.5)) == pytest.approx(-0.25)


def test_the_distance_is_counted_in_rows_and_in_columns() -> None:
    maps = torch.zeros(2, 4, 8)
    maps[0, 3, 4] = maps[0, 3, 3] = 1.0  # the last row
    maps[1, 1, 7] = maps[1, 2, 7] = 1.0  # the last column
    assert centre_distance(maps).tolist() == pytest.approx([0.375, 0.4375])


def test_only_what_is_above_zero_counts_and_nothing_is_even() -> None:
    maps = torch.zeros(2, 4, 4)
    maps[0, 1, 1], maps[0, 0, 0] = 1.0, -5.0
    assert central_excess(maps, 0.5).tolist() == pytest.approx([0.75, 0])
    assert float(centre_distance(maps)[1]) == 0


def test_contrast_is_at_the_edge() -> None:
    image = torch.zeros(1, 3, 6, 6)
    image[:, :, :, 3:] = 0.5
    found = contrast_energy(image)
    assert found.shape == (1, 5, 5)
    assert found[0, :, 2].tolist() == pytest.approx([0.75] * 5)  # three colours, 0.5 squared
    assert float(found.sum()) == pytest.approx(0.75 * 5)
    assert not contrast_energy(torch.full((1, 3, 4, 4), 0.7)).any()


def test_what_is_no_map_is_refused() -> None:
    with pytest.raises(ValueError, match="finite maps"):
        central_excess(torch.ones(4, 4), 0.5)
    with pytest.raises(ValueError, match="finite maps"):
        centre_distance(torch.full((1, 2, 2), torch.nan))
    with pytest.raises(ValueError, match="above 0 and below 1"):
        central_excess(torch.ones(1, 4, 4), 1.0)
