"""Small networks of nodes written out by hand, one for each thing that the deconvnet must get right."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from replications.networks.graph import Node, ancestors
from replications.networks.layers import Add, Concatenate

SIZE = (17, 15)  # rows and columns differ, so that a mix-up shows


class Nodes:
    """The part of a Network that the deconvnet uses; images are taken as they are."""

    device = torch.device("cpu")

    def __init__(self, *nodes: Node) -> None:
        self.nodes = nodes
        for node in nodes:
            node.module.double().eval().requires_grad_(False)

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.nodes)

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def ancestors(self, name: str) -> tuple[Node, ...]:
        return ancestors(self.nodes, [name])

    def preprocess(self, images: Tensor) -> Tensor:
        return images


class Norm(nn.Module):
    """Contrast normalization with numbers strong enough to matter at this scale."""

    def __init__(self, size: int = 3) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, 1.3, 0.75, 0.7

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.local_response_norm(x, self.size, self.alpha, self.beta, self.k)


def chain(*steps: tuple[str, str, nn.Module]) -> Nodes:
    before, nodes = "input", []
    for name, kind, module in steps:
        nodes.append(Node(name, kind, module, (before,)))
        before = name
    return Nodes(*nodes)


def zeiler_chain() -> Nodes:
    """The paper's order of conv, relu, pool, norm; strides, padding and overlapping pools."""
    return chain(
        ("conv1", "conv", nn.Conv2d(3, 5, 5, stride=2, padding=1)),
        ("relu1", "relu", nn.ReLU()),
        ("pool1", "max_pool", nn.MaxPool2d(3, stride=2, padding=1)),
        ("norm1", "lrn", Norm()),
        ("conv2", "conv", nn.Conv2d(5, 6, 3, padding=1)),
        ("relu2", "relu", nn.ReLU()),
        ("pool2", "max_pool", nn.MaxPool2d(2, stride=1)),
        ("norm2", "lrn", Norm(4)),
        ("conv3", "conv", nn.Conv2d(6, 4, (3, 1), padding=(1, 0))),
    )


def leaky_chain() -> Nodes:
    return chain(
        ("conv1", "conv", nn.Conv2d(3, 4, 3, stride=(2, 1), bias=False)),
        ("relu1", "leaky_relu", nn.LeakyReLU(0.2)),
        ("pool1", "max_pool", nn.MaxPool2d(3, stride=2, ceil_mode=True)),
        ("conv2", "conv", nn.Conv2d(4, 6, 3, dilation=(1, 2), padding=2, groups=2)),
        ("relu2", "leaky_relu", nn.LeakyReLU(0.1)),
        ("avg2", "avg_pool", nn.AvgPool2d(2, stride=2, padding=1, count_include_pad=False)),
        ("drop2", "dropout", nn.Dropout()),
        ("flat", "flatten", nn.Flatten()),
        ("fc3", "linear", nn.Linear(96, 5)),
        ("relu3", "leaky_relu", nn.LeakyReLU(0.1)),
        ("fc4", "linear", nn.Linear(5, 3)),
    )


def residual() -> Nodes:
    """A sum of a branch of two convolutions and of one without padding's worth of context, then pooled globally."""
    norm1, norm2 = nn.BatchNorm2d(4), nn.BatchNorm2d(6)
    for norm in (norm1, norm2):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
        nn.init.uniform_(norm.running_var, 0.5, 2)
        nn.init.normal_(norm.running_mean)
    return Nodes(
        Node("conv1", "conv", nn.Conv2d(3, 4, 3, padding=1), ("input",)),
        Node("bn1", "batch_norm", norm1, ("conv1",)),
        Node("relu1", "relu", nn.ReLU(), ("bn1",)),
        Node("conv2", "conv", nn.Conv2d(4, 6, 3, stride=2, padding=1), ("relu1",)),
        Node("bn2", "batch_norm", norm2, ("conv2",)),
        Node("relu2", "relu", nn.ReLU(), ("bn2",)),
        Node("conv3", "conv", nn.Conv2d(6, 6, 3, padding=1), ("relu2",)),
        Node("down", "conv", nn.Conv2d(4, 6, 1, stride=2), ("relu1",)),
        Node("sum", "add", Add(), ("conv3", "down")),
        Node("relu3", "relu", nn.ReLU(), ("sum",)),
        Node("twice", "add", Add(), ("relu3", "relu3")),
        Node("mean", "global_avg_pool", nn.AdaptiveAvgPool2d(1), ("twice",)),
        Node("flat", "flatten", nn.Flatten(), ("mean",)),
        Node("fc", "linear", nn.Linear(6, 4), ("flat",)),
    )


def fire() -> Nodes:
    """Squeeze and expand: two branches of different reach, concatenated, then pooled in ceil mode."""
    return Nodes(
        Node("conv1", "conv", nn.Conv2d(3, 4, 3, stride=2), ("input",)),
        Node("relu1", "relu", nn.ReLU(), ("conv1",)),
        Node("squeeze", "conv", nn.Conv2d(4, 3, 1), ("relu1",)),
        Node("relu2", "relu", nn.ReLU(), ("squeeze",)),
        Node("narrow", "conv", nn.Conv2d(3, 2, 1), ("relu2",)),
        Node("relu3", "relu", nn.ReLU(), ("narrow",)),
        Node("wide", "conv", nn.Conv2d(3, 4, 3, padding=1), ("relu2",)),
        Node("relu4", "relu", nn.ReLU(), ("wide",)),
        Node("cat", "cat", Concatenate(), ("relu3", "relu4")),
        Node("pool", "max_pool", nn.MaxPool2d(3, stride=2, ceil_mode=True), ("cat",)),
        Node("conv5", "conv", nn.Conv2d(6, 3, 2), ("pool",)),
        Node("relu5", "relu", nn.ReLU(), ("conv5",)),
    )


def two_strides() -> Nodes:
    """Two branches that meet with maps of one size though one strides and the other doesn't."""
    torch.manual_seed(0)
    return Nodes(
        Node("conv1", "conv", nn.Conv2d(3, 4, 3, stride=2, padding=1), ("input",)),
        Node("conv2", "conv", nn.Conv2d(3, 4, (9, 8)), ("input",)),
        Node("sum", "add", Add(), ("conv1", "conv2")),
        Node("relu", "relu", nn.ReLU(), ("sum",)),
    )


BUILDERS: dict[str, Callable[[], Nodes]] = {
    "zeiler_chain": zeiler_chain,
    "leaky_chain": leaky_chain,
    "residual": residual,
    "fire": fire,
}


def build(name: str, seed: int) -> Nodes:
    torch.manual_seed(seed)
    return BUILDERS[name]()


def images(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(1000 + seed)
    return torch.randn(count, 3, *SIZE, generator=generator, dtype=torch.float64)
