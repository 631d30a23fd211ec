"""Which layers all paths lead through, and the strength by depth."""

from __future__ import annotations

import pytest
import torch
from known_preimages import convolutional_network
from torch import Tensor, nn
from torch.nn import functional

from replications.images.regularizers import TotalVariation
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.zfnet import zfnet_small
from replications.survey.inverted_layers import at_size, layers_of_all_paths, strength_of

# CaffeNet's twenty layers, in Mahendran & Vedaldi's order
TWENTY = [
    *("conv1", "relu1", "pool1", "norm1", "conv2", "relu2", "pool2", "norm2", "conv3", "relu3"),
    *("conv4", "relu4", "conv5", "relu5", "pool5", "fc6", "relu6", "fc7", "relu7", "fc8"),
]
PUBLISHED = [(0.3, 1.0), (0.6, 10.0), (1.0, 100.0)]


class Branched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.left, self.right = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1), nn.Conv2d(4, 2, 1)
        self.drop, self.last = nn.Dropout(), nn.Linear(4 * 16, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = torch.cat([self.left(x), self.right(x)], 1)
        found: Tensor = self.last(torch.flatten(self.drop(x), 1))
        return found


def small() -> Network:
    module = zfnet_small(12)
    return Network(module, name="zfnet_small", classes=[str(i) for i in range(12)], preprocessing=Preprocessing(64))


def test_of_zfnet_they_are_the_twenty_of_the_paper() -> None:
    network = small()
    assert list(layers_of_all_paths(network)) == TWENTY
    assert [strength_of(network, name, PUBLISHED) for name in TWENTY] == [1] * 6 + [10] * 6 + [100] * 8
    assert layers_of_all_paths(network, 4) == ("conv1", "pool2", "relu5", "fc8")
    assert len(layers_of_all_paths(network, 30)) == 20
    with pytest.raises(ValueError, match="the first and the last, found 1"):
        layers_of_all_paths(network, 1)


def test_a_picture_costs_the_same_at_any_size() -> None:
    large = torch.sin(torch.linspace(0, 6, 448))[None, None, :, None] * torch.cos(torch.linspace(0, 5, 448))
    large = large.expand(1, 3, 448, 448)
    small = functional.avg_pool2d(large, 4)
    costs = [
        at_size(3.0, len(picture[0, 0]))
        * TotalVariation(1.0, 2.0).values(picture, torch.zeros(()))
        / picture.square().sum()
        for picture in (large, small)
    ]
    assert float(costs[1] / costs[0]) == pytest.approx(1, rel=0.02)
    assert at_size(3.0, 227) == 3


def test_branches_are_left_out() -> None:
    network = Network(Branched(), name="branched", classes=["a", "b"], preprocessing=Preprocessing(4))
    kinds = [network.node(name).kind for name in layers_of_all_paths(network)]
    assert kinds == ["conv", "cat", "linear"]
    inside = next(node.name for node in network.nodes if node.name.startswith("left"))
    assert strength_of(network, inside, [(0.5, 3.0), (1.0, 4.0)]) == 3  # two of six nodes deep


def test_strengths_need_shares_that_rise_to_one() -> None:
    for strengths in ([], [(0.5, 1.0)], [(1.0, 1.0), (0.5, 2.0)]):
        with pytest.raises(ValueError, match="rise to 1"):
            strength_of(convolutional_network(), "conv1", strengths)
