"""Machine forced choice: do the pictures tell which of two natural images drives the unit more?

Only maximal references are shown (Borowski et al. 2021, Exp. II). nan where there are too few natural images for the
trials, or none has a right answer.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

from replications.compare.looked import Looked
from replications.compare.measure import Measure


@dataclasses.dataclass(frozen=True)
class Choice(Measure):
    name: ClassVar[str] = "choice"
    title: ClassVar[str] = "forced choice"
    unit: ClassVar[str] = "share of right choices by the pictures, chance 1/2, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        return looked.right(None)


@dataclasses.dataclass(frozen=True)
class HardChoice(Measure):
    """Queries between the protocol's quantiles (Zimmermann et al. 2023); nan where it names none."""

    name: ClassVar[str] = "hard_choice"
    title: ClassVar[str] = "harder forced choice"
    unit: ClassVar[str] = "share of right choices between less extreme images, chance 1/2, 0 to 1"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    floor: ClassVar[float] = 0.05

    def value(self, looked: Looked) -> float:
        window = looked.eyes.protocol.hard_queries
        return math.nan if window is None else looked.right(window)
