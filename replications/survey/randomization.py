"""Networks of which some layers have lost what they learnt (Adebayo et al. 2018, "Sanity Checks for Saliency Maps",
Sec. 3): from the classes downwards one after the other (cascading), or one alone (independent).

A layer's weights are drawn anew as a network begins: Gaussians of variance 2 / fan-in, biases 0 (He et al. 2015). The
paper draws them as each network's own code does before training.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Sequence

from replications.networks.network import Network


def weighted_layers(network: Network) -> list[tuple[str, ...]]:
    """The layers that have weights, the one next to the classes first; a batch norm counts to the layer it follows."""
    found: list[list[str]] = []
    for node in network.nodes:
        if next(node.module.parameters(), None) is None:
            continue
        before = next((group for group in found if node.inputs[0] in group), None)
        if node.kind == "batch_norm" and before is not None:
            before.append(node.name)
        else:
            found.append([node.name])
    return [tuple(group) for group in reversed(found)]


def in_groups(layers: Sequence[tuple[str, ...]], most: int) -> list[tuple[str, ...]]:
    """The layers in the same order in at most `most` groups of about equal numbers of layers, for deep networks."""
    number = min(most, len(layers))
    bounds = [len(layers) * i // number for i in range(number + 1)]
    return [tuple(name for layer in layers[first:last] for name in layer) for first, last in itertools.pairwise(bounds)]


def with_weights_of(network: Network, other: Network, layers: Iterable[str]) -> Network:
    """A copy of `network` whose `layers` have the weights that they have in `other`, of the same architecture."""
    made = copy.deepcopy(network)
    made.__dict__.pop("fingerprint", None)  # kept since it was last asked for; the weights are others now
    for name in layers:
        made.node(name).module.load_state_dict(other.node(name).module.state_dict())
    return made
