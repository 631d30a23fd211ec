"""The facets of each class's unit with their mean images: Algorithm 1 up to where activation maximization begins."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from replications.multifaceted.agreement import Job, one_number, run_jobs
from replications.multifaceted.facets import Clustering, Facets, Integers
from replications.multifaceted.images import NoImages, image_features
from replications.multifaceted.mean_images import check_nearest, mean_images, nearest_images
from replications.multifaceted.samples import Sample, samples
from replications.networks.network import Network, UnknownClass
from replications.networks.unit import Unit
from replications.suite.interface import Context


@dataclasses.dataclass(frozen=True, eq=False)
class ClassFacets:
    """The facets of one class's unit, from one set of its images.

    sample: the images. name: the class, as the images call it. unit: the network's for this class.
    facets: found among them. nearest: for each facet the rows of `sample.indices` that are nearest its centre.
    means: (k, 3, size, size) in [0, 1], the mean image of each facet.
    """

    sample: Sample
    name: str
    unit: Unit
    facets: Facets
    nearest: tuple[Integers, ...]
    means: Tensor

    @property
    def title(self) -> str:
        """What people call the class."""
        return self.sample.title


def class_unit(network: Network, name: str) -> Unit | None:
    """The unit of the class, None where the network doesn't know it (or knows several of that name)."""
    try:
        return Unit(network.layers[-1], network.class_index(name))
    except UnknownClass:
        return None


def known_classes(context: Context) -> int:
    """How many classes of the data the network has a unit for."""
    return sum(class_unit(context.network, name) is not None for name in context.data.train.classes)


def draw_samples(
    context: Context, images: int, sets: int, classes: int | None = None
) -> tuple[list[Sample], list[Unit], list[str]]:
    """Sets of images of each class that the network has a unit for, these units, and notes on what was left out.

    As `samples`; the sets of one experiment are the same whatever is done with them.
    """
    train, network = context.data.train, context.network
    drawn, lacking = samples(train, images, sets, functools.partial(context.generator, "images"), classes)
    notes = [f"Fewer than {images} images, so left out: {', '.join(lacking)}."] if lacking else []
    found = [(sample, class_unit(network, train.classes[sample.label])) for sample in drawn]
    unknown = dict.fromkeys(sample.title for sample, unit in found if unit is None)
    if unknown:
        notes.append(f"Network '{network.name}' has no unit for {', '.join(unknown)}, so left out.")
    return [sample for sample, unit in found if unit], [unit for _, unit in found if unit], notes


def class_facets(
    context: Context,
    drawn: Sequence[Sample],
    units: Sequence[Unit],
    *,
    layer: int,
    clustering: Mapping[str, Any],
    nearest: int,
    largest_map: int | None,
) -> list[ClassFacets]:
    """The facets of each set of images.

    drawn, units: as from `draw_samples`. layer: number of the paper's layer whose features are clustered. clustering:
    the settings of `Clustering` with one number of clusters. nearest: images behind a mean image. largest_map: see
    `image_features`.

    Raises, before anything is computed: UnknownLayer; NoImages where nothing is drawn; TooFewImages; ValueError.
    """
    train, network = context.data.train, context.network
    name = network.paper_layer(layer)
    k = one_number(clustering)
    check_nearest(nearest)
    if not drawn:
        raise NoImages(
            f"there are no images to cluster: no class of {train.name} has enough and is known to the network"
        )
    for sample in drawn:
        Clustering(**clustering).check(len(sample.indices))
    batches = functools.partial(context.progress, description=f"looking at images, layer {layer}")
    indices = torch.cat([sample.indices for sample in drawn])
    features = image_features(network, [name], train, indices, largest_map=largest_map, progress=batches)[name]
    jobs = []
    parts = np.split(features, np.cumsum([len(sample.indices) for sample in drawn])[:-1])
    for sample, rows in zip(drawn, parts, strict=True):
        seed = context.generator("clusters", sample.number).initial_seed() % 2**32
        jobs.append(Job(rows, Clustering(**clustering), (k,), seed))
    done = run_jobs(jobs, lambda results: context.progress(results, f"clustering by layer {layer}", len(jobs)))
    found = []
    for sample, unit, made in zip(drawn, units, done, strict=True):
        facets = made[k]
        close = nearest_images(facets, nearest)
        means = mean_images(train, sample.indices, close)
        found.append(ClassFacets(sample, train.classes[sample.label], unit, facets, close, means))
    return found
