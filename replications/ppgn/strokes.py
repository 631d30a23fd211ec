"""Handwritten digits as strokes: where the pen is at each of 32 moments, rendered from a few rules, nothing downloaded.

Each digit is written in two ways (its kinds): another form, another direction or another order, so that some differ
only in time. Examples vary in proportions, slant, turn, place, pace and in the hand's unsteadiness. A stroke never
leaves the paper: where a pen would, it goes back over its line.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

MOMENTS = 32
_FINE = 24  # points between two corners of a drawn line, before it is parted evenly

Path = Sequence[tuple[float, float]]


def _arc(
    x: float, y: float, width: float, height: float, begin: float, end: float, count: int = 7
) -> list[tuple[float, float]]:
    """Points of an ellipse around (x, y); angles in turns from the right, downwards."""
    angles = [2 * math.pi * (begin + (end - begin) * i / (count - 1)) for i in range(count)]
    return [(x + width * math.cos(a), y + height * math.sin(a)) for a in angles]


# by digit and kind; x to the right, y downwards, within [-1, 1]
KINDS: Mapping[str, Mapping[str, Path]] = {
    "0": {
        "to the left": _arc(0, 0, 0.6, 0.9, -0.25, -1.25, 13),
        "to the right": _arc(0, 0, 0.6, 0.9, -0.25, 0.75, 13),
    },
    "1": {
        "bar": [(0, -0.9), (0, -0.3), (0, 0.3), (0, 0.9)],
        "flag": [(-0.45, -0.35), (-0.2, -0.6), (0.05, -0.9), (0.05, -0.3), (0.05, 0.3), (0.05, 0.9)],
    },
    "2": {
        "angle": [*_arc(0, -0.4, 0.5, 0.5, -0.5, 0.1), (-0.1, 0.4), (-0.55, 0.9), (-0.5, 0.9), (0, 0.88), (0.6, 0.9)],
        "loop": [
            *_arc(0, -0.4, 0.5, 0.5, -0.5, 0.1),
            (-0.1, 0.5),
            *_arc(-0.4, 0.7, 0.2, 0.2, 0.25, 0.9, 5),
            (0.1, 0.85),
            (0.6, 0.8),
        ],
    },
    "3": {
        "round": [*_arc(0, -0.45, 0.5, 0.45, -0.45, 0.2), (-0.05, 0), *_arc(0, 0.45, 0.55, 0.45, -0.2, 0.45)],
        "flat": [
            (-0.5, -0.9),
            (0, -0.9),
            (0.5, -0.9),
            (0.2, -0.5),
            (-0.05, -0.15),
            *_arc(0, 0.4, 0.55, 0.5, -0.2, 0.45),
        ],
    },
    "4": {
        "open": [
            (-0.4, -0.8),
            (-0.5, -0.3),
            (-0.55, 0.15),
            (0, 0.15),
            (0.5, 0.15),
            (0.3, 0.15),
            (0.3, -0.3),
            (0.3, 0.3),
            (0.3, 0.9),
        ],
        "closed": [(0.6, 0.3), (0, 0.3), (-0.6, 0.3), (-0.2, -0.3), (0.3, -0.9), (0.3, -0.3), (0.3, 0.3), (0.3, 0.9)],
    },
    "5": {
        "from the hat": [
            (0.5, -0.9),
            (0, -0.9),
            (-0.4, -0.9),
            (-0.42, -0.5),
            (-0.45, -0.1),
            *_arc(0, 0.35, 0.55, 0.5, -0.35, 0.42),
        ],
        "from below": [
            *_arc(0, 0.35, 0.55, 0.5, 0.42, -0.35),
            (-0.45, -0.1),
            (-0.42, -0.5),
            (-0.4, -0.9),
            (0, -0.9),
            (0.5, -0.9),
        ],
    },
    "6": {
        "curled": [*_arc(0.35, -0.1, 0.85, 0.8, -0.25, -0.5, 5), *_arc(0, 0.4, 0.5, 0.5, 0.5, -0.5, 9)],
        "straight": [(0.35, -0.9), (0.05, -0.5), (-0.25, -0.1), *_arc(0, 0.4, 0.5, 0.5, 0.5, -0.5, 9)],
    },
    "7": {
        "plain": [(-0.55, -0.85), (0, -0.85), (0.55, -0.85), (0.3, -0.3), (0.05, 0.3), (-0.15, 0.9)],
        "barred": [
            (-0.55, -0.85),
            (0, -0.85),
            (0.55, -0.85),
            (0.3, -0.3),
            (0.2, 0),
            (-0.3, 0),
            (0.55, 0),
            (0.2, 0),
            (0, 0.45),
            (-0.15, 0.9),
        ],
    },
    "8": {
        "crossing": [
            *_arc(0, -0.45, 0.45, 0.45, -0.1, -0.75, 7),
            *_arc(0, 0.45, 0.5, 0.45, -0.25, 0.75, 9),
            *_arc(0, -0.45, 0.45, 0.45, 0.25, -0.1, 4),
        ],
        "two rings": [*_arc(0, -0.45, 0.45, 0.45, 0.25, 1.25, 9), *_arc(0, 0.45, 0.5, 0.45, -0.25, 0.75, 9)],
    },
    "9": {
        "straight": [*_arc(0, -0.4, 0.45, 0.45, 0, -1, 9), (0.45, 0), (0.4, 0.45), (0.35, 0.9)],
        "curled": [*_arc(0, -0.4, 0.45, 0.45, 0, -1, 9), (0.45, 0), *_arc(-0.05, 0.4, 0.5, 0.5, 0, 0.4, 5)],
    },
}
DIGITS = tuple(KINDS)
NAMES = tuple(f"{digit}/{kind}" for digit, kinds in KINDS.items() for kind in kinds)


@dataclasses.dataclass(frozen=True)
class Hand:
    """How much examples vary; each from none to so much, evenly, but for jitter and tremor, which are deviations.

    sizes: the smallest and the largest factor, of width and of height. slant: of x by y. turn: in radians. shift: of
    the half side. pace: logarithm of the power of time. jitter: of corners. tremor: of each moment.
    """

    sizes: tuple[float, float] = (0.75, 1.05)
    slant: float = 0.3
    turn: float = 0.15
    shift: float = 0.1
    pace: float = 0.3
    jitter: float = 0.03
    tremor: float = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class Strokes:
    """points: (N, 2, MOMENTS) x to the right and y downwards. labels, kinds: (N,) position in `DIGITS`, `NAMES`."""

    points: Tensor
    labels: Tensor
    kinds: Tensor

    def __len__(self) -> int:
        return len(self.points)

    def of(self, label: int) -> Tensor:
        """The points of a digit's examples."""
        return self.points[self.labels == label]


def strokes(each: int, generator: torch.Generator, hand: Hand | None = None) -> Strokes:
    """`each` examples of each kind, in turns: kind 0 of all digits comes before kind 0 again."""
    drawn = []
    for digit, ways in KINDS.items():
        for kind in ways:
            drawn.append(_written(digit, kind, each, generator, hand or Hand()))
    kinds = torch.arange(len(NAMES)).repeat(each)
    digits = torch.tensor([DIGITS.index(name.partition("/")[0]) for name in NAMES])
    return Strokes(torch.stack(drawn, 1).flatten(0, 1), digits[kinds], kinds)


def _written(digit: str, kind: str, count: int, generator: torch.Generator, hand: Hand) -> Tensor:
    """(count, 2, MOMENTS)."""

    def within(most: float, *shape: int) -> Tensor:
        return (2 * torch.rand(count, *shape, generator=generator, dtype=torch.float64) - 1) * most

    corners = torch.tensor(KINDS[digit][kind], dtype=torch.float64)
    moved = corners + hand.jitter * torch.randn(count, *corners.shape, generator=generator, dtype=torch.float64)
    low, high = hand.sizes
    moved = moved * ((low + high) / 2 + within((high - low) / 2, 1, 2))
    moved = torch.stack([moved[..., 0] - within(hand.slant, 1) * moved[..., 1], moved[..., 1]], -1)
    angle = within(hand.turn, 1)
    turned = torch.stack(
        [
            moved[..., 0] * angle.cos() - moved[..., 1] * angle.sin(),
            moved[..., 0] * angle.sin() + moved[..., 1] * angle.cos(),
        ],
        -1,
    )
    line = smooth(len(corners)) @ (turned + within(hand.shift, 1, 2))
    points = evenly(line, within(hand.pace, 1).exp())
    points = points + hand.tremor * torch.randn(points.shape, generator=generator, dtype=torch.float64)
    return points.transpose(1, 2).float()


@functools.cache
def smooth(corners: int) -> Tensor:
    """(points, corners) float64: the weights of a Catmull-Rom curve, which goes through all corners."""
    rows = []
    for i in range(corners - 1):
        for step in range(_FINE):
            t = step / _FINE
            weights = (
                (-t + 2 * t**2 - t**3) / 2,
                (2 - 5 * t**2 + 3 * t**3) / 2,
                (t + 4 * t**2 - 3 * t**3) / 2,
                (-(t**2) + t**3) / 2,
            )
            row = torch.zeros(corners, dtype=torch.float64)
            for place, weight in zip(range(i - 1, i + 3), weights, strict=True):
                row[min(max(place, 0), corners - 1)] += weight
            rows.append(row)
    last = torch.zeros(corners, dtype=torch.float64)
    last[-1] = 1
    return torch.stack([*rows, last])


def evenly(line: Tensor, pace: Tensor) -> Tensor:
    """(n, MOMENTS, 2): where a pen is that goes along each line (n, points, 2) from its begin to its end.

    pace: (n, 1) above 0; 1 is as fast at all moments, above that slow first.
    """
    along = torch.cat([line.new_zeros(len(line), 1), line.diff(dim=1).norm(dim=2).cumsum(1)], 1)
    along = along / along[:, -1:]
    wanted = torch.linspace(0, 1, MOMENTS, dtype=line.dtype).expand(len(line), -1) ** pace
    after = torch.searchsorted(along, wanted.contiguous()).clamp(1, line.shape[1] - 1)
    first, second = along.gather(1, after - 1), along.gather(1, after)
    share = ((wanted - first) / (second - first).clamp_min(1e-12))[..., None]
    begin, end = (line.gather(1, place[..., None].expand(-1, -1, 2)) for place in (after - 1, after))
    return begin + share * (end - begin)
