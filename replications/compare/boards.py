"""The cells' raw values side by side: a board holds the methods of one setting on the same units.

A cell is read from its outcome's document alone, so that what is recorded is compared like what is measured.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Direction = Literal["higher", "lower"]

VALUES, COST = "values", "cost"
EQUAL, PUBLISHED = "equal", "published"
SETTINGS: Mapping[str, str] = {EQUAL: "equal compute", PUBLISHED: "published settings"}
FAMILIES: Mapping[str, str] = {  # in the order in which they are shown
    "natural": "natural images",
    "projection": "projections",
    "maximization": "activation maximization",
    "multifaceted": "multifaceted",
    "generative": "with a generator",
    "inversion": "inversion",
}
# Their pictures are made in one way, whatever the compute, so they stand beside both settings of the others.
ONE_SETTING = ("natural", "projection", "inversion")
HEAD = ("seed", "unit", "kind", "layer")  # columns of the table of values before the measures
AS_PUBLISHED = ", as published"


@dataclasses.dataclass(frozen=True)
class MeasureWords:
    """What is to be known of a measure beside its values. truth: whether it needs the ground truth."""

    name: str
    title: str
    unit: str
    better: Direction
    truth: bool = False

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is."""
        return 1 if self.better == "higher" else -1


@dataclasses.dataclass(frozen=True)
class UnitWords:
    """A unit as the tables name it. layer: the paper's number of a hidden unit's layer."""

    title: str
    kind: str
    layer: int | None


@dataclasses.dataclass(frozen=True, eq=False)
class CellFound:
    """One method in one setting, as measured.

    name: of the cell. title: of the method. passes, generator_passes: for one picture. looked_at: training images, for
    one unit and set.
    values: by measure, by (seed, unit); only values that there are.
    """

    name: str
    title: str
    family: str
    setting: str
    passes: float
    generator_passes: float
    looked_at: float
    measures: tuple[MeasureWords, ...]
    seeds: tuple[int, ...]
    units: tuple[UnitWords, ...]
    values: Mapping[str, Mapping[tuple[int, UnitWords], float]]

    @property
    def optimizes(self) -> bool:
        """Whether the pictures are optimized, so that there is more than one setting."""
        return self.family not in ONE_SETTING and self.passes > 0


class Board:
    """The cells of one setting. methods: their names, by family. measures: those that any of them has a value of."""

    def __init__(self, setting: str, cells: Iterable[CellFound]) -> None:
        order = list(FAMILIES)
        found = sorted(cells, key=lambda cell: order.index(cell.family) if cell.family in order else len(order))
        self.setting = setting
        self.cells: Mapping[str, CellFound] = {cell.name: cell for cell in found}
        self.methods: tuple[str, ...] = tuple(self.cells)
        measured = {m.name: m for cell in found for m in cell.measures if cell.values.get(m.name)}
        self.measures: Mapping[str, MeasureWords] = measured
        self.seeds: tuple[int, ...] = tuple(sorted({seed for cell in found for seed in cell.seeds}))
        self.units: tuple[UnitWords, ...] = tuple(dict.fromkeys(unit for cell in found for unit in cell.units))
        self._tables: dict[tuple[str, str], Floats] = {}

    def __len__(self) -> int:
        return len(self.methods)

    def title(self, method: str) -> str:
        """The method's title."""
        return self.cells[method].title

    def values(self, measure: str, method: str) -> Floats:
        """(seeds, units), nan where there is none."""
        if (measure, method) not in self._tables:
            held = self.cells[method].values.get(measure, {})
            table = [[held.get((seed, unit), np.nan) for unit in self.units] for seed in self.seeds]
            self._tables[measure, method] = np.array(table, np.float64).reshape(len(self.seeds), len(self.units))
        return self._tables[measure, method]

    def unit_means(self, measure: str, method: str) -> Floats:
        """(units,): means over the seeds that have a value; nan where none has."""
        values = self.values(measure, method)
        counts = (~np.isnan(values)).sum(0)
        sums = np.where(counts > 0, np.nansum(values, 0), np.nan)
        found: Floats = sums / np.maximum(counts, 1)
        return found

    def of_family(self, *families: str) -> tuple[str, ...]:
        """The methods of these families."""
        return tuple(name for name, cell in self.cells.items() if cell.family in families)


def boards(cells: Sequence[CellFound]) -> list[Board]:
    """A board for each setting that a method is measured in; methods that have no settings are on each."""
    timeless = [cell for cell in cells if not cell.optimizes]
    found = []
    for setting in SETTINGS:
        own = [cell for cell in cells if cell.optimizes and cell.setting == setting]
        if own or (setting == EQUAL and timeless):
            found.append(Board(setting, [*timeless, *own]))
    return found


def read_cell(document: Mapping[str, Any], about: Mapping[str, MeasureWords] | None = None) -> CellFound | None:
    """The cell whose outcome's document this is; None for an experiment of another kind.

    about: what is known of the measures; of others only their name, unit and direction are.
    """
    tables = {table["name"]: table for table in document["tables"]}
    if not {VALUES, COST} <= tables.keys():
        return None
    (cost,), rows = _rows(tables[COST]), _rows(tables[VALUES])
    measures = tuple(
        (about or {}).get(m["name"]) or MeasureWords(m["name"], m["name"].replace("_", " "), m["unit"], m["better"])
        for m in document["measurements"]
    )
    units = {id(row): UnitWords(row["unit"], row["kind"], row["layer"]) for row in rows}
    return CellFound(
        document["experiment"],
        document["title"].removesuffix(AS_PUBLISHED),
        cost["family"],
        cost["setting"],
        cost["passes"],
        cost["generator passes"],
        cost["looked at"],
        measures,
        tuple(dict.fromkeys(row["seed"] for row in rows)),
        tuple(dict.fromkeys(units.values())),
        {
            measure.name: {
                (row["seed"], units[id(row)]): row[measure.name] for row in rows if row[measure.name] is not None
            }
            for measure in measures
        },
    )


def _rows(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
