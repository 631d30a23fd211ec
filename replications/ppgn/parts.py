"""Many chains: in parts of a fixed size, side by side on a CPU, each kept so that a stopped run goes on.

What one thread computes doesn't depend on how many cores there are: on a CPU each part is sampled by one process with
one thread. A part's file is named by all that determines its chains but the code, which decides where the folder is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from replications.images.maximize import attempts_of
from replications.ppgn.chains import Chains
from replications.ppgn.fingerprints import fingerprint_of
from replications.ppgn.memory import keep_freed_memory
from replications.ppgn.sampler import Sampler, Wanted, named
from replications.training.side_by_side import one_thread
from replications.workers import side_by_side

AT_ONCE = 25  # chains of one part on a CPU
AT_ONCE_ON_GPU = 250

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]


def sample(
    sampler: Sampler,
    wanted: Sequence[Wanted],
    *,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
    start: Tensor | None = None,
    folder: Path | None = None,
    name: str = "chains",
    at_once: int | None = None,
    progress: Progress | None = None,
) -> Chains:
    """One chain for each of `wanted`, as `Sampler.run` makes it, up to rounding, which depends on `at_once` alone.

    folder: where parts are kept, as NAME-<hash>.safetensors; None keeps nothing. at_once: chains of a part. progress:
    wraps the parts (a context's). The rest, and what is raised: see `Sampler.run`.
    """
    which = attempts_of([named(one) for one in wanted]) if numbers is None else [int(number) for number in numbers]
    for what, given in (("a number", which), ("a code to start from", start)):
        if given is not None and (len(given) != len(wanted) or not wanted):
            raise ValueError(f"expected {what} for each chain, at least one; found {len(given)} for {len(wanted)}")
    on_gpu = sampler.device.type != "cpu"
    step = at_once or (AT_ONCE_ON_GPU if on_gpu else AT_ONCE)
    parts = []
    for first in range(0, len(wanted), step):
        rows = slice(first, first + step)
        part = (sampler, list(wanted[rows]), seed, which[rows], None if start is None else start[rows])
        path = None if folder is None else folder / f"{name}-{_digest(*part)}.safetensors"
        parts.append((*part, path))
    made = (_sampled(*part) for part in parts) if on_gpu else side_by_side(_sampled, parts)
    done = made if progress is None else progress(made, f"{name} by {sampler.settings.name}", len(parts))
    return joined(list(done))


def joined(parts: Sequence[Chains]) -> Chains:
    """Chains of as many steps, as one. Raises ValueError where their steps differ."""
    if not parts or len({(part.kept_steps, len(part.values)) for part in parts}) != 1:
        raise ValueError(f"expected chains of the same steps, found {[len(part.values) - 1 for part in parts]}")
    before = [sum(len(part) for part in parts[:k]) for k in range(len(parts))]
    return Chains(
        names=tuple(name for part in parts for name in part.names),
        numbers=tuple(number for part in parts for number in part.numbers),
        codes=torch.cat([part.codes for part in parts]),
        kept_steps=parts[0].kept_steps,
        kept=torch.cat([part.kept for part in parts], 1),
        values=torch.cat([part.values for part in parts], 1),
        sizes=torch.cat([part.sizes for part in parts], 2),
        diverged={
            first + i: step for first, part in zip(before, parts, strict=True) for i, step in part.diverged.items()
        },
    )


def _sampled(
    sampler: Sampler, wanted: list[Wanted], seed: int, which: list[int], start: Tensor | None, path: Path | None
) -> Chains:
    if sampler.device.type == "cpu":
        keep_freed_memory()
    with one_thread(sampler.device):
        return sampler.run(wanted, seed=seed, numbers=which, start=start, path=path)


def _digest(sampler: Sampler, wanted: list[Wanted], seed: int, which: list[int], start: Tensor | None) -> str:
    return fingerprint_of(sampler.about(wanted, which, seed, start))[:16]
