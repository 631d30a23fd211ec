"""ZFNet with batch normalization, pooled, and with a finer first layer: what changes and what stays."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from replications.networks.convnet import Window
from replications.networks.fine_first_layer import FINE, zfnet_small_fine
from replications.networks.graph import trace
from replications.networks.zfnet import zfnet_small
from replications.networks.zfnet_variants import zfnet_small_variant

CONVOLUTIONS = [f"conv{layer}" for layer in range(1, 6)]
BELOW = "conv1 relu1 pool1 norm1 conv2 relu2 pool2 norm2 conv3 relu3 conv4 relu4 conv5 relu5"


def names(network: nn.Module) -> str:
    return " ".join(name for name, _ in network.named_children())


def image() -> torch.Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_unchanged_it_is_the_unchanged_network() -> None:
    ours, known = zfnet_small_variant(7, seed=3), zfnet_small(7, seed=3)
    assert names(ours) == names(known)
    for name, weights in known.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weights)


def test_batch_normalization_stands_between_convolution_and_rectification() -> None:
    network = zfnet_small_variant(7, batch_norm=True)
    normalized = BELOW
    for layer in range(1, 6):
        normalized = normalized.replace(f"conv{layer}", f"conv{layer} bn{layer}")
    assert names(network) == f"{normalized} pool5 flatten fc6 relu6 drop6 fc7 relu7 drop7 fc8"
    widths = [network.get_submodule(f"bn{layer}").num_features for layer in range(1, 6)]
    assert widths == [32, 64, 96, 96, 64]
    assert [node.kind for node in trace(network)][:4] == ["conv", "batch_norm", "relu", "max_pool"]


def test_pooled_it_averages_layer_5_over_all_positions() -> None:
    network = zfnet_small_variant(7, pooled=True).eval()
    assert names(network) == f"{BELOW} gap flatten fc8"
    layer5 = nn.Sequential(*[module for name, module in network.named_children() if name in BELOW.split()])(image())
    assert layer5.shape == (2, 64, 7, 7)
    torch.testing.assert_close(network(image()), layer5.mean((2, 3)) @ network.fc8.weight.T + network.fc8.bias)
    assert [node.kind for node in trace(network)][-3:] == ["global_avg_pool", "flatten", "linear"]


@pytest.mark.parametrize("change", [{"batch_norm": True}, {"pooled": True}])
def test_convolutions_begin_as_in_the_unchanged_network(change: dict[str, bool]) -> None:
    ours, known = zfnet_small_variant(7, seed=1, **change).state_dict(), zfnet_small(7, seed=1).state_dict()
    for name in CONVOLUTIONS:
        assert torch.equal(ours[f"{name}.weight"], known[f"{name}.weight"])


def test_wider_the_layers_below_begin_as_in_the_unchanged_network() -> None:
    ours = zfnet_small_variant(7, pooled=True, widths=[32, 64, 96, 96, 192])
    assert ours.fc8.in_features == ours.conv5.out_channels == 192
    assert torch.equal(ours.conv4.weight, zfnet_small(7).conv4.weight)


def test_a_finer_first_layer_leaves_the_sizes_above_it() -> None:
    fine, known = zfnet_small_fine(7).eval(), zfnet_small(7).eval()
    assert names(fine) == names(known)
    assert FINE.convolutions[0] == Window(5, 1, 2)
    x, y = image(), image()
    for name, module in fine.named_children():
        x, y = module(x), known.get_submodule(name)(y)
        if name not in ("conv1", "relu1"):
            assert x.shape == y.shape
    steps = [m.conv1.stride[0] * m.pool1.stride for m in (fine, known)]
    assert steps == [4, 4]
