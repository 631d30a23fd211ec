"""How a generator is trained, as plain numbers: one file each in conf/generator.

Published for the noiseless joint variant on ImageNet (from a port of the authors' training code): Adam with 0.9 and
0.999, learning rate 5e-5, halved after 300, 500, 700, 900 and 1100 of 1300 thousand steps, batches of 64, weight decay
4e-4. The released generator's layers are exempt from the decay, so here it is the discriminator's alone; as in Caffe,
it is added to the gradient. How much noise the joint variant adds isn't known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from replications.ppgn.balance import BalanceRule
from replications.ppgn.collapse import CollapseRule
from replications.ppgn.discriminator import Discriminator, published_discriminator, small_discriminator
from replications.ppgn.generator import Generator, published_generator, small_generator
from replications.ppgn.losses import LossWeights

Architecture = Literal["small", "published"]
GENERATORS: dict[str, Callable[..., Generator]] = {
    "small_generator": small_generator,
    "published_generator": published_generator,
}


@dataclasses.dataclass(frozen=True)
class Noise:
    """Standard deviations of the Gaussian noise that Joint PPGN-h adds on the way from image to code, clean targets.

    image: in the range of [0, 1]. comparator, code: as a share of the layer's own deviation on real images (the root of
    its variance a number).
    """

    image: float = 0.0
    comparator: float = 0.0
    code: float = 0.0

    def __post_init__(self) -> None:
        if min(self.image, self.comparator, self.code) < 0:
            raise ValueError(f"noise has standard deviations of 0 or more, found {self}")

    def __bool__(self) -> bool:
        return bool(self.image or self.comparator or self.code)


@dataclasses.dataclass(frozen=True)
class GeneratorRecipe:
    """All that determines a generator besides encoder, images and seed.

    steps: updates. code_layer: the encoder's layer that the generator inverts; comparator_layer: h1.
    architecture, width, discriminator_width: see `generator` and `discriminator`; only the small ones have widths.
    scale_codes: divide codes by their root mean square before the first layers.
    annealing: steps, rising, after which the learning rate is multiplied by `annealing_factor`.
    weight_decay: of the discriminator. ema: decay of the exponential moving average of the generator's weights that
    takes their place in the result, less in the first updates (at most (1 + n) / (10 + n) after n); None for the
    weights themselves.
    balance: None always trains both. collapse: what stops the training early; None lets it go on.
    mixed_precision: compute in bfloat16 where the device, GPU or CPU, has instructions for it.
    """

    steps: int
    losses: LossWeights
    code_layer: str = "relu6"
    comparator_layer: str = "pool5"
    architecture: Architecture = "small"
    width: int = 32
    discriminator_width: int = 32
    scale_codes: bool = True
    batch_size: int = 64
    learning_rate: float = 2e-4
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    annealing: tuple[int, ...] = ()
    annealing_factor: float = 0.5
    ema: float | None = None
    noise: Noise = dataclasses.field(default_factory=Noise)
    balance: BalanceRule | None = dataclasses.field(default_factory=BalanceRule)
    collapse: CollapseRule | None = dataclasses.field(default_factory=CollapseRule)
    mixed_precision: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "annealing", tuple(int(step) for step in self.annealing))
        if self.architecture not in get_args(Architecture):
            raise ValueError(f"a generator's architecture is 'small' or 'published', not '{self.architecture}'")
        if self.steps < 1 or self.batch_size < 2:
            raise ValueError(f"a recipe needs at least one step and two images a batch, found {self}")
        if list(self.annealing) != sorted(self.annealing):
            raise ValueError(f"'annealing' must be rising steps, found {self.annealing}")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"'ema' must lie between 0 and 1 or be null, found {self.ema}")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> GeneratorRecipe:
        """The recipe of a plain mapping (a file of conf/generator). An unknown key raises ValueError."""
        parts = {"losses": LossWeights, "noise": Noise, "balance": BalanceRule, "collapse": CollapseRule}
        given: dict[str, Any] = dict(config)
        for name, part in parts.items():
            if isinstance(given.get(name), Mapping):
                _check_keys(given[name], part, name)
                given[name] = part(**given[name])
        _check_keys(given, cls, "a generator's recipe")
        return cls(**given)

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of step `step`, 1 for the first."""
        return self.learning_rate * self.annealing_factor ** sum(step > passed for passed in self.annealing)

    def described(self, code_size: int, image_size: int) -> tuple[str, dict[str, Any]]:
        """The function of `generator` that builds the generator, and its arguments besides the seed."""
        if self.architecture == "published":
            arguments = {"code": code_size, "image_size": image_size, "encoder_layer": self.code_layer}
            return "published_generator", arguments
        arguments = {"code": code_size, "size": image_size, "width": self.width, "encoder_layer": self.code_layer}
        return "small_generator", arguments

    def generator(self, code_size: int, image_size: int, seed: int) -> Generator:
        """An untrained generator for codes of this size and images of this size."""
        name, arguments = self.described(code_size, image_size)
        return GENERATORS[name](**arguments, seed=seed)

    def discriminator(self, code_size: int, image_size: int, seed: int) -> Discriminator:
        """An untrained discriminator for the same."""
        if self.architecture == "published":
            return published_discriminator(code_size, image_size=image_size, seed=seed)
        return small_discriminator(code_size, image_size, self.discriminator_width, seed=seed)


def _check_keys(given: Mapping[str, Any], part: type, name: str) -> None:
    known = {field.name for field in dataclasses.fields(part)}
    if unknown := sorted(set(map(str, given)) - known):
        raise ValueError(f"{name} has no {', '.join(map(repr, unknown))}; its keys are {', '.join(sorted(known))}")
