"""A small network, images that it classifies as their labels say, and what an experiment on them is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from replications.data.image_set import DataSource, ImageSet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.suite.context import seed_of

SIZE = 24
CLASSES = ("a", "b", "c")


def small_network(name: str = "small", seed: int = 0) -> Network:
    """Two convolutions and two linear layers with the suite's names; 24 pixels, 3 classes."""
    torch.manual_seed(seed)
    named: list[tuple[str, nn.Module]] = [
        ("conv1", nn.Conv2d(3, 8, 3, padding=1)),
        ("relu1", nn.ReLU()),
        ("pool1", nn.MaxPool2d(2)),
        ("conv2", nn.Conv2d(8, 8, 3, padding=1)),
        ("relu2", nn.ReLU()),
        ("pool2", nn.MaxPool2d(2)),
        ("flatten", nn.Flatten()),
        ("fc6", nn.Linear(8 * 36, 16)),
        ("relu6", nn.ReLU()),
        ("fc8", nn.Linear(16, len(CLASSES))),
    ]
    module = nn.Sequential()
    for part, layer in named:
        module.add_module(part, layer)
    return Network(
        module,
        name=name,
        classes=CLASSES,
        preprocessing=Preprocessing(SIZE, mean=(0.5,) * 3, std=(0.25,) * 3),
        paper_layers={1: "pool1", 2: "pool2", 6: "relu6"},
        unit_layers={1: "relu1", 2: "relu2"},
    )


class Blobs(ImageSet):
    """Random smooth images whose labels are what `network` says of them."""

    classes = CLASSES

    def __init__(self, network: Network, count: int = 24) -> None:
        self.name, self.size = "blobs", SIZE
        coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(5))
        self._images = nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bilinear").clamp(0, 1)
        with torch.inference_mode():
            self.labels = network.logits(self._images).argmax(1).clone()

    @property
    def fingerprint(self) -> str:
        return "blobs"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self._images[torch.as_tensor(indices, dtype=torch.int64)]


def context(network: Network | None = None, count: int = 24, workspace: Any = None) -> Any:
    network = network or small_network()
    images = Blobs(network, count)

    def progress(items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
        return iter(items)

    return SimpleNamespace(
        profile="laptop",
        seed=0,
        device=torch.device("cpu"),
        network=network,
        data=DataSource("blobs", images, images),
        workspace=workspace,
        progress=progress,
        generator=lambda *name: torch.Generator().manual_seed(seed_of(0, *name)),
    )
