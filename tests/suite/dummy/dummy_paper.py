"""A paper of quick experiments for the tests of the suite: random numbers, pictures, one that trains, one that reads.

Each start of an experiment is a line in the file that the environment variable DUMMY_CALLS names.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from replications.data.errors import DataError
from replications.data.image_set import DataSource, ImageSet
from replications.networks.network import UnknownLayer
from replications.paths import data_root
from replications.suite.interface import (
    Context,
    Evidence,
    Experiment,
    Measurement,
    MissingInput,
    Outcome,
    Picture,
    Table,
)


class ToySet(ImageSet):
    def __init__(self, count: int) -> None:
        self.name, self.size, self.classes = "toy", 4, ("a", "b")
        self.labels = torch.arange(count) % 2

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"toy {len(self)}".encode()).hexdigest()

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        chosen = torch.as_tensor(indices)
        return (chosen.float() / len(self))[:, None, None, None].expand(-1, 3, 4, 4)


def toy_data(count: int) -> DataSource:
    return DataSource("toy", ToySet(count), ToySet(count))


def toy_folder(root: str) -> DataSource:
    folder = data_root() / root
    if not folder.is_dir():
        raise DataError(f"the image folder '{folder}' is missing: expected one folder of images a class")
    return toy_data(len(list(folder.iterdir())))


class ToyNetwork:
    layers = ("conv1", "conv2", "fc")

    def to(self, device: torch.device) -> ToyNetwork:
        return self

    def node(self, name: str) -> str:
        if name not in self.layers:
            raise UnknownLayer(f"unknown layer '{name}'; valid layers: {', '.join(self.layers)}")
        return name


def toy_network(weights: str) -> ToyNetwork:
    _called("network")
    if (data_root() / weights).read_bytes() == b"broken":
        raise ValueError(f"the weights file '{weights}' is truncated")
    return ToyNetwork()


def _called(name: str) -> None:
    with Path(os.environ["DUMMY_CALLS"]).open("a") as file:
        file.write(f"{name}\n")


@dataclasses.dataclass(frozen=True)
class Numbers(Experiment):
    """Random numbers, drawn step by step and kept in the workspace, as a resumable experiment would."""

    name: ClassVar[str] = "numbers"
    title: ClassVar[str] = "Numbers"
    paper: ClassVar[str] = "dummy"
    needs = ("data",)
    steps: int = 3
    pause: float = 0.0
    fail: str = ""

    def run(self, context: Context) -> Outcome:
        _called(self.name)
        if self.fail == "error":
            raise ZeroDivisionError("the number of\nimages is 0")
        if self.fail == "missing":
            raise MissingInput("this profile has no masks; choose one that has")
        values = []
        for step in context.progress(range(self.steps), "steps"):
            kept = context.workspace / f"{step}.npy"
            if not kept.exists():
                time.sleep(self.pause)
                np.save(kept, torch.rand(4, generator=context.generator("step", step)).double().numpy())
            values += [float(v) for v in np.load(kept)]
        unseeded = float(torch.rand(())) + float(np.random.rand())
        images = context.data.validation.images([0, 1])
        return Outcome(
            measurements=[
                Measurement("values", values, "1", "draw"),
                Measurement("from the global generators", [unseeded], "1", "run"),
                Measurement("images", [float(images.sum())], "1", "set"),
            ],
            pictures=[Picture("a line", "Line", "A line.", _line(values), {"values": np.array(values)}, b"GIF89a")],
            tables=[Table("first", "First", ["a", "b"], [["x", 1], [None, 0.1 + 0.2]])],
        )


def _line(values: list[float]):
    from replications.drawing import new_figure

    figure = new_figure("A line", 3, 2)
    figure.subplots().plot(values)
    return figure


@dataclasses.dataclass(frozen=True)
class Fig1(Numbers):
    name: ClassVar[str] = "fig1"
    title: ClassVar[str] = "Numbers, and a claim about them"
    answers = ("D-C-F1",)
    needs = ("network", "data")
    layer: str = "conv1"

    def run(self, context: Context) -> Outcome:
        context.network.node(self.layer)
        outcome = super().run(context)
        low = min(outcome.measurements[0].values)
        outcome.evidence.append(Evidence("D-C-F1", "smallest draw", 0.5, low, 1.0, "1", n=12, over="draw", seeds=3))
        return outcome


@dataclasses.dataclass(frozen=True)
class Fig2(Numbers):
    name: ClassVar[str] = "fig2"


@dataclasses.dataclass(frozen=True)
class Fig10(Numbers):
    """Reads files that its parameters name, and the masks of a folder."""

    name: ClassVar[str] = "fig10"
    models: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    masks: str = "masks"

    def reads(self, context: Context) -> dict[str, str]:
        masks = sorted((data_root() / self.masks).glob("*"))
        return {"masks": ", ".join(path.name for path in masks)} if masks else {}

    def run(self, context: Context) -> Outcome:
        outcome = super().run(context)
        sizes = [float(len((data_root() / model["weights"]).read_bytes())) for model in self.models.values()]
        outcome.measurements.append(Measurement("size", sizes, "bytes", "model"))
        return outcome


@dataclasses.dataclass(frozen=True)
class Table1(Experiment):
    name: ClassVar[str] = "table1"
    title: ClassVar[str] = "What takes long"
    paper: ClassVar[str] = "dummy"
    trains = True
    needs = ("data",)
    epochs: int = 10

    def run(self, context: Context) -> Outcome:
        _called(self.name)
        error = [100.0 / (self.epochs + seed) for seed in range(3)]
        return Outcome(measurements=[Measurement("error", error, "%", "seed", better="lower")])


@dataclasses.dataclass(frozen=True)
class Table2(Experiment):
    name: ClassVar[str] = "table2"
    title: ClassVar[str] = "What reads another's outcome"
    paper: ClassVar[str] = "dummy"
    needs = ()
    uses = ("table1",)

    def run(self, context: Context) -> Outcome:
        _called(self.name)
        other = context.outcome("table1")
        value = -1.0 if other is None else other["measurements"][0]["values"][0]
        return Outcome(measurements=[Measurement("read", [value], "%", "run")])


@dataclasses.dataclass(frozen=True)
class Named(Numbers):
    """One class for many experiments: what each is called is a parameter, and what it adds is in another module."""

    name: str = "named"  # type: ignore[misc]
    module: str = "metrics.statistics"

    def modules(self) -> tuple[str, ...]:
        return (self.module,)


@dataclasses.dataclass(frozen=True)
class All(Experiment):
    name: str  # type: ignore[misc]
    title: ClassVar[str] = "What reads all the others' outcomes"
    paper: ClassVar[str] = "dummy"
    needs = ()
    uses = ("*",)

    def run(self, context: Context) -> Outcome:
        _called(self.name)
        found = {name: context.outcome(name) for name in context.others}
        rows = [[name, None if own is None else len(own["measurements"])] for name, own in found.items()]
        return Outcome(tables=[Table("read", "Read", ["name", "measurements"], rows)])
