"""Interpolation between the centres of receptive fields, and where gradients say that these are."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from dissection_toys import convolutions, wrapped
from torch import nn

from replications.networks.network import Network
from replications.networks.zfnet import zfnet_small
from replications.survey.dissection import slow
from replications.survey.dissection.upsampling import Grid, NoExtent, spatial_layers


def positive(module: nn.Module) -> nn.Module:
    """With positive weights, averaging in place of taking maxima: all that is seen has a gradient."""
    for name, child in module.named_children():
        if isinstance(child, nn.MaxPool2d):
            setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    for parameter in module.parameters():
        parameter.data = torch.rand_like(parameter) + 0.1
    return module


def networks(changed: Callable[[nn.Module], nn.Module] = nn.Module.eval) -> list[Network]:
    return [
        wrapped(changed(convolutions()), 24),
        wrapped(changed(convolutions(stride=1)), 25),
        wrapped(changed(zfnet_small(num_classes=3, seed=0)), 64),
    ]


@pytest.mark.parametrize("number", range(3))
def test_anchors_are_the_centres_of_the_gradients_support(number: int) -> None:
    network = networks(positive)[number]
    size = network.input_size
    images = torch.rand(1, 3, size, size).requires_grad_()
    for layer in spatial_layers(network):
        grid, field = Grid.of(network, layer), network.receptive_field(layer)
        height, width = grid.shape
        boxes = [field.box(y, width // 2, clipped=False) for y in range(1, height - 1)]
        inner = [y for y, box in enumerate(boxes, 1) if box.top >= 0 and box.bottom <= size]
        # interpolated, the ramp of positions says for each pixel at which position it lies
        ramp = grid.upsample(torch.arange(height, dtype=torch.float64)[:, None].expand(height, width))[:, 0]
        for y in inner[:1] + inner[-1:]:
            (gradient,) = torch.autograd.grad(network.forward_to(layer, images)[0, :, y, width // 2].sum(), images)
            rows = gradient.abs().sum((0, 1, 3)).nonzero().flatten()
            middle = float(rows[0] + rows[-1]) / 2
            found = (ramp[math.floor(middle)] + ramp[math.ceil(middle)]) / 2
            assert float(found) == pytest.approx(y, abs=1e-9)


@pytest.mark.parametrize("number", range(3))
def test_upsampling_equals_the_slow_interpolation(number: int) -> None:
    network = networks()[number]
    generator = np.random.default_rng(number)
    for layer in spatial_layers(network):
        grid = Grid.of(network, layer)
        maps = generator.standard_normal((2, *grid.shape))
        expected = [slow.interpolated(one, network.receptive_field(layer), network.input_size) for one in maps]
        np.testing.assert_allclose(grid.upsample(torch.from_numpy(maps)).numpy(), np.stack(expected), atol=1e-12)


def test_a_known_field_by_hand() -> None:
    # kernel 3, stride 4, no padding: centres at pixels 1, 5, 9 of 11
    network = wrapped(nn.Sequential(nn.Conv2d(3, 2, 3, stride=4)), 11)
    found = Grid.of(network, network.layers[0]).upsample(torch.tensor([[0.0, 4.0, 0.0]] * 3))
    np.testing.assert_allclose(found[0].numpy(), [0, 0, 1, 2, 3, 4, 3, 2, 1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found[:, 5].numpy(), [4.0] * 11, atol=1e-6)


def test_layers_without_positions_are_told() -> None:
    network = wrapped(convolutions(), 24)
    assert spatial_layers(network) == network.layers[:5]
    with pytest.raises(NoExtent, match=f"layer '{network.layers[-1]}'.*choose one of {network.layers[0]}"):
        Grid.of(network, network.layers[-1])
