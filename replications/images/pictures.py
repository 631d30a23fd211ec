"""Many pictures by one method: made in parts of a fixed size, side by side on a CPU, and kept until all are done.

A small network keeps one core busy better than it shares two, and what one thread computes doesn't depend on how many
cores there are: on a CPU each part is made by one process with one thread. Finished parts are files in a folder, so
that an interrupted run goes on with the next.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from replications.images.canvas import canvas_for
from replications.images.maximize import attempts_of
from replications.images.objectives import Objective, as_objective
from replications.images.presets import Method
from replications.networks.network import Network
from replications.networks.unit import Unit
from replications.paths import atomic_write
from replications.progress import say
from replications.suite.errors import sentence
from replications.workers import side_by_side

AT_ONCE = 24  # pictures of one part on a CPU; more are hardly faster
AT_ONCE_ON_GPU = 128
_WORTH_A_PART = 4

_FIELDS = ("images", "activations", "diverged", "unmoved", "nudged")

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]


@dataclasses.dataclass(frozen=True, eq=False)
class Pictures:
    """What a method made, picture by picture.

    images: (n, 3, S, S) in [0, 1], S what the network reads; where all pictures are for one position of one layer, and
    the method shows no more than what it sees, (n, 3, h, w) of that. activations: (n,) of what each is for, on these
    images. diverged, unmoved: (n,) bool, see `Maximized`: such a picture is what it was when that happened. nudged:
    (n,) in how many iterations it had no gradient and was changed at random.
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
    folder: where finished parts are kept, by `name` and what they are made of; None keeps nothing. at_once: pictures of
    a part, at most; rounding depends on it and on nothing else. progress: wraps the parts to be made (a context's).

    Raises: as `Method.maximize`; ValueError unless there is a restart and a start for each picture.
    """
    objectives = [as_objective(one) for one in wanted]
    attempts = attempts_of([one.name for one in objectives]) if restarts is None else [int(one) for one in restarts]
    for what, given in (("number of the attempt", attempts), ("start", starts)):
        if given is not None and (len(given) != len(wanted) or not wanted):
            raise ValueError(f"expected a {what} for each picture, at least one; found {len(given)} for {len(wanted)}")
    if method.canvas == "field" and canvas_for(network, objectives).whole:
        method = dataclasses.replace(method, canvas="whole")  # so that no part has a smaller one
    size = method.start_size(network, objectives)
    fitted = dataclasses.replace(method, parametrization=method.parametrization.fitted(natural, size))
    if starts is not None:
        starts = _resized(starts, size)
    on_gpu = network.device.type != "cpu"
    parts = []
    for rows in _shared_out(len(wanted), at_once or (AT_ONCE_ON_GPU if on_gpu else AT_ONCE), even=not on_gpu):
        own = None if starts is None else starts[rows]
        part = _Part(
            network, fitted, tuple(wanted[rows]), tuple(attempts[rows]), own, _of(references, wanted[rows]), seed
        )
        parts.append((part, None if folder is None else folder / f"{name}-{part.digest}.safetensors"))
    made = _all_made(parts, on_gpu, f"{name} by {method.name}", progress)
    return Pictures(*(torch.cat(tensors) for tensors in zip(*made, strict=True)))


def _shared_out(count: int, most: int, *, even: bool) -> list[slice]:
    """Parts of at most `most` pictures; `even`: two or another even number, about equal, so that cores end together."""
    number = -(-count // most)
    if even and count >= 2 * _WORTH_A_PART:
        number += number % 2
    bounds = [-(-count * i // number) for i in range(number + 1)]
    return [slice(first, last) for first, last in itertools.pairwise(bounds)]


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
        """Of all that decides the pictures but the code, which decides where the folder is."""
        found = hashlib.sha256(f"{self.network.fingerprint} {self.network.device.type}\n".encode())
        for content in _content((self.method, self.wanted, self.attempts, self.starts, self.references, self.seed)):
            found.update(content + b"\n")
        return found.hexdigest()[:16]

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
        best = self.method.keep == "best"
        images = _resized(self.method.kept(found), found.canvas.size)
        diverged, unmoved = (torch.zeros(len(images), dtype=torch.bool) for _ in range(2))
        diverged[list(found.diverged)] = True
        unmoved[list(found.unmoved)] = True
        return images, found.best_activations if best else found.activations, diverged, unmoved, found.nudged


def _all_made(
    parts: Sequence[tuple[_Part, Path | None]], on_gpu: bool, what: str, progress: Progress | None
) -> list[tuple[Tensor, ...]]:
    found = [_held(part, path) for part, path in parts]
    missing = [i for i, held in enumerate(found) if held is None]
    if missing:
        jobs = [parts[i] for i in missing]
        made = (_made(*job) for job in jobs) if on_gpu else side_by_side(_made_by_one_thread, jobs)
        done = made if progress is None else progress(made, what, len(jobs))
        for i, tensors in zip(missing, done, strict=True):
            found[i] = tensors
    return [tensors for tensors in found if tensors is not None]


def _made_by_one_thread(part: _Part, path: Path | None) -> tuple[Tensor, ...]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _made(part, path)
    finally:
        torch.set_num_threads(threads)


def _made(part: _Part, path: Path | None) -> tuple[Tensor, ...]:
    """What is made, and written to the file."""
    from safetensors.torch import save

    made = part.made()
    if path is not None:
        with atomic_write(path, "wb") as file:
            file.write(save({field: tensor.contiguous() for field, tensor in zip(_FIELDS, made, strict=True)}))
    return made


def _held(part: _Part, path: Path | None) -> tuple[Tensor, ...] | None:
    """What the file holds of an earlier run; None where there is none, or, which is said, none of use."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    if path is None or not path.is_file():
        return None
    try:
        held = load(path.read_bytes())
    except (SafetensorError, OSError) as error:
        why = sentence(error)
    else:
        count = len(part.wanted)
        if set(held) == set(_FIELDS) and all(len(tensor) == count for tensor in held.values()):
            return tuple(held[field] for field in _FIELDS)
        shapes = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in sorted(held.items()))
        why = f"expected {', '.join(_FIELDS)} of {count} pictures, found {shapes or 'nothing'}"
    say(f"{path} can't be used ({why}), so its pictures are made again")
    return None


def _content(value: Any) -> Iterator[bytes]:
    """What a value is, the same in every process. Raises TypeError for what can't be told by its content."""
    if value is None or isinstance(value, bool | int | float | str):
        yield repr(value).encode()
    elif isinstance(value, Tensor):
        yield f"{value.dtype} {tuple(value.shape)}".encode()
        yield value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    elif dataclasses.is_dataclass(value):
        yield f"{type(value).__module__}.{type(value).__qualname__}".encode()
        for field in dataclasses.fields(value):
            yield from _content(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield f"{len(value)} entries".encode()
        for pair in value.items():
            yield from _content(pair)
    elif isinstance(value, list | tuple):
        yield f"{len(value)} items".encode()
        for one in value:
            yield from _content(one)
    else:
        raise TypeError(
            f"pictures are kept by what they are made of, and what a {type(value).__name__} is can't be told; make it "
            "a dataclass, or give no folder"
        )


def _of(references: Mapping[Unit, Tensor] | None, wanted: Sequence[Unit | Objective]) -> dict[Unit, Tensor] | None:
    if references is None:
        return None
    return {one: references[one] for one in wanted if isinstance(one, Unit) and one in references}


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(images.shape[2:]) == size:
        return images
    return F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
