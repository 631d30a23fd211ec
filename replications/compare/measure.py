"""What a measure of a set of pictures of one unit has to offer: a number, and what the number is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from replications.compare.looked import Looked

_ROUNDING = 1e-6  # probabilities in single precision add up to 1 as nearly


class Measure(ABC):
    """Subclasses are frozen dataclasses whose fields, if any, are settings, as conf/measured gives them.

    name: unique among measures, that of its file in conf/measured. title: for a column or a panel.
    unit: what the number is, in words, with its bounds. better: which direction.
    low, high: the bounds that every value lies in; None where there is none.
    floor: the smallest difference that matters, set before anything was looked at. Of shares it is 0.05 (one picture in
    twenty), of distances a tenth of what natural images have.
    truth: whether it takes known facets, so that it can't be wrong about them; other measures stand for something.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    better: ClassVar[Literal["higher", "lower"]]
    low: ClassVar[float | None]
    high: ClassVar[float | None]
    floor: ClassVar[float]
    truth: ClassVar[bool] = False

    @abstractmethod
    def value(self, looked: Looked) -> float:
        """Of one set of pictures of one unit; nan where the measure isn't defined."""

    def checked(self, looked: Looked) -> float:
        """`value`, within the bounds; what rounding takes over them is taken off.

        Raises ValueError for one that is infinite or out of the measure's bounds.
        """
        found = self.value(looked)
        if math.isnan(found):
            return found
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if math.isinf(found) or not low - _ROUNDING <= found <= high + _ROUNDING:
            raise ValueError(
                f"the measure '{self.name}' lies in [{self.low}, {self.high}] and was {found} for set "
                f"{looked.number} of {looked.subject.title}"
            )
        return min(max(found, low), high)
