"""Whether the clusters of a class's images are its facets, which are known.

Nguyen, Yosinski & Clune 2016, Algorithm 1, steps 1 to 4, on images of a few classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from replications.multifaceted.agreement import agreement, one_number
from replications.multifaceted.facets import Clustering, find_facets
from replications.multifaceted.images import class_images, image_features
from replications.multifaceted.samples import known_facets
from replications.regress.probe import Found, Probe, Quantity, drawn, first_classes
from replications.suite.interface import Context

AGREEMENT, COUNT, LARGEST, SILHOUETTE = "adjusted Rand index", "clusters", "largest cluster", "silhouette"


@dataclass(frozen=True)
class Facets(Probe):
    """classes: the first so many of the data. images: of a class, drawn for a seed from its first `among`. layer: the
    paper's number of the layer whose features are clustered. clustering: the settings of `Clustering`, with one number
    of clusters."""

    name: ClassVar[str] = "facets"
    title: ClassVar[str] = "Whether clusters of a class's images are its facets"
    needs: ClassVar[tuple[Literal["network", "data"], ...]] = ("network", "data")
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity(AGREEMENT, "of clusters and facets, 1 for the facets themselves, 0 for chance", "higher", 0.02),
        Quantity(COUNT, "clusters that have images", "none", 0.1),
        Quantity(LARGEST, "share of the images in the largest cluster, 0 to 1", "none", 0.02),
        Quantity(SILHOUETTE, "mean silhouette of the images, -1 to 1", "higher", 0.01),
    )

    protocol: Mapping[str, Any]
    classes: int
    images: int
    among: int
    layer: int
    clustering: Mapping[str, Any]

    def __post_init__(self) -> None:
        one_number(self.clustering)

    def look(self, context: Context, seed: int, prepared: None) -> Iterator[Found]:
        train, network = context.data.train, context.network
        layer, settings = network.paper_layer(self.layer), Clustering(**self.clustering)
        for name in first_classes(train, self.classes):
            own = class_images(train, name)[: self.among]
            indices = own[drawn(self.images, len(own), context.generator("images", name, seed))]
            features = image_features(network, [layer], train, indices)[layer]
            random = context.generator("clusters", name, seed).initial_seed() % 2**32
            found = find_facets(features, settings, random)
            labels, _ = known_facets(train, indices)
            values = {
                AGREEMENT: agreement(found.labels, labels).ari,
                COUNT: float((found.sizes > 0).sum()),
                LARGEST: float(found.sizes.max() / len(labels)),
            }
            if found.count in found.silhouettes:  # there is none of a single cluster
                values[SILHOUETTE] = found.silhouettes[found.count]
            yield Found(name, "class", values)
