"""The health of a layer's filters: dead ones, and a few that dominate the others.

For Zeiler & Fergus 2014, Fig. 6: without renormalization a few first-layer filters dominate, and the 11x11 filters of
stride 4 hold more dead features than the 7x7 ones of stride 2. The paper shows pictures and counts nothing; the
definitions here are ours.
"""

from __future__ import annotations

import torch
from torch import Tensor


def filter_rms(filters: Tensor) -> Tensor:
    """(K,) float64 >= 0: the root mean square of each filter's weights. filters: (K, ...)."""
    return filters.double().flatten(1).square().mean(1).sqrt()


def dead_maps(maxima: Tensor, share: float = 0.01) -> Tensor:
    """(K,) bool: the feature maps that hardly respond to anything.

    maxima: (K,) the largest response of each map over a whole validation set, at least 0 (after the ReLU). A map is
    dead whose maximum is below `share` of the median over the maps that respond at all, so that a layer in which most
    maps are silent doesn't hide them. All are dead where none responds.
    """
    values = maxima.double()
    if values.ndim != 1 or not bool((values >= 0).all()):
        raise ValueError("expected one maximum for each map, finite and not negative (take them after the ReLU)")
    responding = values[values > 0]
    if len(responding) == 0:
        return torch.ones_like(values, dtype=torch.bool)
    return values < share * responding.median()


def weak_filters(filters: Tensor, share: float = 0.1) -> Tensor:
    """(K,) bool: the filters that never grew, whose RMS is below `share` of the layer's median. filters: (K, ...)."""
    rms = filter_rms(filters)
    return rms < share * rms.median()


def effective_number(weights: Tensor) -> float:
    """How many of K things carry a total, in [1, K]: exp of the entropy of their shares; higher is more even.

    weights: (K,) not negative, not all zero; for dominance the squares of the filters' RMS (their energy) or the mean
    responses of the maps. K equal ones give K, a single one gives 1 (Hill number of order 1; Hill 1973).
    """
    shares = _shares(weights)
    return float(torch.special.entr(shares).sum().exp())


def top_share(weights: Tensor, fraction: float = 0.1) -> float:
    """The share of the total that the largest `fraction` of the things carry, in [fraction, 1]; higher is more uneven.

    weights: (K,) as in `effective_number`. Of fraction * K things the last counts in part, so it is continuous.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"the fraction must lie in (0, 1], found {fraction}")
    shares = _shares(weights).sort(descending=True).values
    wanted = fraction * len(shares)
    counted = (wanted - torch.arange(len(shares), dtype=torch.float64, device=shares.device)).clamp(0, 1)
    return float((shares * counted).sum())


def _shares(weights: Tensor) -> Tensor:
    values = weights.double()
    total = values.sum()
    if values.ndim != 1 or not bool((values >= 0).all()) or not bool(total > 0):
        raise ValueError("expected (K,) weights that are finite, not negative and not all zero")
    return values / total
