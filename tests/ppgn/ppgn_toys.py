"""Small generators and networks, some linear, so that what chains must reach can be written down."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing

SIZE, CODE, CLASSES = 8, 12, 5


def encoder(seed: int = 0, name: str = "toy", size: int = SIZE) -> Network:
    """conv1, relu1, fc6 (CODE units), relu6, fc8 (CLASSES units)."""
    torch.manual_seed(seed)
    parts = [
        ("conv1", nn.Conv2d(3, 4, 3, padding=1)),
        ("relu1", nn.LeakyReLU(0.3)),
        ("flatten", nn.Flatten()),
        ("fc6", nn.Linear(4 * size * size, CODE)),
        ("relu6", nn.ReLU()),
        ("fc8", nn.Linear(CODE, CLASSES)),
    ]
    classes = ("ash", "birch", "cedar", "elm", "fir")
    preprocessing = Preprocessing(size, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    return Network(nn.Sequential(OrderedDict(parts)), name=name, classes=classes, preprocessing=preprocessing)


class ToyGenerator(nn.Module):
    """Smooth: codes (n, CODE) -> images (n, 3, SIZE, SIZE) in [0, 1]."""

    def __init__(self, seed: int = 0, code: int = CODE, size: int = SIZE, layer: str = "relu6") -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.code_size, self.image_size, self.encoder_layer = code, size, layer
        self.layers = nn.Sequential(
            nn.Linear(code, 32), nn.Tanh(), nn.Linear(32, 3 * size * size), nn.Unflatten(1, (3, size, size))
        )
        self.eval().requires_grad_(False)

    def forward(self, codes: Tensor) -> Tensor:
        found: Tensor = self.layers(codes).sigmoid()
        return found
