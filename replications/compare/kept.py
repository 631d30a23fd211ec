"""What a comparison has found or made once and needs again, in the cache: files named by all that determines them.

<cache>/compared/<kind>/<digest>.safetensors, with texts in the file's own metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from replications.identity import module_hashes
from replications.paths import atomic_write, cache_root
from replications.progress import say
from replications.suite.errors import sentence

Kept = tuple[dict[str, Tensor], dict[str, str]]


def digest_of(what: Mapping[str, Any], *modules: str) -> str:
    """Of plain values, the code of `modules` and PyTorch's version.

    Raises:
        TypeError: a value isn't plain.
    """
    whole = {**what, "code": module_hashes(*modules), "torch": torch.__version__}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:24]


def path_of(kind: str, digest: str) -> Path:
    """The file."""
    return cache_root() / "compared" / kind / f"{digest}.safetensors"


def held(kind: str, digest: str) -> Kept | None:
    """The tensors and texts of the file; None where there is none, or, which is said, none of use."""
    from safetensors import SafetensorError, safe_open

    path = path_of(kind, digest)
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        say(f"{path} can't be used ({sentence(error)}), so what it held is made again")
        return None


def keep(kind: str, digest: str, tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> None:
    """Write the file, whole or not at all. Raises OSError."""
    from safetensors.torch import save

    with atomic_write(path_of(kind, digest), "wb") as file:
        file.write(save({name: one.contiguous() for name, one in tensors.items()}, dict(texts)))
