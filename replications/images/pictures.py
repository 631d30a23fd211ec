"""Many pictures by one method: made in parts of a fixed size, side by side on a CPU, and kept until all are done.

A small network keeps one core busy better than it shares two, and what one thread computes doesn't depend on how many
cores there are: on a CPU each part is made by one process with one thread. Finished parts are files in a folder, so
that an interrupted run goes on with the next.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from replications.images.maximize import attempts_of
from replications.images.objectives import Objective, as_objective
from replications.images.presets import Method
from replications.networks.network import Network
from replications.networks.unit import Unit
from replications.paths import atomic_write

AT_ONCE = 24  # pictures of one part on a CPU; more are hardly faster
AT_ONCE_ON_GPU = 128

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]


@dataclasses.dataclass(frozen=True, eq=False)
class Pictures:
    """What a method made, picture by picture.

    images: (n, 3, S, S) in [0, 1], S what the network reads. activations: (n,) of what each is for, on these images.
    diverged, unmoved: (n,) bool, see `Maximized`: such a picture is what it was when that happened. nudged: (n,) in how
    many iterations it had no gradient and was changed at random.
    """

    images: Tensor
    activations: Tensor
    diverged: Tensor
    unmoved: Tensor
    nudged: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def trouble(self, names: Sequence[str]) -> list[str]:
        """What is to be said of pictures that came to nothing, as sentences. names: what each picture is of."""
        said = []
        for flags, what in (
            (self.diverged, "stopped because their numbers ran away or weren't finite"),
            (self.unmoved, "never had a gradient, so only random changes were made"),
        ):
            rows = flags.nonzero().flatten().tolist()
            if rows:
                shown = ", ".join(dict.fromkeys(names[i] for i in rows))
                said.append(f"{len(rows)} of {len(self)} pictures {what}: {shown}.")
        return said


def make_pictures(
    network: Network,
    method: Method,
    wanted: Sequence[Unit | Objective],
    *,
    seed: int,
    restarts: Sequence[int] | None = None,
    starts: Tensor | None = None,
    natural: Tensor | None = None,
    references: Mapping[Unit, Tensor] | None = None,
    folder: Path | None = None,
    name: str = "pictures",
    at_once: int | None = None,
    progress: Progress | None = None,
) -> Pictures:
    """One picture for each of `wanted`; each is what it would be alone, up to rounding.

    restarts, natural, references: as for `Method.maximize`. starts: (n, 3, H, W) in [0, 1] of any size, to start from.
    folder: where finished parts are kept, by `name`; None keeps nothing. at_once: pictures of a part; rounding depends
    on it and on nothing else. progress: wraps the parts (a context's).

    Raises: as `Method.maximize`.
    """
    objectives = [as_objective(one) for one in wanted]
    attempts = attempts_of([one.name for one in objectives]) if restarts is None else list(restarts)
    height, width = method.start_size(network, objectives)
    fitted = dataclasses.replace(method, parametrization=method.parametrization.fitted(natural, (height, width)))
    if starts is not None:
        starts = _resized(starts, (height, width))
    on_gpu = network.device.type != "cpu"
    size = at_once or (AT_ONCE_ON_GPU if on_gpu else AT_ONCE)
    parts = []
    for first in range(0, len(wanted), size):
        rows = slice(first, first + size)
        own = None if starts is None else starts[rows]
        part = _Part(
            network, fitted, tuple(wanted[rows]), tuple(attempts[rows]), own, _of(references, wanted[rows]), seed
        )
        parts.append((part, None if folder is None else folder / f"{name}-{part.digest}.safetensors"))
    made = _all_made(parts, on_gpu, f"{name} by {method.name}", progress)
    return Pictures(*(torch.cat(tensors) for tensors in zip(*made, strict=True)))


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    network: Network
    method: Method
    wanted: tuple[Unit | Objective, ...]
    attempts: tuple[int, ...]
    starts: Tensor | None
    references: Mapping[Unit, Tensor] | None
    seed: int

    @property
    def digest(self) -> str:
        """Of all that decides the pictures but the code and the images that the method was told of, which decide where
        the folder is."""
        digest = hashlib.sha256(f"{self.seed} {self.network.fingerprint} {self.method!r}\n".encode())
        for one, attempt in zip(self.wanted, self.attempts, strict=True):
            digest.update(f"{one.name} {attempt}\n".encode())
        if self.starts is not None:
            digest.update(self.starts.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def made(self) -> tuple[Tensor, ...]:
        """The fields of `Pictures`."""
        found = self.method.maximize(
            self.network,
            self.wanted,
            references=self.references,
            seed=self.seed,
            restarts=self.attempts,
            start=self.starts,
        )
        side = self.network.input_size
        best = self.method.keep == "best"
        images = self.method.kept(found)
        if found.canvas.whole:
            images = _resized(images, (side, side))
        diverged, unmoved = (torch.zeros(len(images), dtype=torch.bool) for _ in range(2))
        diverged[list(found.diverged)] = True
        unmoved[list(found.unmoved)] = True
        return images, found.best_activations if best else found.activations, diverged, unmoved, found.nudged


def _all_made(
    parts: Sequence[tuple[_Part, Path | None]], on_gpu: bool, what: str, progress: Progress | None
) -> list[tuple[Tensor, ...]]:
    if on_gpu:
        results: Iterator[tuple[Tensor, ...]] = (_kept(part, path) for part, path in parts)
    else:
        from joblib import Parallel, cpu_count, delayed  # type: ignore[import-untyped]

        workers = max(1, min(cpu_count(), len(parts)))
        results = Parallel(n_jobs=workers, return_as="generator")(delayed(_with_one_thread)(*one) for one in parts)
    return list(results if progress is None else progress(results, what, len(parts)))


def _with_one_thread(part: _Part, path: Path | None) -> tuple[Tensor, ...]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _kept(part, path)
    finally:
        torch.set_num_threads(threads)


def _kept(part: _Part, path: Path | None) -> tuple[Tensor, ...]:
    """What the file holds, if it is there; else what is made now, and written to it."""
    from safetensors.torch import load_file, save

    fields = [field.name for field in dataclasses.fields(Pictures)]
    if path is not None and path.is_file():
        held = load_file(path)
        return tuple(held[field] for field in fields)
    made = part.made()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, "wb") as file:
            file.write(save({field: tensor.contiguous() for field, tensor in zip(fields, made, strict=True)}))
    return made


def _of(references: Mapping[Unit, Tensor] | None, wanted: Sequence[Unit | Objective]) -> dict[Unit, Tensor] | None:
    if references is None:
        return None
    return {one: references[one] for one in wanted if isinstance(one, Unit) and one in references}


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(images.shape[2:]) == size:
        return images
    return F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
