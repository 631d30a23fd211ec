"""The part of a network above one layer: from the layer's maps, as they are or changed, to the logits.

What lies below is computed once; then any number of changes of the maps (units set to zero) costs the upper part alone.
"""

from __future__ import annotations

from torch import Tensor

from replications.networks.network import Network


class NoPassage(ValueError):
    """The logits don't depend on the layer, or depend on what lies below it also past it."""


class Remainder:
    """Everything above a layer that all information passes through.

    Raises UnknownLayer for a layer that the network doesn't have, NoPassage where something goes past it.
    """

    def __init__(self, network: Network, layer: str) -> None:
        self.network, self.layer = network, layer
        nodes = network.ancestors(network.layers[-1])
        names = [node.name for node in nodes]
        if network.node(layer).name not in names:
            raise NoPassage(f"the logits of network '{network.name}' don't depend on layer '{layer}'")
        # in topological order what comes after the layer may still not read it: a branch beside it, which is a passage
        # round it unless all that it reads comes after as well
        position = names.index(layer)
        self._nodes = nodes[position + 1 :]
        known = {layer, *names[position + 1 :]}
        past = [name for node in self._nodes for name in node.inputs if name not in known]
        if past:
            raise NoPassage(
                f"layer '{layer}' of network '{network.name}' is not all that the logits depend on: layers after it "
                f"also read {', '.join(dict.fromkeys(past))}; choose a layer where no branch goes past"
            )

    def logits(self, maps: Tensor) -> Tensor:
        """maps: (N, *shape of the layer), on the network's device. Returns (N, classes). Differentiable."""
        expected = self.network.shape(self.layer)
        if tuple(maps.shape[1:]) != expected:
            raise ValueError(f"layer '{self.layer}' has outputs of shape {expected}, found {tuple(maps.shape[1:])}")
        values = {self.layer: maps}
        readers = {name: i for i, node in enumerate(self._nodes) for name in node.inputs}
        last = maps
        for i, node in enumerate(self._nodes):
            last = values[node.name] = node.module(*[values[name] for name in node.inputs])
            for name in set(node.inputs):
                if readers[name] == i:
                    del values[name]
        return last.flatten(1)
