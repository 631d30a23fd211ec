"""From an image in [0, 1] of any size to what a network was trained to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Preprocessing:
    """How images in [0, 1] become the network's input.

    size: height and width of the input.
    resize: what an image of another size is brought to before the centre crop of `size`: its shorter side, or (height,
        width) whatever its shape was. None: shorter side to `size`.
    mean, std: of each colour, subtracted and divided by; in the range and the order of `scale` and `order`.
    scale: 255 for networks that read 0 to 255. order: "bgr" for networks that read blue first.
    interpolation: of the resizing, always antialiased.
    """

    size: int
    resize: int | tuple[int, int] | None = None
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    scale: float = 1.0
    order: Literal["rgb", "bgr"] = "rgb"
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            values = tuple(float(v) for v in getattr(self, name))
            if len(values) != 3:
                raise ValueError(f"preprocessing needs three numbers for {name}, found {values}")
            object.__setattr__(self, name, values)
        if not isinstance(self.resize, int | None):
            height, width = self.resize
            object.__setattr__(self, "resize", (int(height), int(width)))
        if self.order not in ("rgb", "bgr") or self.interpolation not in ("bilinear", "bicubic"):
            raise ValueError(
                "preprocessing needs order 'rgb' or 'bgr' and interpolation 'bilinear' or 'bicubic', found "
                f"'{self.order}' and '{self.interpolation}'"
            )
        smallest = min(self.resize) if isinstance(self.resize, tuple) else self.resize or self.size
        if smallest < self.size:
            raise ValueError(f"preprocessing can't crop {self.size} pixels from an image resized to {self.resize}")

    def __call__(self, images: Tensor) -> Tensor:
        """images: (N, 3, H, W) in [0, 1] -> (N, 3, size, size). Differentiable.

        Images of `size` already are not resized. The result equals that of torchvision's Resize (antialias),
        CenterCrop and Normalize on tensors.
        """
        if images.dim() != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"expected images as floating-point (N, 3, H, W) in [0, 1], found {tuple(images.shape)} {images.dtype}"
            )
        if tuple(images.shape[2:]) != (self.size, self.size):
            images = self._crop(self._resized(images))
        return self.normalize(images)

    def normalize(self, images: Tensor) -> Tensor:
        """Order of colours, range, mean and standard deviation: (N, 3, H, W) in [0, 1] -> (N, 3, H, W)."""
        if self.order == "bgr":
            images = images.flip(1)
        if self.scale != 1:
            images = images * self.scale
        if any(self.mean):
            images = images - _per_colour(self.mean, images)
        if any(s != 1 for s in self.std):
            images = images / _per_colour(self.std, images)
        return images

    def denormalize(self, inputs: Tensor) -> Tensor:
        """The inverse of `normalize`: network inputs (N, 3, H, W) -> images, in [0, 1] where the input was of one."""
        images = inputs * _per_colour(self.std, inputs) + _per_colour(self.mean, inputs)
        images = images / self.scale
        return images.flip(1) if self.order == "bgr" else images

    def _resized(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        if isinstance(self.resize, tuple):
            target = self.resize
        else:
            short = self.resize or self.size
            # torchvision truncates the longer side
            target = (short, int(short * width / height)) if height <= width else (int(short * height / width), short)
        if target == (height, width):
            return images
        return F.interpolate(images, target, mode=self.interpolation, antialias=True, align_corners=False)

    def _crop(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        top, left = round((height - self.size) / 2), round((width - self.size) / 2)
        return images[:, :, top : top + self.size, left : left + self.size]


def _per_colour(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None, None]
