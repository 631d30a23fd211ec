"""The edges of an image: a picture of it that asks no network (Adebayo et al. 2018 compare saliency maps with one)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def edges(images: Tensor) -> Tensor:
    """(N, 3, H, W): in each colour the size of Sobel's gradient.

    images: (N, 3, H, W) in [0, 1]; what lies beyond their border is as the border is.
    """
    smooth, step = torch.tensor([1.0, 2.0, 1.0]), torch.tensor([-1.0, 0.0, 1.0])
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate").flatten(0, 1)[:, None]
    kernels = torch.stack([torch.outer(smooth, step), torch.outer(step, smooth)])[:, None]
    return F.conv2d(padded, kernels).norm(dim=1).reshape(images.shape)
