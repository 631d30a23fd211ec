"""Blocks of networks whose parts are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from replications.networks.blocks import blocks, every_block, parameter_count, passages
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing


class Branching(nn.Module):
    """Two branches joined, then a sum with a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.relu1, self.pool1 = nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2)
        self.left, self.right, self.relu2 = nn.Conv2d(4, 6, 1), nn.Conv2d(4, 2, 3, padding=1), nn.ReLU()
        self.conv3, self.norm3, self.fc = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.relu2(torch.cat([self.left(x), self.right(x)], 1))
        x = self.norm3(self.conv3(x)) + x
        return self.fc(x.mean((2, 3)))


@pytest.fixture
def network() -> Network:
    return Network(
        Branching(),
        name="branching",
        classes=tuple("abcde"),
        preprocessing=Preprocessing(16),
        paper_layers={1: "pool1", 2: "relu2"},
    )


def test_everything_passes_through_these_nodes_alone(network: Network) -> None:
    names = [network.nodes[i].name for i in passages(network.nodes)]
    assert names == ["conv1", "relu1", "pool1", "cat", "relu2", "add", "mean", "fc"]


def test_blocks_know_what_they_are_made_of(network: Network) -> None:
    found = blocks(network)
    assert [(b.name, b.kind, b.shape, b.layer) for b in found] == [
        ("input", "input", (3, 16, 16), 0),
        ("conv1", "conv", (4, 8, 8), 1),
        ("pool1", "max_pool", (4, 4, 4), 1),
        ("cat", "cat", (8, 4, 4), 2),
        ("add", "add", (8, 4, 4), None),
        ("mean", "global_avg_pool", (8,), None),
        ("fc", "linear", (5,), None),
    ]
    assert [(b.window, b.stride) for b in found[:3]] == [(None, None), (3, 2), (2, 2)]
    assert [b.afterwards for b in found[:4]] == [(), ("rectified",), (), ("rectified",)]
    assert [n.name for n in found[3].inside] == ["left", "right"]
    assert found[3].parameters == 6 * (4 + 1) + 2 * (4 * 9 + 1)
    assert sum(b.parameters for b in found) == parameter_count(network)


def test_every_block_counts_each_parameter_once(network: Network) -> None:
    found = every_block(network)
    assert [b.name for b in found] == [
        "input", "conv1", "pool1", "left", "right", "cat", "conv3", "add", "mean", "fc",
    ]  # fmt: skip
    assert found[6].afterwards == ("batch norm.",)
    assert found[6].parameters == 8 * (8 + 1) + 2 * 8
    assert sum(b.parameters for b in found) == parameter_count(network)


def test_a_module_used_twice_is_counted_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.conv(self.conv(x)).mean((2, 3)))

    network = Network(Twice(), name="twice", classes=("a", "b"), preprocessing=Preprocessing(8))
    assert parameter_count(network) == 3 * 3 * 9 + 3 + 3 * 2 + 2
