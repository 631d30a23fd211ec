"""A small batch-normalized residual network (He et al. 2016), of another family than the networks under study.

It is the held-out evaluator: trained to tell facets, it only judges pictures and is never looked into.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from replications.networks.convnet import initialize


class ResidualBlock(nn.Module):
    """relu(f(x) + x) with two normalized 3x3 convolutions in f; a 1x1 convolution of x where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                OrderedDict(
                    conv=nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), bn=nn.BatchNorm2d(channels_out)
                )
            )
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu2(self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x))))) + self.shortcut(x))


def facet_evaluator(
    num_classes: int, *, stem: int = 24, widths: Sequence[int] = (32, 64, 80), blocks: int = 2, seed: int = 0
) -> nn.Sequential:
    """(N, 3, H, W) -> logits (N, num_classes), for H = W = 64 and any other size.

    A 3x3 convolution with stride 2, then a stage of `blocks` residual blocks for each of `widths`, each halving the
    maps, then the mean over positions and a linear layer. seed: of the initial weights.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"] = nn.Conv2d(3, stem, 3, 2, 1, bias=False)
    layers["bn1"] = nn.BatchNorm2d(stem)
    layers["relu1"] = nn.ReLU()
    channels = stem
    for stage, width in enumerate(widths, start=1):
        for block in range(1, blocks + 1):
            layers[f"stage{stage}_block{block}"] = ResidualBlock(channels, width, 2 if block == 1 else 1)
            channels = width
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(channels, num_classes)
    network = nn.Sequential(layers)
    initialize(network, "he", torch.Generator().manual_seed(seed))
    return network
