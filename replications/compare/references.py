"""The natural images that pictures of a unit are compared with, and what is known of them once and for all.

They are validation images that the unit likes: for a class its own images, for a hidden unit those that excite it most.
Methods see training images alone, so no picture is compared with what it was made from. What is known of them depends
on no picture, so it is kept in files, by all that determines it, and shared between comparisons.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from metrics.clusters import NaturalClusters, natural_clusters
from metrics.colour import colour_histograms
from metrics.feature_space import Features
from metrics.manifold import neighbour_radii
from metrics.perceptual import all_pairs
from metrics.spectrum import log_power
from replications.compare.kept import digest_of, held, keep
from replications.data.image_set import ImageSet
from replications.multifaceted.judge import Judge

Progress = Callable[[Iterable[Any], str, int], Iterator[Any]]

MOST = 100  # natural images of a unit, at most, drawn at random among those that it likes
COMPARED = 40  # of these, whose mean perceptual distance is the scale of distances between pictures
CLOSE, NEAR = 3, 5  # neighbours that a natural image's surroundings reach to: for precision; for all else
_INSIDE = 0.95  # share of a cluster's own images that lie within its radius
_BATCH = 64


@dataclasses.dataclass(frozen=True, eq=False)
class References:
    """Of one unit, M natural images.

    features: (M, D) the judge's, of unit length. histograms: (M, 605) their colours. power: (F,) their mean log power
    at the pictures' size. apart: the mean perceptual distance between them, nan for fewer than two.
    close, near: (M,) the distance to the `CLOSE`-th and `NEAR`-th nearest other; None where there aren't as many.
    clusters: of them, in the judge's features; None where there are no more images than clusters.
    """

    features: Features
    histograms: Tensor
    power: Tensor
    apart: float
    close: Tensor | None
    near: Tensor | None
    clusters: NaturalClusters | None


class NaturalImages:
    """What the judge makes of the validation images looked at, and of those that a unit likes.

    size: in pixels, of the pictures that are compared with them. progress: wraps what takes long (a context's).
    """

    def __init__(self, judge: Judge, size: int, progress: Progress | None = None) -> None:
        self.judge, self.size, self.progress = judge, size, progress

    @property
    def images(self) -> ImageSet:
        return self.judge.images

    @functools.cached_property
    def pool(self) -> Features:
        """(N, D) the judge's features of all images, of unit length, in order."""
        key = self._key("pool")
        kept = held("references", key)
        if kept is None:
            batches: Iterable[Any] = self.images.batches(_BATCH)
            if self.progress is not None:
                batches = self.progress(batches, "looking at natural images", self.images.batch_count(_BATCH))
            values = torch.cat([self.judge.see(images).features.values for _, images, _ in batches])
            kept = {"values": values}, {}
            keep("references", key, *kept)
        return Features(kept[0]["values"], f"{self.judge.name}/{self.judge.layer} (unit length)")

    def references(self, indices: Tensor, clusters: int, seed: int) -> References:
        """Of the images at `indices`. clusters: how many; seed: theirs."""
        features = Features(self.pool.values[indices], self.pool.space)
        key = self._key("references", self.size, hashlib.sha256(indices.numpy().tobytes()).hexdigest(), clusters, seed)
        kept = held("references", key)
        if kept is None:
            kept = self._found(features, indices, clusters, seed), {}
            keep("references", key, *kept)
        known = kept[0]
        return References(
            features,
            known["histograms"].double(),
            known["power"],
            float(known["apart"]),
            known.get("close"),
            known.get("near"),
            _clusters(known, features.space),
        )

    def _found(self, features: Features, indices: Tensor, clusters: int, seed: int) -> dict[str, Tensor]:
        images = resized(self.images.images(indices), self.size)
        apart = torch.nan
        if len(indices) > 1:
            apart = all_pairs(self.judge.backbone, images[:COMPARED]).mean().value
        found = {
            "histograms": colour_histograms(images).float(),
            "power": torch.cat([log_power(part) for part in images.split(_BATCH)]).mean(0),
            "apart": torch.tensor(apart, dtype=torch.float64),
        }
        for name, neighbours in (("close", CLOSE), ("near", NEAR)):
            if len(indices) > neighbours:
                found[name] = neighbour_radii(features.values, neighbours)
        if len(indices) > clusters:
            made = natural_clusters(features.values, clusters, space=features.space, inside=_INSIDE, seed=seed)
            found |= {"centres": made.centres, "radii": made.radii, "shares": made.shares}
        return found

    def _key(self, kind: str, *determined_by: str | int) -> str:
        network = self.judge.network
        about = {"judge": network.fingerprint, "device": network.device.type, "images": self.images.fingerprint}
        return digest_of({"kind": kind, **about, "of": list(determined_by)}, __name__)


def resized(images: Tensor, size: int) -> Tensor:
    """(n, 3, size, size) in [0, 1]."""
    if tuple(images.shape[2:]) == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)


def _clusters(known: dict[str, Tensor], space: str) -> NaturalClusters | None:
    if "shares" not in known:
        return None
    return NaturalClusters(space, known["centres"], known["radii"], known["shares"], _INSIDE)
