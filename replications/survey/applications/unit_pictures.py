"""What drives a unit most, and its projection to pixels by the deconvnet."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.networks.network import Network
from replications.zeiler import deconvnet

_BATCH = 64


@torch.inference_mode()
def strongest_projections(
    network: Network, layer: str, units: Sequence[int], images: ImageSet, indices: Tensor
) -> tuple[Tensor, Tensor]:
    """For each unit the image at `indices` that drives it most, (U, 3, H, W), and the unit's projection, (U, 3, h, w).

    The image is as the network reads it in size; the projection is in the network's input space, zero beyond what the
    unit sees. Raises NoRule where the deconvnet has none.
    """
    wanted = torch.as_tensor(list(units))
    peaks = []
    for _, batch, _ in images.batches(_BATCH, indices):
        maps = network.forward_to(layer, batch)
        peaks.append(maps[:, wanted.to(maps.device)].flatten(2).amax(2).cpu())
    best = torch.cat(peaks).argmax(0)
    found = images.images(indices[best])
    projections = []
    for picture, unit in zip(found, units, strict=True):
        record = deconvnet.record(network, picture[None], layer)
        projections.append(deconvnet.project(record, deconvnet.strongest(record, [unit])).full().cpu())
    return found, torch.cat(projections)
