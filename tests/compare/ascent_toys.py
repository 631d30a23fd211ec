"""A tiny world for the methods that optimize: plain colours, a small random network, some of its units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from replications.compare.material import Material
from replications.compare.protocol import Protocol
from replications.compare.subjects import Subject
from replications.data.image_set import DataSource, ImageSet
from replications.multifaceted.unit_fields import before_rectification
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.unit import Unit, unit_activations

SIZE = 16
COLOURS = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9], [0.9, 0.9, 0.1]])
CLUSTERING: dict[str, Any] = {"components": 10, "embedding": "tsne", "perplexity": 8}


class Colours(ImageSet):
    """Images of one plain colour with a little noise; the first two colours are of class a, the others of class b."""

    name, classes, size = "colours", ("a", "b"), SIZE

    def __init__(self, count: int) -> None:
        self.colours = torch.arange(count) % 4
        self.labels = self.colours // 2

    @property
    def fingerprint(self) -> str:
        return f"colours {len(self)}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        wanted = torch.as_tensor(indices, dtype=torch.int64)
        streams = [torch.Generator().manual_seed(i) for i in wanted.tolist()]
        noise = torch.stack([torch.rand(3, SIZE, SIZE, generator=stream) for stream in streams])
        return COLOURS[self.colours[wanted]][:, :, None, None] * 0.9 + 0.1 * noise


def network(*, numbered: bool = True) -> Network:
    """conv1, relu1, conv2, relu2 (8x8), fc7, relu7, fc8; numbered: whether layers of feature maps have numbers."""
    generator = torch.Generator().manual_seed(3)
    parts: dict[str, nn.Module] = {
        "conv1": nn.Conv2d(3, 6, 3, padding=1),
        "relu1": nn.ReLU(),
        "conv2": nn.Conv2d(6, 8, 3, stride=2, padding=1),
        "relu2": nn.ReLU(),
        "flatten": nn.Flatten(),
        "fc7": nn.Linear(8 * (SIZE // 2) ** 2, 12),
        "relu7": nn.ReLU(),
        "fc8": nn.Linear(12, 2),
    }
    module = nn.Sequential()
    for name, part in parts.items():
        module.add_module(name, part)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.15, generator=generator)
    return Network(
        module,
        name="small",
        classes=("a", "b"),
        preprocessing=Preprocessing(SIZE, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)),
        paper_layers={1: "relu1", 2: "relu2", 7: "relu7"},
        unit_layers={1: "relu1", 2: "relu2"} if numbered else {},
    )


def context(shown: Network | None = None, *, seed: int = 0, images: int = 160) -> Any:
    """What a method's material is made from."""

    def progress(items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
        return iter(items)

    colours = Colours(images)
    return SimpleNamespace(
        seed=seed,
        network=network() if shown is None else shown,
        data=DataSource("colours", colours, colours),
        progress=progress,
    )


def protocol(**changes: Any) -> Protocol:
    settings: dict[str, Any] = {
        "pictures": 2,
        "seeds": (0, 1),
        "classes": None,
        "hidden": {2: 2},
        "passes": 12,
        "training_images": 120,
        "validation_images": 100,
        "liked": 20,
        "least_share": 0.1,
        "trials": 4,
        "hard_queries": None,
        "natural_clusters": 2,
    }
    return Protocol(**{**settings, **changes})


def subjects(shown: Network, *, hidden: Sequence[int] = (5, 1)) -> tuple[Subject, ...]:
    """Both classes, and channels of relu2 at the centre of their map."""
    images = Colours(100).images(range(100))
    units = [Unit("fc8", 0), Unit("fc8", 1), *(Unit("relu2", channel, (4, 4)) for channel in hidden)]
    found = []
    for unit in units:
        own = unit.layer == "fc8"
        natural = unit_activations(shown, unit.layer, images, [unit.channel], "max")[:, 0]
        found.append(
            Subject(
                title="ab"[unit.channel] if own else f"layer 2, unit {unit.channel}",
                kind="class" if own else "hidden",
                number=None if own else 2,
                unit=unit,
                asked=before_rectification(shown, unit)[0],
                name="ab"[unit.channel] if own else None,
                natural=natural,
                liked=natural.argsort(descending=True)[:20],
                facets={},
            )
        )
    return tuple(found)


def material(
    folder: Path,
    *,
    number: int = 0,
    seed: int = 0,
    chosen: Sequence[int] = (0, 1, 2, 3),
    shown: Network | None = None,
    **changes: Any,
) -> Material:
    """chosen: which of the subjects, in this order. changes: of the protocol."""
    given = context(shown, seed=seed)
    everyone = subjects(given.network)
    return Material(given, protocol(**changes), [everyone[i] for i in chosen], number, folder)
