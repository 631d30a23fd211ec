"""Classes of plain colours, networks that tell them, and generators whose samples' right scores are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from contexts import given
from torch import Tensor, nn

from replications.data.image_set import DataSource, ImageSet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.ppgn.priors import NoPrior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import Settings
from replications.ppgn.variants import TITLES, Variant

SIZE = 16
CLASSES = ("warm", "cold")
COLOURS = {
    "warm/red": (0.9, 0.1, 0.1),
    "warm/yellow": (0.9, 0.9, 0.1),
    "cold/blue": (0.1, 0.1, 0.9),
    "cold/cyan": (0.1, 0.9, 0.9),
}
FACETS = tuple(COLOURS)
PATTERNS = 40  # a code is three numbers for the colour, and how strong each of these is
STEEPNESS = 4.0


class Colours(ImageSet):
    """Each image of one facet's colour, with noise of its own."""

    name, classes, facets, size = "colours", CLASSES, FACETS, SIZE
    provides = frozenset({"facets"})

    def __init__(self, per_facet: int = 12, seed: int = 0) -> None:
        self.facet_labels = torch.arange(len(FACETS)).repeat(per_facet)
        self.labels = self.facet_labels // 2
        self.seed = seed

    @property
    def fingerprint(self) -> str:
        return f"colours {len(self)} {self.seed}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        wanted = torch.as_tensor(indices, dtype=torch.int64)
        colours = torch.tensor(list(COLOURS.values()))[self.facet_labels[wanted]]
        streams = [torch.Generator().manual_seed(1000 * self.seed + i) for i in wanted.tolist()]
        noise = torch.stack([torch.rand(3, SIZE, SIZE, generator=stream) for stream in streams])
        return 0.8 * colours[:, :, None, None] + 0.2 * noise


def nearest_colour(colours: Sequence[Sequence[float]], names: Sequence[str], name: str, sharpness: float) -> Network:
    """A network whose likeliest output is the colour that is nearest to the image's mean."""
    convolution, linear = nn.Conv2d(3, 3, 1), nn.Linear(3, len(names))
    values = torch.tensor(colours)
    with torch.no_grad():
        convolution.weight.copy_(torch.eye(3)[:, :, None, None])
        convolution.bias.zero_()  # type: ignore[union-attr]
        linear.weight.copy_(2 * sharpness * values)
        linear.bias.copy_(-sharpness * values.square().sum(1))
    module = nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    preprocessing = Preprocessing(size=SIZE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return Network(module, name=name, classes=tuple(names), preprocessing=preprocessing)


def judge_network() -> Network:
    """Tells all facets."""
    return nearest_colour(list(COLOURS.values()), FACETS, "colour judge", 40.0)


def condition_network() -> Network:
    """Tells warm from cold, not so surely that its gradient would vanish; green makes no difference to it."""
    return nearest_colour([(0.9, 0.5, 0.1), (0.1, 0.5, 0.9)], CLASSES, "warmth", 2.0)


class Painter(nn.Module):
    """codes (n, 3 + PATTERNS) -> images of the colour that the first three say, with patterns as the others say.

    deaf: every code gives the same grey. copies: green and the patterns are always the same, so that all images of a
    class are.
    """

    code_size, image_size = 3 + PATTERNS, SIZE

    def __init__(self, *, deaf: bool = False, copies: bool = False) -> None:
        super().__init__()
        patterns = torch.randn(PATTERNS, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
        self.register_buffer("patterns", patterns - patterns.mean((2, 3), keepdim=True))
        self.deaf, self.copies = deaf, copies
        self.eval()

    def forward(self, codes: Tensor) -> Tensor:
        if self.deaf:
            codes = 0 * codes
        if self.copies:
            codes = codes * torch.tensor([1.0, 0.0, 1.0] + [0.0] * PATTERNS)
            codes = codes + torch.tensor([0.0, -1.0, 0.0] + [0.0] * PATTERNS)
        colours = (STEEPNESS * codes[:, :3]).sigmoid()[:, :, None, None]
        drawn = torch.einsum("np,pchw->nchw", codes[:, 3:], self.patterns)
        return (0.05 + 0.9 * colours + 0.02 * drawn).clamp(0, 1)


class PlantedVariant(Variant):
    """One whose code of an image is known."""

    def encode(self, images: Tensor) -> Tensor:
        colours = ((images.mean((2, 3)) - 0.05) / 0.9).clamp(0.01, 0.99).logit() / STEEPNESS
        return torch.cat([colours, colours.new_zeros(len(images), PATTERNS)], 1)


@dataclasses.dataclass
class PlantedVariants:
    """In the place of `Variants`. generators: by variant; others are Painters."""

    network: Network
    generators: dict[str, Painter]

    def get(self, name: str, task: str | None = None, **changes: Any) -> Variant:
        settings = dataclasses.replace(Settings("planted", "none", steps=8, rate=0.03), **changes)
        sampler = Sampler(self.generators.get(name, Painter()), settings, NoPrior())
        return PlantedVariant(name, TITLES[name], self.network, None, sampler)


def plant(monkeypatch: Any, module: Any, **generators: Painter) -> None:
    """Lets an experiment's module take these generators for the variants' of conf/ppgn."""
    planted = SimpleNamespace(of=lambda config, context: PlantedVariants(context.network, generators))
    monkeypatch.setattr(module, "Variants", planted)
    monkeypatch.setattr(module, "missing", lambda *_: None)


def context(workspace: Path) -> Any:
    data = DataSource("colours", Colours(), Colours(seed=1))
    return given(workspace, network=condition_network(), evaluator=judge_network(), data=data)
