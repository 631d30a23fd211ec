"""Transforms move pictures as they say, exactly where they can, and in one resampling where they can't."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from replications.images.transforms import Box, Crop, Jitter, Noise, Pad, Placement, Roll, Rotate, Scale, place, view

OUTSIDE = torch.tensor([0.4, 0.5, 0.6])[:, None, None]


def images(n: int = 3, size: tuple[int, int] = (8, 6), seed: int = 0) -> Tensor:
    return torch.rand(n, 3, *size, generator=torch.Generator().manual_seed(seed))


def streams(n: int = 3, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed + i) for i in range(n)]


def slow(image: Tensor, matrix: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Bilinear, one pixel at a time; what isn't in the picture has the colour outside."""
    result = torch.empty(3, *size, dtype=torch.float64)

    def pixel(r: int, c: int) -> Tensor:
        inside = 0 <= r < image.shape[1] and 0 <= c < image.shape[2]
        return (image[:, r, c] if inside else OUTSIDE[:, 0, 0]).double()

    for r in range(size[0]):
        for c in range(size[1]):
            y, x, _ = matrix @ np.array([r, c, 1.0])
            top, left = math.floor(y), math.floor(x)
            fy, fx = y - top, x - left
            result[:, r, c] = (
                (1 - fy) * (1 - fx) * pixel(top, left)
                + (1 - fy) * fx * pixel(top, left + 1)
                + fy * (1 - fx) * pixel(top + 1, left)
                + fy * fx * pixel(top + 1, left + 1)
            )
    return result


def test_jitter_shifts_by_whole_pixels_and_shows_the_outside() -> None:
    placement = place([Jitter(3)], (8, 6), (8, 6), streams())
    found = view(images(), placement, OUTSIDE)
    for i in range(3):
        expected = slow(images()[i], placement.matrices[i], (8, 6))
        torch.testing.assert_close(found[i], expected.float(), rtol=0, atol=1e-6)
    assert placement.shifts is not None
    assert placement.windows((8, 6)) is None
    still = place([], (8, 6), (8, 6), streams())
    assert torch.equal(view(images(), still, OUTSIDE), images())


def test_jitter_reaches_every_shift_equally() -> None:
    stream = streams(1)[0]
    drawn = [tuple(Jitter(1).draw((8, 8), (8, 8), stream)[0][:2, 2]) for _ in range(900)]
    counts = [drawn.count((y, x)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert sum(counts) == 900
    assert min(counts) > 70


def test_roll_goes_round() -> None:
    placement = place([Roll(5)], (8, 6), (8, 6), streams())
    found = view(images(), placement, OUTSIDE)
    assert placement.rolled is not None
    assert placement.windows((8, 6)) is None
    rolled = [image.roll((-top, -left), (1, 2)) for image, (top, left) in zip(images(), placement.rolled, strict=True)]
    assert torch.equal(found, torch.stack(rolled))
    resampled = place([Roll(5), Scale((1.2,))], (8, 6), (8, 6), streams())
    scaled = Placement(resampled.matrices, (8, 6))
    torch.testing.assert_close(view(images(), resampled, OUTSIDE), view(torch.stack(rolled), scaled, OUTSIDE))
    with pytest.raises(ValueError, match="first of the transforms"):
        place([Jitter(1), Roll(1)], (8, 6), (8, 6), streams())


def test_crops_lie_in_the_picture_about_its_middle() -> None:
    shifts = []
    for seed in range(200):
        placement = place([Crop(0.3)], (16, 12), (8, 6), streams(1, seed))
        windows = placement.windows((16, 12))
        assert windows is not None
        ((top, left),) = windows
        shifts.append((top, left))
        if seed < 3:
            picture = images(1, (16, 12))
            assert torch.equal(view(picture, placement, OUTSIDE), picture[:, :, top : top + 8, left : left + 6])
    rows = torch.tensor([top for top, _ in shifts]).float()
    assert rows.min() == 0
    assert rows.max() == 8  # a draw beyond the border is taken to it
    assert float(rows.mean()) == pytest.approx(3.6, abs=0.5)  # whole pixels, rounded down
    exact = place([Crop(0.0)], (16, 12), (8, 6), streams(1))
    assert exact.windows((16, 12)) == [(4, 3)]


def test_crops_without_a_window_lie_anywhere_alike() -> None:
    stream, partner = streams(1)[0], streams(1)[0]
    drawn = [tuple(Crop(None).draw((10, 9), (8, 8), stream)[0][:2, 2]) for _ in range(1200)]
    counts = [drawn.count((top, left)) for top in (0, 1, 2) for left in (0, 1)]
    assert sum(counts) == 1200
    assert min(counts) > 160
    # as many random numbers as with a window, and further down where that is
    about_middle = [Crop(0.3).draw((10, 9), (8, 8), partner)[0][0, 2] for _ in range(1200)]
    assert torch.equal(torch.rand(1, generator=stream), torch.rand(1, generator=partner))
    assert np.corrcoef([top for top, _ in drawn], about_middle)[0, 1] > 0.7
    assert [Crop(None).draw((8, 8), (8, 8), stream)[0][0, 2] for _ in range(5)] == [0] * 5


@pytest.mark.parametrize(
    "transforms",
    [
        (Scale((1.3,)),),
        (Rotate((25.0,)),),
        (Pad(2), Jitter(2), Scale((0.9, 1.1)), Rotate((-10.0, 7.0)), Jitter(1)),
        (Box(0.4, 0.7, 0.2),),
    ],
)
def test_the_product_is_one_bilinear_resampling(transforms: tuple) -> None:  # type: ignore[type-arg]
    placement = place(transforms, (8, 6), (8, 6), streams(3, 5))
    found = view(images(), placement, OUTSIDE)
    assert found.shape == (3, 3, 8, 6)
    for i in range(3):
        torch.testing.assert_close(
            found[i].double(), slow(images()[i], placement.matrices[i], (8, 6)), rtol=0, atol=1e-4
        )


def test_matrices_do_what_their_names_say() -> None:
    square = (9, 9)
    turned = view(images(1, square), place([Rotate((90.0,))], square, square, streams(1)), OUTSIDE)
    torch.testing.assert_close(turned, images(1, square).rot90(-1, (2, 3)), atol=1e-5, rtol=0)
    small = torch.zeros(1, 3, 9, 9)
    small[..., 3:6, 3:6] = 1
    larger = view(small, place([Scale((3.0,))], square, square, streams(1)), OUTSIDE)
    assert larger.min() > 0  # the middle third fills the view
    padded = view(images(1), place([Pad(1)], (8, 6), (8, 6), streams(1), fit=False), OUTSIDE)
    assert padded.shape[2:] == (10, 8)
    assert torch.equal(padded[..., 1:-1, 1:-1], images(1))
    torch.testing.assert_close(padded[0, :, 0, 0], OUTSIDE[:, 0, 0])


def test_a_view_of_another_size_is_fitted_in_the_same_resampling() -> None:
    picture = images(1, (16, 12))
    found = view(picture, place([], (16, 12), (8, 6), streams(1)), OUTSIDE)
    expected = torch.nn.functional.interpolate(picture, (8, 6), mode="bilinear", align_corners=False)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_boxes_have_the_side_and_place_that_were_drawn() -> None:
    whole = place([Box(1.0, 1.0, 0.0)], (8, 8), (4, 4), streams(1))
    np.testing.assert_allclose(whole.matrices[0], [[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
    half = place([Box(0.5, 0.5, 0.0)], (8, 8), (4, 4), streams(1))
    np.testing.assert_allclose(half.matrices[0], [[1, 0, 2], [0, 1, 2], [0, 0, 1]])


def test_pictures_draw_from_their_own_streams() -> None:
    transforms = (Jitter(2), Rotate((-5.0, 5.0)), Scale((0.9, 1.1)))
    both = place(transforms, (8, 6), (8, 6), streams(3))
    alone = place(transforms, (8, 6), (8, 6), streams(3)[2:])
    np.testing.assert_array_equal(both.matrices[2:], alone.matrices)
    torch.testing.assert_close(view(images(), both, OUTSIDE)[2:], view(images()[2:], alone, OUTSIDE))


def test_gradients_flow_back_to_the_pixels_that_were_shown() -> None:
    picture = images(1, (8, 8)).requires_grad_()
    placement = Placement(np.array([[[1.0, 0, 5], [0, 1, 0], [0, 0, 1]]]), (8, 8))
    view(picture, placement, OUTSIDE).sum().backward()
    assert picture.grad is not None
    assert torch.equal(picture.grad[0, 0, :, 0], torch.tensor([0.0] * 5 + [1.0] * 3))


def test_noise_has_the_size_asked_for() -> None:
    found = Noise(0.1, 0.0).draw((100, 100), streams(1)[0])
    assert float(found.std()) == pytest.approx(0.1, rel=0.02)
    assert float(Noise(0.0, 0.2).draw((50, 50), streams(1)[0]).abs().max()) == pytest.approx(0.2, abs=1e-3)


def test_pixels_are_counted_in_proportion() -> None:
    assert [t.scaled(0.5) for t in (Jitter(4), Roll(30), Pad(12))] == [Jitter(2), Roll(15), Pad(6)]
    assert Rotate((5.0,)).scaled(0.5) == Rotate((5.0,))


def test_settings_that_make_no_sense_are_refused() -> None:
    for build, message in (
        (lambda: Jitter(-1), "jitter can't be negative, found -1"),
        (lambda: Scale(()), "scale needs at least one value"),
        (lambda: Scale((0.0,)), "above 0"),
        (lambda: Box(0.5, 0.4, 0.1), "0 < smallest <= largest"),
        (lambda: Crop(-0.1), "crop can't be negative"),
    ):
        with pytest.raises(ValueError, match=message):
            build()
