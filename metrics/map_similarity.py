"""How alike two maps over the pixels of one image are: the measures of Adebayo et al. 2018, "Sanity Checks for
Saliency Maps", Sec. 4: Spearman's rank correlation, SSIM, and the correlation of histograms of oriented gradients.

Maps are (N, H, W), compared pair by pair. SSIM is that of `metrics.ms_ssim` at one scale (a window of 11 pixels, a
negative mean counts as 0). The histograms are those of Dalal & Triggs 2005, "Histograms of Oriented Gradients for
Human Detection", with unsigned orientations in nine bins, no interpolation between bins or cells, and blocks of three
by three cells normalized with clipping at 0.2. The size of windows and cells isn't in the sources that could be read;
it is ours.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from metrics.ms_ssim import ms_ssim

ORIENTATIONS = 9
BLOCK = 3  # cells
_CLIPPED = 0.2
_EPSILON = 1e-5


def magnitudes(maps: Tensor) -> Tensor:
    """(N, H, W): the magnitudes of maps (N, C, H, W), summed over the colours."""
    return maps.abs().sum(1)


def in_unit_range(maps: Tensor, share: float = 0.99) -> Tensor:
    """(N, H, W) in [0, 1]: each map from its lowest value to the quantile `share`, beyond which it is cut off.

    A map of one value becomes 0 everywhere. Source: what is shown by the paper's code (package `saliency`).
    """
    flat = maps.flatten(1).double()
    low, high = flat.amin(1, keepdim=True), flat.quantile(share, dim=1, keepdim=True)
    high = torch.where(high > low, high, flat.amax(1, keepdim=True))
    span = torch.where(high > low, high - low, torch.ones_like(high))
    return ((flat - low) / span).clamp(0, 1).to(maps.dtype).reshape(maps.shape)


def ranks(maps: Tensor) -> Tensor:
    """(N, H W) float64, of mean 0 and length 1: the ranks of a map's pixels, ties with their mean rank.

    A map of one value orders nothing; its ranks are 0. The dot product of two maps' ranks is Spearman's correlation.
    """
    found = torch.from_numpy(np.asarray(stats.rankdata(maps.flatten(1).cpu().numpy(), axis=1), dtype=np.float64))
    return _standardized(found)


def rank_correlation(a: Tensor, b: Tensor) -> Tensor:
    """(N,) float64 in [-1, 1]: Spearman's rank correlation over the pixels; 0 where a map has one value only."""
    _check_pairs(a, b)
    return (ranks(a) * ranks(b)).sum(1)


def structural_similarity(a: Tensor, b: Tensor) -> Tensor:
    """(N,) float64 in [0, 1]: SSIM of maps in [0, 1] of at least 11 pixels a side; 1 is the same map."""
    _check_pairs(a, b)
    return ms_ssim(a[:, None], b[:, None], scales=1)


def histograms_of_gradients(maps: Tensor, cell: int) -> Tensor:
    """(N, rows, columns, BLOCK, BLOCK, ORIENTATIONS) float64: normalized blocks of cells of `cell` pixels a side.

    Gradients are differences of the two neighbours, 0 at the borders; a pixel adds its gradient's magnitude to the bin
    of its orientation (0 to 180 degrees from the rows' direction). Rows and columns that fill no cell are left out.
    Raises ValueError where there are fewer than BLOCK cells a side.
    """
    height, width = (extent // cell for extent in maps.shape[1:])
    if min(height, width) < BLOCK:
        raise ValueError(
            f"maps of {maps.shape[1]}x{maps.shape[2]} have {height}x{width} cells of {cell} pixels, and a block needs "
            f"{BLOCK} a side"
        )
    values = maps.double()
    down, across = torch.zeros_like(values), torch.zeros_like(values)
    down[:, 1:-1] = values[:, 2:] - values[:, :-2]
    across[:, :, 1:-1] = values[:, :, 2:] - values[:, :, :-2]
    size = torch.hypot(down, across)
    turn = torch.atan2(down, across) % torch.pi
    bins = (turn * (ORIENTATIONS / torch.pi)).long().clamp(max=ORIENTATIONS - 1)
    histograms = torch.zeros(len(maps), height, width, ORIENTATIONS, dtype=torch.float64)
    for orientation in range(ORIENTATIONS):
        votes = (size * (bins == orientation))[:, : height * cell, : width * cell]
        histograms[..., orientation] = votes.unflatten(2, (width, cell)).unflatten(1, (height, cell)).mean((2, 4))
    blocks = histograms.unfold(1, BLOCK, 1).unfold(2, BLOCK, 1).permute(0, 1, 2, 4, 5, 3)
    return _normalized(_normalized(blocks).clamp(max=_CLIPPED))


def gradient_similarity(a: Tensor, b: Tensor, cell: int = 8) -> Tensor:
    """(N,) float64 in [-1, 1]: Pearson's correlation of the histograms of oriented gradients; 0 for a flat map."""
    _check_pairs(a, b)
    first, second = (_standardized(histograms_of_gradients(maps, cell).flatten(1)) for maps in (a, b))
    return (first * second).sum(1)


def _normalized(blocks: Tensor) -> Tensor:
    return blocks / (blocks.square().sum((3, 4, 5), keepdim=True) + _EPSILON**2).sqrt()


def _standardized(values: Tensor) -> Tensor:
    centred = values - values.mean(1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    return torch.where(length > 1e-9, centred / length.clamp_min(1e-9), torch.zeros_like(centred))


def _check_pairs(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape or a.ndim != 3:
        raise ValueError(f"expected pairs of maps (N, H, W), found {tuple(a.shape)} and {tuple(b.shape)}")
    if not (bool(a.isfinite().all()) and bool(b.isfinite().all())):
        raise ValueError("maps must be finite; found nan or infinity")
