"""Peaks are counted right where their number is known, and are those of scipy in one dimension."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.ndimage import label
from scipy.signal import find_peaks, peak_prominences

from metrics.fragments import Peak, count_peaks, counted_peaks, peaks


def bumps(places: Sequence[tuple[float, float, float]], size: int = 24, width: float = 2.0) -> np.ndarray:
    """Round bumps at (row, column) with a height each."""
    y, x = np.mgrid[:size, :size]
    parts = [h * np.exp(-((y - r) ** 2 + (x - c) ** 2) / (2 * width**2)) for r, c, h in places]
    return np.sum(parts, axis=0)


def test_well_separated_bumps_are_one_peak_each() -> None:
    places = [(5, 5, 1.0), (5, 18, 0.8), (18, 5, 0.6), (18, 18, 0.4)]
    found = peaks(bumps(places))
    assert [(p.row, p.column) for p in found] == [(r, c) for r, c, _ in places]
    assert [p.height for p in found] == pytest.approx([h for _, _, h in places], abs=1e-4)
    assert found[0].prominence == found[0].height
    assert count_peaks(torch.from_numpy(bumps(places))[None], 0.0, 0.1).tolist() == [4]
    assert count_peaks(torch.from_numpy(bumps(places))[None], 0.5, 0.1).tolist() == [3]


def test_a_ridge_between_two_bumps_takes_their_prominence_away() -> None:
    near = bumps([(12, 9, 1.0), (12, 15, 0.9)])
    first, second = peaks(near)
    # the valley lies on the line between them
    assert second.prominence == pytest.approx(second.height - near[12, 9:16].min())
    assert len(counted_peaks(near, 0.3, 0.2)) == 2
    assert len(counted_peaks(near, 0.3, 0.8)) == 1
    assert len(counted_peaks(bumps([(12, 11, 1.0), (12, 13, 1.0)]), 0.0, 0.0)) == 1
    assert first.height > second.height


def test_a_peak_that_only_touches_at_a_corner_is_the_same() -> None:
    assert len(peaks(np.eye(4))) == 1
    assert peaks(np.array([[1.0, 0.0], [0.0, 0.0]])) == [Peak(0, 0, 1.0, 1.0)]


def test_the_prominence_is_scipys_on_a_line() -> None:
    line = np.random.default_rng(0).uniform(0.1, 1, 200)
    padded = np.concatenate([[0.0], line, [0.0]])
    places, _ = find_peaks(padded)
    expected = dict(zip((places - 1).tolist(), peak_prominences(padded, places)[0], strict=True))
    for found in (peaks(line[None]), [Peak(p.column, p.row, *p[2:]) for p in peaks(line[:, None])]):
        assert {p.column: p.prominence for p in found} == pytest.approx(expected)


def test_as_many_peaks_as_areas_above_a_level_that_parts_them() -> None:
    """For every level: the areas above it are the peaks above it whose way down to a higher one goes below it."""
    random = np.random.default_rng(1).uniform(0, 1, (12, 12))
    found = peaks(random)
    for level in (0.3, 0.5, 0.7, 0.9):
        areas = label(random > level, np.ones((3, 3)))[1]
        assert areas == sum(p.height > level >= p.height - p.prominence for p in found)


def test_flat_and_empty_maps() -> None:
    assert count_peaks(torch.zeros(2, 3, 3), 0.3, 0.1).tolist() == [0, 0]
    assert count_peaks(torch.ones(1, 3, 3), 0.3, 0.1).tolist() == [1]
    assert count_peaks(-torch.ones(1, 3, 3), 0.3, 0.1).tolist() == [0]
    plateaus = torch.tensor([[1.0, 1, 0, 1], [1, 1, 0, 1]])
    assert count_peaks(plateaus[None], 0.3, 0.1).tolist() == [2]


def test_what_is_no_map_is_refused() -> None:
    with pytest.raises(ValueError, match="finite map"):
        peaks(np.array([[np.nan]]))
    with pytest.raises(ValueError, match="finite map"):
        peaks(np.zeros(3))
    with pytest.raises(ValueError, match="prominence is a share"):
        counted_peaks(np.ones((2, 2)), 0.3, 1.5)
