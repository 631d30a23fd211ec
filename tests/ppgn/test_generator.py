"""The generator against the published architecture, layer by layer, and its contract with encoder and sampler."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from replications.ppgn.generator import Generator, Stage, published_generator, small_generator

# generator.prototxt: name, output (channels, height, width) for one code of 4096
PUBLISHED = {
    "defc7": (4096,),
    "defc6": (4096,),
    "defc5": (4096,),
    "deconv5": (256, 8, 8),
    "conv5_1": (512, 8, 8),
    "deconv4": (256, 16, 16),
    "conv4_1": (256, 16, 16),
    "deconv3": (128, 32, 32),
    "conv3_1": (128, 32, 32),
    "deconv2": (64, 64, 64),
    "deconv1": (32, 128, 128),
    "deconv0": (3, 256, 256),
}


def outputs(generator: Generator, code: Tensor) -> tuple[dict[str, tuple[int, ...]], Tensor]:
    """The shapes of what each layer with weights gives, and the images."""
    found: dict[str, tuple[int, ...]] = {}
    for part in (generator.connected, generator.maps):
        for name, module in part.named_children():
            if isinstance(module, nn.Linear | nn.ConvTranspose2d):
                module.register_forward_hook(
                    lambda _module, _inputs, output, name=name: found.__setitem__(name, tuple(output.shape[1:]))
                )
    with torch.no_grad():
        images = generator(code)
    return found, images


def test_published_generator_has_the_released_layers_and_parameters() -> None:
    generator = published_generator()
    shapes, images = outputs(generator, torch.rand(1, 4096))
    assert list(shapes.items()) == list(PUBLISHED.items())
    assert tuple(images.shape) == (1, 3, 227, 227)
    # three layers of 4096 x 4096 with biases, and in x out x kernel of each deconvolution, without
    connected = 3 * (4096 * 4096 + 4096)
    doubling = 16 * (256 * 256 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 32 + 32 * 3)
    keeping = 9 * (256 * 512 + 256 * 256 + 128 * 128)
    assert sum(p.numel() for p in generator.parameters()) == connected + doubling + keeping == 56_096_256
    slopes = {m.negative_slope for m in generator.modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.3}
    assert not isinstance(generator.maps[-1], nn.LeakyReLU)


def test_crop_is_the_centre_that_the_released_sampler_takes() -> None:
    wide = tiny(image_size=16)
    narrow = tiny(image_size=13)
    code = torch.rand(2, 5)
    # 16 - 13 = 3: one row above, two below, as 256 - 227 = 29 leaves 14 above
    assert torch.equal(narrow(code), wide(code)[..., 1:14, 1:14])


def tiny(image_size: int = 16) -> Generator:
    stages = (Stage("deconv1", 4, True), Stage("conv1_1", 4, False), Stage("deconv0", 3, True))
    return Generator(code_size=5, hidden=(8, 32), stages=stages, image_size=image_size, encoder_layer="relu6")


@pytest.mark.parametrize("size", [16, 64, 128])
def test_small_generator_doubles_from_four_pixels_to_its_size(size: int) -> None:
    generator = small_generator(24, size, width=8, encoder_layer="relu7")
    shapes, images = outputs(generator, torch.rand(2, 24))
    assert [shape[1] for shape in shapes.values() if len(shape) == 3 and shape[0] == 3] == [size]
    assert shapes["defc7"] == shapes["defc6"] == (24,)
    assert tuple(images.shape) == (2, 3, size, size)
    assert (generator.code_size, generator.image_size, generator.encoder_layer) == (24, size, "relu7")


def test_small_generator_of_64_pixels_layer_by_layer() -> None:
    generator = small_generator(256, 64, width=32)
    shapes, _ = outputs(generator, torch.rand(1, 256))
    assert list(shapes.items()) == [
        ("defc7", (256,)),
        ("defc6", (256,)),
        ("defc5", (2048,)),
        ("deconv3", (128, 8, 8)),
        ("conv3_1", (128, 8, 8)),
        ("deconv2", (64, 16, 16)),
        ("conv2_1", (64, 16, 16)),
        ("deconv1", (32, 32, 32)),
        ("conv1_1", (32, 32, 32)),
        ("deconv0", (3, 64, 64)),
    ]
    connected = 2 * (256 * 256 + 256) + 256 * 2048 + 2048
    maps = 16 * (128 * 128 + 128 * 64 + 64 * 32 + 32 * 3) + 9 * (128**2 + 64**2 + 32**2)
    assert sum(p.numel() for p in generator.parameters()) == connected + maps


def test_images_lie_in_the_unit_range_and_differ_with_the_code() -> None:
    generator = small_generator(16, 16, width=4)
    images = generator(100 * torch.randn(8, 16, generator=torch.Generator().manual_seed(0)))
    assert images.min() >= 0
    assert images.max() <= 1
    assert images.std(0).mean() > 0.1


def test_a_signal_keeps_its_variance_through_the_layers_at_the_start() -> None:
    generator = small_generator(64, 64, width=16)
    code = torch.randn(16, 64, generator=torch.Generator().manual_seed(0))
    before_sigmoid = generator(code).logit()
    # a tenth in the last layer
    assert 0.05 < before_sigmoid[..., 8:-8, 8:-8].std() < 0.2


def test_what_is_generated_is_a_change_of_the_mean_image() -> None:
    generator = small_generator(16, 16, width=4)
    image = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1))
    generator.take_mean(image)
    code = torch.zeros(1, 16)  # no biases at the start: nothing passes
    torch.testing.assert_close(generator(code)[0], image.clamp(0.02, 0.98))
    generator.take_mean(torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1).expand(3, 16, 16))
    code = torch.rand(1, 16)
    changed = generator(code).logit() - torch.tensor([0.02, 0.5, 0.98]).logit().view(3, 1, 1)
    generator.mean.zero_()
    torch.testing.assert_close(changed, generator(code).logit(), rtol=1e-3, atol=1e-4)
    assert "mean" in generator.state_dict()


def test_code_scale_divides_the_code() -> None:
    generator = small_generator(16, 16, width=4)
    code = torch.rand(2, 16)
    expected = generator(code)
    generator.code_scale.fill_(4.0)
    assert torch.equal(generator(4 * code), expected)
    assert "code_scale" in generator.state_dict()


def test_gradient_reaches_the_code() -> None:
    generator = small_generator(6, 16, width=2).double()
    code = torch.rand(2, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(generator, (code,))


def test_same_seed_same_generator() -> None:
    states = [small_generator(8, 16, 2, seed=seed).state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert not torch.equal(states[0]["connected.defc7.weight"], states[2]["connected.defc7.weight"])


def test_a_code_of_another_size_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"codes of 16 numbers of layer 'relu6'.*found \(2, 15\)"):
        small_generator(16, 16, 2)(torch.rand(2, 15))


@pytest.mark.parametrize("size", [8, 48, 0])
def test_sizes_that_are_no_doublings_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="power of 2"):
        small_generator(16, size)
