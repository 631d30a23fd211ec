"""What an experiment is given, without the suite around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from replications.suite.context import seed_of


def given(workspace: Path | None = None, *, seed: int = 0, **parts: Any) -> Any:
    """A context on the CPU with a folder and these parts (network, evaluator, data)."""

    def progress(items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
        return iter(items)

    trained: dict[str, float] = {}

    return SimpleNamespace(
        profile="laptop",
        seed=seed,
        device=torch.device("cpu"),
        workspace=workspace,
        progress=progress,
        note_training=lambda key, seconds: trained.update({key: seconds}),
        trained=trained,
        generator=lambda *name: torch.Generator().manual_seed(seed_of(seed, *name)),
        **parts,
    )
