"""By what units are ranked for pruning: scores (K,) of a layer's units, of which the lowest is removed first.

- `best_iou`: how well dissection's best concept describes the unit (Bau et al. 2017); low where it calls it empty;
- `projection_energy`: how much the deconvnet shows for it (Zeiler & Fergus 2014); low where its picture is empty;
- `filter_norms`: the L1 norm of its filter (Li et al. 2017, "Pruning Filters for Efficient ConvNets");
- `firing_frequency`: the share of positions where it is positive, the complement of the average percentage of zeros of
  Hu et al. 2016, "Network Trimming".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from replications.data.image_set import ImageSet
from replications.networks.graph import INPUT
from replications.networks.network import Network
from replications.zeiler import deconvnet

if TYPE_CHECKING:
    from replications.survey.dissection.dissection import Dissection

_PASSING = ("relu", "leaky_relu", "max_pool", "avg_pool", "dropout", "identity", "lrn")
_BATCH = 64


class NoFilters(ValueError):
    """The units of the layer have no filter each, so the norm of their filters says nothing."""


def best_iou(dissection: Dissection) -> Tensor:
    """(K,) float64 in [0, 1]: the unit's highest IoU with any concept of any category."""
    best = [torch.as_tensor(dissection.iou(category)).double().amax(1) for category in dissection.categories]
    return torch.stack(best).amax(0)


def filter_norms(network: Network, layer: str) -> Tensor:
    """(K,) float64: the sum of the absolute weights behind each unit, with the factor of a batch norm above them.

    Branches that are concatenated keep their order. Raises NoFilters where something else lies between the layer and
    the convolution (or fully connected layer) below it.
    """
    if layer == INPUT:
        raise NoFilters("the input has no filters")
    node = network.node(layer)
    if node.kind in ("conv", "linear"):
        weight: Any = node.module.weight
        return torch.as_tensor(weight.detach()).double().abs().flatten(1).sum(1).cpu()
    if node.kind == "batch_norm":
        below, norm = filter_norms(network, node.inputs[0]), node.module
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_var is not None
        factor = (norm.running_var.double() + norm.eps).rsqrt()
        if norm.weight is not None:
            factor = factor * norm.weight.detach().double()
        return below * factor.abs().cpu()
    if node.kind in _PASSING:
        return filter_norms(network, node.inputs[0])
    if node.kind == "cat":
        return torch.cat([filter_norms(network, name) for name in node.inputs])
    raise NoFilters(f"layer '{layer}' of network '{network.name}' is a {node.kind}, whose units have no filter each")


@torch.inference_mode()
def firing_frequency(network: Network, layer: str, images: ImageSet, indices: Tensor) -> Tensor:
    """(K,) float64 in [0, 1]: the share of positions of the images at `indices` where each unit is positive."""
    total = torch.zeros(network.shape(layer)[0], dtype=torch.float64)
    for _, batch, _ in images.batches(_BATCH, indices):
        maps = network.forward_to(layer, batch)
        total += (maps > 0).double().flatten(2).mean(2).sum(0).cpu()
    return total / len(indices)


@torch.inference_mode()
def projection_energy(network: Network, layer: str, images: ImageSet, indices: Tensor, liked: int) -> Tensor:
    """(K,) float64: the L2 norm of a unit's projection to pixels, the mean over the `liked` images that drive it most.

    Of each such image the strongest position of the unit's map is projected, from its activation, in the network's own
    input space. Contrast is not stretched as for display, which would hide how little there is. A dead unit has 0.
    """
    peaks = torch.cat(
        [network.forward_to(layer, batch).flatten(2).amax(2).cpu() for _, batch, _ in images.batches(_BATCH, indices)]
    )
    rows = peaks.topk(min(liked, len(indices)), dim=0).indices  # (liked, K)
    energy = torch.zeros(peaks.shape[1], dtype=torch.float64)
    channels = torch.arange(peaks.shape[1]).expand_as(rows)
    for part in torch.unique(rows).split(_BATCH):
        record = deconvnet.record(network, images.images(indices[part]), layer)
        chosen = torch.isin(rows, part)
        units = _at_their_peaks(record, torch.searchsorted(part, rows[chosen]), channels[chosen])
        norms = deconvnet.project(record, units).images.flatten(1).double().norm(dim=1).cpu()
        energy.index_add_(0, channels[chosen], norms)
    return energy / len(rows)


def _at_their_peaks(record: deconvnet.Switches, image: Tensor, channel: Tensor) -> deconvnet.Units:
    width = record.layer_shape[2]
    maps = record.activations[image.to(record.activations.device), channel.to(record.activations.device)]
    place = maps.flatten(1).argmax(1).cpu()
    return deconvnet.Units.of(image, channel, place // width, place % width)


def kept(scores: Tensor, removed: int, ties: Tensor) -> Tensor:
    """(K,) bool: the units that stay when the `removed` of lowest score go; `ties`: (K,) an order among equal ones."""
    order = sorted(range(len(scores)), key=lambda unit: (float(scores[unit]), int(ties[unit])))
    mask = torch.ones(len(scores), dtype=torch.bool)
    mask[torch.tensor(order[:removed], dtype=torch.long)] = False
    return mask


def removed_counts(units: int, shares: Sequence[float]) -> list[int]:
    """How many units each share of them is, rounded half up."""
    return [int(share * units + 0.5) for share in shares]
