"""Real images with what the encoder makes of them, computed once.

The encoder is fixed and images aren't augmented, so that h1 and h of every training image are computed once where they
fit into 4 GiB, and with each batch where they don't.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from replications.ppgn.encoder import Encoder
from replications.ppgn.losses import Variances
from replications.training.batches import TrainingImages

if TYPE_CHECKING:
    from collections.abc import Callable

    from replications.data.image_set import ImageSet

MEMORY_LIMIT = 4 * 2**30
BATCH = 200


class Batch(NamedTuple):
    """images (n, 3, S, S) in [0, 1], rounded to 8 bits; their h1 as the layer gives it; their codes (n, code_size)."""

    images: Tensor
    comparator: Tensor
    code: Tensor


class RealFeatures:
    """The chosen images of a set and their features; everything on the CPU.

    mean_image: (3, S, S). variances: total, as `Variances`. code_scale: root mean square of the codes' numbers. low,
    high: the smallest and the largest of them.
    """

    def __init__(
        self,
        data: ImageSet,
        indices: Tensor,
        encoder: Encoder,
        on_images: Callable[[int], object] = lambda count: None,
    ) -> None:
        """on_images: told how many more images have been encoded."""
        if not len(indices):
            raise ValueError("expected at least one image to train on, found none")
        self._encoder = encoder
        self._images = TrainingImages(data, indices)
        self._sides = torch.arange(data.size)
        fits = 4 * len(indices) * (encoder.code_size + encoder.comparator_size) <= MEMORY_LIMIT
        self._held: tuple[Tensor, Tensor] | None = None
        sums = [_Sums(), _Sums(), _Sums()]
        held: list[tuple[Tensor, Tensor]] = []
        for positions in torch.arange(len(indices)).split(BATCH):
            batch = self._computed(positions)
            for part, values in zip(sums, batch, strict=True):
                part.add(values)
            if fits:
                held.append((batch.comparator, batch.code))
            on_images(len(positions))
        if fits:
            self._held = (torch.cat([h1 for h1, _ in held]), torch.cat([h for _, h in held]))
        self.variances = Variances(*(part.variance for part in sums))
        self.mean_image = sums[0].mean.float().unflatten(0, (3, data.size, data.size))
        for what, variance in self.variances._asdict().items():
            if not variance > 0:
                raise ValueError(
                    f"nothing can be learned from {len(indices)} images whose {what} has a variance of {variance:g}"
                )
        self.code_scale, self.low, self.high = sums[2].root_mean_square, sums[2].low, sums[2].high
        self._count = len(indices)

    def __len__(self) -> int:
        return self._count

    def batch(self, positions: Tensor) -> Batch:
        """The images at these positions among the chosen ones, with their features."""
        if self._held is None:
            return self._computed(positions)
        return Batch(self._pictures(positions), self._held[0][positions], self._held[1][positions])

    @torch.no_grad()
    def _computed(self, positions: Tensor) -> Batch:
        images = self._pictures(positions)
        h1, code = self._encoder.features(images)
        return Batch(images, h1.float().cpu(), code.float().cpu())

    def _pictures(self, positions: Tensor) -> Tensor:
        sides = self._sides.expand(len(positions), -1)
        return self._images.take(positions, sides, sides).float().div_(255)


class _Sums:
    """Sums over images in float64, about the first image, from which the total variance follows without loss."""

    def __init__(self) -> None:
        self._origin: Tensor | None = None
        self._square, self._from_zero, self._count, self._numbers = 0.0, 0.0, 0, 0
        self._sum = torch.zeros(0)
        self.low, self.high = math.inf, -math.inf

    def add(self, values: Tensor) -> None:
        rows = values.flatten(1).double()
        if self._origin is None:
            self._origin, self._sum = rows[0], torch.zeros_like(rows[0])
        about = rows - self._origin
        self._sum = self._sum + about.sum(0)
        self._square += float(about.square().sum())
        self._from_zero += float(rows.square().sum())
        self._count, self._numbers = self._count + len(rows), self._numbers + rows.numel()
        self.low, self.high = min(self.low, float(rows.min())), max(self.high, float(rows.max()))

    @property
    def variance(self) -> float:
        """Mean over images of the squared distance from the mean."""
        return (self._square - float(self._sum.square().sum()) / self._count) / self._count

    @property
    def mean(self) -> Tensor:
        """Of each number."""
        assert self._origin is not None
        return self._origin + self._sum / self._count

    @property
    def root_mean_square(self) -> float:
        return math.sqrt(self._from_zero / self._numbers)
