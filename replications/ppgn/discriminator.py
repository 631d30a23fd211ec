"""The discriminator: tells real images from generated ones, given the code (Dosovitskiy & Brox 2016).

`published_discriminator`: five convolutions without padding and the mean over what they leave (227 pixels: 56, 52, 25,
23, 11, 1), beside them two layers of 1024 and 512 on the code; both joined, and two layers of 512 and 2 with dropout
0.5 before each. Outputs 0 and 1 stand for real and generated, as in the training code.

Its widths are known from a port of the authors' training code and from one of DeePSiM's, which agree on the
convolutions. The ports disagree on biases (ours has them everywhere) and on the slope below zero: ours is the
generator's 0.3.

`small_discriminator` is the same for small images: convolutions until about 5x5 is left, a quarter of the code's size
and an eighth on the code's side. A code is divided by `code_scale`, as in the generator.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from replications.ppgn.generator import SLOPE, initialize

REAL, GENERATED = 0, 1
LEFT = 8  # pixels at which the small one stops halving


class Convolution(NamedTuple):
    """Channels, kernel and stride; without padding."""

    channels: int
    kernel: int
    stride: int

    def output_size(self, size: int) -> int:
        """Height of the map that it makes of one of height `size`."""
        return (size - self.kernel) // self.stride + 1


PUBLISHED_CONVOLUTIONS = (
    Convolution(32, 7, 4),
    Convolution(64, 5, 1),
    Convolution(128, 3, 2),
    Convolution(256, 3, 1),
    Convolution(256, 3, 2),
)


class Discriminator(nn.Module):
    """images (n, 3, S, S) in [0, 1] and codes (n, code_size) -> logits (n, 2): real, generated."""

    code_scale: Tensor

    def __init__(
        self,
        *,
        code_size: int,
        image_size: int,
        convolutions: Sequence[Convolution],
        code_widths: Sequence[int],
        joint_width: int,
        dropout: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.code_size, self.image_size = int(code_size), int(image_size)
        self.register_buffer("code_scale", torch.ones(()))
        maps: OrderedDict[str, nn.Module] = OrderedDict()
        channels, left = 3, self.image_size
        for number, convolution in enumerate(convolutions, start=1):
            maps[f"conv{number}"] = nn.Conv2d(channels, convolution.channels, convolution.kernel, convolution.stride)
            maps[f"relu{number}"] = nn.LeakyReLU(SLOPE)
            channels, left = convolution.channels, convolution.output_size(left)
        if left < 1:
            raise ValueError(f"images of {image_size} pixels are too small for these convolutions: nothing is left")
        maps["pool"] = nn.AvgPool2d(left)
        self.maps = nn.Sequential(maps)
        read: OrderedDict[str, nn.Module] = OrderedDict()
        width = self.code_size
        for number, following in enumerate(code_widths, start=1):
            read[f"feat_fc{number}"] = nn.Linear(width, following)
            read[f"feat_relu{number}"] = nn.LeakyReLU(SLOPE)
            width = following
        self.read = nn.Sequential(read)
        self.joint = nn.Sequential(
            OrderedDict(
                drop5=nn.Dropout(dropout),
                fc6=nn.Linear(channels + width, joint_width),
                relu6=nn.LeakyReLU(SLOPE),
                drop6=nn.Dropout(dropout),
                fc7=nn.Linear(joint_width, 2),
            )
        )
        initialize(self, torch.Generator().manual_seed(seed))

    def forward(self, images: Tensor, code: Tensor) -> Tensor:
        expected = (3, self.image_size, self.image_size)
        if tuple(images.shape[1:]) != expected or tuple(code.shape) != (len(images), self.code_size):
            raise ValueError(
                f"this discriminator reads images (n, {', '.join(map(str, expected))}) and codes (n, {self.code_size}) "
                f"of the same n; found {tuple(images.shape)} and {tuple(code.shape)}"
            )
        seen = self.maps((2 * images - 1).contiguous(memory_format=torch.channels_last)).flatten(1)
        logits: Tensor = self.joint(torch.cat([seen, self.read(code / self.code_scale)], 1))
        return logits


def published_discriminator(code: int = 4096, *, image_size: int = 227, seed: int = 0) -> Discriminator:
    """The one that the released generator was trained against."""
    return Discriminator(
        code_size=code,
        image_size=image_size,
        convolutions=PUBLISHED_CONVOLUTIONS,
        code_widths=(1024, 512),
        joint_width=512,
        seed=seed,
    )


def small_discriminator(code: int, size: int = 64, width: int = 32, *, seed: int = 0) -> Discriminator:
    """For small images. width: channels of the first convolution; twice and three times as many further up."""
    convolutions = [Convolution(width, 5, 2), Convolution(3 * width // 2, 3, 2)]
    left = convolutions[1].output_size(convolutions[0].output_size(size))
    if left >= LEFT // 2:
        convolutions.append(Convolution(2 * width, 3, 1))
        left = convolutions[-1].output_size(left)
    while left > LEFT:
        convolutions.append(Convolution(3 * width, 3, 2))
        left = convolutions[-1].output_size(left)
    return Discriminator(
        code_size=code,
        image_size=size,
        convolutions=convolutions,
        code_widths=(max(1, code // 4), max(1, code // 8)),
        joint_width=max(1, code // 8),
        seed=seed,
    )
