"""Random numbers that are the same on every machine and in every version of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_BLOCK = 64


class Stream:
    """Uniform numbers from PCG64 seeded by a few integers; everything else is derived from uniform numbers alone.

    Two streams with different keys are independent, so what one part of a picture draws cannot shift another part.
    """

    def __init__(self, *key: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
        self._numbers: list[float] = []

    def unit(self) -> float:
        """A number in [0, 1)."""
        if not self._numbers:
            self._numbers = self._generator.random(_BLOCK).tolist()
        return self._numbers.pop()

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int((high - low + 1) * self.unit())

    def chance(self, probability: float) -> bool:
        return self.unit() < probability

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(len(choices) * self.unit())]

    def split(self, choices: Sequence[T], count: int) -> list[T]:
        """`count` different members of `choices`, in random order."""
        left = list(choices)
        return [left.pop(int(len(left) * self.unit())) for _ in range(count)]


def scramble(values: np.ndarray) -> np.ndarray:
    """Splitmix64 of each uint64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014)."""
    mixed = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
