"""A held-out network that looks at pictures: what it takes them for, which facets it finds, how far they are apart.

It took no part in making the pictures. Where its classes are facets ("dog/standing", as facetworld's evaluator has
them) it tells facets; where they aren't, clusters of natural images in its features stand for them.
"""

from __future__ import annotations

import dataclasses
import functools

import torch
from torch import Tensor

from metrics.clusters import NaturalClusters, cluster_recall, natural_clusters
from metrics.facets import Recall, facet_purity, facet_recall
from metrics.feature_space import Features
from metrics.perceptual import Backbone
from replications.data.image_set import ImageSet
from replications.multifaceted.facets import TooFewImages
from replications.multifaceted.images import class_images
from replications.networks.network import Network

_WITH_WEIGHTS = ("conv", "linear")
_AFTER_A_BLOCK = ("relu", "leaky_relu", "cat", "add")
_BATCH = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Seen:
    """What the judge makes of n pictures.

    probabilities: (n, outputs of the judge). features: its own of each picture, of unit length (see `Judge.layer`).
    """

    probabilities: Tensor
    features: Features


class Judge:
    """evaluator: the network that judges. natural: images that none of the pictures started from (validation images).

    clusters: of the natural images of a class, in place of facets where these aren't known. seed: of the clusters.

    Raises:
        ValueError: fewer than two clusters.
        NoImages: asked for natural images of a class that has none.
        TooFewImages: asked for clusters of a class that has no more images than clusters.
    """

    def __init__(self, evaluator: Network, natural: ImageSet, *, clusters: int, seed: int = 0) -> None:
        if clusters < 2:
            raise ValueError(
                f"clusters of natural images can stand for facets if there are at least 2, found {clusters}"
            )
        self.network, self.images, self.clusters, self.seed = evaluator, natural, clusters, seed
        self.layer = feature_layer(evaluator)

    @property
    def name(self) -> str:
        return self.network.name

    def facets_of(self, name: str) -> list[int]:
        """The judge's outputs that are facets of a class; none where its outputs are classes."""
        return [i for i, own in enumerate(self.network.classes) if own.partition("/")[0] == name and "/" in own]

    def tells_facets(self, name: str) -> bool:
        return bool(self.facets_of(name))

    def outputs_of(self, name: str) -> list[int]:
        """The judge's outputs for a class: its facets', or its own. Raises UnknownClass where there is neither."""
        return self.facets_of(name) or [self.network.class_index(name)]

    @torch.inference_mode()
    def see(self, images: Tensor) -> Seen:
        """images: (n, 3, H, W) in [0, 1]."""
        probabilities, features = [], []
        for part in images.split(_BATCH):
            found = self.network.activations([self.layer, self.network.layers[-1]], part)
            own = found[self.layer]
            features.append((own.flatten(2).mean(2) if own.ndim > 2 else own).cpu())
            probabilities.append(found[self.network.layers[-1]].flatten(1).softmax(1).cpu())
        space = f"{self.name}/{self.layer}"
        return Seen(torch.cat(probabilities), Features(torch.cat(features), space).unit_length())

    def class_probability(self, seen: Seen, name: str) -> Tensor:
        """(n,) float64 in [0, 1] of the class: the sum over its facets where the judge tells facets."""
        return seen.probabilities[:, self.outputs_of(name)].double().sum(1)

    def recall(self, seen: Seen, name: str, images: int | None = None) -> Recall:
        """The share of the class's facets (or clusters of its natural images) that the pictures show; higher is better.

        images: for how many pictures it is stated, all if None; see `Recall`.
        """
        if self.tells_facets(name):
            return facet_recall(seen.probabilities, self.facets_of(name), evaluator=self.name, images=images)
        return cluster_recall(seen.features.values, self._natural_clusters(name), images=images)

    def purity(self, seen: Seen, name: str) -> Tensor | None:
        """(n,) in [0, 1]: how far each picture shows one facet and nothing else; None where no facets are told."""
        return facet_purity(seen.probabilities, self.facets_of(name)) if self.tells_facets(name) else None

    def natural(self, name: str) -> tuple[Tensor, Seen]:
        """The validation images of a class, (N, 3, size, size) in [0, 1], and what the judge makes of them."""
        return self._natural_images(name), self._seen_naturally(name)

    @functools.cached_property
    def backbone(self) -> Backbone:
        """Perceptual distances in the judge, in the maps of `perceptual_layers`."""
        layers = perceptual_layers(self.network)

        def maps(images: Tensor) -> list[Tensor]:
            found = self.network.activations(layers, images)
            return [found[layer].cpu() for layer in layers]

        return Backbone(f"{self.name}/{'+'.join(layers)}", maps)

    @functools.cache  # noqa: B019 - lives as long as the experiment
    def _seen_naturally(self, name: str) -> Seen:
        return self.see(self._natural_images(name))

    @functools.lru_cache(maxsize=1)  # noqa: B019 - one class at a time is looked at
    def _natural_images(self, name: str) -> Tensor:
        return self.images.images(class_images(self.images, name))

    @functools.cache  # noqa: B019 - lives as long as the experiment
    def _natural_clusters(self, name: str) -> NaturalClusters:
        features = self._seen_naturally(name).features
        if len(features) <= self.clusters:
            raise TooFewImages(
                f"{self.clusters} clusters of natural images are to stand for the facets of '{name}', which "
                f"{self.name} doesn't tell, and there are only {len(features)} in {self.images.name}; ask for fewer "
                "clusters, or give more images"
            )
        return natural_clusters(features.values, self.clusters, space=features.space, seed=self.seed)


def feature_layer(network: Network) -> str:
    """What the last weights of the network read: the features that its classes are told from."""
    last = next(node for node in reversed(network.nodes) if node.kind in _WITH_WEIGHTS)
    return last.inputs[0]


def perceptual_layers(network: Network) -> tuple[str, ...]:
    """The last rectified layer (or sum, or concatenation) at each size of map below the network's last weights."""
    last = next(node for node in reversed(network.nodes) if node.kind in _WITH_WEIGHTS)
    by_size: dict[tuple[int, ...], str] = {}
    for node in network.ancestors(last.inputs[0]):
        shape = network.shape(node.name)
        if node.kind in _AFTER_A_BLOCK and len(shape) == 3:
            by_size[shape[1:]] = node.name
    return tuple(by_size.values())
