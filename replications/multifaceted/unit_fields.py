"""The facets of hidden units, each image shown as what the unit sees of it.

A hidden unit is one channel at the centre of its map, and sees its receptive field alone. Of each image that the
channel likes, the part is taken that the channel sees where it fires most strongly: a crop of the size of the centre's
field, in pixels of the network's input. Where that would reach over a border of the image it is moved inwards until it
doesn't. A field larger than the input is the whole image, wherever the channel fires. (Nguyen et al. 2016 show facets
of hidden units, too; how they crop is not in the sources that could be read.)

The pictures maximize what the unit's rectification reads: a rectified unit that is silent on a mean image, as many are
at the centre, has no gradient there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from replications.data.image_set import ImageSet
from replications.images.canvas import Canvas, canvas_for
from replications.images.objectives import Activation
from replications.multifaceted.facets import Clustering, FacetError, Facets, Integers, find_facets
from replications.multifaceted.images import image_features, preferred_images
from replications.multifaceted.mean_images import nearest_images
from replications.networks.network import Network
from replications.networks.unit import Unit
from replications.suite.interface import Context

_BATCH = 64
_RECTIFIES = ("relu", "leaky_relu")


@dataclasses.dataclass(frozen=True, eq=False)
class Responses:
    """How strongly images drive the channels of a layer.

    strongest: (N, C), the highest over each map. places: (N, C, 2) int64, row and column of it, the first of equals.
    """

    strongest: Tensor
    places: Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class UnitFacets:
    """The facets of one hidden unit.

    unit: at the centre of its map. indices: (n,) the images that it likes, strongest first. crops: (n, 3, h, w) in
    [0, 1], what it sees of them. facets: of these images; nearest, means (k, 3, h, w): as for a class, of the crops.
    """

    unit: Unit
    indices: Tensor
    crops: Tensor
    facets: Facets
    nearest: tuple[Integers, ...]
    means: Tensor


@torch.inference_mode()
def responses(
    network: Network, layers: Sequence[str], images: ImageSet, indices: Tensor, context: Context
) -> dict[str, Responses]:
    """Of each layer's channels to the images, in one pass. A layer without positions has the place (0, 0)."""
    strongest: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    places: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    batches: Iterable[Any] = images.batches(_BATCH, indices)
    for _, batch, _ in context.progress(batches, "looking at images", images.batch_count(_BATCH, indices)):
        found = network.activations(layers, batch)
        for layer in layers:
            width = found[layer].shape[3] if found[layer].ndim == 4 else 1
            best, where = found[layer].reshape(*found[layer].shape[:2], -1).cpu().max(2)
            strongest[layer].append(best)
            places[layer].append(torch.stack([where // width, where % width], 2))
    return {layer: Responses(torch.cat(strongest[layer]), torch.cat(places[layer])) for layer in layers}


def choose_channels(strongest: Tensor, count: int, liked: int, generator: torch.Generator) -> list[int]:
    """Up to `count` channels, drawn at random among those that fire for at least `liked` of the images.

    strongest: (N, C), see `Responses`. To fire is to be above the lowest value, as for `preferred_images`.
    """
    fires = (strongest > strongest.amin(0)).sum(0) >= liked
    order = torch.randperm(strongest.shape[1], generator=generator)
    return order[fires[order]][:count].tolist()


def centre(network: Network, layer: str) -> tuple[int, int]:
    """The position that stands for a channel. Raises ValueError for a layer that has none."""
    shape = network.shape(layer)
    if len(shape) != 3:
        raise ValueError(f"layer '{layer}' of network '{network.name}' has no positions, so no receptive fields")
    return shape[1] // 2, shape[2] // 2


def field_of(network: Network, layer: str) -> Canvas:
    """What the layer's units at the centre see."""
    return canvas_for(network, [Activation(Unit(layer, 0, centre(network, layer)))])


def before_rectification(network: Network, unit: Unit) -> tuple[Unit, nn.Module | None]:
    """The unit that a rectified unit is computed from, and the rectification; the unit itself and None if it has none.

    Where the layer only puts others beside each other, the unit is followed to its own.
    """
    node, channel = network.node(unit.layer), unit.channel
    while node.kind == "cat":
        for name in node.inputs:
            if channel < (width := network.shape(name)[0]):
                node = network.node(name)
                break
            channel -= width
    if node.kind not in _RECTIFIES:
        return unit, None
    return Unit(node.inputs[0], channel, unit.position), node.module


def field_crops(network: Network, layer: str, images: Tensor, places: Tensor) -> Tensor:
    """(n, 3, h, w) in [0, 1]: what a unit at a place sees of each image, moved inwards at the borders.

    images: (n, 3, H, W) in [0, 1], brought to what the network reads. places: (n, 2) row and column in the layer's map.
    h, w: of `field_of`.
    """
    shown = network.preprocessing.denormalize(network.preprocess(images)).clamp(0, 1).cpu()
    field, strides = field_of(network, layer), torch.tensor(network.receptive_field(layer).stride)
    middle, size = torch.tensor(centre(network, layer)), torch.tensor(field.size)
    room = torch.tensor(shown.shape[2:]) - size
    corners = torch.tensor(field.place) + (places - middle) * strides
    within = torch.minimum(corners.clamp_min(0), room).tolist()
    height, width = field.size
    return torch.stack([x[:, y : y + height, z : z + width] for x, (y, z) in zip(shown, within, strict=True)])


def unit_facets(
    context: Context,
    found: Mapping[str, Responses],
    chosen: Sequence[tuple[str, int]],
    indices: Tensor,
    *,
    liked: int,
    clustered: str,
    clustering: Mapping[str, Any],
    nearest: int,
    largest_map: int | None,
) -> tuple[list[UnitFacets], list[str]]:
    """The facets of each unit, and notes on those that have none.

    found: of the validation images `indices`. chosen: layer and channel of each unit. liked: how many images a unit is
    given. clustered: the layer whose features of the whole images are clustered. The rest as for `class_facets`.
    """
    network, validation = context.network, context.data.validation
    made, notes = [], []
    for layer, channel in context.progress(chosen, "clustering what hidden units like", len(chosen)):
        unit = Unit(layer, channel, centre(network, layer))
        best = preferred_images(found[layer].strongest[:, channel], liked, unit.name)
        own = indices[best]
        features = image_features(network, [clustered], validation, own, largest_map=largest_map)[clustered]
        seed = context.generator("clusters of units", unit.name).initial_seed() % 2**32
        try:
            facets = find_facets(features, Clustering(**clustering), seed)
        except FacetError as error:
            notes.append(f"The unit {unit.name} is left out: {error}.")
            continue
        crops = field_crops(network, layer, validation.images(own), found[layer].places[best, channel])
        close = nearest_images(facets, nearest)
        means = torch.stack([crops[torch.from_numpy(rows)].double().mean(0) for rows in close]).float()
        made.append(UnitFacets(unit, own, crops, facets, close, means))
    return made, notes
