"""Where activation maximization begins: for each facet the mean of the images nearest its centre.

Nguyen, Yosinski & Clune 2016, Algorithm 1, step 5: the mean of the 15 images nearest the centre of a cluster.

A reading: the nearest are taken from the cluster itself, so that no picture mixes two clusters. A cluster of fewer
images gives them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from replications.data.image_set import ImageSet
from replications.multifaceted.facets import Facets, Integers


def nearest_images(facets: Facets, count: int) -> tuple[Integers, ...]:
    """For each cluster the rows of its `count` images nearest its centre, nearest first; of equals the first row.

    Clusters with fewer images give all they have; none is empty. Raises ValueError where `count` is below 1.
    """
    check_nearest(count)
    chosen = []
    for cluster, centre in enumerate(facets.centres):
        rows = np.flatnonzero(facets.labels == cluster)
        distances = np.square(facets.points[rows] - centre).sum(1)
        chosen.append(rows[np.argsort(distances, kind="stable")[:count]])
    return tuple(chosen)


def check_nearest(count: int) -> None:
    """Raises ValueError where no image is to be behind a mean image."""
    if count < 1:
        raise ValueError(f"a mean needs at least 1 image, found nearest={count}")


def mean_images(images: ImageSet, indices: Sequence[int] | Tensor, nearest: Sequence[Integers]) -> Tensor:
    """(k, 3, size, size) float32 in [0, 1]: the mean image of each cluster.

    indices: (N,) the image behind each row of the facets. nearest: as from `nearest_images`.
    """
    numbers = torch.as_tensor(indices, dtype=torch.int64)
    means = [images.images(numbers[torch.from_numpy(rows)]).double().mean(0) for rows in nearest]
    return torch.stack(means).float()


def start_images(means: Tensor, size: int) -> Tensor:
    """(k, 3, size, size) in [0, 1]: mean images as starts for a network that reads `size` pixels a side.

    means: (k, 3, H, W) in [0, 1]; enlarged bilinearly, shrunk with averaging. Raises ValueError for another shape.
    """
    if means.ndim != 4 or means.shape[1] != 3:
        raise ValueError(f"expected mean images as (k, 3, H, W), found the shape {tuple(means.shape)}")
    if means.shape[2:] == (size, size):
        return means.clone()
    return functional.interpolate(means, (size, size), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
