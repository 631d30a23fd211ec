"""What a blurred picture keeps of an image: the colours of its parts, and its rough contours.

Both compare pictures (N, 3, H, W) in [0, 1] with the image at their place, of any size, after averaging over a coarse
grid, so that sharpness doesn't matter.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from metrics.colour import to_lab

COLOUR_CELLS = 4
CONTOUR_CELLS = 16


def chroma_distance(pictures: Tensor, images: Tensor, cells: int = COLOUR_CELLS) -> Tensor:
    """(N,) float64 >= 0, in units of CIE L*a*b*: the distance of a* and b*, of which lightness is no part.

    The mean over `cells` x `cells` parts of a picture of the distance between the part's mean colours; about 2 is just
    visible. 0 for the same colours.
    """
    found, wanted = (to_lab(F.adaptive_avg_pool2d(part, cells).clamp(0, 1))[:, 1:] for part in _pairs(pictures, images))
    return (found - wanted).norm(dim=1).mean((1, 2))


def contour_correlation(pictures: Tensor, images: Tensor, cells: int = CONTOUR_CELLS) -> Tensor:
    """(N,) float64 in [-1, 1]: the correlation of where lightness changes in the picture and in the image.

    Pearson's, over the inner positions of a grid of `cells` x `cells`, of the gradient's length of mean lightness (the
    mean of the colours; central differences). 1: the same contours, however weak; 0 where one side has none at all.
    """
    found, wanted = (_edges(part, cells) for part in _pairs(pictures, images))
    found, wanted = (part - part.mean(1, keepdim=True) for part in (found, wanted))
    lengths = found.norm(dim=1) * wanted.norm(dim=1)
    products = (found * wanted).sum(1)
    return torch.where(lengths > 1e-9, products / lengths.clamp_min(1e-30), torch.zeros_like(products))


def _edges(images: Tensor, cells: int) -> Tensor:
    """(N, (cells - 2)^2) float64: how strongly lightness changes at each inner position."""
    grey = F.adaptive_avg_pool2d(images.double().mean(1, keepdim=True), cells)[:, 0]
    down = (grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]) / 2
    across = (grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]) / 2
    return torch.hypot(down, across).flatten(1)


def _pairs(pictures: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    if pictures.ndim != 4 or images.ndim != 4 or len(pictures) != len(images) or pictures.shape[1] != images.shape[1]:
        raise ValueError(
            f"expected pictures and their images (N, 3, H, W), found {tuple(pictures.shape)} and {tuple(images.shape)}"
        )
    return pictures, images
