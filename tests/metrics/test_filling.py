"""Errors within a region and steps across its edge, where the answer is known."""

from __future__ import annotations

import pytest
import torch

from metrics.filling import edge_step, region_error


def hole(top: int, bottom: int, left: int, right: int, size: int = 6) -> torch.Tensor:
    mask = torch.zeros(1, size, size, dtype=torch.bool)
    mask[:, top:bottom, left:right] = True
    return mask


def test_the_error_counts_the_region_alone() -> None:
    real = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0)) / 2
    region = hole(1, 4, 2, 5)
    within, around = real.clone(), real.clone()
    within[:, :, 1:4, 2:5] += 0.2
    around[:, :, 0, 0] += 0.2
    torch.testing.assert_close(region_error(within, real, region), torch.tensor([0.2 * 255], dtype=torch.float64))
    assert float(region_error(around, real, region)) == 0
    # one of 27 pixels outside, all channels: the root of the mean square
    assert float(region_error(around, real, ~region)) == pytest.approx(0.2 * 255 / 27**0.5)


def test_images_have_errors_of_their_own() -> None:
    images, regions = torch.zeros(2, 3, 6, 6), torch.cat([hole(0, 2, 0, 2), hole(3, 6, 3, 6)])
    real = images.clone()
    real[0], real[1] = 0.5, 1.0
    assert region_error(images, real, regions).tolist() == [127.5, 255]


def test_the_step_across_the_edge() -> None:
    image = torch.zeros(1, 3, 6, 6)
    inside = hole(2, 4, 2, 4)
    assert float(edge_step(image, inside)) == 0
    filled = torch.where(inside, torch.tensor(0.4), image)
    assert float(edge_step(filled, inside)) == pytest.approx(0.4 * 255)
    # what lies further within or away from the edge doesn't count
    large = hole(1, 5, 1, 5)
    centre = torch.where(hole(2, 4, 2, 4), torch.tensor(1.0), image)
    assert float(edge_step(centre, large)) == 0


def test_a_ramp_steps_only_across_the_sides_it_rises_over() -> None:
    ramp = (torch.arange(6.0) / 10).expand(1, 3, 6, 6)
    assert float(edge_step(ramp, hole(2, 4, 2, 4))) == pytest.approx(255 * 0.1 / 2)  # 4 of 8 pairs lie along it
    assert float(edge_step(ramp, hole(0, 6, 2, 4))) == pytest.approx(255 * 0.1)  # no edge above or below
    assert float(edge_step(ramp, hole(2, 4, 0, 6))) == pytest.approx(0)


@pytest.mark.parametrize("function", [lambda i, r: region_error(i, i, r), edge_step])
def test_errors(function: object) -> None:
    images = torch.zeros(2, 3, 6, 6)
    with pytest.raises(ValueError, match="an image's"):
        function(images, torch.cat([hole(1, 2, 1, 2), hole(1, 1, 1, 1)]))  # type: ignore[operator]
    with pytest.raises(ValueError, match="type bool"):
        function(images, torch.zeros(2, 6, 6))  # type: ignore[operator]
    with pytest.raises(ValueError, match="type bool"):
        function(images, hole(1, 2, 1, 2))  # type: ignore[operator]
    with pytest.raises(ValueError, match="as many"):
        region_error(images, images[:1], torch.cat([hole(1, 2, 1, 2)] * 2))
