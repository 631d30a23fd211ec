"""Flowers and trees."""

from __future__ import annotations

from replications.data.facetworld.brush import Brush
from replications.data.facetworld.canvas import turn
from replications.data.facetworld.randomness import Stream


def _blossom(b: Brush, x: float, y: float, radius: float, petals: int, start: float, *, detail: bool) -> None:
    """Petals around a round heart."""
    for i in range(petals):
        angle = start + 360 * i / petals
        cosine, sine = turn(angle)
        paint = b.main("petal", 0.0 if i % 2 else -0.14)
        b.ellipse(x + 0.6 * radius * cosine, y + 0.6 * radius * sine, 0.4 * radius, 1.5 * radius / petals, paint, angle)
    b.disc(x, y, 0.3 * radius, b.second("heart"))
    if detail:
        b.disc(x, y, 0.2 * radius, b.second("heart", -0.25))
        for i in range(6):
            cosine, sine = turn(60 * i)
            b.disc(x + 0.13 * radius * cosine, y + 0.13 * radius * sine, 0.035 * radius, b.second("heart", 0.5))


def flower_closeup(b: Brush, r: Stream) -> None:
    """One blossom that fills the picture, with two leaves behind."""
    b.line([(0.0, 0.0), (0.1, 1.0)], 0.12, b.fixed("stem", "green", -0.2))
    b.ellipse(0.45, 0.78, 0.36, 0.14, b.fixed("leaf", "green"), -25)
    b.ellipse(-0.3, 0.82, 0.36, 0.14, b.fixed("leaf", "green", -0.1), 25)
    petals = r.integer(6, 9)
    _blossom(b, 0.0, -0.08, 0.9, petals, r.uniform(0, 60), detail=True)
    b.key("heart", 0.0, -0.08)
    b.key("stem", 0.09, 0.92)


def flower_field(b: Brush, r: Stream) -> None:
    """Many flowers on stems, in two rows."""
    stem, leaf = b.fixed("stem", "green", -0.2), b.fixed("leaf", "green")
    petals = r.integer(5, 6)
    front: list[tuple[float, float]] = []
    for row, (y, size) in enumerate(((-0.6, 0.25), (-0.1, 0.29), (0.34, 0.3))):
        for i in range(4 if row % 2 else 3):
            x = (-0.72 + 0.48 * i if row % 2 else -0.56 + 0.56 * i) + r.uniform(-0.07, 0.07)
            top = y + r.uniform(-0.1, 0.1)
            b.line([(x, top), (x + 0.04, 0.92)], 0.06, stem)
            b.ellipse(x + 0.13, top + 0.52, 0.13, 0.05, leaf, -35)
            _blossom(b, x, top, size, petals, r.uniform(0, 60), detail=False)
            front = [*front, (x, top)] if row == 2 else []
    b.pair("heart", front[0], front[-1])


def flower_vase(b: Brush, r: Stream) -> None:
    """Three flowers in a vase."""
    stem = b.fixed("stem", "green", -0.2)
    petals = r.integer(5, 6)
    heads = ((-0.52, -0.42), (0.5, -0.36), (0.0, -0.62))
    for x, y in heads:
        b.curve([(x, y), (x * 0.5, 0.0), (0.0, 0.4)], 0.07, stem)
    b.ellipse(-0.42, 0.02, 0.24, 0.09, b.fixed("leaf", "green"), 30)
    b.ellipse(0.42, 0.06, 0.24, 0.09, b.fixed("leaf", "green"), -30)
    for x, y in heads:
        _blossom(b, x, y, 0.38, petals, r.uniform(0, 60), detail=False)
    belly = r.uniform(0.4, 0.5)
    b.blob(
        [
            (-0.24, 0.14),
            (0.24, 0.14),
            (0.24, 0.3),
            (belly, 0.6),
            (0.3, 0.98),
            (-0.3, 0.98),
            (-belly, 0.6),
            (-0.24, 0.3),
        ],
        b.third("vase"),
    )
    b.box(-0.3, 0.1, 0.3, 0.2, b.third("vase", -0.2), 0.04)
    b.ellipse(-belly * 0.5, 0.62, 0.08, 0.16, b.third("vase", 0.5))
    for i, (x, y) in enumerate(sorted(heads)):
        b.key(("first", "middle", "last")[i] + "_heart", x, y)
    b.key("vase", 0.1, 0.6)


def _trunk(b: Brush, top: float, width: float) -> None:
    b.polygon([(-width, top), (width, top), (width * 1.5, 1.0), (-width * 1.5, 1.0)], b.fixed("trunk", "brown"))
    b.polygon(
        [(width * 0.3, top), (width, top), (width * 1.5, 1.0), (width * 0.5, 1.0)], b.fixed("trunk", "brown", -0.25)
    )


def tree_round(b: Brush, r: Stream) -> None:
    """A round crown of leaves on a trunk, with fruit."""
    _trunk(b, 0.1, 0.13)
    lobes = ((-0.48, -0.1, 0.38), (0.48, -0.1, 0.38), (-0.3, -0.5, 0.42), (0.34, -0.5, 0.42), (0.0, -0.1, 0.46))
    for x, y, radius in lobes:
        b.disc(x, y, radius + r.uniform(-0.03, 0.05), b.main("crown", -0.12))
    b.ellipse(-0.05, -0.45, 0.5, 0.42, b.main("crown", 0.05))
    if r.chance(0.7):
        spots = ((-0.5, -0.12), (0.46, -0.2), (-0.22, -0.5), (0.26, -0.6), (0.02, -0.14), (-0.56, -0.46), (0.6, -0.5))
        for x, y in r.split(spots, 5):
            b.disc(x, y, 0.085, b.second("fruit"))
    b.key("crown", 0.0, -0.35)
    b.key("trunk", 0.0, 0.7)


def tree_conifer(b: Brush, r: Stream) -> None:
    """A fir of three or four tiers."""
    _trunk(b, 0.5, 0.1)
    tiers = r.integer(3, 4)
    height = 0.7 - 1.15 * (tiers - 1) / tiers + 0.98
    for i in range(tiers):
        bottom = 0.7 - i * 1.15 / tiers
        width = 0.88 - i * 0.52 / tiers
        top = bottom - height
        b.polygon([(0.0, top), (width, bottom), (-width, bottom)], b.main("crown", -0.2 + 0.1 * i))
        b.polygon([(0.0, top), (width, bottom), (width * 0.2, bottom - 0.06)], b.main("crown", -0.32 + 0.1 * i))
    b.key("crown", 0.0, 0.0)
    b.key("top", 0.0, -0.86)
    b.key("trunk", 0.0, 0.85)


def tree_palm(b: Brush, r: Stream) -> None:
    """A palm with a bent trunk and long leaves."""
    bend = r.uniform(0.1, 0.3)
    trunk = [(-bend, 1.0), (-bend * 0.4, 0.5), (0.05, 0.0), (0.1, -0.4)]
    b.curve(trunk, 0.17, b.fixed("trunk", "brown"))
    for y in (0.8, 0.55, 0.3, 0.05, -0.2):
        (x0, y0), (x1, y1) = trunk[0 if y > 0.5 else 1 if y > 0 else 2], trunk[1 if y > 0.5 else 2 if y > 0 else 3]
        x = x0 + (x1 - x0) * (y - y0) / (y1 - y0)
        b.line([(x - 0.08, y), (x + 0.08, y - 0.03)], 0.035, b.fixed("trunk", "brown", -0.35))
    x, y = 0.1, -0.45
    for i, (dx, dy, sag) in enumerate(
        (
            (-0.95, 0.4, 0.42),
            (0.85, 0.45, 0.42),
            (-0.9, -0.05, 0.4),
            (0.8, 0.0, 0.4),
            (-0.45, -0.4, 0.2),
            (0.45, -0.42, 0.2),
        )
    ):
        tip = (x + dx, y + dy)
        middle = (x + dx * 0.55, y + dy * 0.4 - sag * 0.85)
        inner = (x + dx * 0.5, y + dy * 0.4 + sag * 0.05)
        b.blob([(x, y), middle, tip, inner], b.main("crown", -0.15 if i < 2 else 0.0 if i < 4 else 0.12))
    b.disc(x, y, 0.12, b.main("crown", 0.12))
    for dx in (-0.11, 0.09):
        b.disc(x + dx, y + 0.12, 0.1, b.second("fruit"))
    b.key("crown", x, y)
    b.key("trunk", -bend * 0.3, 0.45)


def tree_bare(b: Brush, r: Stream) -> None:
    """A leafless tree: a trunk that forks again and again."""
    wood, light = b.fixed("trunk", "brown", -0.1), b.fixed("branch", "brown", -0.1)
    b.polygon([(-0.1, 0.1), (0.1, 0.1), (0.2, 1.0), (-0.2, 1.0)], wood)
    for s in (-1, 1):
        lean = r.uniform(0.44, 0.6)
        b.line([(0.0, 0.2), (s * lean * 0.6, -0.2), (s * lean, -0.6)], 0.13, light)
        b.line([(s * lean * 0.6, -0.2), (s * 0.86, -0.3)], 0.09, light)
        b.line([(s * lean * 0.9, -0.5), (s * 0.86, -0.8)], 0.075, light)
        b.line([(s * lean, -0.6), (s * lean * 0.8, -0.96)], 0.075, light)
        b.line([(s * 0.04, 0.3), (s * 0.5, 0.14), (s * 0.84, 0.06)], 0.09, light)
        b.line([(0.0, -0.42), (s * 0.22, -0.9)], 0.08, light)
    b.line([(0.0, 0.2), (0.0, -0.45)], 0.14, light)
    for x, y in r.split(((-0.5, 0.14), (0.5, 0.14), (-0.82, -0.3), (0.82, -0.3), (0.2, -0.86), (-0.2, -0.86)), 3):
        b.disc(x, y, 0.1, b.main("leaf"))
    b.key("branch", 0.0, -0.2)
    b.key("trunk", 0.0, 0.7)
