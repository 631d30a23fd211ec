"""The up-convolutional network that inverts a layer: from its output back to the image (Dosovitskiy & Brox 2016).

"Inverting Visual Representations with Convolutional Networks" (arXiv 1506.02753). Trained with the squared error in
image space, it gives the expected pre-image: the mean of the natural images that have the features it is shown. What
the layer doesn't tell comes out averaged, hence blurred; what it tells comes out sharp.

Maps are read by convolutions of 3x3, vectors by fully connected layers whose output is read as maps of 4x4; then each
up-convolution doubles the size, up to the image; leaky ReLUs of slope 0.2 between.

Deviations:
- The paper's networks are for AlexNet and 128 or more pixels; these are for any network and size, and narrow enough to
  be trained on one core in minutes. Kernels of up-convolutions are 4x4, not 5x5, so that with stride 2 every position
  sums as many numbers as the next and there is no checkerboard.
- Maps whose size doesn't double up to the image's are bordered by zeros (15 to 16, 7 to 8, 3 to 4 for 64 pixels), and
  the centre of the last maps is kept where they are larger than the image.
- The network adds to the mean image, as the paper's, and ends in a sigmoid, so that images lie in [0, 1].
- A code is divided by the root mean square of real codes' numbers (`code_scale`), so that training begins alike for
  every layer. Of class probabilities the network reads the probabilities themselves, as in the paper, not their
  logarithms: what only tiny probabilities tell is all but lost to it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
FIRST_SIZE = 4  # of the maps that a vector becomes
LAST = 0.1  # the last layer begins this much weaker, so that training begins near the mean image
DARKEST_AND_BRIGHTEST = (0.02, 0.98)  # of the mean image, whose logit would be infinite at 0 and 1
NARROWEST = 8


class UpConvolution(nn.Module):
    """codes (n, *code_shape) -> images (n, 3, image_size, image_size) in [0, 1]. Differentiable.

    code_shape: (C, H, W) of maps or (C,) of a vector. layer: of which layer the codes are.
    """

    code_scale: Tensor
    mean: Tensor

    def __init__(
        self,
        *,
        code_shape: Sequence[int],
        image_size: int,
        width: int,
        hidden: int,
        layer: str,
        seed: int = 0,
    ) -> None:
        """width: maps before the first up-convolution; the second keeps their number and each further one gives half
        as many. hidden: width of the fully connected layers before them, where the code is a vector.

        Raises ValueError for maps as large as the image or larger, or not square.
        """
        super().__init__()
        self.code_shape, self.layer = tuple(int(side) for side in code_shape), str(layer)
        self.image_size = int(image_size)
        side = self._checked_side()
        doublings = max(1, round(math.log2(self.image_size / side)))
        self._grid = max(side, -(-self.image_size // 2**doublings))
        self.register_buffer("code_scale", torch.ones(()))
        self.register_buffer("mean", torch.zeros(3, self.image_size, self.image_size))
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if len(self.code_shape) == 1:
            layers["fc1"] = nn.Linear(self.code_shape[0], hidden)
            layers["relu_fc1"] = nn.LeakyReLU(SLOPE)
            layers["fc2"] = nn.Linear(hidden, width * FIRST_SIZE**2)
            layers["relu_fc2"] = nn.LeakyReLU(SLOPE)
            layers["maps"] = nn.Unflatten(1, (width, FIRST_SIZE, FIRST_SIZE))
        else:
            channels = self.code_shape[0]
            for number in (1, 2):
                layers[f"conv{number}"] = nn.Conv2d(channels, width, 3, padding=1)
                layers[f"relu_conv{number}"] = nn.LeakyReLU(SLOPE)
                channels = width
        channels = width
        for number in range(1, doublings):
            wider = max(NARROWEST, width >> max(0, number - 1))
            layers[f"upconv{number}"] = nn.ConvTranspose2d(channels, wider, 4, 2, padding=1)
            layers[f"relu_upconv{number}"] = nn.LeakyReLU(SLOPE)
            channels = wider
        layers[f"upconv{doublings}"] = last = nn.ConvTranspose2d(channels, 3, 4, 2, padding=1)
        self.layers = nn.Sequential(layers)
        initialize(self, torch.Generator().manual_seed(seed))
        with torch.no_grad():
            last.weight.mul_(LAST)

    def take_statistics(self, mean_image: Tensor, code_scale: float) -> None:
        """mean_image: (3, S, S) in [0, 1], what is given where the layers give 0. code_scale: root mean square."""
        self.mean.copy_(mean_image.clamp(*DARKEST_AND_BRIGHTEST).logit())
        self.code_scale.fill_(code_scale)

    def forward(self, codes: Tensor) -> Tensor:
        if tuple(codes.shape[1:]) != self.code_shape:
            expected = ", ".join(map(str, self.code_shape))
            raise ValueError(
                f"this network inverts layer '{self.layer}', whose codes are (n, {expected}); found "
                f"{tuple(codes.shape)}"
            )
        scaled = codes / self.code_scale
        if len(self.code_shape) == 3:
            before = (self._grid - self.code_shape[1]) // 2
            after = self._grid - self.code_shape[1] - before
            scaled = F.pad(scaled, (before, after, before, after)).contiguous(memory_format=torch.channels_last)
        full = self.layers(scaled)
        start = (full.shape[-1] - self.image_size) // 2
        return (full[..., start : start + self.image_size, start : start + self.image_size] + self.mean).sigmoid()

    def _checked_side(self) -> int:
        if len(self.code_shape) == 1:
            side = FIRST_SIZE
        elif len(self.code_shape) == 3 and self.code_shape[1] == self.code_shape[2]:
            side = self.code_shape[1]
        else:
            raise ValueError(f"expected a layer of square maps (C, H, H) or a vector (C,), found {self.code_shape}")
        if not side < self.image_size:
            raise ValueError(
                f"an up-convolutional network enlarges maps, and those of layer '{self.layer}' have {side} positions a "
                f"side, the image {self.image_size} pixels; name a layer with smaller maps"
            )
        return side


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
