from __future__ import annotations

import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as reference

from replications.data import transforms
from replications.data.transforms import Border


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 3, 20, 26, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("border", ["mean", "reflect"])
def test_nothing_done_is_the_identity_bit_for_bit(images: torch.Tensor, border: Border) -> None:
    for moved in (
        transforms.translate(images, [(0, 0), (3, 0)], border),
        transforms.scale(images, [1.0, 1.5], border),
        transforms.rotate(images, [0, 45], border),
    ):
        assert moved.shape == (2, *images.shape)
        assert torch.equal(moved[0], images)
        assert not torch.allclose(moved[1], images, atol=0.1)
        assert moved.min() >= 0
        assert moved.max() <= 1


def test_whole_pixel_moves_copy_pixels_and_fill_with_the_mean(images: torch.Tensor) -> None:
    moved = transforms.translate(images, [(4, 0), (0, -3)])
    assert torch.allclose(moved[0][..., 4:, :], images[..., :-4, :], atol=1e-5)
    assert torch.allclose(moved[0][..., :4, :], images.mean((2, 3), keepdim=True).expand(-1, -1, 4, 26), atol=1e-5)
    assert torch.allclose(moved[1][..., :-3], images[..., 3:], atol=1e-5)
    reflected = transforms.translate(images, [(4, 0)], "reflect")
    assert torch.allclose(reflected[0][..., :4, :], images[..., :4, :].flip(2), atol=1e-5)


def test_half_a_pixel_is_the_mean_of_two(images: torch.Tensor) -> None:
    moved = transforms.translate(images, [(0.5, 0)])[0]
    assert torch.allclose(moved[..., 1:, :], (images[..., 1:, :] + images[..., :-1, :]) / 2, atol=1e-5)


@pytest.mark.parametrize("shape", [(20, 20), (20, 26)])
def test_quarter_turns_are_exact(shape: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *shape, generator=torch.Generator().manual_seed(1))
    turned = transforms.rotate(images, [90, 180, -90])
    assert torch.allclose(turned[1], images.flip(2, 3), atol=1e-4)
    if shape[0] == shape[1]:
        assert torch.allclose(turned[0], images.rot90(1, (2, 3)), atol=1e-4)
        assert torch.allclose(turned[2], images.rot90(-1, (2, 3)), atol=1e-4)


@pytest.mark.parametrize("angle", [17.0, 130.0])
def test_rotation_is_torchvisions_inside(images: torch.Tensor, angle: float) -> None:
    ours = transforms.rotate(images, [angle])[0]
    theirs = reference.rotate(images, angle, interpolation=InterpolationMode.BILINEAR)
    middle = (..., slice(7, 13), slice(10, 16))
    assert torch.allclose(ours[middle], theirs[middle], atol=1e-4)


def test_scale_is_a_slow_bilinear_restatement() -> None:
    image = torch.rand(1, 1, 9, 9, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    factor = 1.6
    ours = transforms.scale(image, [factor])[0, 0, 0]
    for y in range(9):
        for x in range(9):
            source_y, source_x = (y - 4) / factor + 4, (x - 4) / factor + 4
            top, left = int(source_y), int(source_x)
            dy, dx = source_y - top, source_x - left
            expected = 0.0
            for a, wy in ((top, 1 - dy), (top + 1, dy)):
                for b, wx in ((left, 1 - dx), (left + 1, dx)):
                    expected += wy * wx * float(image[0, 0, a, b])
            assert float(ours[y, x]) == pytest.approx(expected, abs=1e-9)


def test_crops(images: torch.Tensor) -> None:
    assert torch.equal(transforms.centre_crop(images, 10), images[..., 5:15, 8:18])
    boxes = torch.tensor([[2, 3, 8, 11], [-2, -1, 4, 7], [16, 22, 22, 30]])
    patches = transforms.crop_boxes(images, boxes, fill=0.25)
    assert patches.shape == (3, 3, 6, 8)
    assert torch.equal(patches[0], images[0, :, 2:8, 3:11])
    assert torch.equal(patches[1][:, 2:, 1:], images[1, :, :4, :7])
    assert (patches[1][:, :2] == 0.25).all()
    assert torch.equal(patches[2][:, :4, :4], images[2, :, 16:, 22:])
    assert (patches[2][:, :, 4:] == 0.25).all()
    outside = transforms.crop_boxes(images[:1], torch.tensor([[-9, -9, -3, -3]]), fill=0.5)
    assert (outside == 0.5).all()
    with pytest.raises(ValueError, match="doesn't fit"):
        transforms.centre_crop(images, 21)
    with pytest.raises(ValueError, match="one box for each image"):
        transforms.crop_boxes(images, boxes[:2])


def test_occlusion_covers_every_pixel_and_nothing_else(images: torch.Tensor) -> None:
    parts = list(transforms.occlude(images, size=6, stride=5, value=-1.0, batch_size=8))
    positions = torch.cat([p for p, _ in parts])
    batches = torch.cat([b for _, b in parts])
    tops, lefts = transforms.occlusion_grid(20, 26, 6, 5)
    assert tops == [0, 5, 10, 14]
    assert lefts == [0, 5, 10, 15, 20]
    assert positions.tolist() == [[t, left] for t in tops for left in lefts]
    assert batches.shape == (20, 3, 3, 20, 26)
    for (top, left), batch in zip(positions.tolist(), batches, strict=True):
        changed = (batch == -1).all(0).all(0)
        expected = torch.zeros(20, 26, dtype=torch.bool)
        expected[top : top + 6, left : left + 6] = True
        assert torch.equal(changed, expected)
        assert torch.equal(batch[..., ~expected], images[..., ~expected])
    assert (batches == -1).any(0).all()


def test_occlusion_map_is_the_mean_over_the_squares_on_a_pixel(images: torch.Tensor) -> None:
    positions = torch.cat([p for p, _ in transforms.occlude(images, 6, 5)])
    values = torch.rand(len(positions), 3, generator=torch.Generator().manual_seed(3))
    ours = transforms.occlusion_map(values, positions, 6, 20, 26)
    assert ours.shape == (3, 20, 26)
    for y, x in [(0, 0), (5, 5), (12, 21), (19, 25)]:
        on = [i for i, (t, left) in enumerate(positions.tolist()) if t <= y < t + 6 and left <= x < left + 6]
        assert torch.allclose(ours[:, y, x], values[on].mean(0))


def test_bad_arguments_are_refused(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="border"):
        transforms.rotate(images, [3], "zeros")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive"):
        transforms.scale(images, [0.0])
    with pytest.raises(ValueError, match="doesn't fit over"):
        list(transforms.occlude(images, 21, 5))
    with pytest.raises(ValueError, match="N, C, H, W"):
        transforms.scale(images[0], [1.1])
