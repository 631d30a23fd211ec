"""What something is, as one hash: the same in every process, and another as soon as its content is."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def fingerprint_of(*values: Any) -> str:
    """Of numbers, text, tensors, modules (their form and weights), dataclasses, what is made of these, functions by
    their name, and whatever has a `fingerprint`. Raises TypeError for what can't be told by its content."""
    digest = hashlib.sha256()
    for value in values:
        for content in _content(value):
            digest.update(content + b"\n")
    return digest.hexdigest()[:20]


def _content(value: Any) -> Iterator[bytes]:
    fingerprint = None if isinstance(value, type) else getattr(value, "fingerprint", None)
    if isinstance(fingerprint, str):
        yield f"{type(value).__qualname__} {fingerprint}".encode()
    elif value is None or isinstance(value, bool | int | float | str):
        yield repr(value).encode()
    elif isinstance(value, Tensor):
        yield f"{value.dtype} {tuple(value.shape)}".encode()
        yield value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(value, nn.Module):
        yield repr(value).encode()
        yield from _content(value.state_dict())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield _named(type(value))
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
    elif callable(value) and hasattr(value, "__qualname__"):
        yield _named(value)
    else:
        raise TypeError(f"what a {type(value).__name__} is can't be told; give it a `fingerprint`")


def _named(value: Any) -> bytes:
    return f"{value.__module__}.{value.__qualname__}".encode()
