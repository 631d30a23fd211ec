"""What a trained network's input is made of: a mean taken away, and a unit of scale.

Deviations from Zeiler & Fergus 2014, Sec. 3, where the mean of each pixel over the training set is taken away and
inputs lie roughly in [-128, 128]:
- One mean for all positions of a channel, so that it holds for any image size and says nothing of the place.
- Inputs are divided by `std`, a typical deviation of pixels, so that they have about unit variance. What this does to
  the radius to which filters are renormalized is said in `renormalize`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Preprocessing:
    """(images - mean) / std for images in [0, 1]. The defaults take [0, 1] to [-2, 2]."""

    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)

    def __call__(self, images: Tensor) -> Tensor:
        """images: (N, 3, H, W) in [0, 1] -> the network's input, of the same shape and memory format."""
        mean = torch.tensor(self.mean, device=images.device, dtype=images.dtype).view(3, 1, 1)
        std = torch.tensor(self.std, device=images.device, dtype=images.dtype).view(3, 1, 1)
        return (images - mean) / std


STANDARD = Preprocessing()
