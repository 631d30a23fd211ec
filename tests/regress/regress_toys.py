"""Probes whose values are known, and baselines of them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from replications.regress.values import Made, Measured, MeasureValues, ProbeValues
from replications.suite.interface import Context, Direction, Experiment, Measurement, MissingInput, Outcome, Table
from replications.suite.settings import Settings

VERSIONS = {"python": "3.11.7", "torch": "2.11.0", "numpy": "2.0.0"}
PROVENANCE: dict[str, Any] = {
    "commit": "a" * 40,
    "dirty": False,
    "versions": VERSIONS,
    "device": "cpu, a processor, 2 threads",
    "threads": 2,
    "seconds": 1.0,
    "reason": "the first one",
    "date": "2026-01-01",
}


def measure_values(
    values: Sequence[float] | Mapping[int, float], better: Direction = "higher", floor: float = 0.0, start: int = 0
) -> MeasureValues:
    of_set = values if isinstance(values, Mapping) else dict(enumerate(map(float, values), start))
    return MeasureValues(of_set, "share", better, floor)


def probe_values(
    name: str,
    measures: Mapping[str, MeasureValues],
    config: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    **provenance: Any,
) -> ProbeValues:
    made = Made(config or {"passes": 24}, inputs or {})
    return ProbeValues(name, f"The probe {name}", "done", "", measures, made, {**PROVENANCE, **provenance})


def measured_of(*probes: ProbeValues, numbers: Sequence[int] = (1000, 1001, 1002)) -> Measured:
    return Measured("laptop", "toy", tuple(numbers), {probe.name: probe for probe in probes})


@dataclasses.dataclass(frozen=True)
class Toy(Experiment):
    """Two units a set; the value of the first is drawn by the set's number, the second's is 1 more.

    The environment variables TOY_SHIFT and TOY_ERROR stand for a change of the code.
    """

    paper: ClassVar[str] = "regress"
    title: ClassVar[str] = "A <toy>"
    needs: ClassVar[tuple[Any, ...]] = ()

    name: str  # type: ignore[misc]
    seeds: tuple[int, ...]
    scale: float = 1.0

    def missing(self, context: Context) -> str | None:
        return os.environ.get("TOY_MISSING")

    def run(self, context: Context) -> Outcome:
        if os.environ.get("TOY_ERROR"):
            raise ValueError(os.environ["TOY_ERROR"])
        if os.environ.get("TOY_LACK"):
            raise MissingInput(os.environ["TOY_LACK"])
        shift = float(os.environ.get("TOY_SHIFT", "0"))
        rows: list[list[Any]] = []
        for number in self.seeds:
            drawn = float(np.random.default_rng(number).normal()) * self.scale + shift
            rows.append([number, "first", "class", None, drawn, 0.5])
            rows.append([number, "second", "class", None, drawn + 1, None])
        outcome = Outcome(
            [Measurement("height", [row[4] for row in rows], "metres", "unit and seed", "higher")],
            tables=[
                Table("values", "Values", ["seed", "unit", "kind", "layer", "height", "even"], rows),
                Table(
                    "measures",
                    "Measures",
                    ["measure", "unit", "better", "floor"],
                    [["height", "metres", "higher", 0.1], ["even", "share", "none", 0.01]],
                ),
            ],
        )
        return outcome


def toy_settings(*names: str, **changes: Any) -> Settings:
    """Settings of a run of toys."""
    configs = {
        name: {"_target_": "regress_toys.Toy", "name": name, "seeds": [0], "scale": 1.0} for name in names or ("toy",)
    }
    plain: dict[str, Any] = {
        "paper": "regress",
        "profile": "laptop",
        "keep_pictures": True,
        "network": "toy",
        "own_network": "toy",
        "seed": 0,
        "device": "cpu",
        "full": False,
        "record": False,
        "measure": True,
        "experiments": None,
        "parts": {"network": None, "evaluator": None, "data": None, "second_data": None},
        "configs": configs,
        "tracking": {},
    }
    return Settings(**{**plain, **changes})


def recorded_document(
    values: list[float], over: str = "seed", better: str = "higher", **parameters: Any
) -> dict[str, Any]:
    """The file of a recorded outcome, as far as baselines read it."""
    measurement = {"name": "error", "values": values, "unit": "%", "over": over, "better": better}
    identity = {"parameters": {"epochs": 10, **parameters}, "seed": 0, "network": None, "code": {"m": "hash"}}
    provenance = {"identity": identity, "commit": "c" * 40, "dirty": False, "versions": {"torch": "2.11"}}
    return {"measurements": [measurement], "provenance": {**provenance, "device": "cpu, x", "seconds": 1.0}}
