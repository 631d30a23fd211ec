"""What the generator is trained for: L = L_img + L_h1 + L_h + L_GAN (Plug & Play Generative Networks, Fig. 3).

The image, the comparator layer h1 and the code h of the generated image shall be those of the real one, and the
discriminator shall take it for real. Joint PPGN-h has all four terms; Noiseless Joint PPGN-h and the generator of
DGN-AM have no L_h.

Published weights (from a port of the authors' training code; DeePSiM's): 2e-6 for the image, 1e-2 for h1, 100 for the
adversarial term. They multiply Caffe's losses: half the squared distance, summed over pixels (of 0 to 255) or features
and averaged over images; and the mean cross-entropy. `scale="published"` is that.

`scale="variance"` divides each squared distance by the total variance of the real images (features, codes) instead:
1 is the error of the mean of all real ones, 2 that of an unrelated real one. So weights mean the same for any size of
image and any encoder. `in_shares_of_variance` says what published weights are in these units: with images of
[0, 1], an image weighs 2e-6 * 255^2 / 2 = 0.065 times its total variance, which is about 730 at 227 pixels of
natural images (0.07 a number); beside the adversarial term's 100, that is about 7 to 1. At 64 pixels the same numbers
would weigh the image by a twelfth of that. The weight of L_h isn't known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from replications.ppgn.discriminator import GENERATED, REAL

Scale = Literal["published", "variance"]
GREY_LEVELS = 255.0


@dataclass(frozen=True)
class LossWeights:
    """What each term is multiplied by; 0 leaves a term out, and nothing is computed for it."""

    image: float
    comparator: float
    adversarial: float
    code: float = 0.0
    scale: Scale = "variance"

    def __post_init__(self) -> None:
        if self.scale not in ("published", "variance"):
            raise ValueError(f"weights of losses are of scale 'published' or 'variance', not '{self.scale}'")
        terms = (self.image, self.comparator, self.adversarial, self.code)
        if min(terms) < 0 or not any(terms):
            raise ValueError(f"weights of losses must not be negative nor all zero; found {self}")


PUBLISHED_WEIGHTS = LossWeights(image=2e-6, comparator=0.01, adversarial=100.0, scale="published")


class Variances(NamedTuple):
    """Mean squared distance of real images (in [0, 1]), of their h1 and of their codes from their mean."""

    image: float
    comparator: float
    code: float


class Terms(NamedTuple):
    """The four terms before they are weighted; None for those that weren't computed."""

    image: Tensor | None
    comparator: Tensor | None
    code: Tensor | None
    adversarial: Tensor | None


def squared_distance(found: Tensor, wanted: Tensor) -> Tensor:
    """The squared Euclidean distance, summed over all numbers of an image and averaged over images: a scalar."""
    if found.shape != wanted.shape:
        raise ValueError(f"expected tensors of the same shape, found {tuple(found.shape)} and {tuple(wanted.shape)}")
    return (found.float() - wanted.float()).square().flatten(1).sum(1).mean()


def divisors(weights: LossWeights, variances: Variances) -> Variances:
    """What squared distances are divided by under these weights."""
    return variances if weights.scale == "variance" else Variances(2 / GREY_LEVELS**2, 2.0, 2.0)


def total(terms: Terms, weights: LossWeights) -> Tensor:
    """The weighted sum: a scalar."""
    parts = zip(terms, (weights.image, weights.comparator, weights.code, weights.adversarial), strict=True)
    return torch.stack([weight * term for term, weight in parts if term is not None]).sum()


def discriminator_loss(on_real: Tensor, on_generated: Tensor) -> Tensor:
    """Cross-entropy of the discriminator's logits (n, 2) on real and on generated images, summed: a scalar."""
    return _cross_entropy(on_real, REAL) + _cross_entropy(on_generated, GENERATED)


def adversarial_loss(on_generated: Tensor) -> Tensor:
    """Cross-entropy of the discriminator's logits (n, 2) on generated images with what isn't true, "real": a scalar."""
    return _cross_entropy(on_generated, REAL)


def _cross_entropy(logits: Tensor, answer: int) -> Tensor:
    return F.cross_entropy(logits.float(), torch.full((len(logits),), answer, device=logits.device))


def in_shares_of_variance(weights: LossWeights, variances: Variances) -> LossWeights:
    """The weights of scale "variance" under which the loss is the same."""
    if weights.scale == "variance":
        return weights
    divided = divisors(weights, variances)
    return LossWeights(
        image=weights.image * variances.image / divided.image,
        comparator=weights.comparator * variances.comparator / divided.comparator,
        adversarial=weights.adversarial,
        code=weights.code * variances.code / divided.code,
        scale="variance",
    )
