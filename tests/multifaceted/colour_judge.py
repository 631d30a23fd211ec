"""A judge that tells the facets of coloured images by their colour, without error."""

from __future__ import annotations

import torch
from planted_facets import SIZE, Coloured
from torch import nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing

SHARPNESS = 40.0


def colour_judge(images: Coloured, name: str = "colour judge") -> Network:
    """Its outputs are the facets of `images`, each of its own colour; the nearest to the mean colour is likeliest."""
    convolution, linear = nn.Conv2d(3, 3, 1), nn.Linear(3, len(images.facets))
    colours = torch.stack([images.colours[int(facet.rpartition("/")[2])] for facet in images.facets])
    with torch.no_grad():
        convolution.weight.copy_(torch.eye(3)[:, :, None, None])
        convolution.bias.zero_()  # type: ignore[union-attr]
        linear.weight.copy_(2 * SHARPNESS * colours)
        linear.bias.copy_(-SHARPNESS * colours.square().sum(1))
    module = nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    preprocessing = Preprocessing(size=SIZE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return Network(module, name=name, classes=images.facets, preprocessing=preprocessing)
