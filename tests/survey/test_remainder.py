"""The part of a network above a layer, and units that are set to zero there."""

from __future__ import annotations

import copy
from collections import OrderedDict

import application_toys as toys
import pytest
import torch
from torch import nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.survey.applications.remainder import NoPassage, Remainder


def test_the_whole_is_the_lower_and_the_upper_part() -> None:
    network = toys.network()
    images = toys.images().images(range(5))
    for layer in network.layers:
        maps = network.forward_to(layer, images)
        torch.testing.assert_close(Remainder(network, layer).logits(maps), network.logits(images))


def test_a_unit_set_to_zero_is_a_network_without_its_filter() -> None:
    network, layers = toys.network(), toys.modules()
    kept = torch.tensor([0, 2, 3, 7, 8, 9, 15])
    conv, last = layers["conv2"], network.node("fc3").module
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(last, nn.Linear)
    smaller = nn.Conv2d(8, len(kept), 3, padding=1)
    above = nn.Linear(len(kept) * 64, 12)
    with torch.no_grad():
        smaller.weight.copy_(conv.weight[kept])
        smaller.bias.copy_(conv.bias[kept])  # type: ignore[union-attr,index]
        above.weight.copy_(last.weight.reshape(12, 16, 64)[:, kept].flatten(1))
        above.bias.copy_(last.bias)
    pruned = nn.Sequential(OrderedDict(copy.deepcopy(layers) | {"conv2": smaller, "fc3": above}))
    images = toys.images().images(range(5))
    mask = torch.zeros(16, 1, 1)
    mask[kept] = 1
    found = Remainder(network, "relu2").logits(network.forward_to("relu2", images) * mask)
    torch.testing.assert_close(found, pruned((images - 0.5) / 0.25))


class Beside(nn.Module):
    """A branch goes past the second layer."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.last = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Linear(4 * 16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        below = self.one(x)
        return self.last(torch.flatten(self.two(below) + below, 1))


def test_a_layer_that_something_goes_past_is_refused_and_the_ones_around_it_are_not() -> None:
    network = Network(Beside(), name="beside", classes=("a", "b", "c"), preprocessing=Preprocessing(4))
    images = torch.rand(2, 3, 4, 4)
    with pytest.raises(NoPassage, match=r"layer 'two' of network 'beside' is not all .* also read one"):
        Remainder(network, "two")
    for layer in ("one", "flatten"):
        maps = network.forward_to(layer, images)
        torch.testing.assert_close(Remainder(network, layer).logits(maps), network.logits(images))
    with pytest.raises(ValueError, match=r"layer 'one' has outputs of shape \(4, 4, 4\), found \(3, 4, 4\)"):
        Remainder(network, "one").logits(images)
