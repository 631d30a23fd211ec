"""What subjects like, in clusters: Algorithm 1 of Nguyen, Yosinski & Clune 2016 up to the mean image of each cluster.

The embedding by t-SNE takes longer than all the rest, and several methods begin with it, so what it gave is kept in the
cache by all that decides it: the features themselves, the settings, the seed, the code, and who computes.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from replications.compare.kept import digest_of, held, keep
from replications.compare.material import Material
from replications.multifaceted.agreement import Job, run_jobs
from replications.multifaceted.facets import Clustering, Facets
from replications.multifaceted.images import image_features
from replications.multifaceted.mean_images import mean_images, nearest_images, start_images

_CODE = "replications.multifaceted.facets"
_COMPUTE = ("numpy", "scipy", "scikit-learn")


def means_of_clusters(
    material: Material,
    liked: Sequence[Tensor],
    *,
    layer: int,
    clustering: Mapping[str, Any],
    nearest: int,
    largest_map: int | None,
) -> Tensor:
    """(subjects, n, 3, S, S) in [0, 1], S what the network reads: the mean images of n clusters of each subject, those
    of the largest cluster first.

    liked: for each subject the training images that are clustered. layer: number of the paper's layer whose features
    are. clustering: the settings of `Clustering` but for the number of clusters, which is that of the pictures.
    nearest: images behind a mean. largest_map: see `image_features`.

    Raises UnknownLayer; FacetError where the images of a subject can't be parted into so many clusters.
    """
    settings = Clustering(**{**clustering, "clusters": material.pictures})
    sizes = [len(own) for own in liked]
    for size in sizes:
        settings.check(size)
    name = material.network.paper_layer(layer)
    features = image_features(
        material.network,
        [name],
        material.images,
        torch.cat(list(liked)),
        largest_map=largest_map,
        progress=functools.partial(material.progress, description=f"looking at images, layer {layer}"),
    )[name]
    parts = np.split(features, np.cumsum(sizes)[:-1])
    seeds = [material.generator("clusters", subject.unit.name).initial_seed() % 2**32 for subject in material.subjects]
    jobs = [Job(rows, settings, settings.tried, seed) for rows, seed in zip(parts, seeds, strict=True)]
    found = clustered(jobs, material)
    means = [
        mean_images(material.images, own, nearest_images(facets, nearest))
        for own, facets in zip(liked, found, strict=True)
    ]
    size = material.network.input_size
    return start_images(torch.cat(means), size).unflatten(0, (len(liked), material.pictures))


def clustered(jobs: Sequence[Job], material: Material) -> list[Facets]:
    """The clusters of each job, each with one number of them; those that the cache has aren't computed."""
    digests = [_digest(job) for job in jobs]
    found = [_held(digest) for digest in digests]
    missing = [i for i, facets in enumerate(found) if facets is None]
    if missing:
        done = run_jobs(
            [jobs[i] for i in missing],
            lambda results: material.progress(results, "clustering what units like", len(missing)),
        )
        for i, by_number in zip(missing, done, strict=True):
            (facets,) = by_number.values()
            values = {"points": facets.points, "labels": facets.labels, "centres": facets.centres}
            keep("facets", digests[i], {name: torch.from_numpy(value) for name, value in values.items()}, {})
            found[i] = facets
    return [facets for facets in found if facets is not None]


def _digest(job: Job) -> str:
    return digest_of(
        {
            "features": hashlib.sha256(np.ascontiguousarray(job.features).tobytes()).hexdigest(),
            "shape": list(job.features.shape),
            "clustering": dataclasses.asdict(job.clustering),
            "tried": list(job.tried),
            "seed": job.seed,
            "libraries": {name: version(name) for name in _COMPUTE},
        },
        _CODE,
    )


def _held(digest: str) -> Facets | None:
    kept = held("facets", digest)
    if kept is None:
        return None
    points, labels, centres = (kept[0][name].numpy() for name in ("points", "labels", "centres"))
    return Facets(points, labels, centres, {})
