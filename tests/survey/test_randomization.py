"""Networks that forget: which layers, in which order, and nothing else."""

from __future__ import annotations

import torch
from sanity_context import SIZE, small_network
from torch import nn

from replications.multifaceted.untrained import untrained
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.survey.randomization import in_groups, weighted_layers, with_weights_of


def test_layers_go_from_the_classes_down_with_their_batch_norm() -> None:
    assert weighted_layers(small_network()) == [("fc8",), ("fc6",), ("conv2",), ("conv1",)]
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Flatten())
    network = Network(module, name="n", classes=[str(i) for i in range(32)], preprocessing=Preprocessing(8))
    assert weighted_layers(network) == [("3",), ("0", "1")]


def test_groups_hold_all_layers_once_in_order() -> None:
    layers = [(f"conv{i}",) for i in range(10)]
    groups = in_groups(layers, 4)
    assert [name for group in groups for name in group] == [name for layer in layers for name in layer]
    assert [len(group) for group in groups] == [2, 3, 2, 3]
    assert in_groups(layers[:3], 8) == layers[:3]


def test_only_the_named_layers_are_another_networks() -> None:
    network = small_network()
    fingerprint = network.fingerprint
    random = untrained(network, torch.Generator().manual_seed(1))
    made = with_weights_of(network, random, ["fc8", "conv2"])
    for name in ("conv1", "conv2", "fc6", "fc8"):
        source = random if name in ("fc8", "conv2") else network
        assert torch.equal(made.node(name).module.weight, source.node(name).module.weight)
    assert network.fingerprint == fingerprint != made.fingerprint
    images = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    everything = with_weights_of(network, random, [name for layer in weighted_layers(network) for name in layer])
    torch.testing.assert_close(everything.logits(images), random.logits(images))
    assert not torch.allclose(everything.logits(images), network.logits(images))
