"""Coarse colours and contours, where they are known."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from metrics.coarse_likeness import chroma_distance, contour_correlation
from metrics.colour import to_lab


def noise(count: int, size: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_a_picture_is_at_no_distance_from_itself() -> None:
    images = noise(3)
    assert torch.equal(chroma_distance(images, images), torch.zeros(3, dtype=torch.float64))
    assert torch.allclose(contour_correlation(images, images), torch.ones(3, dtype=torch.float64))


def test_chroma_in_closed_form() -> None:
    """Half of a picture red where the image is green: half of the distance between the two colours."""
    red, green = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    red[:, 0], green[:, 1] = 0.8, 0.8
    mixed = green.clone()
    mixed[..., :16] = red[..., :16]
    colours = [to_lab(part)[0, 1:, 0, 0] for part in (red, green)]
    whole = float((colours[0] - colours[1]).norm())
    assert float(chroma_distance(red, green)) == pytest.approx(whole)
    assert float(chroma_distance(mixed, green)) == pytest.approx(whole / 2)


def test_chroma_knows_no_lightness_and_no_sharpness() -> None:
    grey = torch.full((1, 3, 16, 16), 0.2)
    assert float(chroma_distance(grey, torch.full((1, 3, 64, 64), 0.9))) == pytest.approx(0, abs=1e-4)
    images = noise(2)
    blurred = F.interpolate(F.avg_pool2d(images, 8), scale_factor=8.0)
    assert chroma_distance(blurred, images).max() < 1e-4


def test_contours_against_a_slow_restatement() -> None:
    pictures, images = noise(2, 64), noise(2, 48, seed=1)
    for found, picture, image in zip(contour_correlation(pictures, images), pictures, images, strict=True):
        sides = []
        for part in (picture, image):
            side = part.shape[-1] // 16
            grid = [
                [
                    float(part[:, y * side : (y + 1) * side, x * side : (x + 1) * side].double().mean())
                    for x in range(16)
                ]
                for y in range(16)
            ]
            sides.append(
                [
                    math.hypot((grid[y + 1][x] - grid[y - 1][x]) / 2, (grid[y][x + 1] - grid[y][x - 1]) / 2)
                    for y in range(1, 15)
                    for x in range(1, 15)
                ]
            )
        expected = torch.corrcoef(torch.tensor(sides, dtype=torch.float64))[0, 1]
        assert float(found) == pytest.approx(float(expected), abs=1e-6)


def test_weak_contours_count_as_strong_ones_and_none_as_nothing() -> None:
    image = torch.zeros(1, 3, 32, 32)
    image[..., 8:20, 10:30] = 1
    assert float(contour_correlation(0.5 + 0.05 * image, image)) == pytest.approx(1, abs=1e-5)
    assert float(contour_correlation(1 - image, image)) == pytest.approx(1, abs=1e-5)
    assert float(contour_correlation(torch.full_like(image, 0.5), image)) == 0


def test_pictures_without_their_images_are_refused() -> None:
    with pytest.raises(ValueError, match="expected pictures and their images"):
        chroma_distance(noise(2), noise(3))
