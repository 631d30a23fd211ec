"""ZFNet with batch normalization, or with global average pooling in place of its fully connected layers.

For Bau et al. 2017 (arXiv 1704.05796), Sec. 3.5 and 3.7, who dissect AlexNets trained with batch normalization, and
with global average pooling in place of the fully connected layers. One thing is changed at a time, and from the same
seed all other convolutions begin as in the unaltered network:

- batch normalization stands between each convolution and its rectification (Ioffe & Szegedy 2015, Sec. 3.2). Contrast
  normalization stays where it is, so that nothing else changes.
- pooling: what conv5 gives is rectified, averaged over all positions and read by the classes. Pool 5 goes with layers 6
  and 7, as in the AlexNet of Zhou et al. 2016 (arXiv 1512.04150).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn

from replications.networks.convnet import Initialization, initialize
from replications.networks.zfnet import zfnet, zfnet_small


def zfnet_variant(
    num_classes: int = 1000,
    *,
    batch_norm: bool = False,
    pooled: bool = False,
    input_size: int = 224,
    widths: Sequence[int] = (96, 256, 384, 384, 256),
    fc_widths: Sequence[int] = (4096, 4096),
    dropout: float = 0.5,
    init: Initialization = "paper",
    seed: int = 0,
) -> nn.Sequential:
    """ZFNet changed: (N, 3, 224, 224) -> logits (N, num_classes). See `zfnet_small_variant`."""
    network = zfnet(num_classes, input_size=input_size, widths=widths, fc_widths=fc_widths, dropout=dropout)
    return _changed(network, num_classes, batch_norm, pooled, init, seed)


def zfnet_small_variant(
    num_classes: int,
    *,
    batch_norm: bool = False,
    pooled: bool = False,
    input_size: int = 64,
    widths: Sequence[int] = (32, 64, 96, 96, 64),
    fc_widths: Sequence[int] = (256, 256),
    dropout: float = 0.5,
    init: Initialization = "mixed",
    seed: int = 0,
) -> nn.Sequential:
    """ZFNet's small sibling changed: (N, 3, 64, 64) -> logits (N, num_classes).

    batch_norm: with batch normalization after each convolution. pooled: with global average pooling after layer 5 in
    place of pool 5 and layers 6 and 7, so that `fc_widths` and `dropout` don't matter. The rest: see `convnet.build`.
    """
    network = zfnet_small(num_classes, input_size=input_size, widths=widths, fc_widths=fc_widths, dropout=dropout)
    return _changed(network, num_classes, batch_norm, pooled, init, seed)


def _changed(
    network: nn.Sequential, num_classes: int, batch_norm: bool, pooled: bool, init: Initialization, seed: int
) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 0
    for name, module in network.named_children():
        if pooled and name == "pool5":
            break
        layers[name] = module
        if isinstance(module, nn.Conv2d):
            channels = module.out_channels
            if batch_norm:
                layers[name.replace("conv", "bn")] = nn.BatchNorm2d(channels)
    if pooled:
        layers["gap"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        layers["fc8"] = nn.Linear(channels, num_classes)
    changed = nn.Sequential(layers)
    initialize(changed, init, torch.Generator().manual_seed(seed))
    return changed
