"""A network as a row of blocks: what a drawing or a table of an architecture shows.

A block is an operation that everything passes through and that changes the maps; what rectifies, normalizes or drops
afterwards belongs to it. Where branches run side by side (as in a fire module), the block is the node where they join.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from replications.networks.graph import INPUT, Node
from replications.networks.network import Network

CHANGING = ("conv", "linear", "max_pool", "avg_pool", "global_avg_pool", "cat", "add", "multiply")
AFTERWARDS = {
    "relu": "rectified",
    "leaky_relu": "leaky rectified",
    "activation": "activation",
    "lrn": "contrast norm.",
    "batch_norm": "batch norm.",
    "dropout": "dropout",
}


@dataclass(frozen=True)
class Block:
    """One block.

    name: of its node. kind: of its node ("input" for the image). shape: (C, H, W) or (C,) of its output.
    window, stride: along the height; None without one. inside: the nodes of the branches that it joins.
    afterwards: in words, what is done to its output before the next block reads it; each once.
    parameters: weights and biases, of all of that.
    layer: the paper's number of the layer that it belongs to, 0 for the input, None above the last layer.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    window: int | None
    stride: int | None
    parameters: int
    layer: int | None
    inside: tuple[Node, ...] = ()
    afterwards: tuple[str, ...] = ()


def passages(nodes: Sequence[Node]) -> list[int]:
    """Positions of the nodes that everything passes through: nothing after them reads anything from before them."""
    place = {INPUT: -1, **{node.name: i for i, node in enumerate(nodes)}}
    last_reader: dict[int, int] = {}
    for i, node in enumerate(nodes):
        for source in node.inputs:
            last_reader[place[source]] = max(last_reader.get(place[source], 0), i)
    furthest, found = last_reader.get(-1, 0), []
    for i in range(len(nodes)):
        if furthest <= i:
            found.append(i)
        furthest = max(furthest, last_reader.get(i, i))
    return found


def blocks(network: Network) -> list[Block]:
    """The blocks of the network from the image to the logits."""
    result = [Block(INPUT, INPUT, network.shape(INPUT), None, None, 0, 0)]
    before = -1
    for i in passages(network.nodes):
        node = network.nodes[i]
        if node.kind in CHANGING:
            result.append(block_of(network, node, network.nodes[before + 1 : i]))
        elif node.kind in AFTERWARDS:
            result[-1] = _followed(result[-1], node)
        before = i
    return result


def every_block(network: Network) -> list[Block]:
    """As `blocks`, with every operation of the branches as a block of its own."""
    result = {INPUT: Block(INPUT, INPUT, network.shape(INPUT), None, None, 0, 0)}
    owner = {INPUT: INPUT}
    for node in network.nodes:
        if node.kind in CHANGING:
            owner[node.name] = node.name
            result[node.name] = block_of(network, node)
        else:
            owner[node.name] = owner[node.inputs[0]]
            if node.kind in AFTERWARDS:
                result[owner[node.name]] = _followed(result[owner[node.name]], node)
    return list(result.values())


def block_of(network: Network, node: Node, inside: Sequence[Node] = ()) -> Block:
    """The block of one node, nothing done afterwards yet."""
    module: Any = node.module
    window = _height(getattr(module, "kernel_size", None))
    stride = _height(getattr(module, "stride", None)) if window is not None else None
    parameters = sum(_own_parameters(n) for n in (*inside, node))
    shape = network.shape(node.name)
    return Block(node.name, node.kind, shape, window, stride, parameters, _layer(network, node.name), tuple(inside))


def parameter_count(network: Network) -> int:
    """All weights and biases."""
    found = {id(p): p.numel() for node in network.nodes for p in node.module.parameters()}
    return sum(found.values())


def _followed(block: Block, node: Node) -> Block:
    """The block with an operation that belongs to it."""
    afterwards = tuple(dict.fromkeys((*block.afterwards, AFTERWARDS[node.kind])))
    return dataclasses.replace(block, afterwards=afterwards, parameters=block.parameters + _own_parameters(node))


def _own_parameters(node: Node) -> int:
    return sum(p.numel() for p in node.module.parameters())


def _layer(network: Network, name: str) -> int | None:
    place = network.layers.index(name)
    numbers = [n for n, layer in sorted(network.paper_layers.items()) if network.layers.index(layer) >= place]
    return numbers[0] if numbers else None


def _height(value: int | tuple[int, ...] | None) -> int | None:
    return value[0] if isinstance(value, tuple) else value
