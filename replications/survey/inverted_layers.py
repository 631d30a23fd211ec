"""Which layers of a network are inverted, and with what strength of the regularizer."""

from __future__ import annotations

from collections.abc import Sequence

from replications.networks.graph import INPUT
from replications.networks.network import Network

_SAME_NUMBERS = ("dropout", "flatten", "identity")  # as their input has, in a network that isn't trained


def layers_of_all_paths(network: Network, at_most: int | None = None) -> tuple[str, ...]:
    """The layers that all of the image's way to the last one leads through, in order; of a chain all.

    So none inside a branch, and none that gives the numbers of the one before. at_most: so many of them, evenly spaced,
    the first and the last among them. Raises ValueError for fewer than two.
    """
    nodes = network.ancestors(network.layers[-1])
    place = {INPUT: -1} | {node.name: i for i, node in enumerate(nodes)}
    jumped = {
        between for i, node in enumerate(nodes) for source in node.inputs for between in range(place[source] + 1, i)
    }
    found = [node.name for i, node in enumerate(nodes) if i not in jumped and node.kind not in _SAME_NUMBERS]
    if at_most is None or at_most >= len(found):
        return tuple(found)
    if at_most < 2:
        raise ValueError(f"expected at_most=2 layers or more, the first and the last, found {at_most}")
    return tuple(found[round(i * (len(found) - 1) / (at_most - 1))] for i in range(at_most))


PUBLISHED_SIZE = 227  # pixels of CaffeNet's input, which the published weights of the total variation are for


def at_size(weight: float, size: int) -> float:
    """A published weight of the total variation (beta = 2) for pictures of `size` pixels.

    Made smaller, a picture keeps its sum of squared differences, while the norm by which it is divided shrinks with the
    number of pixels. So with one weight a picture of 64 pixels is smoothed as one of 227 would be with 12.6 times it.
    """
    return weight * (size / PUBLISHED_SIZE) ** 2


def strength_of(network: Network, layer: str, strengths: Sequence[tuple[float, float]]) -> float:
    """The weight of the total variation for a layer by how deep it lies.

    strengths: (up to this share of the network's layers, the weight), the shares rising to 1. Mahendran & Vedaldi's
    code has 1 for the first 6 of CaffeNet's 20 layers, 10 up to the 12th and 100 above. See `at_size`.
    """
    shares = [share for share, _ in strengths]
    if not shares or shares != sorted(set(shares)) or shares[-1] != 1:
        raise ValueError(f"expected strengths by shares of the layers that rise to 1, found {list(strengths)}")
    layers = layers_of_all_paths(network)
    if layer in layers:
        depth = (layers.index(layer) + 1) / len(layers)
    else:
        names = network.layers
        depth = (names.index(network.node(layer).name) + 1) / len(names)
    return next(weight for share, weight in strengths if depth <= share + 1e-9)
