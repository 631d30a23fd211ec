"""Where and with what an outcome was measured."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

from replications.paths import project_root

if TYPE_CHECKING:
    import torch


# What recording writes. An outcome that is made of recorded ones names them in its identity.
OWN = ("results/recorded", "results/verdicts")


@functools.cache
def commit() -> tuple[str | None, bool]:
    """The commit of the working tree and whether tracked files differ from it; (None, False) outside a checkout.

    What was recorded since is no difference, so that of several outcomes recorded from one tree the later ones have as
    clean a provenance as the first.
    """

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(project_root()), *words], capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout.strip()

    try:
        ours = (f":(top,exclude){folder}" for folder in OWN)
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no", "--", ":/", *ours))
    except (OSError, subprocess.SubprocessError):
        return None, False


def versions(device: torch.device) -> dict[str, str]:
    """The versions of Python and of the packages that compute."""
    import torch

    found = {"python": platform.python_version()}
    for name in ("torch", "torchvision", "numpy", "scipy", "scikit-learn"):
        found[name] = importlib.metadata.version(name)
    if device.type == "cuda":
        found["cuda"] = str(torch.version.cuda)
    return found


def device_name(device: torch.device) -> str:
    """The device for people."""
    import torch

    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return f"{device.type}, {processor()}, {threads} thread{'s' if threads > 1 else ''}"


def processor() -> str:
    """The name of the processor, as far as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux: the platform module knows less, but something
    return platform.processor() or platform.machine()


def peak_memory() -> int:
    """The largest resident memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
