"""Tiny Darknet (Redmon, pjreddie.com/darknet/tiny-darknet): a plain chain of convolutions, leaky ReLUs and max pools.

It has no counterpart in torchvision: this factory and `conf/network/tiny_darknet_imagenet.yaml` are all that such a
network needs. Batch norm is folded into the convolutions of the weights that it goes with.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

from torch import nn

from replications.networks.weights import WeightsError, read_json

PREFIXES = {
    "Conv2d": "conv",
    "LeakyReLU": "leaky",
    "MaxPool2d": "pool",
    "AdaptiveAvgPool2d": "global_pool",
    "Flatten": "flatten",
}


def tiny_darknet(layers: str) -> nn.Sequential:
    """The chain that a JSON list of layers describes: (N, 3, H, W) -> logits (N, classes).

    layers: the file; each entry has `type` and what that needs (in_channels, out_channels, kernel, padding; slope;
    kernel, stride). Layers are named by kind and number: conv1, leaky1, pool1, conv2, ...

    Raises:
        WeightsError: the file is missing, no such list, or holds an unknown type.
    """
    numbers: Counter[str] = Counter()
    chain: OrderedDict[str, nn.Module] = OrderedDict()
    for entry in read_json(layers):
        try:
            module = _layer(entry)
        except (KeyError, TypeError) as error:
            raise WeightsError(f"{layers} lists a layer that can't be built: {entry} ({error!r})") from error
        prefix = PREFIXES[type(module).__name__]
        numbers[prefix] += 1
        chain[prefix if prefix in ("global_pool", "flatten") else f"{prefix}{numbers[prefix]}"] = module
    return nn.Sequential(chain)


def _layer(entry: Mapping[str, Any]) -> nn.Module:
    match entry["type"]:
        case "Conv2d":
            return nn.Conv2d(entry["in_channels"], entry["out_channels"], entry["kernel"], padding=entry["padding"])
        case "LeakyReLU":
            return nn.LeakyReLU(entry["slope"])
        case "MaxPool2d":
            return nn.MaxPool2d(entry["kernel"], entry["stride"])
        case "AdaptiveAvgPool2d":
            return nn.AdaptiveAvgPool2d(1)
        case "Flatten":
            return nn.Flatten()
    raise KeyError(f"expected one of {', '.join(PREFIXES)}, found {entry['type']}")
