"""How projections are shown where the paper enhances their contrast (Zeiler & Fergus 2014, Fig. 4 and 6)."""

from __future__ import annotations

import torch
from torch import Tensor


def enhance_contrast(projections: Tensor, share: float = 0.99) -> Tensor:
    """Pictures in [0, 1] of projections, mid-grey for zero, stretched so that all but the strongest values fit.

    projections: (U, C, h, w). Each is scaled, the same both ways, by the magnitude that `share` of its values other
    than zero don't exceed; the few beyond are cut off. The projections of upper layers have a few strong pixels,
    beside which the rest would look grey. A projection that is zero everywhere is grey.
    """
    pictures = []
    for projection in projections:
        magnitudes = projection.abs().flatten()
        magnitudes = magnitudes[magnitudes > 0]
        largest = magnitudes.float().quantile(share) if len(magnitudes) else projection.new_ones(())
        pictures.append((projection / (2 * largest) + 0.5).clamp(0, 1))
    return torch.stack(pictures) if pictures else projections
