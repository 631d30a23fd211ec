"""Painting by identity: shapes are drawn as numbers of paints, and colours and labels are looked up afterwards.

Every picture is drawn on a grid of 4 x 4 samples a pixel. A sample holds the number of the paint that is on top there.
One table then turns (paint, level of the paint's texture) into a colour, and another a paint into its labels, so the
labels cannot disagree with the picture. Coordinates are rounded to samples from plain sums and products, and sines are
taken from rounded tables, so that the same bytes come out on every machine.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from replications.data.facetworld.palette import Rgb
from replications.data.facetworld.textures import LEVELS, TEXTURES, patterns

SAMPLES = 4
Point = tuple[float, float]


class Paint(NamedTuple):
    """What a surface is (names; "" for none), its two colours, and the texture that mixes them."""

    object: str
    part: str
    texture: str
    colour: str
    first: Rgb
    second: Rgb


class Paints:
    """The paints of one picture by number; 0 is no paint."""

    def __init__(self) -> None:
        self.listed: list[Paint] = []
        self._numbers: dict[Paint, int] = {}

    def number(self, paint: Paint) -> int:
        """The number of a paint; the same paint has the same number.

        Raises OverflowError above 255 paints, which is all that a sample can name.
        """
        known = self._numbers.get(paint)
        if known is None:
            if len(self.listed) == 255:
                raise OverflowError("a picture has more than 255 different paints; let shapes share theirs")
            self.listed.append(paint)
            known = self._numbers[paint] = len(self.listed)
        return known


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where local coordinates (x right, y down, an object in [-1, 1] x [-1, 1]) lie in the frame of side 1."""

    x: float
    y: float
    scale: float
    cosine: float = 1.0
    sine: float = 0.0
    mirrored: bool = False

    def unmirrored(self) -> Placement:
        return dataclasses.replace(self, mirrored=False)


FRAME = Placement(0.0, 0.0, 1.0)


@functools.lru_cache(maxsize=16)
def circle(corners: int) -> tuple[Point, ...]:
    """Corners of the unit circle, rounded so that every machine has the same ones."""
    steps = (2 * math.pi * i / corners for i in range(corners))
    return tuple((round(math.cos(angle), 6), round(math.sin(angle), 6)) for angle in steps)


def turn(angle: float) -> Point:
    """Cosine and sine of an angle in degrees, rounded likewise."""
    return round(math.cos(math.radians(angle)), 6), round(math.sin(math.radians(angle)), 6)


def smooth(points: Sequence[Point], *, closed: bool, steps: int = 5) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    count = len(points)
    segments = count if closed else count - 1
    curve: list[Point] = []
    for i in range(segments):
        ends = (i - 1, i, i + 1, i + 2)
        picked = [points[j % count] if closed else points[min(max(j, 0), count - 1)] for j in ends]
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = picked
        for step in range(steps):
            t = step / steps
            t2, t3 = t * t, t * t * t
            wa, wb = -t3 + 2 * t2 - t, 3 * t3 - 5 * t2 + 2
            wc, wd = -3 * t3 + 4 * t2 + t, t3 - t2
            curve.append(((wa * ax + wb * bx + wc * cx + wd * dx) / 2, (wa * ay + wb * by + wc * cy + wd * dy) / 2))
    if not closed:
        curve.append(points[-1])
    return curve


class Pen:
    """Draws shapes in local coordinates on a layer of its own; a later shape covers an earlier one."""

    def __init__(self, paints: Paints, grid: int, placement: Placement = FRAME) -> None:
        self.paints = paints
        self.grid = grid
        self.placement = placement
        self.image = Image.new("L", (grid, grid), 0)
        self._draw = ImageDraw.Draw(self.image)
        size = placement.scale * grid
        side = -size if placement.mirrored else size
        self._a, self._b, self._tx = side * placement.cosine, -size * placement.sine, placement.x * grid
        self._c, self._d, self._ty = side * placement.sine, size * placement.cosine, placement.y * grid
        self._size = size

    def samples(self) -> np.ndarray:
        """(grid, grid) uint8: the paint on top at each sample, 0 where nothing was drawn."""
        return np.asarray(self.image)

    def to_frame(self, x: float, y: float) -> Point:
        """Local coordinates to frame coordinates in [0, 1], (x, y)."""
        return (self._a * x + self._b * y + self._tx) / self.grid, (self._c * x + self._d * y + self._ty) / self.grid

    def polygon(self, points: Sequence[Point], paint: int) -> None:
        a, b, tx, c, d, ty = self._a, self._b, self._tx + 0.5, self._c, self._d, self._ty + 0.5
        floor = math.floor
        self._draw.polygon([(floor(a * x + b * y + tx), floor(c * x + d * y + ty)) for x, y in points], fill=paint)

    def blob(self, points: Sequence[Point], paint: int) -> None:
        """The inside of a smooth closed curve through the points."""
        self.polygon(smooth(points, closed=True), paint)

    def ellipse(self, x: float, y: float, width: float, height: float, paint: int, angle: float = 0.0) -> None:
        """An ellipse of the given half axes, turned clockwise by `angle` degrees."""
        if width == height:
            self.disc(x, y, width, paint)
            return
        cosine, sine = turn(angle) if angle else (1.0, 0.0)
        corners = circle(28 if max(width, height) * self._size > self.grid / 16 else 16)
        wc, ws, hc, hs = width * cosine, width * sine, height * cosine, height * sine
        self.polygon([(x + wc * u - hs * v, y + ws * u + hc * v) for u, v in corners], paint)

    def disc(self, x: float, y: float, radius: float, paint: int) -> None:
        px, py = self._a * x + self._b * y + self._tx, self._c * x + self._d * y + self._ty
        r = radius * self._size
        low_x, low_y = math.floor(px - r + 0.5), math.floor(py - r + 0.5)
        side = max(0, math.floor(2 * r + 0.5) - 1)
        self._draw.ellipse((low_x, low_y, low_x + side, low_y + side), fill=paint)

    def box(self, left: float, top: float, right: float, bottom: float, paint: int, corner: float = 0.0) -> None:
        """A rectangle, with rounded corners where `corner` (their radius) is above 0."""
        if corner <= 0:
            self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], paint)
            return
        r = min(corner, (right - left) / 2, (bottom - top) / 2)
        ring = circle(16)
        points: list[Point] = []
        centres = ((right - r, bottom - r), (left + r, bottom - r), (left + r, top + r), (right - r, top + r))
        for quarter, (x, y) in enumerate(centres):
            points += [(x + r * u, y + r * v) for u, v in (ring[(quarter * 4 + i) % 16] for i in range(5))]
        self.polygon(points, paint)

    def line(self, points: Sequence[Point], width: float, paint: int) -> None:
        """A line of the given width with round joints and ends."""
        half = width / 2
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            dx, dy = x1 - x0, y1 - y0
            length = math.sqrt(dx * dx + dy * dy)
            if length > 0:
                ux, uy = -dy / length * half, dx / length * half
                self.polygon([(x0 + ux, y0 + uy), (x1 + ux, y1 + uy), (x1 - ux, y1 - uy), (x0 - ux, y0 - uy)], paint)
        for x, y in points:
            self.disc(x, y, half, paint)

    def curve(self, points: Sequence[Point], width: float, paint: int) -> None:
        """A smooth open line through the points."""
        self.line(smooth(points, closed=False, steps=4), width, paint)


@functools.lru_cache(maxsize=4)
def _sample_places(grid: int) -> np.ndarray:
    line = np.arange(grid, dtype=np.int32)
    return line[:, None] * np.int32(2 * grid) + line[None, :]


def colour_samples(samples: np.ndarray, paints: Paints, offset: tuple[int, int]) -> np.ndarray:
    """The picture at one pixel a sample: (grid, grid, 4) uint8, red, green, blue and an unused byte.

    offset: where in the plane of each texture the frame lies, in samples, each below the grid.
    """
    grid = samples.shape[0]
    planes = patterns(grid)
    count = len(paints.listed)
    colours = np.zeros((count + 1, 2, 3), dtype=np.int64)
    starts = np.zeros(256, dtype=np.int32)
    for number, paint in enumerate(paints.listed, start=1):
        colours[number, 0] = paint.first
        colours[number, 1] = paint.second
        starts[number] = TEXTURES.index(paint.texture) * 4 * grid * grid
    steps = np.arange(LEVELS)[:, None]
    mixed = (colours[:, None, 0] * (LEVELS - 1 - steps) + colours[:, None, 1] * steps) // (LEVELS - 1)
    packed = np.zeros((count + 1, LEVELS, 4), dtype=np.uint8)
    packed[:, :, :3] = mixed
    start = offset[0] * 2 * grid + offset[1]
    places: np.ndarray = starts.take(samples) + (_sample_places(grid) + np.int32(start))
    levels = planes.reshape(-1).take(places)
    keys = samples.astype(np.uint16) * np.uint16(LEVELS) + levels
    colour_words: np.ndarray = packed.view(np.uint32).reshape(-1)
    return colour_words[keys].view(np.uint8).reshape(grid, grid, 4)


def outlined(samples: np.ndarray, paint: int, width: int) -> np.ndarray:
    """The layer with a rim of `paint`, `width` samples wide, around everything drawn on it."""
    drawn = samples > 0
    grown = drawn
    for _ in range(width):
        wider = grown.copy()
        wider[1:] |= grown[:-1]
        wider[:-1] |= grown[1:]
        wider[:, 1:] |= grown[:, :-1]
        wider[:, :-1] |= grown[:, 1:]
        grown = wider
    return np.where(grown & ~drawn, np.uint8(paint), samples)


def downsample(rgbx: np.ndarray) -> np.ndarray:
    """Mean of each SAMPLES x SAMPLES block: (size, size, 3) uint8, which is the anti-aliasing."""
    grid = rgbx.shape[0]
    image = Image.frombuffer("RGBX", (grid, grid), np.ascontiguousarray(rgbx).tobytes(), "raw", "RGBX", 0, 1)
    return np.asarray(image.reduce(SAMPLES))[:, :, :3]
