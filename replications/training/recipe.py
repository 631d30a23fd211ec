"""How a network is trained: the paper's recipe (Zeiler & Fergus 2014, Sec. 3) as plain numbers.

The paper: stochastic gradient descent, mini-batches of 128, momentum 0.9, learning rate 1e-2 annealed by hand where the
validation error plateaus, dropout 0.5 in layers 6 and 7 (an argument of the architectures), filters renormalized to a
radius of 1e-1, per-pixel mean subtracted, ten sub-crops (corners and centre, each also mirrored) of 224 out of 256.

Deviations:
- Annealing by hand can't be repeated: the learning rate is divided at fixed shares of the training (`annealing`).
- One mean for all positions of a channel, and a scale: see `preprocessing`.
- facetworld's images are 64 pixels wide to begin with, so there small random shifts take the place of the sub-crops
  (`shift`); `crop` gives the paper's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What determines a training besides the network, the data and the seed. One file each under conf/training.

    epochs: passes through the training images.
    batch_size, learning_rate, momentum, weight_decay: of the gradient descent (the paper states no weight decay).
    warm_up: epochs over which the learning rate rises linearly to its value, step by step; the paper has none.
    annealing: shares of the training, rising in (0, 1), at which the learning rate is multiplied by `annealing_factor`.
    renormalize_radius: RMS above which a convolution's filter is set back to it; None leaves filters alone.
    flip: mirror each image left to right with probability 1/2.
    shift: move each image by up to so many pixels in both directions; what comes in is mirrored at the border.
    crop: take one of the five sub-crops (corners and centre) of this size at random; None takes the whole image.
    mixed_precision: compute in bfloat16 where the device is a GPU that has it.
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 1e-2
    momentum: float = 0.9
    weight_decay: float = 0.0
    warm_up: float = 0.0
    annealing: tuple[float, ...] = ()
    annealing_factor: float = 0.1
    renormalize_radius: float | None = 0.1
    flip: bool = True
    shift: int = 0
    crop: int | None = None
    mixed_precision: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "annealing", tuple(float(share) for share in self.annealing))
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError(f"a recipe needs at least one epoch and one image a batch, found {self}")
        if list(self.annealing) != sorted(self.annealing) or not all(0 < share < 1 for share in self.annealing):
            raise ValueError(f"'annealing' must be rising shares of the training in (0, 1), found {self.annealing}")
        if self.renormalize_radius is not None and self.renormalize_radius <= 0:
            raise ValueError(f"'renormalize_radius' must be positive or null, found {self.renormalize_radius}")
        if self.shift and self.crop:
            raise ValueError("'shift' and 'crop' exclude each other")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Recipe:
        """The recipe of a plain mapping (a file of conf/training). An unknown key raises ValueError naming the keys."""
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(map(str, config)) - known):
            raise ValueError(
                f"a recipe has no {', '.join(map(repr, unknown))}; its keys are {', '.join(sorted(known))}"
            )
        return cls(**{str(key): value for key, value in config.items()})

    def learning_rate_at(self, progress: float) -> float:
        """The learning rate when `progress` epochs (with fractions, from 0) are done."""
        passed = sum(progress >= share * self.epochs for share in self.annealing)
        rise = min(1.0, (progress + 1e-3) / self.warm_up) if self.warm_up else 1.0
        return self.learning_rate * self.annealing_factor**passed * rise
