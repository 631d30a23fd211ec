"""The up-convolutional generator: from a code of an encoder's layer to the image (Dosovitskiy & Brox 2016, "DeePSiM").

`published_generator` is the one of Plug & Play Generative Networks, layer by layer as its authors released it
(generator.prototxt of the noiseless joint variant): three fully connected layers of 4096, read as 256 maps of 4x4,
six up-convolutions (4x4, stride 2), the first three followed by a 3x3 of stride 1; leaky ReLU of slope 0.3
throughout, none after the last; 256 pixels, of which the centre that the encoder reads is kept. All of its
convolutions are "deconvolutions" (transposed), without a bias that is trained; there is no normalization.

`small_generator` is the same thing for small images: hidden layers as wide as the code, as there, but no wider than
twice the channels of its first maps; one up-convolution for each doubling from 4 pixels, and channels that halve with
each.

Deviations:
- The published generator gives mean-subtracted pixels, blue first, without bounds. Ours adds the mean image's logit
  (`mean`, which training takes from real images) and ends in a sigmoid, so that an image is (N, 3, S, S) in [0, 1],
  red first: every network's own preprocessing can take it from there (`Network.preprocess`), also that of a network
  other than the encoder. The last layer begins a tenth as strong, so that training begins near the mean image.
- A code is divided by `code_scale` before the first layer: 1 as published; in training, the root mean square of real
  codes, so that the generator begins alike for any layer of any encoder.
- Weights start as in He et al. 2015 for that slope, so that signals keep their variance. The released file names no
  start; a port of the authors' training code says the same (Caffe's "msra").
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

SLOPE = 0.3
FIRST_SIZE = 4
LAST = 0.1
DARKEST_AND_BRIGHTEST = (0.02, 0.98)  # of the mean image, whose logit would be infinite at 0 and 1


class Stage(NamedTuple):
    """One transposed convolution: "deconv5" doubles the size (4x4, stride 2), "conv5_1" keeps it (3x3, stride 1)."""

    name: str
    channels: int
    doubles: bool


PUBLISHED_STAGES = (
    Stage("deconv5", 256, True),
    Stage("conv5_1", 512, False),
    Stage("deconv4", 256, True),
    Stage("conv4_1", 256, False),
    Stage("deconv3", 128, True),
    Stage("conv3_1", 128, False),
    Stage("deconv2", 64, True),
    Stage("deconv1", 32, True),
    Stage("deconv0", 3, True),
)


class Generator(nn.Module):
    """code (n, code_size) -> images (n, 3, image_size, image_size) in [0, 1]. Differentiable.

    code_size: numbers in a code. image_size: height and width in pixels. encoder_layer: of which layer the code is.
    """

    code_scale: Tensor
    mean: Tensor

    def __init__(
        self,
        *,
        code_size: int,
        hidden: Sequence[int],
        stages: Sequence[Stage],
        image_size: int,
        encoder_layer: str,
        seed: int = 0,
    ) -> None:
        """hidden: widths of the fully connected layers, the last one a multiple of 16; stages: what follows."""
        super().__init__()
        channels, rest = divmod(hidden[-1], FIRST_SIZE**2)
        full = FIRST_SIZE * 2 ** sum(stage.doubles for stage in stages)
        if rest or stages[-1].channels != 3 or not 0 < image_size <= full:
            raise ValueError(
                f"a generator needs a last hidden width that is a multiple of {FIRST_SIZE**2}, three channels at its "
                f"end and images of at most {full} pixels; found {hidden[-1]}, {stages[-1].channels}, {image_size}"
            )
        self.code_size, self.image_size, self.encoder_layer = int(code_size), int(image_size), str(encoder_layer)
        self.register_buffer("code_scale", torch.ones(()))
        self.register_buffer("mean", torch.zeros(3, self.image_size, self.image_size))
        connected: OrderedDict[str, nn.Module] = OrderedDict()
        width = self.code_size
        for number, following in zip(range(len(hidden) + 4, 4, -1), hidden, strict=True):
            connected[f"defc{number}"] = nn.Linear(width, following)
            connected[f"relu_defc{number}"] = nn.LeakyReLU(SLOPE)
            width = following
        self.connected = nn.Sequential(connected)
        maps: OrderedDict[str, nn.Module] = OrderedDict()
        width = channels
        for stage in stages:
            kernel, stride = (4, 2) if stage.doubles else (3, 1)
            maps[stage.name] = nn.ConvTranspose2d(width, stage.channels, kernel, stride, padding=1, bias=False)
            if stage is not stages[-1]:
                maps[f"relu_{stage.name}"] = nn.LeakyReLU(SLOPE)
            width = stage.channels
        self.maps = nn.Sequential(maps)
        self._first = (channels, FIRST_SIZE, FIRST_SIZE)
        initialize(self, torch.Generator().manual_seed(seed))
        with torch.no_grad():
            self.maps.get_submodule(stages[-1].name).weight.mul_(LAST)  # type: ignore[operator]

    def take_mean(self, image: Tensor) -> None:
        """Makes `image` (3, S, S) in [0, 1] what is generated where the layers give 0."""
        self.mean.copy_(image.clamp(*DARKEST_AND_BRIGHTEST).logit())

    def forward(self, code: Tensor) -> Tensor:
        if code.dim() != 2 or code.shape[1] != self.code_size:
            raise ValueError(
                f"this generator reads codes of {self.code_size} numbers of layer '{self.encoder_layer}', (n, "
                f"{self.code_size}); found {tuple(code.shape)}"
            )
        first = self.connected(code / self.code_scale).unflatten(1, self._first)
        full = self.maps(first.contiguous(memory_format=torch.channels_last))
        start = (full.shape[-1] - self.image_size) // 2
        images: Tensor = full[..., start : start + self.image_size, start : start + self.image_size] + self.mean
        return images.sigmoid()


def published_generator(
    code: int = 4096, *, image_size: int = 227, encoder_layer: str = "relu6", seed: int = 0
) -> Generator:
    """The released generator: images of 256 pixels, centre-cropped to what the encoder reads (227 for CaffeNet)."""
    return Generator(
        code_size=code,
        hidden=(4096, 4096, 4096),
        stages=PUBLISHED_STAGES,
        image_size=image_size,
        encoder_layer=encoder_layer,
        seed=seed,
    )


def small_generator(
    code: int, size: int = 64, width: int = 32, *, encoder_layer: str = "relu6", seed: int = 0
) -> Generator:
    """For images of `size` pixels, a power of 2 from 16 on.

    width: channels at 32 pixels; four times as many at 4 and 8, half as many with each doubling after that.
    """
    doublings = round(math.log2(max(size, 1) / FIRST_SIZE))
    if size != FIRST_SIZE * 2**doublings or doublings < 2 or width < 1:
        raise ValueError(
            f"a small generator makes images of 16, 32, 64, 128, ... pixels, a power of 2, and has a width of at least "
            f"1; found {size} and {width}"
        )
    narrow = min(code, 8 * width)
    stages = []
    for i in range(doublings - 1):
        name, channels = doublings - 1 - i, max(1, 4 * width >> i)
        stages.append(Stage(f"deconv{name}", channels, True))
        if i < 3:
            stages.append(Stage(f"conv{name}_1", channels, False))
    stages.append(Stage("deconv0", 3, True))
    return Generator(
        code_size=code,
        hidden=(narrow, narrow, 4 * width * FIRST_SIZE**2),
        stages=stages,
        image_size=size,
        encoder_layer=encoder_layer,
        seed=seed,
    )


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Gaussian weights of He et al. 2015 for leaky ReLUs, in order; biases 0.

    A transposed convolution of stride 2 sums a quarter of its 4x4 kernel at each position.
    """
    gain = math.sqrt(2 / (1 + SLOPE**2))
    for part in module.modules():
        if isinstance(part, nn.ConvTranspose2d):
            inputs = part.in_channels * math.prod(part.kernel_size) / math.prod(part.stride)
        elif isinstance(part, nn.Conv2d | nn.Linear):
            inputs = part.weight[0].numel()
        else:
            continue
        with torch.no_grad():
            part.weight.normal_(0.0, gain / math.sqrt(inputs), generator=generator)
            if part.bias is not None:
                part.bias.zero_()
