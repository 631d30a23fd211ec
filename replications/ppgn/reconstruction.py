"""How well a generator gives back images from their codes: errors in shares of variance, and whether classes survive.

An error of 1 is that of the mean of all real images (features, codes), 2 that of unrelated real ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.ppgn.encoder import Encoder
from replications.ppgn.features import RealFeatures
from replications.ppgn.generator import Generator

BATCH = 100


@dataclass(frozen=True)
class Reconstruction:
    """image, comparator, code: squared distance of G(E(x)) from x, as a share of the variance over `images` images.

    class_kept: share of generated images that the encoder's network puts into the class into which it puts the real
    one. spread: root of the variance of the generated images, as a share of the real ones'.
    """

    images: int
    image: float
    comparator: float
    code: float
    class_kept: float
    spread: float


@torch.inference_mode()
def reconstruct(generator: Generator, encoder: Encoder, data: ImageSet, indices: Tensor) -> Reconstruction:
    """Over the images at `indices`. Raises ValueError for images of another size than the generator's."""
    if data.size != generator.image_size:
        raise ValueError(
            f"the generator makes images of {generator.image_size} pixels, and those of {data.name} have {data.size}"
        )
    real = RealFeatures(data, indices, encoder)
    network, device = encoder.network, next(generator.parameters()).device
    sums, kept, made = torch.zeros(3, dtype=torch.float64), 0, []
    for positions in torch.arange(len(real)).split(BATCH):
        batch = real.batch(positions)
        images = generator(batch.code.to(device)).float().cpu()
        pairs = zip((images, *encoder.features(images)), batch, strict=True)
        sums += torch.stack([(a.cpu().double() - b.double()).square().sum() for a, b in pairs])
        kept += int((network.logits(images).argmax(1) == network.logits(batch.images).argmax(1)).sum())
        made.append(images)
    count = len(real)
    errors = [float(error) / count / variance for error, variance in zip(sums, real.variances, strict=True)]
    variance = float(torch.cat(made).double().var(0, correction=0).sum())
    spread = (variance / real.variances.image) ** 0.5
    return Reconstruction(count, errors[0], errors[1], errors[2], kept / count, spread)
