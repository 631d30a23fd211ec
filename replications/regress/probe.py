"""A probe: a few numbers of one part of the suite, for each of several seeds, that a change for the worse would move.

Per-seed numbers differ by honest randomness alone: which images are drawn, and what noise pictures and chains begin
with. Which units, classes and networks are looked at doesn't depend on the seed, so that seeds can be compared.
"""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.multifaceted.samples import needs_facets
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Table

COLUMNS = ("seed", "unit", "kind", "layer")
OVER = "unit and seed"


@dataclasses.dataclass(frozen=True)
class Quantity:
    """name: for tables. unit: in words. better: the direction, "none" where any change is for the worse.

    floor: the smallest difference of a mean over seeds that matters; it also stands for the spread where there is none.
    """

    name: str
    unit: str
    better: Literal["higher", "lower", "none"]
    floor: float


@dataclasses.dataclass(frozen=True)
class Found:
    """What is measured of one unit (or network) with one seed. kind: of unit. layer: its number or name, if any.

    values: by the names of the probe's quantities; a quantity that isn't there is undefined for this unit.
    """

    unit: str
    kind: str
    values: Mapping[str, float]
    layer: str | None = None


class Probe(Experiment):
    """quantities: what is measured. protocol: a configuration of conf/protocol, as cells have; its seeds are read."""

    paper: ClassVar[str] = "regress"
    quantities: ClassVar[tuple[Quantity, ...]]

    protocol: Mapping[str, Any]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(int(seed) for seed in self.protocol["seeds"])

    def missing(self, context: Context) -> str | None:
        return needs_facets(context.data.validation)

    def prepared(self, context: Context) -> Any:
        """What `look` is given, the same for all seeds."""
        return None

    @abstractmethod
    def look(self, context: Context, seed: int, prepared: Any) -> Iterator[Found]:
        """What one seed finds, unit by unit."""

    def run(self, context: Context) -> Outcome:
        rows: list[list[str | float | int | None]] = []
        prepared = self.prepared(context)
        for seed in context.progress(self.seeds, "seeds", len(self.seeds)):
            for found in self.look(context, seed, prepared):
                values = [found.values.get(one.name) for one in self.quantities]
                finite = [value if value is not None and math.isfinite(value) else None for value in values]
                rows.append([seed, found.unit, found.kind, found.layer, *finite])
        outcome = Outcome(tables=[self._table(rows), self._about()])
        for column, one in enumerate(self.quantities, len(COLUMNS)):
            numbers = [float(row[column]) for row in rows if row[column] is not None]  # type: ignore[arg-type]
            if numbers:
                outcome.measurements.append(Measurement(one.name, numbers, one.unit, OVER, one.better))
        return outcome

    def _table(self, rows: Sequence[Sequence[str | float | int | None]]) -> Table:
        columns = [*COLUMNS, *(one.name for one in self.quantities)]
        return Table("values", "What each seed finds", columns, rows)

    def _about(self) -> Table:
        rows: list[list[str | float | int | None]] = [
            [one.name, one.unit, one.better, one.floor] for one in self.quantities
        ]
        caption = "floor: the smallest difference between means over seeds that matters."
        return Table("measures", "What is measured", ["measure", "unit", "better", "floor"], rows, caption)


def drawn(count: int, among: int, generator: torch.Generator) -> Tensor:
    """(count,) int64, ascending: different numbers below `among`. Raises ValueError where there are fewer."""
    if count > among:
        raise ValueError(f"{count} images are to be drawn, and there are only {among}; ask for fewer")
    return torch.randperm(among, generator=generator)[:count].sort().values


def first_classes(images: ImageSet, count: int) -> tuple[str, ...]:
    """The first `count` classes of a set; all where there are fewer."""
    return images.classes[:count]
