"""The deconvnet as something to differentiate: what an attack needs that knows what the deconvnet will show.

The rules are those of `zeiler.deconvnet_rules`, and so are the projections; here they are applied to whole maps under
autograd, so that a projection can be differentiated with respect to the image: through the activation that it starts
from and the denominators of contrast normalization. The switches are held, as they are wherever they don't jump.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from replications.networks.graph import INPUT, Node
from replications.networks.network import Network
from replications.zeiler import deconvnet_rules as rules
from replications.zeiler.deconvnet_windows import Shape, Spans, whole


class Ascent:
    """One forward pass up to `layer` that signals can be taken down from.

    inputs: (N, 3, H, W), what the network reads. activations: (N, C, H', W') of the layer. Both differentiable.
    """

    def __init__(self, network: Network, images: Tensor, layer: str) -> None:
        """images: (N, 3, H, W) in [0, 1]. Raises UnknownLayer, and NoRule for an operation without a rule."""
        self._nodes = network.ancestors(layer)
        self.inputs = network.preprocess(images)
        self._stored: dict[str, Tensor | None] = {}
        values = {INPUT: self.inputs}
        for node in self._nodes:
            values[node.name], self._stored[node.name] = rules.forward(node, [values[name] for name in node.inputs])
        self._shapes: dict[str, Shape] = {name: tuple(value.shape[1:]) for name, value in values.items()}
        self._layer = self._nodes[-1].name
        self.activations = values[self._layer]

    def project(self, signals: Tensor) -> Tensor:
        """signals: of the activations' shape, those of each image. Returns (N, 3, H, W) in the network's input."""
        pending = {self._layer: signals}
        for node in reversed(self._nodes):
            shapes = [self._shapes[name] for name in node.inputs]
            results = rules.backward(node, pending.pop(node.name), self._stored[node.name], shapes)
            spans = rules.spans_of(node, shapes[0])
            for name, result in zip(node.inputs, results, strict=True):
                fitted = result if spans is None else _without_padding(result, node, spans, self._shapes)
                pending[name] = pending[name] + fitted if name in pending else fitted
        return pending[INPUT]


def _without_padding(result: Tensor, node: Node, spans: Spans, shapes: dict[str, Shape]) -> Tensor:
    """What the rule gives over all that the operation's windows cover, cut or filled up to the map that it reads."""
    borders: list[int] = []
    for window, span, extent in zip(whole(shapes[node.name]), spans, shapes[node.inputs[0]][1:], strict=True):
        below = window.below(span)
        borders = [below.offset, extent - below.offset - below.size, *borders]  # F.pad begins with the last axis
    return F.pad(result, borders) if any(borders) else result
