"""A tiny encoder, tiny images and a recipe for a generator that trains in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.zfnet import zfnet_small
from replications.ppgn.collapse import Record
from replications.ppgn.losses import LossWeights
from replications.ppgn.recipe import GeneratorRecipe

SIZE = 32
HALF = (0.5, 0.5, 0.5)
QUARTER = (0.25, 0.25, 0.25)


def tiny_network(seed: int = 0) -> Network:
    """ZFNet's topology with a few maps; layer pool5 has 5 numbers, fc6 has 12."""
    module = zfnet_small(3, input_size=SIZE, widths=(6, 6, 6, 6, 5), fc_widths=(12, 6), init="he", seed=seed)
    return Network(
        module, name="tiny", classes=("a", "b", "c"), preprocessing=Preprocessing(SIZE, mean=HALF, std=QUARTER)
    )


class Stripes(ImageSet):
    """Plain colours above other plain colours."""

    name = "stripes"
    classes = ("a", "b", "c")

    def __init__(self, count: int = 40, seed: int = 0) -> None:
        random = torch.Generator().manual_seed(seed)
        self.size, self.seed = SIZE, seed
        self.labels = torch.randint(3, (count,), generator=random)
        colours = torch.rand(count, 3, 2, 1, generator=random)
        self.pixels = colours.repeat_interleave(SIZE // 2, 2).expand(-1, -1, -1, SIZE).contiguous()

    @property
    def fingerprint(self) -> str:
        return f"stripes-{len(self)}-{self.seed}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self.pixels[torch.as_tensor(indices)]


def tiny_recipe(**changes: Any) -> GeneratorRecipe:
    """Eight images a batch, generator and discriminator of width 2."""
    losses = LossWeights(image=4.0, comparator=2.0, adversarial=1.0)
    settings: dict[str, Any] = {
        "steps": 6,
        "losses": losses,
        "width": 2,
        "mixed_precision": False,
        "discriminator_width": 4,
        "batch_size": 8,
        "learning_rate": 2e-3,
    }
    return GeneratorRecipe(**(settings | changes))


def record(step: int, **changes: Any) -> Record:
    """A record of a training that goes well."""
    settings: dict[str, Any] = {
        "step": step,
        "learning_rate": 2e-4,
        "image": 0.6,
        "comparator": 0.4,
        "code": None,
        "discriminator_loss": 1.0,
        "adversarial_loss": 1.0,
        "discriminator_share": 1.0,
        "generator_share": 1.0,
        "spread": 0.8,
        "seconds": 1.0,
    }
    return Record(**(settings | changes))
