"""The facets of a unit: clusters of the images that it likes.

Nguyen, Yosinski & Clune 2016, Algorithm 1, steps 2 to 4: the images' features in a layer are reduced to 50 dimensions
by PCA and to two by t-SNE, and k-means parts the map into k clusters. PCA, t-SNE and k-means are scikit-learn's.

What the sources that could be read don't say, and what is done here:
- t-SNE's settings: perplexity is a setting; the map starts from the first two principal components, which needs no
  random numbers, and takes 1000 steps.
- Which of several k-means solutions is kept: the best of ten starts.

A clustering is a function of the set of images and the seed: neither the order in which the images come matters nor
how many threads there are. t-SNE amplifies any difference in rounding, so the rows are sorted first and one thread
computes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_STARTS = 10


class FacetError(ValueError):
    """These images have no facets that could be found. The message says why and what to do."""


class TooFewImages(FacetError):
    """Fewer images than the clusters or the map need."""


class DeadFeatures(FacetError):
    """All images look the same to the layer, or the unit fires for none of them."""


@dataclasses.dataclass(frozen=True)
class Clustering:
    """How images are parted.

    components: of the PCA, at most; no more than there are images or features.
    embedding: "tsne" parts the map of two dimensions, as published; "none" the principal components themselves.
    perplexity: of t-SNE, about the number of an image's neighbours.
    clusters: k, or several of which the one with the highest mean silhouette is taken.
    """

    components: int
    embedding: Literal["tsne", "none"]
    perplexity: float
    clusters: int | Sequence[int]

    def __post_init__(self) -> None:
        if self.components < 1:
            raise ValueError(f"the PCA needs at least 1 component, found {self.components}")
        if self.embedding not in ("tsne", "none"):
            raise ValueError(f"expected the embedding 'tsne' or 'none', found '{self.embedding}'")
        if not self.perplexity > 0:
            raise ValueError(f"the perplexity must be positive, found {self.perplexity}")
        if not self.tried or min(self.tried) < 1 or (len(self.tried) > 1 and min(self.tried) < 2):
            raise ValueError(
                f"expected at least 1 cluster, and at least 2 where the silhouette chooses; found {self.clusters}"
            )

    @property
    def tried(self) -> tuple[int, ...]:
        """Every k that is tried, ascending."""
        return (self.clusters,) if isinstance(self.clusters, int) else tuple(sorted(set(self.clusters)))

    def check(self, images: int) -> None:
        """Raises TooFewImages where so many images are too few for the clusters, or for t-SNE's perplexity."""
        if images < max(self.tried):
            raise TooFewImages(
                f"{max(self.tried)} clusters were asked for, but there are only {images} images; ask for fewer "
                "clusters, or give more images"
            )
        least = int(self.perplexity) + 1
        if self.embedding == "tsne" and images < least:
            raise TooFewImages(
                f"t-SNE with a perplexity of {self.perplexity:g} needs at least {least} images, found {images}; "
                "lower the perplexity, or give more images"
            )


@dataclasses.dataclass(frozen=True)
class Facets:
    """Images parted into clusters; number 0 has the most images.

    points: (N, d) float64, where the clusters were found: the map, or the principal components.
    labels: (N,) int64, the cluster of each image. centres: (k, d) float64, the clusters' means.
    silhouettes: the mean silhouette in [-1, 1] of every k that was tried, higher is better; no entry for k = 1 or where
        every image is a cluster.
    """

    points: Floats
    labels: Integers
    centres: Floats
    silhouettes: Mapping[int, float]

    @property
    def count(self) -> int:
        return len(self.centres)

    @property
    def sizes(self) -> Integers:
        """(k,) how many images each cluster has."""
        return np.bincount(self.labels, minlength=self.count)


def find_facets(features: ArrayLike, clustering: Clustering, seed: int) -> Facets:
    """The clusters of images by their features.

    features: (N, D), finite; computed with in float64.

    Raises:
        TooFewImages: fewer different images than clusters, or too few for the perplexity.
        DeadFeatures: all images have the same features.
        ValueError: the features aren't a finite (N, D) array.
    """
    return part(embed(features, clustering, seed), clustering.tried, seed)


def embed(features: ArrayLike, clustering: Clustering, seed: int) -> Floats:
    """(N, d) float64: the points that are to be parted, by PCA and then, unless `embedding` is "none", t-SNE.

    A single component is left as it is: there is nothing to reduce.

    Raises: as `find_facets`.
    """
    values = _checked(features)
    clustering.check(len(values))
    if (values == values[0]).all():
        raise DeadFeatures(
            f"all {len(values)} images have the same features, so there is nothing to tell them apart by; is the layer "
            "dead on these images? Choose another layer or other images"
        )
    order = _canonical(values)
    _check_different(values[order], max(clustering.tried))
    with _one_thread():
        points = _principal_components(values[order], clustering.components)
        if clustering.embedding == "tsne" and points.shape[1] > 1:
            points = _map(points, clustering.perplexity, seed)
    return points[np.argsort(order)]


def part(points: ArrayLike, tried: Sequence[int], seed: int) -> Facets:
    """The points (N, d) parted by k-means; of several k the one with the highest silhouette, of equals the smallest.

    Raises: as `partitions`.
    """
    found = partitions(points, tried, seed)
    silhouettes = {k: value for facets in found.values() for k, value in facets.silhouettes.items()}
    best = max(found, key=lambda k: silhouettes.get(k, -1.0))
    return dataclasses.replace(found[best], silhouettes=silhouettes)


def partitions(points: ArrayLike, tried: Sequence[int], seed: int) -> dict[int, Facets]:
    """The points (N, d) parted by k-means into each number of clusters that is tried.

    Raises:
        TooFewImages: fewer different points than clusters.
        ValueError: the points aren't a finite (N, d) array.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    values = _checked(points)
    order = _canonical(values)
    sorted_points, back = values[order], np.argsort(order)
    _check_different(sorted_points, max(tried))
    found = {}
    with _one_thread():
        for k in tried:
            means = KMeans(k, n_init=_STARTS, random_state=seed).fit(sorted_points)
            can_be_told = 1 < k < len(values)
            silhouettes = {k: float(silhouette_score(sorted_points, means.labels_))} if can_be_told else {}
            labels, centres = _by_size(means.labels_, means.cluster_centers_)
            found[k] = Facets(values, labels[back], centres, silhouettes)
    return found


def _principal_components(values: Floats, components: int) -> Floats:
    from sklearn.decomposition import PCA

    return PCA(min(components, *values.shape), svd_solver="full").fit_transform(values)


def _map(points: Floats, perplexity: float, seed: int) -> Floats:
    from sklearn.manifold import TSNE

    mapped = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(points)
    return np.asarray(mapped, dtype=np.float64)


def _by_size(labels: NDArray[np.int32], centres: Floats) -> tuple[Integers, Floats]:
    """Labels and centres with the clusters in order of their sizes, largest first; equals by their centres."""
    sizes = np.bincount(labels, minlength=len(centres))
    order = np.lexsort((*centres.T[::-1], -sizes))
    return np.argsort(order)[labels].astype(np.int64), centres[order]


def _one_thread() -> AbstractContextManager[object]:
    """Within it BLAS and OpenMP compute with one thread: sums are rounded alike however many cores there are."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


def _canonical(values: Floats) -> Integers:
    """An order of the rows that depends on the rows alone."""
    return np.lexsort(values.T[::-1])


def _checked(features: ArrayLike) -> Floats:
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"expected features of images as (N, D), found the shape {values.shape}")
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).any(1).sum())
        raise ValueError(f"the features must be finite; those of {bad} of {len(values)} images hold nan or infinity")
    return values


def _check_different(rows: Floats, clusters: int) -> None:
    """rows: sorted, so that equal ones are neighbours."""
    different = 1 + int((rows[1:] != rows[:-1]).any(1).sum())
    if different < clusters:
        raise TooFewImages(
            f"{clusters} clusters were asked for, but there are only {different} different images; ask for at most "
            f"{different} clusters, or give more images"
        )
