"""A small world for the experiments on inversions: pictures, a network of colours, a viewer, trained inversions."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from inversion_toys import SIZE, colour_network
from torch import Tensor, nn

from replications.data.image_set import DataSource, ImageSet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.suite.context import seed_of
from replications.survey.inversion_training import InversionJob, InversionRecipe, train_inversion
from replications.survey.inversion_weights import write_inversion

CLASSES = ("red", "green")
FACETS = ("red/dark", "red/light", "green/dark", "green/light")
COLOURS = ((0.4, 0.1, 0.1), (1.0, 0.2, 0.2), (0.1, 0.4, 0.1), (0.2, 1.0, 0.2))
SIDE = 6


class Squares(ImageSet):
    """A coloured square on grey somewhere in the picture; its colour is the facet."""

    name = "squares"
    classes = CLASSES
    facets = FACETS
    provides = frozenset({"facets", "boxes"})

    def __init__(self, count: int, seed: int) -> None:
        drawn = np.random.default_rng(seed)
        self.size = SIZE
        self.facet_labels = torch.arange(count) % 4
        self.labels = self.facet_labels // 2
        self.corners = torch.from_numpy(drawn.integers(0, SIZE - SIDE + 1, (count, 2)))
        self._seed = seed

    @property
    def fingerprint(self) -> str:
        return f"squares {len(self)} {self._seed}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        pictures = torch.full((len(chosen), 3, SIZE, SIZE), 0.5)
        for picture, index in zip(pictures, chosen.tolist(), strict=True):
            top, left = self.corners[index].tolist()
            colour = torch.tensor(COLOURS[int(self.facet_labels[index])])
            picture[:, top : top + SIDE, left : left + SIDE] = colour[:, None, None]
        return (pictures * 255).round() / 255

    def annotations(self, indices: Tensor) -> Any:
        corners = self.corners[torch.as_tensor(indices, dtype=torch.int64)]
        return SimpleNamespace(boxes=torch.cat([corners, corners + SIDE], 1).numpy())


def viewer_network() -> Network:
    """Tells the facet of a square from the colours that aren't grey; "maps" are where these are, in cells of 2x2."""
    coloured = nn.Conv2d(3, 4, 1)
    facet = nn.Linear(4, 4)
    with torch.no_grad():
        coloured.weight.zero_()
        coloured.bias.zero_()  # type: ignore[union-attr]
        for place, (channel, sign) in enumerate([(0, 1), (0, -1), (1, 1), (1, -1)]):
            coloured.weight[place, channel] = sign
            coloured.bias[place] = -0.5 * sign  # type: ignore[index]
        answers = torch.tensor([[c[0] - 0.5, 0.5 - c[0], c[1] - 0.5, 0.5 - c[1]] for c in COLOURS]).clamp_min(0)
        facet.weight.copy_(1e4 * answers / answers.norm(dim=1, keepdim=True))
        facet.bias.zero_()
    module = nn.Sequential(
        OrderedDict(
            coloured=coloured,
            relu=nn.ReLU(),
            maps=nn.AvgPool2d(2),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            facet=facet,
        )
    )
    return Network(module, name="viewer", classes=FACETS, preprocessing=Preprocessing(SIZE))


@dataclasses.dataclass
class World:
    """context: of an experiment. config: as in conf/inversion_networks, for the layers "blocks" and "colours"."""

    context: Any
    config: dict[str, Any]


def world(folder: Path, seeds: int = 3, steps: int = 150) -> World:
    network = colour_network()
    data = DataSource("squares", Squares(200, 0), Squares(60, 1))
    recipe = InversionRecipe(steps=steps, width=8, hidden=16, batch_size=20, learning_rate=1e-2)
    files: dict[str, list[str]] = {}
    for layer, count in (("blocks", 1), ("colours", seeds), ("probabilities", seeds)):
        for seed in range(count):
            job = InversionJob(network, layer, data.train, recipe, seed)
            path = folder / f"{layer}_{seed}.safetensors"
            write_inversion(path, job, train_inversion(job, folder / "kept"), data.validation)
            files.setdefault(layer, []).append(str(path))

    def progress(items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
        return iter(items)

    context = SimpleNamespace(
        profile="laptop",
        seed=0,
        device=torch.device("cpu"),
        workspace=folder / "workspace",
        network=network,
        evaluator=viewer_network(),
        data=data,
        progress=progress,
        generator=lambda *name: torch.Generator().manual_seed(seed_of(0, *name)),
    )
    return World(context, {"network": "colours", "files": files})
