"""One layer of the deconvnet step by step, as Fig. 1 of Zeiler & Fergus 2014 draws it, with every array in between.

A plain restatement that shares nothing with `deconvnet` in the layer it shows: switches are torch's own places of the
maxima, unpooling adds each value at its place, rectification is the network's own, and filtering with the transposed
filters is the adjoint that autograd derives from the layer itself. What lies above and below that layer is done by
`deconvnet`. Its result must therefore be that of `deconvnet.project`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replications.networks.graph import INPUT, Node
from replications.networks.network import Network
from replications.zeiler import deconvnet
from replications.zeiler.deconvnet import Switches

LINEAR = ("conv", "batch_norm")
RECTIFYING = ("relu", "leaky_relu")


@dataclass(frozen=True, eq=False)
class Layer:
    """A convnet layer of Fig. 1.

    below: the node that it reads, or "input". filtering: the convolution and what is linear after it. rectification,
    pool: the nodes that follow.
    """

    below: str
    filtering: tuple[Node, ...]
    rectification: Node
    pool: Node


@dataclass(frozen=True, eq=False)
class Up:
    """The convnet's way through the layer, for N images; names as in Fig. 1. All (N, C, h, w).

    below: what the layer reads. places: of each pooled map, where in the rectified map the maximum stands: the
    switches, as row * width + column.
    """

    below: Tensor
    maps: Tensor
    rectified: Tensor
    pooled: Tensor
    places: Tensor


@dataclass(frozen=True, eq=False)
class Down:
    """The deconvnet's way through the layer, for M signals; names as in Fig. 1. All (M, C, h, w).

    above: the reconstruction of the pooled maps that the layer above hands down. pixels: (M, 3, H, W), what becomes of
    `reconstruction` below the layer.
    """

    above: Tensor
    unpooled: Tensor
    rectified: Tensor
    reconstruction: Tensor
    pixels: Tensor


def first_layer(network: Network, top: str) -> Layer | None:
    """The lowest layer below `top` that filters, rectifies and max-pools and that everything goes through, or None."""
    nodes = network.ancestors(top)
    by_name = {node.name: node for node in nodes}
    for pool in nodes:
        chain: list[Node] = []
        node = by_name.get(pool.inputs[0]) if pool.kind == "max_pool" else None
        while node is not None and node.kind in (*RECTIFYING, *LINEAR):
            chain.append(node)
            node = None if node.kind == "conv" else by_name.get(node.inputs[0])
        if not chain or chain[0].kind not in RECTIFYING or chain[-1].kind != "conv":
            continue
        if all(n.kind in LINEAR for n in chain[1:]) and _is_passage(nodes, pool.name):
            return Layer(chain[-1].inputs[0], tuple(reversed(chain[1:])), chain[0], pool)
    return None


def go_up(network: Network, layer: Layer, images: Tensor) -> Up:
    """The convnet's side. images: (N, 3, H, W) in [0, 1]."""
    pool = layer.pool.module
    assert isinstance(pool, nn.MaxPool2d)
    with torch.inference_mode():
        names = [layer.filtering[-1].name, layer.rectification.name, layer.pool.name]
        inputs = network.preprocess(images)
        found = network.activations([n for n in (layer.below, *names) if n != INPUT], inputs, preprocessed=True)
        found[INPUT] = inputs
        pooled, places = F.max_pool2d(
            found[names[1]],
            pool.kernel_size,
            pool.stride,
            pool.padding,
            pool.dilation,
            pool.ceil_mode,
            return_indices=True,
        )
    return Up(found[layer.below], found[names[0]], found[names[1]], pooled, places)


def go_down(record: Switches, layer: Layer, up: Up, signals: Tensor, image: Tensor) -> Down:
    """The deconvnet's side: from `signals` (M, C, h, w) of the recorded layer, of the images `image` (M,)."""
    above = deconvnet.project_signals(_part(record, record.layer, layer.pool.name), signals, image)
    unpooled = unpool(above, up.places[image], up.rectified.shape[2:])
    with torch.inference_mode():
        rectified = layer.rectification.module(unpooled)
    reconstruction = filter_transposed(layer, rectified, up.below[:1])
    pixels = reconstruction
    if layer.below != INPUT:
        pixels = deconvnet.project_signals(_part(record, layer.below, INPUT), reconstruction, image)
    return Down(above, unpooled, rectified, reconstruction, pixels)


def unpool(signals: Tensor, places: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Each value added at its place, zero elsewhere: (M, C, h, w) -> (M, C, *size). places: (M, C, h, w)."""
    result = signals.new_zeros(*signals.shape[:2], size[0] * size[1])
    return result.scatter_add_(2, places.flatten(2), signals.flatten(2)).unflatten(2, tuple(size))


def filter_transposed(layer: Layer, signals: Tensor, below: Tensor) -> Tensor:
    """The adjoint of the layer's filtering without its biases: (M, C, h, w) -> (M, *below.shape[1:])."""
    stack = nn.Sequential(*[node.module for node in layer.filtering])
    start = torch.zeros(len(signals), *below.shape[1:], dtype=below.dtype, device=below.device)
    with torch.inference_mode(False), torch.enable_grad():
        adjoint = torch.func.vjp(stack, start)[1]
        (result,) = adjoint(signals.clone())
    return torch.as_tensor(result)


def _is_passage(nodes: tuple[Node, ...], name: str) -> bool:
    """Whether whatever comes after the node reads nothing from before it."""
    position = [node.name for node in nodes].index(name)
    before = {INPUT, *(node.name for node in nodes[:position])}
    return not any(before & set(node.inputs) for node in nodes[position + 1 :])


def _part(record: Switches, top: str, bottom: str) -> Switches:
    """The record of the operations after `bottom` up to `top`, with the maps of `bottom` as its input."""
    names = [node.name for node in record.nodes]
    first = 0 if bottom == INPUT else names.index(bottom) + 1
    nodes = record.nodes[first : names.index(top) + 1]
    shapes: Mapping[str, tuple[int, ...]] = {n.name: record.shapes[n.name] for n in nodes}
    return dataclasses.replace(
        record,
        nodes=tuple(dataclasses.replace(n, inputs=tuple(INPUT if i == bottom else i for i in n.inputs)) for n in nodes),
        layer=top,
        shapes={**shapes, INPUT: record.shapes[bottom]},
    )
