"""An experiment gets its own random numbers, and nothing that it doesn't declare."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch

from replications.suite.context import RunContext, seed_of
from replications.suite.inputs import Inputs
from replications.suite.interface import Context, Experiment, MissingInput, Outcome
from replications.training.zoo import Zoo


class Frugal(Experiment):
    name: ClassVar[str] = "fig1"
    title: ClassVar[str] = "One that reads little"
    paper: ClassVar[str] = "dummy"
    needs = ()
    uses = ("table1",)

    def run(self, context: Context) -> Outcome:
        raise NotImplementedError


class Greedy(Frugal):
    needs = ("network", "evaluator", "data")


def _context(experiment: Experiment, tmp_path: Path, seed: int = 0, **parts: Any) -> RunContext:
    inputs = Inputs({"network": None, "evaluator": None, "data": None, **parts}, torch.device("cpu"))
    return RunContext(
        experiment, inputs, profile="toy", seed=seed, workspace=tmp_path / "w", outcomes=lambda name: {"of": name}
    )


def test_generators_depend_on_seed_experiment_and_name_alone(tmp_path: Path) -> None:
    def draw(context: RunContext, *name: str | int) -> list[float]:
        return torch.rand(4, generator=context.generator(*name)).tolist()

    first = _context(Frugal(), tmp_path)
    assert draw(first, "images") == draw(_context(Frugal(), tmp_path), "images")
    draws = {tuple(draw(first, *n)) for n in [("images",), ("units",), ("images", 1), ("images", "1"), ()]}
    assert len(draws) == 5
    assert draw(first, "images") != draw(_context(Frugal(), tmp_path, seed=1), "images")


def test_seeds_are_the_same_on_every_machine() -> None:
    assert seed_of(0, "fig1", "images") == 5405977604741520220
    assert all(0 <= seed_of(s, "x") < 2**63 for s in range(100))


@pytest.mark.parametrize("part", ["network", "evaluator", "data"])
def test_what_is_not_declared_is_refused(part: str, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=f"fig1 reads the {part}: add '{part}' to its `needs`"):
        getattr(_context(Frugal(), tmp_path), part)


@pytest.mark.parametrize("part", ["network", "data"])
def test_what_the_profile_lacks_is_missing(part: str, tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match=f"no {part}; name one by {part}="):
        getattr(_context(Greedy(), tmp_path), part)


def test_a_network_does_not_judge_itself(tmp_path: Path) -> None:
    config = {"_target_": "anything"}
    with pytest.raises(MissingInput, match="another network than the one it judges; name one by network@evaluator="):
        _context(Greedy(), tmp_path, network=config, evaluator=config).evaluator  # noqa: B018


def test_only_declared_outcomes_are_read(tmp_path: Path) -> None:
    context = _context(Frugal(), tmp_path)
    assert context.outcome("table1") == {"of": "table1"}
    with pytest.raises(LookupError, match="add it to its `uses`"):
        context.outcome("table2")


def test_the_workspace_is_made_when_asked_for(tmp_path: Path) -> None:
    context = _context(Frugal(), tmp_path)
    assert not (tmp_path / "w").exists()
    assert context.workspace.is_dir()


def test_what_trainings_took_is_noted_once_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Zoo, "train", lambda self, job: job)
    context = _context(Frugal(), tmp_path)
    for key, seconds in (("a", 2.0), ("b", 3.5), ("a", 2.0)):
        context.zoo.train(SimpleNamespace(key=key, seconds=seconds))  # type: ignore[arg-type]
    assert context.trained == {"a": 2.0, "b": 3.5}
    context.note_training("not the zoo's", 1.23456)
    assert context.trained["not the zoo's"] == 1.235
