"""Tiny images and networks whose inversions are known."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from replications.data.image_set import ImageSet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing

SIZE = 16


class Pictures(ImageSet):
    """Given pictures (n, 3, SIZE, SIZE) in [0, 1] of one class."""

    name = "given pictures"
    classes: tuple[str, ...] = ("picture",)

    def __init__(self, pictures: Tensor) -> None:
        self.labels = torch.zeros(len(pictures), dtype=torch.int64)
        self.size = pictures.shape[-1]
        self._pictures = pictures

    @property
    def fingerprint(self) -> str:
        return str(float(self._pictures.double().sum()))

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self._pictures[torch.as_tensor(indices, dtype=torch.int64)]


def flat_pictures(count: int, seed: int = 0) -> Tensor:
    """Pictures of one colour each, rounded to 8 bits."""
    colours = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed))
    return (colours * 255).round().div(255)[:, :, None, None].expand(-1, -1, SIZE, SIZE).contiguous()


def colour_network(channels: Sequence[int] = (0, 1, 2)) -> Network:
    """Layer "blocks": the named colours, averaged in blocks of 4x4; "colours": those of the whole image, the logits."""
    kept = nn.Conv2d(3, len(channels), 1, bias=False)
    with torch.no_grad():
        kept.weight.zero_()
        for place, channel in enumerate(channels):
            kept.weight[place, channel] = 1
    module = nn.Sequential(
        OrderedDict(keep=kept, blocks=nn.AvgPool2d(4), everywhere=nn.AdaptiveAvgPool2d(1), colours=nn.Flatten())
    )
    names = tuple(f"colour {channel}" for channel in channels)
    return Network(module, name="colours", classes=names, preprocessing=Preprocessing(SIZE))
