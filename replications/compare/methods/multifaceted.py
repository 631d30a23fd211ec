"""Multifaceted Feature Visualization (Nguyen, Yosinski & Clune 2016): a picture for each cluster of what a unit likes.

The training images of a class, or those that excite a hidden unit most, are parted by their features in fc7 (PCA to 50
dimensions, t-SNE, k-means); activation maximization starts from the mean of the 15 images nearest each centre. There
are as many clusters as pictures are asked for, in place of the paper's ten. Two schedules of the released code start
from the same means: the one for mean images, and the one with centre bias. A control beside them are the means
themselves, not optimized.

What is the same for all methods that optimize is said at the head of `ascent`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from replications.compare.material import Material
from replications.compare.method import ComparedMethod, Family, Made
from replications.compare.methods.ascent import built, passes_of, pictures, within
from replications.compare.methods.clustered import means_of_clusters
from replications.compare.protocol import Protocol
from replications.compare.subjects import known_classes, looked_at
from replications.multifaceted.facets import Clustering
from replications.multifaceted.images import class_images
from replications.multifaceted.mean_images import check_nearest
from replications.suite.interface import Context


@dataclasses.dataclass(frozen=True, kw_only=True)
class FacetMeans(ComparedMethod):
    """The mean images of the clusters.

    layer: number of the paper's layer whose features are clustered. clustering: the settings of `Clustering` but for
    the number of clusters. images: of a unit, at most. nearest: images behind a mean. largest_map: see
    `image_features`.
    """

    family: ClassVar[Family] = "multifaceted"
    optimizes: ClassVar[bool] = False

    title: str
    layer: int
    clustering: Mapping[str, Any]
    images: int
    nearest: int
    largest_map: int | None = None

    def __post_init__(self) -> None:
        check_nearest(self.nearest)
        Clustering(**{**self.clustering, "clusters": 1}).check(self.images)

    def missing(self, context: Context, protocol: Protocol) -> str | None:
        network, train = context.network, context.data.train
        if self.layer not in network.paper_layers:
            return f"needs the paper's layer {self.layer}, which network '{network.name}' doesn't name"
        settings = Clustering(**{**self.clustering, "clusters": protocol.pictures})
        perplexity = settings.perplexity if settings.embedding == "tsne" else 0
        least = max(protocol.pictures, int(perplexity) + 1)
        images = looked_at(context, protocol)
        names = [images.classes[label] for label in known_classes(context, protocol, images)]
        smallest = min((len(class_images(train, name)) for name in names), default=len(train))
        drawn = smallest * min(1.0, protocol.training_images / len(train))
        if drawn < least:
            return (
                f"needs {least} images of each class to part, and about {drawn:.0f} of the smallest are among "
                f"the {protocol.training_images} training images of a set; set training_images= of the protocol higher"
            )
        return None

    def visualize(self, material: Material, passes: int | None) -> Made:
        means, seen = self._means(material)
        return Made(means, passes=0.0, looked_at=seen)

    def _means(self, material: Material) -> tuple[Tensor, float]:
        """(subjects, n, 3, S, S), and how many images were looked at for one unit."""
        liked = [material.of_class_or_liked(subject, self.images) for subject in material.subjects]
        means = means_of_clusters(
            material,
            liked,
            layer=self.layer,
            clustering=self.clustering,
            nearest=self.nearest,
            largest_map=self.largest_map,
        )
        # to find what excites a hidden unit, all images are looked at
        seen = [
            len(own) if s.kind == "class" else len(material.indices)
            for s, own in zip(material.subjects, liked, strict=True)
        ]
        return means, sum(seen) / len(seen)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Multifaceted(FacetMeans):
    """Activation maximization from these means. preset: a configuration of conf/method whose pictures are pixels.
    stepped: the factor of its steps.
    """

    optimizes: ClassVar[bool] = True

    preset: Mapping[str, Any]
    stepped: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        built(self.preset, self.stepped)

    def visualize(self, material: Material, passes: int | None) -> Made:
        method = within(built(self.preset, self.stepped), passes)
        means, seen = self._means(material)
        images, notes = pictures(material, method, starts=means)
        return Made(images, passes=float(passes_of(method)), looked_at=seen, notes=notes)
