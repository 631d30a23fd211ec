"""What a chain's samples are to show: the log-probability of a condition, given what the generator made.

Its gradient is what epsilon 2 multiplies in the update (Nguyen et al. 2017, Eq. 11):

    h <- h + eps1 (R(h) - h) + eps2 d log p(y = c | G(h)) / dh + N(0, eps3^2)

Conditions of one batch may differ from chain to chain. Those of a kind are read off together, and each network runs
once, no further than it must, on the images that ask for it.

Choices and deviations:
- "exact" is the gradient of log softmax. The code released with the paper hands (1 - softmax_c) to the unit's own logit
  alone and nothing to the others ("own_logit"), for classes and for hidden units among the units at their position.
- DGN-AM (Nguyen et al. 2016) climbs the activation itself, a log-probability of an energy model without its
  normalization: `Reads(network, Activation(unit))`, and so with any objective of `replications.images.objectives`.
- Several conditions at once are independent given the image: their log-probabilities add up.
- Of a masked image (Eq. 12) networks see what the generator made within the hole and the image itself around
  it, as in the released code. The context term is -1/2 times the squared distance around the hole in grey levels, 0 to
  255, which is what that code's epsilon 4 multiplies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from replications.images.objectives import Activation, Objective, Outputs, Reader
from replications.networks.network import Network
from replications.networks.unit import Unit

Readings = Mapping[Network, Mapping[str, Tensor]]  # by network and layer, (n, ...)
LogProbability = Callable[[Tensor, Outputs], Tensor]  # what was made (m, ...), a network's outputs of it -> (m,)
LEVELS = 255.0


# ---------------------------------------------------------------------------------------------------- what is asked


class Part(ABC):
    """One factor of a condition's probability."""

    @property
    @abstractmethod
    def kind(self) -> tuple[Any, ...]:
        """Parts of the same kind are read off together."""

    @property
    def reads(self) -> tuple[Network, tuple[str, ...]] | None:
        """Which layers of which network; None where it reads what was made itself."""
        return None

    @classmethod
    @abstractmethod
    def together(cls, members: Sequence[Any], rows: Tensor) -> LogProbability:
        """Reads members[i] off row rows[i] of what was made and of the network's outputs: (m,). rows: (m,)."""


class Condition(ABC):
    """What chains are asked for. Its name decides their random numbers, so it has to say all that the condition is."""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def parts(self) -> tuple[tuple[float, Part], ...]:
        """The weighted sum of their log-probabilities is the condition's."""

    @property
    def context(self) -> Context | None:
        """What is around a hole, where there is one."""
        return None


@dataclass(frozen=True)
class Unconditional(Condition):
    """Nothing is asked: chains follow the prior alone."""

    @property
    def name(self) -> str:
        return "unconditional"

    @property
    def parts(self) -> tuple[tuple[float, Part], ...]:
        return ()


@dataclass(frozen=True)
class LogSoftmax(Objective):
    """log softmax of a unit: of a class among the classes, or of a hidden unit among the units at its position.

    gradient: "exact", or "own_logit", as released (see the head of the file).
    """

    unit: Unit
    gradient: Literal["exact", "own_logit"] = "exact"

    def __post_init__(self) -> None:
        if self.gradient not in ("exact", "own_logit"):
            raise ValueError(f"the gradient of a log-probability is 'exact' or 'own_logit', not '{self.gradient}'")

    @property
    def name(self) -> str:
        return f"log p({self.unit.name})"

    @property
    def layers(self) -> tuple[str, ...]:
        return (self.unit.layer,)

    @property
    def kind(self) -> tuple[Any, ...]:
        return LogSoftmax, self.unit.layer, self.unit.position is None, self.gradient

    def check(self, network: Network) -> None:
        self.unit.check(network)
        if self.unit.position is None and max(network.shape(self.unit.layer)[1:], default=1) > 1:
            raise ValueError(
                f"the probability of {self.unit.name} is that among the units at one position; name the position, or "
                "ask for the activation"
            )

    @classmethod
    def read(cls, members: Sequence[LogSoftmax], rows: Tensor) -> Reader:
        layer, own = members[0].unit.layer, members[0].gradient == "own_logit"
        channels = torch.tensor([m.unit.channel for m in members], device=rows.device)[:, None]
        places = torch.tensor([m.unit.position or (0, 0) for m in members], device=rows.device)

        def value(outputs: Outputs) -> Tensor:
            output = outputs[layer]
            found = output[rows, :, places[:, 0], places[:, 1]] if output.dim() > 2 else output[rows]
            logs = found.log_softmax(1).gather(1, channels)[:, 0]
            if not own:
                return logs
            logits = found.gather(1, channels)[:, 0]
            slope = (1 - logs.exp()).detach()
            return logs.detach() + slope * (logits - logits.detach())

        return value


@dataclass(frozen=True, eq=False)
class _Seen(Part):
    network: Network
    objective: Objective

    @property
    def reads(self) -> tuple[Network, tuple[str, ...]]:
        return self.network, self.objective.layers

    @property
    def kind(self) -> tuple[Any, ...]:
        return _Seen, self.network, self.objective.kind

    @classmethod
    def together(cls, members: Sequence[_Seen], rows: Tensor) -> LogProbability:
        objectives = [member.objective for member in members]
        read = type(objectives[0]).read(objectives, rows)
        return lambda made, outputs: read(outputs)


@dataclass(frozen=True, eq=False)
class Reads(Condition):
    """What an objective reads off a network: a class's log-probability, a hidden unit's activation, a direction, ...

    The network needn't be the one whose layer is the code. Raises as the objective's `check` does.
    """

    network: Network
    objective: Objective

    def __post_init__(self) -> None:
        self.objective.check(self.network)

    @property
    def name(self) -> str:
        return f"{self.network.name} {self.objective.name}"

    @property
    def parts(self) -> tuple[tuple[float, Part], ...]:
        return ((1.0, _Seen(self.network, self.objective)),)


def of_class(network: Network, name: str | int, gradient: Literal["exact", "own_logit"] = "exact") -> Reads:
    """The log-probability of a class. name: the class's, its id, or its number.

    Raises UnknownClass or ValueError where the network has no such class.
    """
    number = name if isinstance(name, int) else network.class_index(name)
    return Reads(network, LogSoftmax(Unit(network.layers[-1], number), gradient))


def of_unit(network: Network, unit: Unit) -> Reads:
    """A hidden unit's activation. Raises UnknownLayer or ValueError where the network has no such unit."""
    return Reads(network, Activation(unit))


@dataclass(frozen=True, eq=False)
class Together(Condition):
    """Several conditions at once, of one network or of several: (weight, condition) each."""

    conditions: tuple[tuple[float, Condition], ...]

    def __post_init__(self) -> None:
        given = tuple((float(weight), condition) for weight, condition in self.conditions)
        object.__setattr__(self, "conditions", given)
        if not given:
            raise ValueError("several conditions at once need at least one")
        if any(condition.context is not None for _, condition in given):
            raise ValueError("an image is masked once: put the conditions together first, then mask the image for them")

    @property
    def name(self) -> str:
        return " + ".join(f"{weight:g} {condition.name}" for weight, condition in self.conditions)

    @property
    def parts(self) -> tuple[tuple[float, Part], ...]:
        return tuple((weight * own, part) for weight, condition in self.conditions for own, part in condition.parts)


def all_of(*conditions: Condition) -> Together:
    """Several conditions at once, of equal weight."""
    return Together(tuple((1.0, condition) for condition in conditions))


@dataclass(frozen=True, eq=False)
class _Told(Part):
    function: Callable[[Tensor], Tensor]

    @property
    def kind(self) -> tuple[Any, ...]:
        return _Told, id(self.function)

    @classmethod
    def together(cls, members: Sequence[_Told], rows: Tensor) -> LogProbability:
        function = members[0].function
        return lambda made, outputs: function(made[rows])


@dataclass(frozen=True, eq=False)
class LogDensity(Condition):
    """Any function of what was made, (n, ...) -> (n,), of each row by itself; what is made needn't be images.

    called: its name, which has to say all that determines it.
    """

    called: str
    function: Callable[[Tensor], Tensor]

    @property
    def name(self) -> str:
        return self.called

    @property
    def parts(self) -> tuple[tuple[float, Part], ...]:
        return ((1.0, _Told(self.function)),)


# ------------------------------------------------------------------------------------------------------- inpainting


@dataclass(frozen=True, eq=False)
class Context:
    """An image with a hole. image: (C, H, W). hole: (H, W) or (C, H, W) bool, True where it is to be filled in."""

    image: Tensor
    hole: Tensor

    def __post_init__(self) -> None:
        if self.hole.dtype != torch.bool or tuple(self.hole.shape) not in (
            tuple(self.image.shape),
            tuple(self.image.shape[1:]),
        ):
            raise ValueError(
                f"expected a mask of type bool and the image's size {tuple(self.image.shape[1:])}, found "
                f"{tuple(self.hole.shape)} {self.hole.dtype}; True is where the hole is"
            )
        if not bool(self.hole.any()):
            raise ValueError("the mask marks no pixel, so there is nothing to fill in; True is where the hole is")

    def filled(self, made: Tensor) -> Tensor:
        """(..., C, H, W): what was made within the hole, the image around it. made: broadcastable to that."""
        return torch.where(self.hole.to(made.device), made, self.image.to(made))


@dataclass(frozen=True, eq=False)
class Masked(Condition):
    """A condition on an image with a hole that chains fill in (Eq. 12).

    called: names the image and its hole. condition: `Unconditional()` for what the prior and the context say alone.
    """

    called: str
    condition: Condition
    given: Context

    def __post_init__(self) -> None:
        if self.condition.context is not None:
            raise ValueError("an image is masked once, and this condition has a masked image already")

    @property
    def name(self) -> str:
        return f"{self.condition.name} in {self.called}"

    @property
    def parts(self) -> tuple[tuple[float, Part], ...]:
        return self.condition.parts

    @property
    def context(self) -> Context | None:
        return self.given
