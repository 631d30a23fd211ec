"""The variants' settings by name: one file each in conf/sampler, read by `load`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from replications.images.schedule import Ramp, WarmCosine, as_ramp
from replications.paths import project_root
from replications.ppgn.codes import RealCodes

RAMPS = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in (Ramp, WarmCosine)}
DEVIATIONS = 3  # above its mean, that clip "deviations" leaves a number (Nguyen et al. 2016)


@dataclass(frozen=True)
class Settings:
    """How chains of one variant move (Nguyen et al. 2017, Eq. 11 and 12). `Ramp`s go over the steps of one condition.

    prior: "none", a "dae" or "joint" (see `priors`); with epsilon1 it is the first term.
    steps: for each condition of a chain.
    rate: what a step is multiplied by; with `normalize` the mean size of the change of a code's numbers.
    epsilon1, epsilon2, epsilon3, epsilon4: of prior, condition, noise and, in inpainting, context.
    normalize: divide the sum of the terms, noise included, by the mean of its numbers' sizes, as the released code
        does; without, the chain is Eq. 11.
    decay: what the code is multiplied by after each step.
    span: how far real codes reach in the units that rate, epsilons and start are given in: 30 for CaffeNet's fc6, 255
        for pixels. Another encoder's codes count in such units too, of its own largest number / span. None: codes count
        as they are.
    clip: "none"; "range", all numbers to the smallest and the largest of real codes (released: 0 and 30); "unit", each
        to its own; "deviations", each to its own smallest and 3 deviations above its mean (Nguyen et al. 2016).
    start: "normal", N(0, 1) in units of `span`, as released; "real", each number with mean and deviation of real codes.
    reset_every: a chain starts again after so many steps; 0: never. reset_epsilon1: from where its epsilon 1 is then
        drawn, uniformly; None leaves it.
    keep_every: the steps between two codes that are kept; the start and the end always are.
    """

    name: str
    prior: Literal["none", "dae", "joint"]
    steps: int
    rate: float | Ramp
    epsilon1: float | Ramp = 0.0
    epsilon2: float | Ramp = 1.0
    epsilon3: float | Ramp = 0.0
    epsilon4: float | Ramp = 0.0
    normalize: bool = True
    decay: float = 1.0
    span: float | None = None
    clip: Literal["none", "range", "unit", "deviations"] = "none"
    start: Literal["normal", "real"] = "normal"
    reset_every: int = 0
    reset_epsilon1: tuple[float, float] | None = None
    keep_every: int = 1

    def __post_init__(self) -> None:
        for name in ("rate", "epsilon1", "epsilon2", "epsilon3", "epsilon4"):
            object.__setattr__(self, name, as_ramp(getattr(self, name)))
        for name, known in (
            ("prior", ("none", "dae", "joint")),
            ("clip", ("none", "range", "unit", "deviations")),
            ("start", ("normal", "real")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"a sampler's '{name}' is one of {', '.join(known)}; found '{getattr(self, name)}'")
        if self.steps < 1 or self.keep_every < 1 or self.reset_every < 0:
            raise ValueError(
                "a sampler takes at least one step, keeps a code after one or more, and resets after 0 (never) or "
                f"more; found {self.steps}, {self.keep_every}, {self.reset_every}"
            )
        if self.prior == "none" and not _zero(self.epsilon1):
            raise ValueError(f"without a prior epsilon 1 multiplies nothing: it must be 0, found {self.epsilon1}")
        if not 0 < self.decay <= 1:
            raise ValueError(f"a code decays by a factor above 0 and up to 1, found {self.decay}")
        if self.span is not None and not self.span > 0:
            raise ValueError(f"real codes reach further than 0, found a span of {self.span}")
        if self.reset_epsilon1 is not None:
            low, high = (float(value) for value in self.reset_epsilon1)
            object.__setattr__(self, "reset_epsilon1", (low, high))
            if not self.reset_every or self.prior == "none" or low > high:
                raise ValueError(
                    "a range of epsilon 1, low to high, is drawn from at resets of chains with a prior; found "
                    f"{self.reset_epsilon1}, resets every {self.reset_every} steps, prior '{self.prior}'"
                )

    def slowed(self, factor: float) -> Settings:
        """The same with the rate times `factor`, also where it changes."""
        rate = as_ramp(self.rate)
        return dataclasses.replace(
            self, rate=dataclasses.replace(rate, start=factor * rate.start, end=factor * rate.end)
        )

    @property
    def needs_real(self) -> bool:
        """Whether it has to know where real codes lie."""
        return self.span is not None or self.clip != "none" or self.start == "real"

    def at(self, name: str, step: int) -> float:
        """The rate or an epsilon in step 0, 1, ..., steps - 1 of a condition."""
        return as_ramp(getattr(self, name)).at(step, self.steps)

    def uses(self, name: str) -> bool:
        """Whether an epsilon is ever anything but 0."""
        return not _zero(getattr(self, name)) or (name == "epsilon1" and self.reset_epsilon1 is not None)

    def unit(self, real: RealCodes | None) -> float:
        """What counts as one: see `span`."""
        if self.span is None or real is None:
            return 1.0
        highest = float(real.high.max())
        if not highest > 0:
            raise ValueError(f"real codes that reach up to {highest} give no unit for a span of {self.span}")
        return highest / self.span

    def bounds(self, real: RealCodes | None) -> tuple[Tensor, Tensor] | None:
        """The smallest and the largest that each number of a code may be; None for no bounds."""
        if self.clip == "none" or real is None:
            return None
        if self.clip == "range":
            return real.low.min().expand(real.shape), real.high.max().expand(real.shape)
        if self.clip == "unit":
            return real.low, real.high
        return real.low, torch.maximum(real.low, real.mean + DEVIATIONS * real.deviation)


_TARGET = f"{Settings.__module__}.{Settings.__qualname__}"


def _zero(value: float | Ramp) -> bool:
    ramp = as_ramp(value)
    return ramp.start == 0 == ramp.end


def names() -> tuple[str, ...]:
    """Of all variants that have a file."""
    return tuple(sorted(path.stem for path in (project_root() / "conf/sampler").glob("*.yaml")))


def load(name: str, task: str | None = None, **changes: Any) -> Settings:
    """The settings of conf/sampler/NAME.yaml. task: one of its `tasks`, whose values replace those of the file's top
    level; `changes` replace either. Raises ValueError for a name that has no file or a task that it doesn't know."""
    from omegaconf import OmegaConf

    path = project_root() / "conf/sampler" / f"{name}.yaml"
    if not path.is_file():
        raise ValueError(f"there is no sampler '{name}'; there are {', '.join(names())}")
    config = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    assert isinstance(config, dict)
    return build({str(key): value for key, value in config.items()}, task, **changes)


def build(config: Mapping[str, Any], task: str | None = None, **changes: Any) -> Settings:
    """The settings that a configuration as in conf/sampler describes; task, changes: see `load`."""
    found = dict(config)
    target, tasks = found.pop("_target_", _TARGET), found.pop("tasks", {})
    if target != _TARGET:
        raise ValueError(f"expected the configuration of a sampler, {_TARGET}; found that of {target}")
    if task is not None:
        if task not in tasks:
            known_tasks = ", ".join(tasks) or "none"
            raise ValueError(f"sampler '{found.get('name')}' has no task '{task}' of its own; it has {known_tasks}")
        found.update(tasks[task])
    found.update(changes)
    known = sorted(field.name for field in dataclasses.fields(Settings))
    if unknown := sorted(set(found) - set(known)):
        raise ValueError(f"a sampler has no setting {', '.join(unknown)}; it has {', '.join(known)}")
    values: dict[str, Any] = {k: _ramp(value) if isinstance(value, Mapping) else value for k, value in found.items()}
    return Settings(**values)


def _ramp(config: Mapping[str, Any]) -> Ramp:
    values = dict(config)
    target = values.pop("_target_", None)
    if target not in RAMPS:
        raise ValueError(f"a value that changes is one of {', '.join(RAMPS)}; found {target}")
    return RAMPS[target](**values)
