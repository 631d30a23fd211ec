"""A tiny set of images that a network learns within an epoch or two: the class is the colour of a square."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from replications.data.image_set import ImageSet


class Squares(ImageSet):
    """`count` images of `size` pixels: grey noise with a square at a random place; its colour is the class."""

    name = "squares"
    classes = ("red", "green", "blue", "yellow", "cyan", "magenta")

    def __init__(self, count: int = 64, size: int = 64, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.size, self.seed = size, seed
        self.labels = torch.randint(6, (count,), generator=generator)
        colours = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1]]).float()
        self.pixels = 0.4 + 0.2 * torch.rand(count, 3, size, size, generator=generator)
        side = size // 2
        corners = torch.randint(size - side, (count, 2), generator=generator).tolist()
        for image, label, (top, left) in zip(self.pixels, self.labels, corners, strict=True):
            image[:, top : top + side, left : left + side] = colours[label].view(3, 1, 1)

    @property
    def fingerprint(self) -> str:
        return f"squares-{len(self)}-{self.size}-{self.seed}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self.pixels[torch.as_tensor(indices)]
