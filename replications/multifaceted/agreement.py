"""How well clusters of images agree with the facets that are known, and clusterings of many sets at once.

Nothing here loads PyTorch, so that the processes which cluster start quickly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from metrics.statistics import cluster_bootstrap
from replications.multifaceted.facets import Clustering, Facets, Floats, embed, partitions
from replications.workers import side_by_side

_WORTH_A_PROCESS = 8


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Clusters beside known facets.

    ari: adjusted Rand index, 1 for the facets themselves, 0 on average for chance, below 0 for less.
    ami: adjusted mutual information, likewise.
    purity: share of the images that are of their cluster's commonest facet, in (0, 1]; grows with the clusters.
    """

    ari: float
    ami: float
    purity: float


def agreement(clusters: ArrayLike, facets: ArrayLike) -> Agreement:
    """clusters, facets: (N,) the cluster and the known facet of each image."""
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
    from sklearn.metrics.cluster import contingency_matrix

    found, known = np.asarray(clusters), np.asarray(facets)
    table = contingency_matrix(known, found)
    return Agreement(
        float(adjusted_rand_score(known, found)),
        float(adjusted_mutual_info_score(known, found)),
        float(table.max(0).sum() / table.sum()),
    )


def most_even(facets: ArrayLike, clusters: int) -> Agreement:
    """The agreement of clusters that each hold one facet, all about the same size: what more clusters than facets can
    reach at most, if they are even. clusters: at least as many as there are facets, at most as many as images.
    """
    known = np.asarray(facets)
    names, counts = np.unique(known, return_counts=True)
    if not len(names) <= clusters <= len(known):
        raise ValueError(f"expected {len(names)} to {len(known)} clusters, one facet each, found {clusters}")
    shares = np.ones(len(names), dtype=np.int64)
    for _ in range(clusters - len(names)):
        shares[np.argmax(counts / shares)] += 1
    ideal = np.empty(len(known), dtype=np.int64)
    for name, share, first in zip(names, shares, np.cumsum(shares) - shares, strict=True):
        rows = np.flatnonzero(known == name)
        ideal[rows] = first + np.arange(len(rows)) % share
    return agreement(ideal, known)


def one_number(clustering: Mapping[str, Any]) -> int:
    """The number of clusters in settings that have to name one. Raises ValueError where they name several."""
    tried = Clustering(**clustering).tried
    if len(tried) != 1:
        raise ValueError(
            f"clustering.clusters must be one number here, found {list(tried)}; the experiment 'clusters' tries several"
        )
    return tried[0]


def over_classes(values: Sequence[float], classes: Sequence[str]) -> str:
    """ "0.412 (0.350 to 0.471)": the mean with its 95 % interval from a bootstrap over the classes, for a table.

    classes: the class behind each value.
    """
    mean, low, high = cluster_bootstrap(values, classes)
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"


@dataclasses.dataclass(frozen=True)
class Job:
    """One set of images to cluster: features (N, D), into each number of clusters in `tried`."""

    features: Floats
    clustering: Clustering
    tried: tuple[int, ...]
    seed: int


def run_job(job: Job) -> dict[int, Facets]:
    """By the number of clusters the facets found, all on the same map."""
    return partitions(embed(job.features, job.clustering, job.seed), job.tried, job.seed)


def run_jobs(
    jobs: Sequence[Job], progress: Callable[[Iterable[dict[int, Facets]]], Iterable[dict[int, Facets]]] = iter
) -> list[dict[int, Facets]]:
    """`run_job` of each, in order, by as many processes as there are cores; how many makes no difference.

    progress: wraps the results as they come.
    """
    return list(progress(side_by_side(run_job, [(job,) for job in jobs], len(jobs) // _WORTH_A_PROCESS)))
