"""The layers that the survey's pictures go through, from the first to the classes."""

from __future__ import annotations

from collections.abc import Sequence

from replications.networks.network import Network

CLASSES = "classes"


def layers_by_title(network: Network, numbers: Sequence[int]) -> dict[str, str]:
    """By words for it, the node of each of the paper's layers `numbers`, and last of the classes.

    A layer is where its feature maps are, after rectification; one without maps of its own is what the next one reads.
    """
    last = network.layers[-1]
    found = {f"layer {n}": network.unit_layers.get(n) or network.paper_layer(n) for n in numbers}
    return {title: layer for title, layer in found.items() if layer != last} | {CLASSES: last}


def lacking_layers(network: Network, numbers: Sequence[int]) -> str | None:
    """Which of the numbered layers the network doesn't name, as one sentence, or None."""
    absent = [n for n in numbers if n not in network.unit_layers and n not in network.paper_layers]
    if not absent:
        return None
    known = sorted({*network.unit_layers, *network.paper_layers})
    return (
        f"needs the paper's layers {absent}, which network '{network.name}' doesn't name; it names "
        f"{', '.join(map(str, known)) or 'none'}"
    )
