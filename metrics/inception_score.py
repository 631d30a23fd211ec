"""The Inception score: whether a classifier is sure of each image, and takes them for many different things.

Salimans et al. 2016, "Improved techniques for training GANs", Sec. 4: exp(E_x KL(p(y | x) || p(y))), with p(y) the mean
of p(y | x) over the images. Bounds: [1, number of outputs]; higher is better. 1: all images look alike to the
classifier, or it can't tell any. The upper bound: it is sure of each, and they are evenly of all its classes.

The number belongs to its classifier: it is *the* Inception score only with Inception's 1000 outputs. It also grows with
the number of images, and says nothing of images that differ within a class.
"""

from __future__ import annotations

import torch
from torch import Tensor


def inception_score(probabilities: Tensor) -> float:
    """probabilities: (N, K), rows summing to 1, of N >= 1 images. Raises ValueError for anything else."""
    values = probabilities.detach().double().cpu()
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"expected probabilities (N, K), found {tuple(values.shape)}")
    if not ((values >= 0).all() and ((values.sum(1) - 1).abs() < 1e-3).all()):
        raise ValueError("each image's probabilities must sum to 1; found others (logits?)")
    values = values / values.sum(1, keepdim=True)
    # the mean divergence is the entropy of the mean less the mean of the entropies
    divergence = torch.special.entr(values.mean(0)).sum() - torch.special.entr(values).sum(1).mean()
    return float(divergence.clamp_min(0).exp())
