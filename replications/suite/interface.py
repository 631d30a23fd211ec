"""The small interface between a paper and the suite: what an experiment is given and what it returns.

A paper's module imports this file and nothing else of the suite; the suite knows papers only through it.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

    from replications.data.image_set import DataSource
    from replications.networks.network import Network
    from replications.training.zoo import Zoo

T = TypeVar("T")

Direction = Literal["higher", "lower", "none"]
Part = Literal["network", "evaluator", "data", "second_data"]


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One measured quantity with its raw values.

    name: unique within the outcome, with slashes for parts ("delta_5/nose").
    values: the raw values, one for each `over`; never already averaged.
    unit: the unit in words ("% top-1 error", "pixels", "share of maps").
    over: what one raw value belongs to ("seed", "set of five images", "map", "image").
    better: which direction is better, where there is one.
    reported: the ledger row whose reported value this is the counterpart of, if any.
    cell: which number of a row with several ("val top-1"), if the row has several.
    """

    name: str
    values: Sequence[float]
    unit: str
    over: str
    better: Direction = "none"
    reported: str | None = None
    cell: str | None = None

    def __post_init__(self) -> None:
        values = tuple(float(v) for v in self.values)
        if not values or not all(math.isfinite(v) for v in values):
            raise ValueError(f"measurement '{self.name}' needs finite values, found {values[:5]}")
        object.__setattr__(self, "values", values)


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The test of one claim: an effect with its interval, and where the claim says the effect lies.

    claim: the ledger id of the claim.
    statistic: in words, with the kind of interval ("mean difference, random minus parts; 95 % paired bootstrap").
    effect, low, high: the estimate and its interval, in `unit`.
    n, over: how many independent replicates, and what one is ("set of five images", "seed").
    expected: open interval in which the claim puts the effect. The claim holds when [low, high] lies inside.
    seeds: how many independent seeds stand behind the interval (0 where nothing is random).
    """

    claim: str
    statistic: str
    effect: float
    low: float
    high: float
    unit: str
    n: int
    over: str
    expected: tuple[float, float] = (0.0, math.inf)
    seeds: int = 0

    @property
    def holds(self) -> bool:
        """Whether the whole interval lies where the claim says."""
        return self.expected[0] < self.low and self.high < self.expected[1]


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure: the drawing, and the arrays it was drawn from (kept beside it as .npz).

    animation: the same thing moving, the content of a GIF (kept beside it as .gif and linked to on the page).
    """

    name: str
    title: str
    caption: str
    figure: Figure
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    animation: bytes | None = None


@dataclasses.dataclass(frozen=True)
class Table:
    """A table for the report. Cells are strings or numbers; None prints as a dash."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | int | None]]
    caption: str = ""


@dataclasses.dataclass
class Outcome:
    """All that one experiment found. The suite adds provenance and writes it."""

    measurements: list[Measurement] = dataclasses.field(default_factory=list)
    evidence: list[Evidence] = dataclasses.field(default_factory=list)
    pictures: list[Picture] = dataclasses.field(default_factory=list)
    tables: list[Table] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)


class Context(Protocol):
    """What an experiment is given. Network and data are loaded when first asked for."""

    profile: str
    seed: int
    device: torch.device

    @property
    def workspace(self) -> Path:
        """Scratch folder of this experiment; survives an interrupted run, removed when done."""
        ...

    @property
    def zoo(self) -> Zoo:
        """Trains a network, or finds it trained."""
        ...

    @property
    def network(self) -> Network: ...

    @property
    def evaluator(self) -> Network:
        """The held-out network that judges; raises MissingInput where the profile has none."""
        ...

    @property
    def data(self) -> DataSource: ...

    @property
    def second_data(self) -> DataSource:
        """Another set of images, for an experiment on two; raises MissingInput where there is none."""
        ...

    @property
    def others(self) -> tuple[str, ...]:
        """The experiments whose outcomes this one reads, in the paper's order: its `uses`, with "*" written out."""
        ...

    def outcome(self, experiment: str) -> dict[str, Any] | None:
        """The outcome (as in outcome.json) of an experiment named in `uses`: this run's, else the recorded one.

        None when there is neither, or when the recorded one is stale.
        """
        ...

    def note_training(self, key: str, seconds: float) -> None:
        """Notes what a training took, now or earlier, of a network that isn't the zoo's. key: what names it."""
        ...

    def generator(self, *name: str | int) -> torch.Generator:
        """A CPU generator seeded by (seed, experiment, name) and nothing else."""
        ...

    def progress(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """`items` with a progress bar that shows the time left."""
        ...


class MissingInput(RuntimeError):
    """An input that this profile doesn't have. The message says what is missing and how to supply it."""


class Experiment(ABC):
    """One table or figure of a paper. Subclasses are frozen dataclasses whose fields are the parameters.

    name: as the paper names it, lower case ("fig2", "table1"). A class that serves many experiments has it as a field.
    title: as in the paper, for people.
    paper: the ledger's key of the paper.
    answers: ledger rows (reported values and claims) that this experiment speaks to.
    trains: whether it trains networks; such experiments run in full only with `full=true`,
        and otherwise show their recorded outcome.
    needs: which of "network", "evaluator", "data" and "second_data" it reads from its context. What it needs is part
        of what determines its outcome; the rest is refused. An experiment's configuration may name other ones than the
        profile's under `inputs` (or `by_profile.PROFILE.inputs`).
    uses: experiments of the same paper whose outcomes this one reads (`context.outcome(name)`). They run before it,
        and what they found is part of what determines this outcome. ("*",) stands for all that don't say so themselves.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    answers: ClassVar[tuple[str, ...]] = ()
    trains: ClassVar[bool] = False
    needs: ClassVar[tuple[Part, ...]] = ("network", "data")
    uses: ClassVar[tuple[str, ...]] = ()

    def missing(self, context: Context) -> str | None:
        """What this profile lacks for this experiment, as one sentence, or None. Must be cheap."""
        return None

    def modules(self) -> tuple[str, ...]:
        """Modules beside its own whose code counts for the outcome: those of what its parameters name, for one."""
        return ()

    def reads(self, context: Context) -> dict[str, str]:
        """What the parameters describe beside files, by a word for it, each with a fingerprint of its content.

        For images that are neither of the context's data nor a file: that they are others makes another outcome. What
        can't be read is left out; `missing` says why. Called on every run, so it must be cheap.
        """
        return {}

    @abstractmethod
    def run(self, context: Context) -> Outcome:
        """Measure. Deterministic given the context's seed; never writes outside `context.workspace`."""


def parameters(experiment: Experiment) -> dict[str, Any]:
    """The experiment's parameters as plain values."""
    return dataclasses.asdict(experiment)  # type: ignore[call-overload]
