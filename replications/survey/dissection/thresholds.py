"""The level that each unit exceeds at a stated share of all positions of all images, exactly, from one pass.

Bau et al. 2017, Sec. 2.2: for each unit k the top quantile level T_k with P(a_k > T_k) = 0.005 over every spatial
location of every image.

Deviation: the released script reads T_k from a sketch of the distribution; here the level is one of the activations.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from replications.survey.dissection.swift import largest, pick, split_places, true_places


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
    Holds `2 * rank + room` values a unit.
    """

    def __init__(self, units: int, rank: int, room: int, *, dtype: torch.dtype, device: torch.device | str) -> None:
        """room: the most values that a unit is given at a time."""
        self.rank, self.room = rank, room
        self.bounds = torch.full((units,), -torch.inf, dtype=dtype, device=device)
        self._values = torch.full((units, 2 * rank + room), -torch.inf, dtype=dtype, device=device)
        self._filled = torch.zeros(units, dtype=torch.int64, device=device)
        self._most = 0

    def add(self, values: Tensor) -> Tensor:
        """values: (n, units), n at most `room`: the next n of each stream. Returns which are above `bounds` now."""
        count = len(values)
        if count > self.room:
            raise ValueError(f"expected at most {self.room} values of a unit at a time, found {count}")
        if not self._most and count >= self.rank:
            self._begin(values)
            return values > self.bounds
        above = values > self.bounds
        unit, row = split_places(true_places(above.T.contiguous()), count)
        counts = torch.bincount(unit, minlength=len(self.bounds))
        firsts = self._filled - (counts.cumsum(0) - counts)
        places = torch.arange(len(unit), device=unit.device) + pick(firsts, unit)
        taken = pick(values.reshape(-1), row * len(self.bounds) + unit)
        self._values.view(-1).index_copy_(0, unit * self._values.shape[1] + places, taken)
        self._filled += counts
        self._most = int(self._filled.max())
        if self._most <= self.rank + self.rank // 4:
            return above
        self._compact()
        return values > self.bounds

    def finished(self) -> Tensor:
        """(units,) the thresholds. Raises ValueError before each stream has had `rank` values."""
        self._compact()
        if not self.bounds.isfinite().all():
            raise ValueError(
                f"a threshold needs {self.rank} finite activations of each unit; found fewer of unit "
                f"{int((~self.bounds.isfinite()).nonzero()[0])}: are there nan or infinity among them?"
            )
        return self.bounds

    def _begin(self, values: Tensor) -> None:
        kept = largest(values.T.contiguous(), self.rank)
        self._values[:, : self.rank] = kept
        self._filled.fill_(self.rank)
        self._most = self.rank
        self.bounds = kept.amin(1)

    def _compact(self) -> None:
        kept = largest(self._values[:, : max(self._most, self.rank)], self.rank)
        self._values[:, : self._most] = -torch.inf
        self._values[:, : self.rank] = kept
        self._filled.clamp_(max=self.rank)
        self._most = min(self._most, self.rank)
        self.bounds = kept.amin(1)
