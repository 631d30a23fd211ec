"""Fish and birds."""

from __future__ import annotations

from replications.data.facetworld.brush import Brush
from replications.data.facetworld.randomness import Stream


def _fish(b: Brush, x: float, y: float, s: float, flip: float, *, detail: bool) -> None:
    """A fish of half length s around (x, y), looking to the right where flip is 1."""

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x + flip * s * u, y + s * v) for u, v in points]

    b.blob(at([(-0.5, 0.0), (-0.78, -0.2), (-1.0, -0.44), (-0.9, 0.0), (-1.0, 0.44), (-0.78, 0.2)]), b.second("tail"))
    b.blob(at([(-0.3, -0.3), (-0.06, -0.66), (0.3, -0.6), (0.3, -0.3)]), b.second("fin"))
    b.blob(at([(-0.1, 0.3), (0.0, 0.58), (0.26, 0.52), (0.2, 0.3)]), b.second("fin"))
    b.blob(
        at(
            [
                (-0.66, 0.0),
                (-0.2, -0.4),
                (0.36, -0.46),
                (0.8, -0.24),
                (0.96, 0.04),
                (0.74, 0.3),
                (0.3, 0.46),
                (-0.2, 0.36),
            ]
        ),
        b.main("body"),
    )
    if detail:
        b.blob(
            at([(0.48, -0.42), (0.8, -0.24), (0.96, 0.04), (0.74, 0.3), (0.46, 0.42), (0.56, 0.0)]),
            b.third("head", 0.1),
        )
        b.blob(at([(0.0, 0.0), (-0.26, 0.2), (-0.3, 0.34), (-0.1, 0.3), (0.2, 0.16)]), b.second("fin", -0.18))
        b.line(at([(0.76, 0.2), (0.92, 0.12)]), 0.06 * s, b.fixed("mouth", "black"))
        b.eye(x + flip * 0.66 * s, y - 0.1 * s, 0.13 * s, 0.2)
    else:
        b.disc(x + flip * 0.62 * s, y - 0.1 * s, 0.15 * s, b.fixed("eye", "white"))
        b.disc(x + flip * 0.64 * s, y - 0.1 * s, 0.09 * s, b.fixed("eye", "black", -0.4))


def fish_side(b: Brush, r: Stream) -> None:
    """One fish from the side."""
    _fish(b, 0.0, 0.0, r.uniform(0.97, 1.05), 1.0, detail=True)
    for i in range(r.integer(0, 3)):
        b.disc(0.98 + 0.05 * i, -0.3 - 0.2 * i, 0.07, b.fixed("bubble", "white", -0.05))
    b.key("eye", 0.66, -0.1)
    b.key("mouth", 0.84, 0.16)
    b.key("tail", -0.86, 0.0)
    b.key("fin", 0.12, -0.5)


def fish_shoal(b: Brush, r: Stream) -> None:
    """Six to eight small fish, all swimming the same way."""
    places = [
        (-0.62, -0.62),
        (0.08, -0.76),
        (0.66, -0.44),
        (-0.3, -0.1),
        (0.42, 0.1),
        (-0.66, 0.42),
        (0.02, 0.62),
        (0.7, 0.66),
    ]
    for x, y in r.split(places, r.integer(6, 8)):
        s = r.uniform(0.29, 0.36)
        x, y = x + r.uniform(-0.06, 0.06), y + r.uniform(-0.06, 0.06)
        _fish(b, x, y, s, 1.0, detail=False)
        # The last fish lies on top of the others, so its points are seen.
        b.key("eye", x + 0.63 * s, y - 0.1 * s)
        b.key("tail", x - 0.86 * s, y)


def fish_bowl(b: Brush, r: Stream) -> None:
    """A fish in a round glass bowl."""
    glass = b.fixed("bowl", "blue", 0.75)
    b.disc(0.0, 0.06, 0.9, b.fixed("bowl", "white", 0.4))
    b.disc(0.0, 0.06, 0.83, glass)
    level = r.uniform(-0.45, -0.3)
    water = [(-0.66, level), (0.66, level), (0.82, 0.06), (0.62, 0.6), (0.0, 0.87), (-0.62, 0.6), (-0.82, 0.06)]
    b.blob(water, b.fixed("water", "blue", 0.35))
    b.ellipse(0.0, level, 0.68, 0.08, b.fixed("water", "blue", 0.55))
    b.blob(
        [(-0.56, 0.62), (-0.2, 0.56), (0.2, 0.62), (0.56, 0.6), (0.3, 0.84), (-0.3, 0.84)],
        b.fixed("gravel", "yellow", -0.12),
    )
    y = r.uniform(0.08, 0.2)
    _fish(b, 0.0, y, 0.52, 1.0, detail=True)
    b.ellipse(0.0, -0.78, 0.56, 0.12, b.fixed("bowl", "white", 0.4))
    b.ellipse(0.0, -0.78, 0.48, 0.07, b.fixed("bowl", "blue", 0.5))
    b.curve([(-0.66, -0.2), (-0.7, 0.06), (-0.62, 0.3)], 0.07, b.fixed("bowl", "white", 0.6))
    b.key("eye", 0.343, y - 0.05)
    b.key("tail", -0.45, y)
    b.key("bowl", 0.0, -0.78)


def bird_flying(b: Brush, r: Stream) -> None:
    """A bird in flight with both wings raised or spread."""
    up = r.uniform(-0.92, -0.7)
    b.blob([(0.1, -0.06), (0.16, -0.4), (0.3, up), (0.5, up - 0.04), (0.5, -0.5), (0.34, 0.0)], b.second("wing", -0.25))
    b.polygon([(-0.5, 0.12), (-1.0, -0.02), (-0.94, 0.14), (-1.0, 0.3), (-0.5, 0.28)], b.second("tail"))
    b.blob(
        [(-0.66, 0.18), (-0.2, -0.04), (0.4, -0.06), (0.62, 0.06), (0.5, 0.28), (0.0, 0.4), (-0.4, 0.34)],
        b.main("body"),
    )
    b.disc(0.62, -0.02, 0.22, b.main("head"))
    b.polygon([(0.78, -0.1), (1.04, 0.02), (0.78, 0.1)], b.fixed("beak", "orange"))
    b.eye(0.67, -0.07, 0.075, 0.2)
    wing = [
        (0.3, 0.08),
        (0.2, -0.3),
        (-0.14, up + 0.02),
        (-0.5, up - 0.08),
        (-0.62, up + 0.1),
        (-0.44, -0.4),
        (-0.3, 0.06),
        (0.0, 0.2),
    ]
    b.blob(wing, b.second("wing"))
    for x in (-0.32, -0.12):
        b.line([(x, 0.0), (x - 0.14, up + 0.32)], 0.045, b.second("wing", -0.3))
    b.key("eye", 0.67, -0.07)
    b.key("beak", 0.86, 0.01)
    b.key("wing", -0.2, -0.3)
    b.key("tail", -0.85, 0.14)


def bird_perched(b: Brush, r: Stream) -> None:
    """A plump bird upright on a branch."""
    b.curve([(-1.0, 0.74), (-0.3, 0.66), (0.4, 0.72), (1.0, 0.62)], 0.13, b.fixed("branch", "brown"))
    if r.chance(0.6):
        b.ellipse(0.74, 0.52, 0.22, 0.1, b.fixed("leaf", "green"), -25)
        b.ellipse(-0.84, 0.58, 0.2, 0.09, b.fixed("leaf", "green"), 25)
    b.polygon([(-0.28, 0.2), (-0.66, 0.92), (-0.48, 1.0), (-0.1, 0.5)], b.second("tail", -0.12))
    b.blob(
        [(0.0, -0.5), (0.4, -0.3), (0.5, 0.1), (0.3, 0.52), (-0.06, 0.6), (-0.36, 0.34), (-0.38, 0.0), (-0.2, -0.3)],
        b.main("body"),
    )
    b.blob([(0.36, -0.2), (0.46, 0.1), (0.3, 0.46), (0.08, 0.52), (0.1, 0.1)], b.third("chest", 0.3))
    b.disc(0.12, -0.52, 0.36, b.main("head", 0.06))
    b.polygon([(0.42, -0.62), (0.8, -0.5), (0.42, -0.38)], b.fixed("beak", "orange"))
    b.line([(0.44, -0.5), (0.72, -0.5)], 0.035, b.fixed("beak", "orange", -0.4))
    b.eye(0.22, -0.6, 0.11, 0.2)
    b.blob([(-0.2, -0.2), (0.1, -0.06), (0.08, 0.24), (-0.34, 0.56), (-0.42, 0.2)], b.second("wing"))
    b.line([(-0.2, 0.12), (-0.32, 0.38)], 0.05, b.second("wing", -0.3))
    for x in (0.02, 0.2):
        b.line([(x, 0.56), (x, 0.7)], 0.06, b.fixed("foot", "orange"))
    b.key("eye", 0.22, -0.6)
    b.key("beak", 0.55, -0.5)
    b.key("wing", -0.15, 0.15)
    b.key("tail", -0.45, 0.8)


def bird_swimming(b: Brush, r: Stream) -> None:
    """A swan-like bird with a long neck, on its own ripples."""
    reach = r.uniform(0.42, 0.56)
    ripple = b.fixed("water", "blue", 0.45)
    b.ellipse(0.0, 0.72, 1.0, 0.18, ripple)
    b.polygon([(-0.6, 0.2), (-1.0, -0.08), (-0.9, 0.4)], b.second("tail"))
    b.blob(
        [(-0.84, 0.3), (-0.5, 0.02), (0.0, 0.0), (0.5, 0.08), (0.62, 0.4), (0.4, 0.72), (-0.4, 0.74), (-0.8, 0.56)],
        b.main("body"),
    )
    neck = [(0.42, 0.34), (0.66, 0.0), (0.44, -0.36), (reach, -0.7)]
    b.curve(neck, 0.24, b.main("neck"))
    b.ellipse(reach + 0.06, -0.72, 0.25, 0.2, b.main("head"))
    b.polygon([(reach + 0.24, -0.82), (reach + 0.58, -0.6), (reach + 0.2, -0.58)], b.fixed("beak", "orange"))
    b.eye(reach + 0.1, -0.76, 0.085, 0.2)
    b.blob([(-0.66, 0.22), (-0.3, 0.1), (0.2, 0.22), (0.3, 0.4), (-0.1, 0.56), (-0.6, 0.46)], b.second("wing", 0.1))
    b.line([(-0.4, 0.3), (0.05, 0.36)], 0.045, b.second("wing", -0.25))
    b.curve([(-0.8, 0.78), (-0.3, 0.84), (0.2, 0.79), (0.7, 0.84)], 0.05, b.fixed("water", "white", 0.2))
    b.key("eye", reach + 0.1, -0.76)
    b.key("beak", reach + 0.34, -0.66)
    b.key("wing", -0.1, 0.3)
    b.key("tail", -0.84, 0.16)
