"""Pre-images of many layers: made side by side on a CPU, kept until all are done, and measured.

A layer is one part of the work: a picture for each image and start, the features of other test images by whose average
distance errors are measured, and the errors. Finished parts are files, so that an interrupted run goes on with the
next.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from replications.networks.network import Network
from replications.paths import atomic_write
from replications.survey.inversion import Inversion, PixelStatistics, invert
from replications.survey.representation_error import Scale
from replications.workers import side_by_side

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """One layer, inverted with one setting.

    images: (n, 3, S, S) in [0, 1] as the network sees them. seeds: of the starts of each image, (n, starts).
    reference: (m, 3, S, S), test images whose features say how far apart those of different images are.
    batch: pictures at a time.
    """

    name: str
    network: Network
    layer: str
    settings: Inversion
    statistics: PixelStatistics
    images: Tensor
    seeds: Tensor
    reference: Tensor
    batch: int


@dataclasses.dataclass(frozen=True, eq=False)
class PreImages:
    """What came out for each image and start; nan where the image has no features to be inverted.

    unbounded: (n, starts, 3, S, S). Errors in % of the average distance between test images' features, (n, starts)
    float64: `errors` of the pictures as found, `clamped` of these with their pixels cut to [0, 1], `squared` as the
    released script has it, `starting` of the noise. retried, diverged: (n, starts), see `Inverted`. silent: (n, starts)
    bool: all features are 0.
    """

    unbounded: Tensor
    errors: Tensor
    clamped: Tensor
    squared: Tensor
    starting: Tensor
    retried: Tensor
    diverged: Tensor
    silent: Tensor

    @property
    def images(self) -> Tensor:
        """(n, starts, 3, S, S) in [0, 1]."""
        return self.unbounded.clamp(0, 1)


_FIELDS = tuple(field.name for field in dataclasses.fields(PreImages))


def make_preimages(tasks: Sequence[Task], folder: Path, progress: Progress) -> dict[str, PreImages]:
    """By task. folder: where finished parts are kept, by the task's name: one of a run of one experiment."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(task, folder / f"{task.name}.safetensors") for task in tasks]
    on_gpu = any(task.network.device.type != "cpu" for task in tasks)
    made = (_kept(*job) for job in jobs) if on_gpu else side_by_side(_by_one_thread, jobs)
    return {task.name: found for task, found in zip(tasks, progress(made, "inverting layers", len(jobs)), strict=True)}


def _by_one_thread(task: Task, path: Path) -> PreImages:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _kept(task, path)
    finally:
        torch.set_num_threads(threads)


def _kept(task: Task, path: Path) -> PreImages:
    from safetensors.torch import load, save

    if path.is_file():
        return PreImages(**load(path.read_bytes()))
    made = made_of(task)
    with atomic_write(path, "wb") as file:
        file.write(save({name: getattr(made, name).contiguous() for name in _FIELDS}))
    return made


def made_of(task: Task) -> PreImages:
    """Inverts and measures.

    Raises ValueError where no two of the reference images differ at the layer.
    """
    scale = Scale.of(_features(task, task.reference))
    features = _features(task, task.images)
    starts = task.seeds.shape[1]
    heard = (features.flatten(1).abs().amax(1) > 0).nonzero().flatten()
    shape = (len(task.images), starts)
    numbers = {name: torch.full(shape, float("nan"), dtype=torch.float64) for name in _FIELDS[1:5]}
    flags = {"diverged": torch.zeros(shape, dtype=torch.bool), "silent": torch.ones(shape, dtype=torch.bool)}
    retried = torch.zeros(shape, dtype=torch.int64)
    unbounded = torch.full((*shape, *task.images.shape[1:]), float("nan"))
    if len(heard):
        found = invert(
            task.network,
            task.layer,
            features[heard].repeat_interleave(starts, 0),
            statistics=task.statistics,
            settings=task.settings,
            seeds=task.seeds[heard].flatten().tolist(),
            batch=task.batch,
        )
        sizes = features[heard].flatten(1).double().norm(dim=1).cpu().repeat_interleave(starts)
        for name, values in (
            ("errors", scale.percent(found.distances)),
            ("clamped", scale.percent(found.clamped_distances)),
            ("squared", scale.squared_percent(found.distances)),
            ("starting", scale.percent(found.history[0].double().sqrt() * sizes)),
        ):
            numbers[name][heard] = values.reshape(-1, starts)
        unbounded[heard] = found.unbounded.reshape(-1, starts, *task.images.shape[1:])
        retried[heard] = found.retried.reshape(-1, starts)
        flags["diverged"][heard] = found.diverged.reshape(-1, starts)
        flags["silent"][heard] = False
    return PreImages(unbounded=unbounded, retried=retried, **numbers, **flags)


def _features(task: Task, images: Tensor) -> Tensor:
    with torch.inference_mode():
        parts = [task.network.forward_to(task.layer, part) for part in images.split(task.batch)]
    return torch.cat(parts)
