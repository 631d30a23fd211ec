"""Clocks, cups and boats."""

from __future__ import annotations

from replications.data.facetworld.brush import Brush
from replications.data.facetworld.canvas import turn
from replications.data.facetworld.randomness import Stream

_SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


def _dial(b: Brush, r: Stream, x: float, y: float, radius: float) -> None:
    """A white dial with marks and two hands."""
    b.disc(x, y, radius, b.fixed("dial", "white", 0.3))
    mark = b.fixed("mark", "black")
    for i in range(12):
        cosine, sine = turn(30 * i)
        b.disc(x + 0.82 * radius * cosine, y + 0.82 * radius * sine, (0.075 if i % 3 == 0 else 0.045) * radius, mark)
    hour, minute = 30.0 * r.integer(0, 11), 30.0 * r.integer(0, 11)
    hand = b.fixed("hand", "black")
    for angle, length, width in ((hour, 0.45, 0.13), (minute, 0.68, 0.09)):
        cosine, sine = turn(angle)
        b.line([(x, y), (x + length * radius * cosine, y + length * radius * sine)], width * radius, hand)
    b.disc(x, y, 0.1 * radius, b.fixed("hand", "red"))
    b.key("dial", x, y)


def clock_wall(b: Brush, r: Stream) -> None:
    """A round clock for a wall."""
    b.disc(0.0, 0.0, 0.97, b.main("case"))
    b.disc(0.0, 0.0, 0.8, b.main("case", -0.35))
    _dial(b, r, 0.0, 0.0, 0.76)
    b.key("case", 0.0, -0.88)


def clock_tower(b: Brush, r: Stream) -> None:
    """A clock high on a tower with a pointed roof."""
    b.box(-0.4, -0.4, 0.4, 0.98, b.main("wall"))
    b.box(-0.5, -0.46, 0.5, 0.36, b.main("wall", 0.14))
    b.polygon([(0.0, -1.0), (0.58, -0.42), (-0.58, -0.42)], b.second("roof"))
    b.polygon([(0.0, -1.0), (0.58, -0.42), (0.16, -0.42)], b.second("roof", -0.2))
    b.box(-0.54, 0.34, 0.54, 0.42, b.second("ledge"))
    _dial(b, r, 0.0, -0.04, 0.37)
    b.box(-0.12, 0.56, 0.12, 0.98, b.fixed("window", "black"), 0.1)
    b.key("roof", 0.0, -0.66)
    b.key("window", 0.0, 0.78)


def _digit(b: Brush, value: int, x: float, y: float, w: float, h: float, paint: int) -> None:
    """A seven-segment digit in the box of half sizes w, h around (x, y)."""
    ends = {
        "a": ((-w, -h), (w, -h)),
        "b": ((w, -h), (w, 0)),
        "c": ((w, 0), (w, h)),
        "d": ((-w, h), (w, h)),
        "e": ((-w, 0), (-w, h)),
        "f": ((-w, -h), (-w, 0)),
        "g": ((-w, 0), (w, 0)),
    }
    for segment in _SEGMENTS[value]:
        (x0, y0), (x1, y1) = ends[segment]
        b.line([(x + x0, y + y0), (x + x1, y + y1)], 0.085, paint)


def clock_digital(b: Brush, r: Stream) -> None:
    """A digital clock with glowing figures."""
    for s in (-1, 1):
        b.box(s * 0.6 - 0.14, 0.4, s * 0.6 + 0.14, 0.64, b.main("foot", -0.3), 0.04)
    b.box(-0.98, -0.56, 0.98, 0.54, b.main("case"), 0.16)
    b.box(-0.84, -0.4, 0.84, 0.38, b.fixed("display", "black", -0.3), 0.06)
    glow = b.fixed("figure", r.pick(("red", "green", "yellow")), 0.25)
    hour, minute = r.integer(0, 23), r.integer(0, 59)
    for value, x in ((hour // 10, -0.6), (hour % 10, -0.26), (minute // 10, 0.26), (minute % 10, 0.6)):
        _digit(b, value, x, 0.0, 0.1, 0.22, glow)
    for y in (-0.12, 0.12):
        b.disc(0.0, y, 0.055, glow)
    b.box(-0.3, -0.68, 0.3, -0.54, b.second("button"), 0.05)
    b.key("display", 0.0, 0.3)
    b.key("button", 0.0, -0.61)


def clock_alarm(b: Brush, r: Stream) -> None:
    """An alarm clock with two bells on feet."""
    for s in (-1, 1):
        b.line([(s * 0.4, 0.6), (s * 0.62, 0.96)], 0.15, b.main("foot", -0.3))
        b.ellipse(s * 0.46, -0.68, 0.34, 0.22, b.second("bell"), s * 32)
        b.line([(s * 0.3, -0.5), (s * 0.4, -0.66)], 0.08, b.second("bell", -0.3))
    b.line([(0.0, -0.6), (0.0, -0.92)], 0.08, b.second("hammer", -0.3))
    b.disc(0.0, -0.9, 0.1, b.second("hammer", -0.3))
    b.disc(0.0, 0.14, 0.74, b.main("case"))
    _dial(b, r, 0.0, 0.14, 0.58)
    b.pair("bell", (-0.5, -0.72), (0.5, -0.72))


def _steam(b: Brush, x: float, y: float) -> None:
    b.curve([(x, y), (x + 0.1, y - 0.13), (x - 0.06, y - 0.26), (x + 0.06, y - 0.4)], 0.08, b.fixed("steam", "white"))


def cup_mug(b: Brush, r: Stream) -> None:
    """A mug from the side, with its handle, steaming."""
    grip = b.main("handle", -0.2)
    b.curve([(0.42, -0.2), (0.84, -0.24), (0.96, 0.16), (0.8, 0.52), (0.38, 0.56)], 0.17, grip)
    narrow = r.uniform(0.5, 0.6)
    b.blob(
        [
            (-0.64, -0.38),
            (0.0, -0.4),
            (0.6, -0.38),
            (0.58, 0.3),
            (narrow, 0.8),
            (0.3, 0.96),
            (-0.34, 0.96),
            (-narrow, 0.8),
            (-0.62, 0.3),
        ],
        b.main("body"),
    )
    b.box(-0.6, 0.12, 0.57, 0.36, b.second("band"))
    b.ellipse(-0.02, -0.38, 0.63, 0.17, b.main("rim", 0.35))
    b.ellipse(-0.02, -0.36, 0.54, 0.11, b.fixed("drink", "brown", -0.3))
    if r.chance(0.7):
        _steam(b, -0.22, -0.5)
        _steam(b, 0.18, -0.5)
    b.key("handle", 0.93, 0.16)
    b.key("rim", -0.02, -0.5)
    b.key("band", 0.0, 0.24)


def cup_above(b: Brush, r: Stream) -> None:
    """A cup on its saucer, seen from above, with a spoon."""
    b.disc(0.0, 0.0, 0.98, b.second("saucer", 0.1))
    b.disc(0.0, 0.0, 0.78, b.second("saucer", -0.18))
    b.line([(0.5, -0.1), (0.9, -0.1)], 0.22, b.main("handle", -0.2))
    b.disc(0.0, 0.0, 0.64, b.main("body"))
    b.disc(0.0, 0.0, 0.5, b.fixed("drink", "brown", -0.35))
    b.disc(0.0, 0.0, 0.44, b.fixed("drink", "brown", -0.1))
    foam = b.fixed("drink", "yellow", 0.65)
    if r.chance(0.5):
        b.curve([(-0.2, 0.1), (-0.1, -0.16), (0.1, -0.14), (0.16, 0.08), (0.0, 0.2), (-0.04, 0.04)], 0.09, foam)
    else:
        b.blob([(0.0, 0.26), (-0.24, -0.02), (-0.14, -0.2), (0.0, -0.1), (0.14, -0.2), (0.24, -0.02)], foam)
    b.line([(-0.72, 0.5), (-0.1, 0.84)], 0.09, b.fixed("spoon", "grey", 0.5))
    b.ellipse(-0.74, 0.48, 0.18, 0.11, b.fixed("spoon", "grey", 0.5), 28)
    b.key("drink", 0.0, 0.0)
    b.key("handle", 0.8, -0.1)
    b.key("spoon", -0.4, 0.68)


def cup_glass(b: Brush, r: Stream) -> None:
    """A tall glass with a straw and a slice of fruit."""
    top = -0.5
    lean = r.uniform(0.1, 0.3)
    b.polygon([(-0.5, top), (0.5, top), (0.36, 0.96), (-0.36, 0.96)], b.fixed("glass", "white", 0.3))
    level = r.uniform(-0.34, -0.16)
    b.polygon([(-0.42, level), (0.42, level), (0.31, 0.88), (-0.31, 0.88)], b.main("drink"))
    b.polygon([(-0.42, level), (0.42, level), (0.41, level + 0.1), (-0.41, level + 0.1)], b.main("drink", 0.4))
    for x, y in ((-0.16, 0.1), (0.14, 0.24)):
        b.box(x - 0.13, y - 0.12, x + 0.13, y + 0.12, b.main("ice", 0.55), 0.04)
    b.line([(0.0, 0.3), (lean, -0.72), (lean + 0.26, -0.92)], 0.1, b.second("straw"))
    b.polygon([(-0.42, level), (-0.3, level), (-0.24, 0.88), (-0.31, 0.88)], b.fixed("glass", "white", 0.5))
    b.disc(-0.46, top, 0.28, b.third("fruit"))
    b.disc(-0.46, top, 0.2, b.third("fruit", 0.5))
    for angle in (0, 60, 120):
        cosine, sine = turn(angle)
        b.line(
            [(-0.46 - 0.18 * cosine, top - 0.18 * sine), (-0.46 + 0.18 * cosine, top + 0.18 * sine)],
            0.045,
            b.third("fruit"),
        )
    b.key("straw", lean, -0.72)
    b.key("drink", 0.1, 0.6)
    b.key("fruit", -0.46, top)


def _hull(b: Brush, top: float, left: float, right: float) -> None:
    b.polygon([(left, top), (right, top), (right - 0.26, top + 0.46), (left + 0.22, top + 0.46)], b.main("hull"))
    b.polygon([(left, top), (right, top), (right - 0.06, top + 0.11), (left + 0.05, top + 0.11)], b.second("stripe"))


def boat_sail(b: Brush, r: Stream) -> None:
    """A boat under two triangular sails."""
    b.line([(0.0, 0.5), (0.0, -0.96)], 0.07, b.fixed("mast", "brown"))
    back = r.uniform(-0.78, -0.62)
    b.polygon([(-0.06, -0.86), (-0.06, 0.34), (back, 0.34)], b.third("sail", 0.35))
    b.polygon([(0.07, -0.74), (0.07, 0.34), (0.7, 0.34)], b.fixed("sail", "white"))
    b.polygon([(-0.06, -0.4), (-0.06, -0.18), (back * 0.56, -0.18), (back * 0.4, -0.4)], b.second("sail"))
    b.polygon([(0.0, -0.98), (0.26, -0.9), (0.0, -0.82)], b.second("flag"))
    _hull(b, 0.46, -0.92, 0.98)
    b.key("sail", -0.2, 0.15)
    b.key("mast", 0.0, 0.38)
    b.key("hull", 0.0, 0.74)


def boat_steamer(b: Brush, r: Stream) -> None:
    """A steamer with a deck house, portholes and smoking funnels."""
    funnels = r.integer(1, 3)
    for i in range(funnels):
        x = -0.24 + 0.34 * (i - (funnels - 1) / 2)
        b.polygon([(x - 0.13, 0.0), (x - 0.13, -0.56), (x + 0.13, -0.56), (x + 0.13, 0.0)], b.second("funnel"))
        b.box(x - 0.13, -0.56, x + 0.13, -0.42, b.fixed("funnel", "black"))
    smoke = b.fixed("smoke", "grey", 0.35)
    for dx, dy, radius in ((0.0, 0.0, 0.13), (-0.18, -0.12, 0.17), (-0.4, -0.16, 0.14)):
        b.disc(-0.24 + dx, -0.7 + dy, radius, smoke)
    b.box(-0.7, -0.1, 0.5, 0.22, b.fixed("cabin", "white"), 0.04)
    b.box(0.14, -0.32, 0.5, -0.06, b.fixed("cabin", "white", 0.3), 0.04)
    b.box(0.22, -0.25, 0.44, -0.13, b.fixed("window", "blue", 0.2))
    for i in range(5):
        b.disc(-0.56 + 0.23 * i, 0.06, 0.07, b.fixed("window", "blue", 0.1))
    b.polygon([(-0.98, 0.14), (1.02, 0.06), (0.78, 0.66), (-0.8, 0.66)], b.main("hull"))
    b.polygon([(-0.84, 0.54), (0.83, 0.54), (0.78, 0.7), (-0.8, 0.7)], b.third("hull"))
    for i in range(4):
        b.disc(-0.5 + 0.32 * i, 0.36, 0.075, b.fixed("porthole", "white"))
    b.key("hull", 0.0, 0.48)
    b.key("cabin", 0.3, 0.16)
    b.key("smoke", -0.42, -0.82)


def boat_rowing(b: Brush, r: Stream) -> None:
    """An open rowing boat with benches and a pair of oars."""
    dip = r.uniform(-0.1, 0.1)
    oar, blade = b.fixed("oar", "brown", 0.1), b.third("oar")
    far = [(-0.1, 0.0), (0.36, -0.7 + dip)]
    b.line(far, 0.08, oar)
    b.ellipse(0.42, -0.76 + dip, 0.24, 0.1, blade, -58)
    b.blob(
        [(-1.0, -0.22), (-0.5, -0.1), (0.3, -0.1), (1.02, -0.32), (0.84, 0.1), (0.5, 0.46), (-0.5, 0.46), (-0.84, 0.2)],
        b.main("hull"),
    )
    b.blob(
        [(-0.9, -0.16), (-0.4, -0.2), (0.4, -0.2), (0.92, -0.24), (0.5, 0.06), (-0.5, 0.06)],
        b.fixed("inside", "brown", -0.35),
    )
    for x in (-0.42, 0.02, 0.44):
        b.box(x - 0.07, -0.2, x + 0.07, 0.04, b.fixed("bench", "brown", 0.35))
    b.curve([(-1.0, -0.2), (-0.5, 0.07), (0.3, 0.07), (1.02, -0.3)], 0.08, b.second("rim"))
    b.line([(-0.05, -0.1), (-0.5, 0.76 + dip)], 0.08, oar)
    b.ellipse(-0.56, 0.8 + dip, 0.24, 0.1, blade, -62)
    b.key("hull", 0.3, 0.3)
    b.key("bench", 0.02, -0.08)
    b.key("oar", -0.54, 0.78 + dip)
