"""What recipes are followed on."""

from __future__ import annotations

from collections import OrderedDict

import torch
from three_colours import CLASSES, SIZE, Stripes
from torch import nn

from replications.data.image_set import DataSource
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing


def stripes() -> DataSource:
    return DataSource("stripes", Stripes(90), Stripes(60, seed=1))


def network(name: str) -> Network:
    """Of random weights, others for another name."""
    with torch.random.fork_rng():
        torch.manual_seed(len(name))
        layers: OrderedDict[str, nn.Module] = OrderedDict(conv1=nn.Conv2d(3, 8, 4, stride=4), relu1=nn.ReLU())
        layers |= OrderedDict(conv2=nn.Conv2d(8, 8, 3, padding=1), relu2=nn.ReLU(), pool2=nn.AdaptiveAvgPool2d(1))
        module = nn.Sequential(layers | OrderedDict(flat=nn.Flatten(), fc8=nn.Linear(8, len(CLASSES))))
    return Network(
        module,
        name=name,
        classes=CLASSES,
        preprocessing=Preprocessing(SIZE, mean=(0.5,) * 3, std=(0.25,) * 3),
        paper_layers={5: "relu2"},
        unit_layers={5: "relu2"},
    )
