"""What an experiment on inversion is given: a small network and random pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from known_preimages import SIZE, convolutional_network
from torch import Tensor

from replications.data.image_set import DataSource, ImageSet
from replications.suite.context import seed_of


class Drawn(ImageSet):
    """Random pictures, larger than what the network reads."""

    name, size, classes = "drawn pictures", SIZE + 2, ("a",)

    def __init__(self, count: int) -> None:
        self.labels = torch.zeros(count, dtype=torch.int64)

    @property
    def fingerprint(self) -> str:
        return f"drawn {len(self)}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        wanted = torch.as_tensor(indices, dtype=torch.int64).tolist()
        streams = [torch.Generator().manual_seed(i) for i in wanted]
        return torch.stack([torch.rand(3, self.size, self.size, generator=stream) for stream in streams])


def context(workspace: Path, *, count: int = 12) -> Any:
    def progress(items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
        return iter(items)

    return SimpleNamespace(
        profile="laptop",
        seed=0,
        device=torch.device("cpu"),
        workspace=workspace,
        network=convolutional_network(),
        data=DataSource("drawn", Drawn(count), Drawn(count)),
        progress=progress,
        generator=lambda *name: torch.Generator().manual_seed(seed_of(0, *name)),
    )
