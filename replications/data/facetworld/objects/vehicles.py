"""Cars and boats."""

from __future__ import annotations

from replications.data.facetworld.brush import Brush
from replications.data.facetworld.randomness import Stream


def _wheel(b: Brush, x: float, y: float, radius: float) -> None:
    b.disc(x, y, radius, b.fixed("wheel", "black"))
    b.disc(x, y, radius * 0.55, b.fixed("wheel", "grey", 0.4))
    b.disc(x, y, radius * 0.2, b.fixed("wheel", "black"))


def car_side(b: Brush, r: Stream) -> None:
    """A car seen from the side, driving to the right (or left, mirrored)."""
    roof = r.uniform(-0.62, -0.48)
    rear = r.uniform(-0.78, -0.55)
    b.blob(
        [
            (-0.96, 0.3),
            (-0.98, -0.02),
            (-0.8, -0.14),
            (0.5, -0.12),
            (0.92, 0.0),
            (1.0, 0.2),
            (0.94, 0.36),
            (0.0, 0.4),
            (-0.9, 0.38),
        ],
        b.main("body"),
    )
    b.polygon([(rear - 0.06, -0.08), (rear + 0.18, roof), (0.26, roof), (0.62, -0.08)], b.main("roof"))
    glass = b.fixed("window", "blue", 0.62)
    b.polygon([(rear + 0.1, -0.1), (rear + 0.26, roof + 0.1), (-0.1, roof + 0.1), (-0.1, -0.1)], glass)
    b.polygon([(0.0, -0.1), (0.0, roof + 0.1), (0.22, roof + 0.1), (0.46, -0.1)], glass)
    b.box(-0.96, 0.14, 0.98, 0.22, b.second("stripe"))
    b.line([(-0.05, -0.05), (-0.05, 0.34)], 0.03, b.main("door", -0.5))
    b.box(0.04, 0.0, 0.2, 0.06, b.fixed("handle", "black"), 0.03)
    b.ellipse(0.92, 0.08, 0.08, 0.1, b.fixed("headlight", "yellow", 0.3))
    b.box(-1.0, 0.02, -0.9, 0.16, b.fixed("taillight", "red"), 0.03)
    for x in (-0.54, 0.54):
        b.disc(x, 0.38, 0.29, b.main("body", -0.55))
        _wheel(b, x, 0.4, 0.24)
    b.pair("wheel", (-0.54, 0.4), (0.54, 0.4))
    b.key("headlight", 0.92, 0.08)
    b.key("window", 0.16, -0.2)
    b.key("door", -0.25, 0.08)


def car_front(b: Brush, r: Stream) -> None:
    """A car coming towards us."""
    roof = r.uniform(-0.86, -0.72)
    for s in (-1, 1):
        b.box(s * 0.62 - 0.17, 0.4, s * 0.62 + 0.17, 0.86, b.fixed("wheel", "black"), 0.08)
        b.ellipse(s * 0.84, -0.14, 0.14, 0.1, b.main("mirror", -0.15))
    b.polygon([(-0.74, 0.0), (-0.52, roof), (0.52, roof), (0.74, 0.0)], b.main("roof"))
    b.polygon([(-0.6, -0.04), (-0.44, roof + 0.12), (0.44, roof + 0.12), (0.6, -0.04)], b.fixed("window", "blue", 0.62))
    b.polygon([(-0.2, -0.04), (0.05, roof + 0.12), (0.2, roof + 0.12), (-0.02, -0.04)], b.fixed("window", "white", 0.3))
    b.box(-0.86, -0.06, 0.86, 0.64, b.main("body"), 0.16)
    b.box(-0.42, 0.14, 0.42, 0.34, b.fixed("grille", "black", 0.12), 0.06)
    for i in range(4):
        b.box(-0.33 + i * 0.2, 0.14, -0.27 + i * 0.2, 0.34, b.fixed("grille", "grey", 0.3))
    b.box(-0.9, 0.44, 0.9, 0.6, b.second("bumper"), 0.07)
    b.box(-0.24, 0.45, 0.24, 0.59, b.fixed("plate", "white"), 0.02)
    for s in (-1, 1):
        b.disc(s * 0.64, 0.18, 0.17, b.fixed("headlight", "grey", 0.5))
        b.disc(s * 0.64, 0.18, 0.12, b.fixed("headlight", "yellow", 0.4))
    b.pair("headlight", (-0.64, 0.18), (0.64, 0.18))
    b.pair("wheel", (-0.62, 0.75), (0.62, 0.75))
    b.key("window", 0.25, -0.3)
    b.key("plate", 0.0, 0.52)


def car_top(b: Brush, r: Stream) -> None:
    """A car seen from above, on the diagonal or upright."""
    for s in (-1, 1):
        for y in (-0.56, 0.56):
            b.box(s * 0.46 - 0.1, y - 0.18, s * 0.46 + 0.1, y + 0.18, b.fixed("wheel", "black"), 0.05)
        b.ellipse(s * 0.56, -0.22, 0.12, 0.07, b.main("mirror", -0.15))
    b.blob(
        [
            (-0.36, -0.94),
            (0.0, -1.0),
            (0.36, -0.94),
            (0.48, -0.7),
            (0.48, 0.8),
            (0.3, 0.98),
            (-0.3, 0.98),
            (-0.48, 0.8),
            (-0.48, -0.7),
        ],
        b.main("body"),
    )
    front = r.uniform(-0.4, -0.3)
    glass = b.fixed("window", "blue", 0.5)
    b.polygon([(-0.42, front), (0.42, front), (0.34, front + 0.28), (-0.34, front + 0.28)], glass)
    b.polygon([(-0.34, 0.5), (0.34, 0.5), (0.4, 0.7), (-0.4, 0.7)], glass)
    for s in (-1, 1):
        b.polygon([(s * 0.44, front + 0.1), (s * 0.37, front + 0.32), (s * 0.37, 0.46), (s * 0.44, 0.62)], glass)
        b.ellipse(s * 0.3, -0.9, 0.1, 0.06, b.fixed("headlight", "yellow", 0.4))
        b.box(s * 0.3 - 0.1, 0.88, s * 0.3 + 0.1, 0.96, b.fixed("taillight", "red"), 0.03)
    b.box(-0.35, front + 0.28, 0.35, 0.5, b.main("roof", 0.12), 0.06)
    if r.chance(0.6):
        b.box(-0.14, -0.92, 0.14, front, b.second("stripe"))
        b.box(-0.14, front + 0.28, 0.14, 0.5, b.second("stripe"))
    b.pair("headlight", (-0.3, -0.9), (0.3, -0.9))
    b.pair("taillight", (-0.3, 0.92), (0.3, 0.92))
    b.key("window", 0.0, front + 0.14)
    b.key("roof", 0.0, 0.2)
