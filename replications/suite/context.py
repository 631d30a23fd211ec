"""What an experiment is given (see `interface.Context`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from replications.paths import cache_root
from replications.progress import progress

if TYPE_CHECKING:
    import torch

    from replications.data.image_set import DataSource
    from replications.networks.network import Network
    from replications.suite.inputs import Inputs
    from replications.suite.interface import Experiment
    from replications.training.job import TrainingJob
    from replications.training.zoo import Trained, Zoo

T = TypeVar("T")


class RunContext:
    """The context of one experiment in one run; refuses what the experiment doesn't declare."""

    def __init__(
        self,
        experiment: Experiment,
        inputs: Inputs,
        *,
        profile: str,
        seed: int,
        workspace: Path,
        outcomes: Callable[[str], dict[str, Any] | None],
        others: tuple[str, ...] | None = None,
    ) -> None:
        self._experiment, self._inputs, self._outcomes = experiment, inputs, outcomes
        self.profile, self.seed, self.device = profile, seed, inputs.device
        self._workspace = workspace
        self.others = tuple(experiment.uses) if others is None else others
        self._zoo: Zoo | None = None
        self.trained: dict[str, float] = {}

    @property
    def workspace(self) -> Path:
        self._workspace.mkdir(parents=True, exist_ok=True)
        return self._workspace

    @property
    def network(self) -> Network:
        self._declared("network")
        return self._inputs.network

    @property
    def evaluator(self) -> Network:
        self._declared("evaluator")
        return self._inputs.evaluator

    @property
    def data(self) -> DataSource:
        self._declared("data")
        return self._inputs.data

    @property
    def second_data(self) -> DataSource:
        self._declared("second_data")
        return self._inputs.second_data

    @property
    def zoo(self) -> Zoo:
        if self._zoo is None:
            from replications.training.zoo import Zoo

            note = self.note_training

            class Noting(Zoo):
                """Notes what each training took, now or earlier."""

                def train(self, job: TrainingJob) -> Trained:
                    found = super().train(job)
                    note(found.key, found.seconds)
                    return found

            self._zoo = Noting(cache_root() / "zoo", self.device)
        return self._zoo

    def outcome(self, experiment: str) -> dict[str, Any] | None:
        if experiment not in self.others:
            raise LookupError(f"{self._experiment.name} reads the outcome of '{experiment}': add it to its `uses`")
        return self._outcomes(experiment)

    def note_training(self, key: str, seconds: float) -> None:
        self.trained[key] = round(seconds, 3)

    def generator(self, *name: str | int) -> torch.Generator:
        import torch

        return torch.Generator().manual_seed(seed_of(self.seed, self._experiment.name, *name))

    def progress(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        return progress(items, f"{self._experiment.name}: {description}", total)

    def _declared(self, part: str) -> None:
        if part not in self._experiment.needs:
            raise LookupError(f"{self._experiment.name} reads the {part}: add '{part}' to its `needs`")


def seed_of(seed: int, *name: str | int) -> int:
    """A seed below 2^63 that depends on `seed` and `name` and nothing else."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in (seed, *name))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
