"""Small networks whose layers have known pre-images."""

from __future__ import annotations

import torch
from torch import nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.survey.inversion import PixelStatistics

SIZE = 5
PIXELS = 3 * SIZE * SIZE
STATISTICS = PixelStatistics((0.45, 0.5, 0.55), 0.2)


def linear_network(outputs: int = 20, seed: int = 0) -> Network:
    """The layers flatten and fc1; fc1 turns the image, so that it has `outputs` equally strong directions."""
    generator = torch.Generator().manual_seed(seed)
    linear = nn.Linear(PIXELS, outputs)
    with torch.no_grad():
        linear.weight.copy_(torch.linalg.qr(torch.randn(PIXELS, outputs, generator=generator)).Q.T)
        linear.bias.copy_(torch.randn(outputs, generator=generator))
    return _network([("flatten", nn.Flatten()), ("fc1", linear)], outputs)


def convolutional_network(seed: int = 0) -> Network:
    """The layers conv1, relu1, conv2, flatten and fc3."""
    generator = torch.Generator().manual_seed(seed)
    parts: list[tuple[str, nn.Module]] = [
        ("conv1", nn.Conv2d(3, 6, 3, padding=1)),
        ("relu1", nn.ReLU()),
        ("conv2", nn.Conv2d(6, 4, 3)),
        ("flatten", nn.Flatten()),
        ("fc3", nn.Linear(4 * (SIZE - 2) ** 2, 3)),
    ]
    for _, part in parts:
        for parameter in part.parameters():
            nn.init.normal_(parameter, std=0.2, generator=generator)
    return _network(parts, 3)


def _network(parts: list[tuple[str, nn.Module]], outputs: int) -> Network:
    module = nn.Sequential()
    for name, part in parts:
        module.add_module(name, part)
    return Network(
        module,
        name="small",
        classes=[f"class {i}" for i in range(outputs)],
        preprocessing=Preprocessing(size=SIZE, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3)),
    )


def images(count: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))
