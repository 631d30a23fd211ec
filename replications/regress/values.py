"""What one measuring of the probes found: a value of each measure for each set of pictures, and what it was made with.

A probe is an experiment of the paper `regress`. Its table `values` has a row for each set of pictures (column `seed`,
the set's number) and unit, and a column for each measure; the value of a set is the mean over the units for which the
measure is defined.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

from replications.suite.identity import PARTS, differences
from replications.suite.interface import Direction

if TYPE_CHECKING:
    from replications.networks.network import Network

ABOUT_A_ROW = ("seed", "unit", "kind", "layer")
LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "cuda")
Status = Literal["done", "not run", "failed"]


class MalformedProbe(ValueError):
    """An outcome doesn't hold what a probe's outcome must hold."""


@dataclasses.dataclass(frozen=True)
class MeasureValues:
    """One measure of one probe.

    values: by the number of the set of pictures, the mean over its units; sets without a defined value are left out.
    unit: in words. better: the direction, "none" if any change is for the worse.
    floor: the largest difference that doesn't matter, in the measure's own units.
    """

    values: Mapping[int, float]
    unit: str
    better: Direction
    floor: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in self.values.values()):
            raise ValueError(f"a probe's values must be finite, found {dict(self.values)}")
        if not (math.isfinite(self.floor) and self.floor >= 0):
            raise ValueError(f"a measure's floor must be a number from 0, found {self.floor}")


@dataclasses.dataclass(frozen=True)
class Made:
    """What determines a probe's values but for the code: compared between baseline and now.

    config: the probe's configuration without the numbers of the sets.
    inputs: by part ("network", "data", ...), its configuration and the fingerprints of its weights or images; under
        "files" and "reads" those that the configuration itself names.
    """

    config: Mapping[str, Any]
    inputs: Mapping[str, Any]

    def changes(self, other: Made) -> tuple[str, ...]:
        """What differs in `other`, a phrase each ("the parameter passes, from 24 to 12")."""
        return tuple(differences(self._identity(), other._identity(), ignore=("seed", "device", "torch")))

    def _identity(self) -> dict[str, Any]:
        return {"parameters": self.config, **dict.fromkeys(PARTS), **self.inputs}


@dataclasses.dataclass(frozen=True)
class ProbeValues:
    """One probe of one measuring.

    status: "done"; "not run" where this profile lacks something; "failed" where it raised an error. sentence: why.
    provenance: commit, dirty, versions, device, seconds; empty unless done.
    """

    name: str
    title: str
    status: Status
    sentence: str = ""
    measures: Mapping[str, MeasureValues] = dataclasses.field(default_factory=dict)
    made: Made = dataclasses.field(default_factory=lambda: Made({}, {}))
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """One measuring of some probes.

    numbers: those of the sets of pictures. pictures: of the probes that have golden pictures, by the number of the set,
    the pictures that are compared, (subjects, n, 3, S, S) in [0, 1]. evaluator: the network that judges, if it has any.
    """

    profile: str
    network: str
    numbers: tuple[int, ...]
    probes: Mapping[str, ProbeValues]
    pictures: Mapping[str, Mapping[int, Tensor]] = dataclasses.field(default_factory=dict)
    evaluator: Network | None = None


def read_values(
    document: Mapping[str, Any], floors: Mapping[str, float], numbers: Sequence[int]
) -> dict[str, MeasureValues]:
    """The measures of a probe from its outcome's document, for these sets of pictures alone.

    floors: of each measure, by its name; what the outcome's own table `measures` says goes first.

    Raises:
        MalformedProbe: the table `values` is missing, a measure isn't described, or a set has no row.
    """
    name = document.get("experiment", "the probe")
    tables = {table["name"]: table for table in document["tables"]}
    if "values" not in tables or not {"seed", "unit"} <= set(tables["values"]["columns"]):
        raise MalformedProbe(f"{name} must have a table 'values' with the columns seed, unit and its measures")
    columns, rows = tables["values"]["columns"], tables["values"]["rows"]
    described = _described(document, tables.get("measures"), floors)
    seeds = [int(row[columns.index("seed")]) for row in rows]
    if lacking := sorted(set(numbers) - set(seeds)):
        raise MalformedProbe(f"{name} was asked for the sets {list(numbers)} and has none numbered {lacking}")
    found: dict[str, MeasureValues] = {}
    for column, measure in enumerate(columns):
        if measure in ABOUT_A_ROW:
            continue
        of_set: dict[int, list[float]] = {}
        for seed, row in zip(seeds, rows, strict=True):
            if seed in numbers and row[column] is not None:
                of_set.setdefault(seed, []).append(float(row[column]))
        means = {seed: math.fsum(values) / len(values) for seed, values in sorted(of_set.items())}
        if means and measure not in described:
            raise MalformedProbe(f"{name} doesn't say the unit, direction and floor of its measure '{measure}'")
        if means:
            found[measure] = MeasureValues(means, *described[measure])
    return found


def _described(
    document: Mapping[str, Any], table: Mapping[str, Any] | None, floors: Mapping[str, float]
) -> dict[str, tuple[str, Direction, float]]:
    """Unit, direction and floor of each measure."""
    found: dict[str, tuple[str, Direction, float]] = {
        m["name"]: (m["unit"], m["better"], floors[m["name"]]) for m in document["measurements"] if m["name"] in floors
    }
    if table is not None:
        for row in table["rows"]:
            said = dict(zip(table["columns"], row, strict=True))
            found[said["measure"]] = (said["unit"], said["better"], float(said["floor"]))
    return found


def changed_libraries(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """What computes otherwise than in another provenance: libraries and the kind of device, a phrase each."""
    before, now = old.get("versions") or {}, new.get("versions") or {}
    changes = [
        f"{name} from {before.get(name, 'none')} to {now.get(name, 'none')}"
        for name in LIBRARIES
        if before.get(name) != now.get(name)
    ]
    kinds = [str(made.get("device") or "").partition(",")[0] for made in (old, new)]
    if kinds[0] != kinds[1]:
        changes.append(f"the device from {kinds[0] or 'none'} to {kinds[1] or 'none'}")
    return tuple(changes)
