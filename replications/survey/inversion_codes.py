"""What an inversion is shown of an image: the output of a layer, or the class probabilities."""

from __future__ import annotations

from torch import Tensor

from replications.networks.network import Network

PROBABILITIES = "probabilities"


def code_shape(network: Network, layer: str) -> tuple[int, ...]:
    """(C, H, W) or (C,) of `codes` for one image. Raises UnknownLayer."""
    return (len(network.classes),) if layer == PROBABILITIES else network.shape(layer)


def codes(network: Network, layer: str, images: Tensor) -> Tensor:
    """images (n, 3, H, W) in [0, 1] -> (n, C, H, W) or (n, C), of a layer or of "probabilities", the softmax of the
    last one; runs nothing above it. Raises UnknownLayer."""
    return network.probabilities(images) if layer == PROBABILITIES else network.forward_to(layer, images)
