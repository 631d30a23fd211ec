"""Jobs side by side in processes that end with the one which began them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_LOOKS_EVERY = 0.5  # seconds


def side_by_side(function: Callable[..., T], jobs: Sequence[tuple[Any, ...]], most: int | None = None) -> Iterator[T]:
    """`function(*job)` of each job, in order, as they come; by as many processes as there are cores, `most` at most.

    One process alone is this one. The function, its arguments and what it returns are pickled for the others.
    """
    from joblib import Parallel, cpu_count, delayed  # type: ignore[import-untyped]

    count = min(cpu_count(), len(jobs) if most is None else most)
    if count <= 1:
        return (function(*job) for job in jobs)
    parallel = Parallel(n_jobs=count, return_as="generator", initializer=_begin, initargs=(os.getpid(),))
    results: Iterator[T] = parallel(delayed(function)(*job) for job in jobs)
    return results


def _begin(parent: int) -> None:
    """Leaves Ctrl-C to the process that began this one, and ends with that one: joblib's would wait for minutes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOKS_EVERY)
    os._exit(1)
