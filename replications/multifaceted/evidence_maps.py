"""Where in a picture the judge finds a class, and how many times: its evidence for the class, place by place.

The evidence at a place is the gradient of the class's score times the activation there, summed over the maps of a
layer, where that is above zero (Selvaraju et al. 2017, "Grad-CAM", Sec. 3, without averaging the gradient over the map,
so that a layer before the last can be used). The score is the logit of the class, or the log of the summed exponentials
of its facets' where the judge tells facets.

Which layer's maps are fine enough to part two things and coarse enough not to part one is found by controls with a
known answer: images of a class, which show one object, and mosaics of four copies at half the size, which show four.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from metrics.fragments import count_peaks
from replications.multifaceted.judge import Judge
from replications.networks.network import Network

_BATCH = 32
_RECTIFIED = ("relu", "leaky_relu", "cat")
FINEST, COARSEST = 1 / 8, 3  # of a map's side, relative to the picture's; and in positions


@dataclasses.dataclass(frozen=True)
class Counting:
    """How things are counted.

    enlarged: how many times as large the judge sees the pictures. cells: of a map's side at most; finer maps are
    averaged. height, prominence: of a peak that counts, as shares of the map's maximum (see `metrics.fragments`).
    """

    enlarged: float
    cells: int
    height: float
    prominence: float


def reads_any_size(network: Network) -> bool:
    """Whether the network can read larger images than it was trained on: no map is laid out as a vector."""
    flattened = [network.shape(node.inputs[0]) for node in network.nodes if node.kind == "flatten"]
    return all(shape[1:] in ((), (1, 1)) for shape in flattened)


def spatial_layers(network: Network) -> tuple[str, ...]:
    """The rectified layers whose maps can show how many things there are: not finer than an eighth of the picture's
    side, not coarser than three positions."""
    found = []
    for node in network.nodes:
        shape = network.shape(node.name)
        fits = len(shape) == 3 and COARSEST <= shape[1] <= max(COARSEST, network.input_size * FINEST)
        if node.kind in _RECTIFIED and fits:
            found.append(node.name)
    return tuple(found)


def evidence_maps(
    judge: Judge, name: str, images: Tensor, layers: Sequence[str], counting: Counting
) -> dict[str, Tensor]:
    """For each layer (n, h, w), at least 0, of no more than `counting.cells` a side: the judge's evidence for a class.

    name: the class, as the images call it. images: (n, 3, H, W) in [0, 1].
    """
    network, outputs = judge.network, judge.outputs_of(name)
    side = round(network.input_size * counting.enlarged)
    found: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    for part in images.split(_BATCH):
        larger = F.interpolate(part, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        inputs = network.preprocessing.normalize(larger.to(network.device))
        with torch.enable_grad():
            values = network.activations([*layers, network.layers[-1]], inputs.requires_grad_(), preprocessed=True)
            score = values[network.layers[-1]].flatten(1)[:, outputs].logsumexp(1)
            gradients = torch.autograd.grad(score.sum(), [values[layer] for layer in layers])
        for layer, gradient in zip(layers, gradients, strict=True):
            maps = (gradient * values[layer]).sum(1, keepdim=True).detach().clamp_min(0)
            size = min(maps.shape[2], counting.cells), min(maps.shape[3], counting.cells)
            found[layer].append(F.adaptive_avg_pool2d(maps, size)[:, 0].cpu())
    return {layer: torch.cat(parts) for layer, parts in found.items()}


def mosaics(images: Tensor) -> Tensor:
    """(n, 3, H, W): each picture of four copies of an image (n, 3, H, W) at half its size; H and W are even numbers or
    lose a row or column."""
    height, width = (extent // 2 for extent in images.shape[2:])
    small = F.interpolate(images, (height, width), mode="bilinear", antialias=True, align_corners=False)
    return small.repeat(1, 1, 2, 2)


def alone(images: Tensor, *, corner: bool) -> Tensor:
    """(n, 3, H, W): an image at half its size on its mean colour, in the middle or in the upper left corner."""
    height, width = (extent // 2 for extent in images.shape[2:])
    small = F.interpolate(images, (height, width), mode="bilinear", antialias=True, align_corners=False)
    pictures = images.mean((2, 3), keepdim=True).expand_as(images).clone()
    top, left = (0, 0) if corner else ((images.shape[2] - height) // 2, (images.shape[3] - width) // 2)
    pictures[:, :, top : top + height, left : left + width] = small
    return pictures


def counting_errors(
    judge: Judge, images: Sequence[tuple[str, Tensor]], layers: Sequence[str], counting: Counting
) -> dict[str, float]:
    """For each layer how far the count is from the truth, on average: 1 for an image, 4 for its mosaic.

    images: by class, (n, 3, H, W) in [0, 1].
    """
    errors: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    for name, own in images:
        for pictures, truth in ((own, 1), (mosaics(own), 4)):
            maps = evidence_maps(judge, name, pictures, layers, counting)
            for layer in layers:
                errors[layer].append((count_peaks(maps[layer], counting.height, counting.prominence) - truth).abs())
    return {layer: float(torch.cat(parts).mean()) for layer, parts in errors.items()}
