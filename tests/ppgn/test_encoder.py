"""The encoder in two halves against the whole network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from replications.networks.network import Network, UnknownLayer
from replications.networks.preprocessing import Preprocessing
from replications.networks.zfnet import zfnet_small
from replications.ppgn.encoder import Encoder


@pytest.fixture(scope="module")
def network() -> Network:
    module = zfnet_small(3, input_size=32, widths=(4, 4, 6, 6, 5), fc_widths=(7, 6))
    half = (0.5, 0.5, 0.5)
    return Network(module, name="tiny", classes=("a", "b", "c"), preprocessing=Preprocessing(32, mean=half, std=half))


def test_features_are_the_layers_outputs_and_the_second_half_leads_from_one_to_the_other(network: Network) -> None:
    encoder = Encoder(network, "relu6", "pool5")
    images = torch.rand(2, 3, 32, 32)
    h1, h = encoder.features(images)
    assert torch.equal(h1, network.forward_to("pool5", images))
    assert torch.equal(h, network.forward_to("relu6", images))
    assert torch.equal(encoder.comparator(images), h1)
    assert torch.equal(encoder.code(images), h)
    assert torch.equal(encoder.code_of(h1), h)
    assert (encoder.code_size, encoder.comparator_size) == (7, h1[0].numel())


def test_a_code_of_maps_is_flattened(network: Network) -> None:
    encoder = Encoder(network, "relu5", "relu3")
    h1, h = encoder.features(torch.rand(2, 3, 32, 32))
    assert h.shape == (2, encoder.code_size)
    assert torch.equal(encoder.code_of(h1), h)


def test_gradients_reach_the_comparator_features(network: Network) -> None:
    encoder = Encoder(network, "relu6", "pool5")
    h1 = encoder.comparator(torch.rand(2, 3, 32, 32)).requires_grad_()
    encoder.code_of(h1).sum().backward()
    assert h1.grad is not None


class Branches(nn.Module):
    """A network whose last layer reads two that don't lead through each other."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.last = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last((self.left(x) + self.right(x)).flatten(1))
        return result


def test_layers_that_do_not_lead_to_the_code_are_refused(network: Network) -> None:
    branches = Network(Branches(), name="branches", classes=("a", "b"), preprocessing=Preprocessing(2))
    with pytest.raises(ValueError, match=r"'last' isn't computed from 'left' alone: .* reads 'input'"):
        Encoder(branches, "last", "left")
    with pytest.raises(ValueError, match="it lies below"):
        Encoder(network, "conv2", "pool5")
    with pytest.raises(UnknownLayer, match="relu66"):
        Encoder(network, "relu66", "pool5")
