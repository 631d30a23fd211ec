"""Pictures of hidden units by two methods: samples of a PPGN, and Multifaceted Feature Visualization."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from replications.images.pictures import make_pictures
from replications.images.presets import Method
from replications.multifaceted.agreement import Job, one_number, run_jobs
from replications.multifaceted.facets import Clustering
from replications.multifaceted.images import image_features
from replications.multifaceted.mean_images import mean_images, nearest_images
from replications.multifaceted.unit_fields import before_rectification
from replications.networks.unit import Unit
from replications.ppgn.conditions import LogSoftmax, Reads
from replications.ppgn.parts import AT_ONCE, sample
from replications.ppgn.variants import Variant
from replications.suite.interface import Context


@dataclasses.dataclass(frozen=True)
class Task:
    """A set of pictures of a unit. unit: as it stands in its layer, rectified or not. number: of the set, from 0."""

    unit: Unit
    number: int


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """For each task a set of pictures.

    images: (tasks, pictures, 3, H, W) in [0, 1]. probabilities: (tasks, pictures) of the unit among the units at its
    position, at each sample. notes: on those that came to nothing.
    """

    images: Tensor
    probabilities: Tensor
    notes: list[str]


@dataclasses.dataclass(frozen=True, eq=False)
class Multifaceted:
    """For each task a picture of each facet. images, starts: (tasks, pictures, 3, H, W) in [0, 1]; notes: as above."""

    images: Tensor
    starts: Tensor
    notes: list[str]


def ppgn_pictures(context: Context, variant: Variant, tasks: Sequence[Task], pictures: int) -> Made:
    """Samples of a chain for each task that starts anew after each of them.

    variant: whose settings reset chains, and keep codes before each new start. Raises ValueError for others.
    """
    settings = variant.sampler.settings
    every = settings.reset_every
    if not every or every % settings.keep_every:
        raise ValueError(
            f"samples are the last codes before a chain starts anew, so it has to, and that code to be kept; found "
            f"'{settings.name}' that starts anew every {every} steps and keeps every {settings.keep_every}"
        )
    sampler = dataclasses.replace(variant.sampler, settings=dataclasses.replace(settings, steps=pictures * every))
    asked = [Reads(context.network, _among_others(before_rectification(context.network, t.unit)[0])) for t in tasks]
    numbers = [task.number for task in tasks]
    chains = sample(
        sampler,
        asked,
        seed=context.seed,
        numbers=numbers,
        folder=context.workspace,
        name="units",
        at_once=_even_parts(len(tasks)),
        progress=context.progress,
    )
    last = [chains.kept_steps.index((i + 1) * every) for i in range(pictures)]
    codes = chains.kept[last].transpose(0, 1)
    images = variant.made(codes.flatten(0, 1)).unflatten(0, (len(tasks), pictures))
    notes = [f"The chain of {chains.names[i]} diverged in step {step}." for i, step in chains.diverged.items()]
    return Made(images, chains.kept_values[last].T.exp(), notes)


def mfv_pictures(
    context: Context,
    tasks: Sequence[Task],
    liked: Mapping[tuple[Unit, int], Tensor],
    *,
    method: Method,
    layer: str,
    clustering: Mapping[str, Any],
    nearest: int,
) -> Multifaceted:
    """Activation maximization from the mean image of each cluster of the images that the unit likes.

    liked: by unit and set, the training images. method: its canvas becomes the whole image. layer: whose features are
    clustered. clustering: with one number of clusters, which is the number of pictures. nearest: images behind a mean.
    """
    k = one_number(clustering)
    starts = _means_of_clusters(context, tasks, liked, layer, clustering, nearest)
    made = make_pictures(
        context.network,
        dataclasses.replace(method, canvas="whole"),
        [before_rectification(context.network, task.unit)[0] for task in tasks for _ in range(k)],
        seed=context.seed,
        restarts=[task.number * k + i for task in tasks for i in range(k)],
        starts=starts,
        folder=context.workspace,
        name="multifaceted",
        progress=context.progress,
    )
    notes = [f"Of MFV: {said}" for said in made.trouble([task.unit.name for task in tasks for _ in range(k)])]
    shape = (len(tasks), k)
    return Multifaceted(made.images.unflatten(0, shape), starts.unflatten(0, shape), notes)


def _means_of_clusters(
    context: Context,
    tasks: Sequence[Task],
    liked: Mapping[tuple[Unit, int], Tensor],
    layer: str,
    clustering: Mapping[str, Any],
    nearest: int,
) -> Tensor:
    """(tasks x clusters, 3, H, W) in [0, 1]."""
    train, sizes = context.data.train, [len(liked[task.unit, task.number]) for task in tasks]
    settings = Clustering(**clustering)
    for size in sizes:
        settings.check(size)
    indices = torch.cat([liked[task.unit, task.number] for task in tasks])
    features = image_features(context.network, [layer], train, indices)[layer]
    jobs = [
        Job(rows, settings, settings.tried, _seed(context, task))
        for task, rows in zip(tasks, np.split(features, np.cumsum(sizes)[:-1]), strict=True)
    ]
    done = run_jobs(jobs, lambda results: context.progress(results, "clustering what units like", len(jobs)))
    means = []
    for task, found in zip(tasks, done, strict=True):
        close = nearest_images(found[settings.tried[0]], nearest)
        means.append(mean_images(train, liked[task.unit, task.number], close))
    return torch.cat(means)


def _seed(context: Context, task: Task) -> int:
    return context.generator("clusters", task.unit.name, task.number).initial_seed() % 2**32


def _even_parts(chains: int) -> int:
    """Chains of a part, of two or another even number of parts about the same size, so that two cores end together."""
    parts = 2 * -(-chains // (2 * AT_ONCE))
    return -(-chains // parts)


def _among_others(unit: Unit) -> LogSoftmax:
    """The released code's condition on a hidden unit."""
    return LogSoftmax(unit, "own_logit")
