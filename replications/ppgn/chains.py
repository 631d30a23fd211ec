"""Chains as they are kept: what came out, and what a run needs to go on where it stopped, in one file each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from replications.paths import atomic_write
from replications.progress import say
from replications.suite.errors import sentence

TERMS = ("prior", "condition", "noise")


class OtherChains(ValueError):
    """A file holds chains of another configuration. The message says in what they differ."""


@dataclass(frozen=True, eq=False)
class Chains:
    """What n chains of t steps came to; all tensors on the CPU.

    names, numbers: what each chain was asked for, and which of those with that name it is.
    codes: (n, ...) at the end. kept: (k, n, ...) before the steps `kept_steps`, the first 0, the last t: the end.
    values: (t + 1, n) the condition's log-probability before each step and at the end; 0 where nothing was asked.
    sizes: (t, 3, n) the mean size of the numbers of prior, condition (with context) and noise in each step, as they
        enter the sum, in the settings' units.
    diverged: chain -> the step in which its code, value or gradient was no longer finite; it stays what it was before.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    codes: Tensor
    kept_steps: tuple[int, ...]
    kept: Tensor
    values: Tensor
    sizes: Tensor
    diverged: dict[int, int]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def kept_values(self) -> Tensor:
        """(k, n) the values of what was kept."""
        return self.values[list(self.kept_steps)]


@dataclass(eq=False)
class State:
    """Where n chains are: all that their next steps follow from, and what is kept of those before.

    epsilon1: (n,), NaN where the schedule says it. died: (n,) the step in which a chain diverged, or -1.
    """

    step: int
    codes: Tensor
    streams: list[torch.Generator]
    epsilon1: Tensor
    died: Tensor
    values: list[Tensor]
    sizes: list[Tensor]
    kept: list[Tensor]
    kept_steps: list[int]

    def write(self, path: Path, about: Mapping[str, Any]) -> None:
        """In one step, or not at all. about: what determines the chains."""
        tensors = {
            "codes": self.codes,
            "streams": torch.stack([stream.get_state() for stream in self.streams]),
            "epsilon1": self.epsilon1,
            "died": self.died,
            **{f"{name}.{k}": x for name in ("values", "sizes", "kept") for k, x in enumerate(getattr(self, name))},
        }
        found = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        text = json.dumps({"about": about, "step": self.step, "kept_steps": self.kept_steps})
        with atomic_write(path) as file:
            file.write(save(found, metadata={"chains": text}))


def read_state(path: Path | None, about: Mapping[str, Any], device: torch.device) -> State | None:
    """Where the chains of `about` were when the file was written; None where there is none, or, which is said, none of
    use. Raises OtherChains where it holds others."""
    if path is None or not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("chains")
        tensors = load(path.read_bytes())
    except (SafetensorError, OSError) as error:
        say(f"{path} can't be used ({sentence(error)}), so its chains begin anew")
        return None
    if text is None:
        raise OtherChains(f"'{path}' holds no chains; name another file")
    held = json.loads(text)
    _check_same(path, held["about"], json.loads(json.dumps(about)))
    streams = [torch.Generator() for _ in tensors["streams"]]
    for stream, state in zip(streams, tensors["streams"], strict=True):
        stream.set_state(state.clone())  # aligned: torch reads it as a structure, and a file's bytes lie anywhere

    def listed(name: str) -> list[Tensor]:
        count = sum(key.startswith(f"{name}.") for key in tensors)
        return [tensors[f"{name}.{k}"].to(device) for k in range(count)]

    return State(
        step=held["step"],
        codes=tensors["codes"].to(device),
        streams=streams,
        epsilon1=tensors["epsilon1"].to(device),
        died=tensors["died"].to(device),
        values=listed("values"),
        sizes=listed("sizes"),
        kept=listed("kept"),
        kept_steps=held["kept_steps"],
    )


def _check_same(path: Path, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    differ = [key for key in dict.fromkeys([*wanted, *held]) if held.get(key) != wanted.get(key)]
    if not differ:
        return
    said = []
    for key in differ:
        before, now = held.get(key), wanted.get(key)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            said += [f"{key}.{k} {before.get(k)} (now {now.get(k)})" for k in now if before.get(k) != now.get(k)]
        else:
            said.append(f"{key} {_short(before)} (now {_short(now)})")
    raise OtherChains(f"'{path}' holds chains with {'; '.join(said)}; remove it, or name another file for these")


def _short(value: Any) -> str:
    items: Sequence[Any] = value if isinstance(value, list) else [value]
    return ", ".join(str(item) for item in items[:3]) + (f", ... ({len(items)})" if len(items) > 3 else "")
