"""The fixed encoder between image, comparator layer and code: E = E2 (E1 (image)), h1 = E1 (image), h = E2 (h1).

Plug & Play Generative Networks, Fig. 3: h1 is layer pool5 and h is layer fc6 of AlexNet (after its ReLU, as in the
released code, where the ReLU works in place); here any two named layers of any network.
"""

from __future__ import annotations

import math

from torch import Tensor

from replications.networks.graph import Node
from replications.networks.network import Network


class Encoder:
    """A network read at two of its layers.

    code_size: numbers in a code. comparator_size: numbers in the comparator layer's output for one image.
    """

    def __init__(self, network: Network, code_layer: str, comparator_layer: str) -> None:
        """Raises:
        UnknownLayer: the network has no layer of that name.
        ValueError: the code isn't computed from the comparator layer alone.
        """
        self.network, self.code_layer, self.comparator_layer = network, code_layer, comparator_layer
        self.code_size = math.prod(network.shape(code_layer))
        self.comparator_size = math.prod(network.shape(comparator_layer))
        self._after = _between(network, comparator_layer, code_layer)

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (n, 3, H, W) in [0, 1] -> (h1 as the layer gives it, code (n, code_size)), from one pass."""
        found = self.network.activations([self.comparator_layer, self.code_layer], images)
        return found[self.comparator_layer], found[self.code_layer].flatten(1)

    def comparator(self, images: Tensor) -> Tensor:
        """images (n, 3, H, W) in [0, 1] -> the comparator layer's output; nothing above it is run."""
        return self.network.forward_to(self.comparator_layer, images)

    def code(self, images: Tensor) -> Tensor:
        """images (n, 3, H, W) in [0, 1] -> codes (n, code_size)."""
        return self.network.forward_to(self.code_layer, images).flatten(1)

    def code_of(self, comparator: Tensor) -> Tensor:
        """What the network makes of the comparator layer's output: codes (n, code_size)."""
        values = {self.comparator_layer: comparator}
        for node in self._after:
            values[node.name] = node.module(*[values[name] for name in node.inputs])
        return values[self.code_layer].flatten(1)


def _between(network: Network, comparator_layer: str, code_layer: str) -> tuple[Node, ...]:
    """The nodes after the comparator layer up to the code's."""
    before = {node.name for node in network.ancestors(comparator_layer)}
    after = tuple(node for node in network.ancestors(code_layer) if node.name not in before)
    known = {comparator_layer, *(node.name for node in after)}
    strangers = [name for node in after for name in node.inputs if name not in known]
    if strangers or (code_layer not in known):
        reads = f"what lies between also reads '{strangers[0]}'" if strangers else "it lies below"
        raise ValueError(
            f"the code must be computed from the comparator layer alone, but in network '{network.name}' layer "
            f"'{code_layer}' isn't computed from '{comparator_layer}' alone: {reads}; name a layer that all paths to "
            f"'{code_layer}' lead through"
        )
    return after
