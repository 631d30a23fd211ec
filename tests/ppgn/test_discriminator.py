"""The discriminator against the published sizes, and its contract."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from replications.ppgn.discriminator import Discriminator, published_discriminator, small_discriminator


def shapes(discriminator: Discriminator) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for part in (discriminator.maps, discriminator.read, discriminator.joint):
        for name, module in part.named_children():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.AvgPool2d):
                module.register_forward_hook(
                    lambda _module, _inputs, output, name=name: found.__setitem__(name, tuple(output.shape[1:]))
                )
    size = discriminator.image_size
    with torch.no_grad():
        discriminator(torch.rand(2, 3, size, size), torch.rand(2, discriminator.code_size))
    return found


def test_published_discriminator_layer_by_layer() -> None:
    discriminator = published_discriminator()
    assert list(shapes(discriminator).items()) == [
        ("conv1", (32, 56, 56)),
        ("conv2", (64, 52, 52)),
        ("conv3", (128, 25, 25)),
        ("conv4", (256, 23, 23)),
        ("conv5", (256, 11, 11)),
        ("pool", (256, 1, 1)),
        ("feat_fc1", (1024,)),
        ("feat_fc2", (512,)),
        ("fc6", (512,)),
        ("fc7", (2,)),
    ]
    weights = 32 * 3 * 49 + 64 * 32 * 25 + 128 * 64 * 9 + 256 * 128 * 9 + 256 * 256 * 9
    weights += 1024 * 4096 + 512 * 1024 + 512 * 768 + 2 * 512
    biases = 32 + 64 + 128 + 256 + 256 + 1024 + 512 + 512 + 2
    assert sum(p.numel() for p in discriminator.parameters()) == weights + biases
    assert [m.p for m in discriminator.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5]


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_small_discriminator_leaves_a_few_positions(size: int) -> None:
    discriminator = small_discriminator(32, size, width=8)
    pool = discriminator.maps.get_submodule("pool")
    assert isinstance(pool, nn.AvgPool2d)
    assert 1 <= int(pool.kernel_size) <= 8  # type: ignore[arg-type]
    assert shapes(discriminator)["fc7"] == (2,)


def test_it_sees_the_image_and_the_code() -> None:
    discriminator = small_discriminator(16, 16, width=8).eval()
    images, codes = torch.rand(2, 3, 16, 16), torch.rand(2, 16)
    straight = discriminator(images, codes)
    assert not torch.allclose(discriminator(images.flip(0), codes), straight)
    assert not torch.allclose(discriminator(images, codes.flip(0)), straight)
    torch.testing.assert_close(discriminator(images.flip(0), codes.flip(0)), straight.flip(0))


def test_code_scale_divides_the_code() -> None:
    discriminator = small_discriminator(16, 16, width=4).eval()
    images, codes = torch.rand(2, 3, 16, 16), torch.rand(2, 16)
    expected = discriminator(images, codes)
    discriminator.code_scale.fill_(2.0)
    assert torch.equal(discriminator(images, 2 * codes), expected)


def test_what_does_not_fit_is_refused() -> None:
    discriminator = small_discriminator(16, 32, width=4)
    with pytest.raises(ValueError, match=r"images \(n, 3, 32, 32\) and codes \(n, 16\).*found \(2, 3, 16, 16\)"):
        discriminator(torch.rand(2, 3, 16, 16), torch.rand(2, 16))
    with pytest.raises(ValueError, match=r"found .*\(3, 16\)"):
        discriminator(torch.rand(2, 3, 32, 32), torch.rand(3, 16))
    with pytest.raises(ValueError, match="too small"):
        published_discriminator(image_size=32)
