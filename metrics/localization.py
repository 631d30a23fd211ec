"""Whether a map of an image points at the object: pointing game, area under the ROC curve, share of energy.

Maps are (N, H, W), higher where it matters more; masks are (N, H, W) bool, true on the object. Each measure has its
chance level: the share of the image the object covers (`mask_share`) for pointing and energy, 0.5 for the AUC.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import Tensor


def pointing_hits(maps: Tensor, masks: Tensor, tolerance: int = 0) -> Tensor:
    """(N,) float64 in [0, 1]: whether the map's maximum falls on the object; higher is better, mean = accuracy.

    tolerance: hits within so many pixels of the object (chessboard distance) count; Zhang et al. 2016, "Top-down neural
    attention by excitation backprop", allow 15 at full image size. Where several pixels share the maximum, the share of
    them that hits counts, so a constant map scores at chance.
    """
    _check(maps, masks)
    target = masks.float()[:, None]
    if tolerance:
        target = F.max_pool2d(target, 2 * tolerance + 1, stride=1, padding=tolerance)
    top = (maps == maps.amax((1, 2), keepdim=True)).double()
    return (top * target[:, 0].double()).sum((1, 2)) / top.sum((1, 2))


def mask_auc(maps: Tensor, masks: Tensor) -> Tensor:
    """(N,) float64 in [0, 1]: the chance that a pixel on the object has a higher value than one beside it.

    The area under the ROC curve of the map as a detector of the mask's pixels; ties count half; 0.5 is chance, higher
    is better. nan where the object covers nothing or everything.
    """
    _check(maps, masks)
    values = []
    for one, mask in zip(maps.flatten(1).cpu().numpy(), masks.flatten(1).cpu().numpy(), strict=True):
        inside = int(mask.sum())
        outside = mask.size - inside
        if inside == 0 or outside == 0:
            values.append(float("nan"))
            continue
        ranks = rankdata(one.astype(np.float64))[mask].sum()
        values.append((ranks - inside * (inside + 1) / 2) / (inside * outside))
    return torch.tensor(values, dtype=torch.float64)


def energy_share(maps: Tensor, masks: Tensor) -> Tensor:
    """(N,) float64 in [0, 1]: the share of the map's positive part that lies on the object; higher is better.

    Wang et al. 2020 (Score-CAM), "energy-based pointing game". nan where the map has no positive value.
    """
    _check(maps, masks)
    positive = maps.double().clamp_min(0)
    return (positive * masks).sum((1, 2)) / positive.sum((1, 2))


def mask_share(masks: Tensor) -> Tensor:
    """(N,) float64 in [0, 1]: the share of the image that the object covers."""
    return masks.double().mean((1, 2))


def _check(maps: Tensor, masks: Tensor) -> None:
    if maps.ndim != 3 or maps.shape != masks.shape or masks.dtype != torch.bool:
        raise ValueError(
            f"expected maps (N, H, W) and bool masks of one shape, found {tuple(maps.shape)} and "
            f"{tuple(masks.shape)} {masks.dtype}"
        )
    if not bool(maps.isfinite().all()):
        raise ValueError("the maps must be finite; found nan or infinity among them")
