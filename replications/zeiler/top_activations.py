"""The images that excite each feature map most, found in one pass for all maps of several layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.data.transforms import crop_boxes
from replications.networks.network import Network
from replications.zeiler.deconvnet import Units, project, record

FIELDS = ("images", "values", "y", "x")


@dataclasses.dataclass(frozen=True)
class TopActivations:
    """The strongest activations of every feature map of one layer, one an image, strongest first.

    images: (C, k) int64 indices into the image set. values: (C, k). y, x: (C, k) int64, where in the map.
    """

    layer: str
    images: Tensor
    values: Tensor
    y: Tensor
    x: Tensor

    @property
    def alive(self) -> Tensor:
        """(C,) bool: the maps whose k strongest activations are all above zero."""
        return self.values[:, -1] > 0


@torch.inference_mode()
def top_activations(
    network: Network, image_set: ImageSet, layers: Iterable[str], count: int, batches: Iterable[tuple[Tensor, ...]]
) -> Mapping[str, TopActivations]:
    """The `count` strongest activations, one an image, of each map of each layer, over the batches.

    batches: (indices, images, labels) as `image_set.batches` gives them. Ties go to the image that comes first.
    Memory: `count` numbers a map and one batch's activations.
    """
    names = list(layers)
    found: dict[str, TopActivations] = {}
    for indices, images, _ in batches:
        activations = network.activations(names, images)
        for name in names:
            maps = activations[name]
            width = maps.shape[3] if maps.dim() == 4 else 1
            values, places = maps.flatten(2).max(2) if maps.dim() == 4 else (maps, torch.zeros_like(maps).long())
            here = TopActivations(
                name,
                indices.to(maps.device).expand(maps.shape[1], -1),
                values.T,
                (places // width).T,
                (places % width).T,
            )
            found[name] = _strongest(here if name not in found else _joined(found[name], here), count)
    if not found:
        raise ValueError(f"no images to look for top activations in: {image_set.name} gave no batch")
    return found


def _joined(first: TopActivations, second: TopActivations) -> TopActivations:
    pairs = ((getattr(first, field), getattr(second, field)) for field in FIELDS)
    return TopActivations(first.layer, *(torch.cat(pair, 1) for pair in pairs))


def _strongest(top: TopActivations, count: int) -> TopActivations:
    order = top.values.argsort(dim=1, descending=True, stable=True)[:, :count]
    return TopActivations(
        top.layer, *(getattr(top, field).gather(1, order) for field in ("images", "values", "y", "x"))
    )


@dataclasses.dataclass(frozen=True)
class Projected:
    """Projections of top activations, cut to what each unit sees, beside the image patches.

    projections, patches: (maps, k, 3, h, w); projections in the network's own input, patches in [0, 1], grey outside
    the image. boxes: (maps, k, 4) top, left, bottom, right in pixels of the input, which may reach outside it.
    """

    projections: Tensor
    patches: Tensor
    boxes: Tensor


def project_top(
    network: Network, image_set: ImageSet, top: TopActivations, maps: Tensor, *, crop: bool = True, at_once: int = 32
) -> Projected:
    """Project the top activations of the chosen maps (m,), `at_once` images' switches at a time.

    The images must have the network's input size, or the boxes would not be theirs (ValueError).
    """
    if image_set.size != network.input_size:
        raise ValueError(
            f"patches are cut from the network's input of {network.input_size} pixels, but {image_set.name} has images "
            f"of {image_set.size}: load them at the network's size"
        )
    images, channels = top.images[maps], maps[:, None].expand(-1, top.images.shape[1])
    wanted = torch.stack([images.cpu(), channels.cpu(), top.y[maps].cpu(), top.x[maps].cpu()]).flatten(1)
    order = wanted[0].argsort(stable=True)
    wanted = wanted[:, order]
    numbers, local = wanted[0].unique_consecutive(return_inverse=True)
    projections, patches, boxes = [], [], []
    for start in range(0, len(numbers), at_once):
        pictures = image_set.images(numbers[start : start + at_once])
        here = (local >= start) & (local < start + at_once)
        switches = record(network, pictures, top.layer)
        units = Units(local[here] - start, wanted[1, here], wanted[2, here], wanted[3, here])
        made = project(switches, units, crop=crop)
        projections.append(made.images.cpu())
        boxes.append(made.boxes.cpu())
        patches.append(crop_boxes(pictures[units.image], boxes[-1]))
    back = order.argsort()
    joined = [torch.cat(parts)[back].unflatten(0, tuple(images.shape)) for parts in (projections, patches, boxes)]
    return Projected(*joined)
