"""The level that each unit exceeds at a stated share of all positions of all images, exactly, from one pass.

Bau et al. 2017, Sec. 2.2: for each unit k the top quantile level T_k with P(a_k > T_k) = 0.005 over every spatial
location of every image.

Deviation: the released script reads T_k from a sketch of the distribution; here the level is one of the activations.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def rank_of(quantile: float, positions: int) -> int:
    """Which of the `positions` activations, counted from the largest, is the threshold.

    It is the smallest activation that at most `quantile` of them exceed: number floor(quantile * positions) + 1.
    Raises ValueError unless 0 < quantile < 1 and there is a position.
    """
    if not 0 < quantile < 1 or positions < 1:
        raise ValueError(
            f"expected a quantile between 0 and 1 and at least one position, found {quantile} and {positions}"
        )
    # the product of 0.005 and 98,000 is a little more or less than 490 in floating point
    return min(positions, math.floor(quantile * positions + 1e-6) + 1)


class StreamingTop:
    """The `rank`-th largest value of each of `units` streams.

    bounds: (units,) what is known so far: nothing below can be the threshold, -inf in the beginning; never falls.
    Holds at most `rank` + `room` values a unit.
    """

    def __init__(self, units: int, rank: int, room: int, *, dtype: torch.dtype, device: torch.device | str) -> None:
        """room: at least as many values as a unit is given at a time."""
        self.rank = rank
        self.bounds = torch.full((units,), -torch.inf, dtype=dtype, device=device)
        self._values = torch.full((units, rank + max(rank, room)), -torch.inf, dtype=dtype, device=device)
        self._filled = torch.zeros(units, dtype=torch.int64, device=device)
        self._room = room

    def add(self, units: Tensor, values: Tensor) -> None:
        """values: (n,) of `units` (n,), the units in ascending order; those not above `bounds` may be left out."""
        counts = torch.bincount(units, minlength=len(self.bounds))
        if int(counts.max()) > self._room:
            raise ValueError(f"expected at most {self._room} values of a unit at a time, found {int(counts.max())}")
        firsts = counts.cumsum(0) - counts
        places = torch.arange(len(units), device=units.device) - firsts[units] + self._filled[units]
        self._values[units, places] = values
        self._filled += counts
        if int(self._filled.max()) + self._room > self._values.shape[1]:
            self._compact()

    def finished(self) -> Tensor:
        """(units,) the thresholds."""
        self._compact()
        return self.bounds

    def _compact(self) -> None:
        kept = self._values.topk(self.rank, dim=1, sorted=False).values
        self._values.fill_(-torch.inf)
        self._values[:, : self.rank] = kept
        self._filled.clamp_(max=self.rank)
        self.bounds = kept.amin(1)
