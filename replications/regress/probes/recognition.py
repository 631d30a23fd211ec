"""What the networks that come with the project make of images that they weren't trained on.

Colours in another order, a preprocessing that is left out and weights that aren't loaded leave a network that still
runs, and pictures of its units that still look like something. Its accuracy tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.networks import residual
from replications.networks.network import Network
from replications.regress.probe import Found, Probe, Quantity, drawn
from replications.suite.interface import Context
from replications.survey.known_networks import ARCHITECTURES, load

TOP1, PROBABILITY = "top-1", "probability"

# What may build the networks; imported, so that a change of their code makes outcomes stale.
BUILT_BY = (*ARCHITECTURES, residual)


@dataclass(frozen=True)
class Recognition(Probe):
    """networks: by name the configuration of each, as in conf/network; their outputs are classes, or facets of them.

    images: validation images drawn for a seed. batch: images at a time.
    """

    name: ClassVar[str] = "recognition"
    title: ClassVar[str] = "What the networks of the project recognize"
    needs: ClassVar[tuple[Literal["data"], ...]] = ("data",)
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity(TOP1, "share of the images whose class or facet is found the likeliest, 0 to 1", "higher", 0.01),
        Quantity(PROBABILITY, "mean probability of the image's own class or facet, 0 to 1", "higher", 0.01),
    )

    protocol: Mapping[str, Any]
    networks: Mapping[str, Mapping[str, Any]]
    images: int
    batch: int

    def prepared(self, context: Context) -> dict[str, Network]:
        return {name: load(config, context.device) for name, config in self.networks.items()}

    def look(self, context: Context, seed: int, prepared: dict[str, Network]) -> Iterator[Found]:
        images = context.data.validation
        indices = drawn(self.images, len(images), context.generator("images", seed))
        pictures = images.images(indices)
        for name, network in prepared.items():
            rows, outputs = self._truth(network, images, indices)
            with torch.inference_mode():
                parts = [network.probabilities(part).cpu() for part in pictures[rows].split(self.batch)]
            found = torch.cat(parts)
            values = {
                TOP1: float((found.argmax(1) == outputs).double().mean()),
                PROBABILITY: float(found.gather(1, outputs[:, None]).double().mean()),
            }
            yield Found(name, "network", values)

    def _truth(self, network: Network, images: ImageSet, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Which of the images are of a class that the network knows, and its output for each of those."""
        tells_facets = any("/" in title for title in network.classes)
        names, labels = images.classes, images.labels
        if tells_facets:
            names, labels = images.facets, images.facet_labels  # type: ignore[attr-defined]
        output = torch.tensor([network.class_index(name) if name in network.classes else -1 for name in names])
        wanted = output[labels[indices]]
        rows = (wanted >= 0).nonzero().flatten()
        return rows, wanted[rows]
