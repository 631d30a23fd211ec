"""Preprocessing equals torchvision's transforms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchvision.transforms import v2

from replications.networks.preprocessing import Preprocessing

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize("shape", [(224, 298), (301, 224), (500, 333), (60, 90), (256, 257), (33, 33)])
@pytest.mark.parametrize(
    ("size", "resize", "interpolation"),
    [
        (224, 256, "bilinear"),
        (227, (256, 256), "bilinear"),
        (64, None, "bilinear"),
        (224, 232, "bilinear"),
        (31, 64, "bicubic"),
    ],
)
def test_equal_to_torchvision(shape: tuple[int, int], size: int, resize: Any, interpolation: Any) -> None:
    images = torch.rand(2, 3, *shape, generator=torch.Generator().manual_seed(0))
    steps = v2.Compose(
        [
            v2.Resize(resize or size, interpolation=v2.InterpolationMode(interpolation), antialias=True),
            v2.CenterCrop(size),
            v2.Normalize(MEAN, STD),
        ]
    )
    found = Preprocessing(size, resize, MEAN, STD, interpolation=interpolation)(images)
    torch.testing.assert_close(found, steps(images.clone()))


def test_images_of_the_right_size_are_only_normalized() -> None:
    images = torch.rand(2, 3, 64, 64)
    found = Preprocessing(64, 80, MEAN, STD)(images)
    torch.testing.assert_close(found, v2.Normalize(MEAN, STD)(images))
    assert torch.equal(Preprocessing(64)(images), images)


def test_range_and_order_of_colours() -> None:
    images = torch.rand(2, 3, 8, 8)
    preprocessing = Preprocessing(8, mean=(104, 117, 123), scale=255, order="bgr")
    found = preprocessing(images)
    for colour, (source, mean) in enumerate(((2, 104), (1, 117), (0, 123))):
        torch.testing.assert_close(found[:, colour], 255 * images[:, source] - mean)
    torch.testing.assert_close(preprocessing.denormalize(found), images)


def test_gradients_pass() -> None:
    images = torch.rand(1, 3, 20, 30, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Preprocessing(8, 10, MEAN, STD), images, fast_mode=True)


@pytest.mark.parametrize("images", [torch.rand(3, 8, 8), torch.rand(1, 1, 8, 8), torch.ones(1, 3, 8, 8).byte()])
def test_other_tensors_are_refused(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="expected images as floating-point"):
        Preprocessing(8)(images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": (0.5,)}, "three numbers for mean"),
        ({"resize": 4}, "can't crop 8 pixels"),
        ({"resize": (16, 4)}, "can't crop 8 pixels"),
        ({"order": "grb"}, "found 'grb'"),
    ],
)
def test_impossible_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Preprocessing(8, **options)
