"""What is measured of a unit's map over pixels: whether it is this unit's, and whether its pixels drive the unit.

A map is looked at within the unit's receptive field, the only part of the image that matters to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from metrics.map_similarity import magnitudes, rank_correlation
from replications.networks.network import Network
from replications.networks.receptive_field import Box
from replications.zeiler.deconvnet import Units


def boxes_of(network: Network, layer: str, units: Units) -> list[Box]:
    """What each unit sees of the network's input, within it."""
    field = network.receptive_field(layer)
    return [field.box(y, x) for y, x in zip(units.y.tolist(), units.x.tolist(), strict=True)]


def another_at_the_place(
    activations: Tensor, channels: Tensor, generator: torch.Generator, *, rectified: bool
) -> Tensor:
    """(U,) for each unit another channel of the layer drawn at random, -1 where there is none.

    activations: (U, C) at each unit's place of its image. rectified: only channels that are active there are drawn.
    """
    able = (activations > 0) if rectified else torch.ones_like(activations, dtype=torch.bool)
    able[torch.arange(len(channels)), channels] = False
    weights = torch.rand(able.shape, generator=generator).masked_fill(~able, -1)
    best, drawn = weights.max(1)
    return torch.where(best >= 0, drawn, -1)


def alike(a: Tensor, b: Tensor, boxes: Sequence[Box]) -> np.ndarray:
    """(n,): Spearman's correlation of the magnitudes of maps (n, 3, H, W), each pair within its box.

    nan where a map is empty: it orders nothing.
    """
    first, second = magnitudes(a), magnitudes(b)
    found = []
    for i, box in enumerate(boxes):
        rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
        found.append(float(rank_correlation(first[i : i + 1, rows, columns], second[i : i + 1, rows, columns])))
    return np.where(empty(a, boxes) | empty(b, boxes), np.nan, np.array(found))


def empty(maps: Tensor, boxes: Sequence[Box]) -> np.ndarray:
    """(n,) bool: whether a map (n, 3, H, W) is zero everywhere in its box."""
    sizes = magnitudes(maps)
    return np.array(
        [not bool(sizes[i, b.top : b.bottom, b.left : b.right].any()) for i, b in enumerate(boxes)], dtype=bool
    )


def strongest_pixels(ranking: Tensor, boxes: Sequence[Box], share: float) -> Tensor:
    """(n, H, W) bool: of each box the share of pixels that ranks highest, at least one. ranking: (n, H, W)."""
    found = torch.zeros(ranking.shape, dtype=torch.bool)
    for i, (top, left, bottom, right) in enumerate(boxes):
        inside = ranking[i, top:bottom, left:right]
        count = max(1, math.ceil(share * inside.numel()))
        chosen = torch.zeros(inside.numel(), dtype=torch.bool)
        chosen[inside.flatten().topk(count).indices] = True
        found[i, top:bottom, left:right] = chosen.reshape(inside.shape)
    return found


@torch.inference_mode()
def activation_left(
    network: Network, inputs: Tensor, layer: str, units: Units, boxes: Sequence[Box], kept: Tensor
) -> np.ndarray:
    """(n,): the activation with only the `kept` pixels of each unit's box, 1 as with all, 0 as with none of them; nan
    for a unit that is driven at least half as strongly with none, or not at all.

    inputs: (n, 3, H, W) of the network; kept: (n, H, W) bool. What isn't kept is what the network reads as zero, the
    mean colour; pixels outside the box stay, as they don't matter.
    """
    outside = torch.ones_like(kept)
    for i, (top, left, bottom, right) in enumerate(boxes):
        outside[i, top:bottom, left:right] = False
    read = []
    for mask in (kept | outside, torch.ones_like(kept), outside):
        parts = []
        for rows in torch.arange(len(inputs)).split(64):
            shown = inputs[rows] * mask[rows, None].to(inputs.device)
            output = network.forward_to(layer, shown, preprocessed=True).cpu()
            parts.append(at_place(output, units[rows]))
        read.append(torch.cat(parts).double())
    part, whole, nothing = read
    driven = (whole > 0) & (nothing < whole / 2)
    found: np.ndarray = torch.where(driven, (part - nothing) / (whole - nothing), torch.nan).numpy()
    return found


def at_place(output: Tensor, units: Units) -> Tensor:
    """(n,): of each row of a layer's output (n, C, H, W) or (n, C) the activation of its unit."""
    each = torch.arange(len(output))
    return output[each, units.channel] if output.dim() == 2 else output[each, units.channel, units.y, units.x]


def on_the_object(maps: Tensor, masks: Tensor, boxes: Sequence[Box]) -> np.ndarray:
    """(n,) in (-1, 1): the share of a map's energy on the object less the object's share of the box.

    maps: (n, 3, H, W); masks: (n, H, W) bool. 0 for a map that is zero everywhere.
    """
    energy, found = maps.double().square().sum(1), []
    for i, (top, left, bottom, right) in enumerate(boxes):
        inside, mask = energy[i, top:bottom, left:right], masks[i, top:bottom, left:right]
        total = float(inside.sum())
        found.append(float(inside[mask].sum()) / total - float(mask.double().mean()) if total else 0.0)
    return np.array(found)
