"""Markets and houses."""

from __future__ import annotations

from replications.data.facetworld.brush import Brush
from replications.data.facetworld.randomness import Stream


def _awning(b: Brush, left: float, right: float, top: float, bottom: float, stripes: int) -> None:
    """A striped awning with a scalloped edge."""
    step = (right - left) / stripes
    for i in range(stripes):
        paint = b.main("awning") if i % 2 == 0 else b.fixed("awning", "white")
        x = left + i * step
        shift = 0.08
        inner = (x * (1 - shift), (x + step) * (1 - shift))
        b.polygon([(inner[0], top), (inner[1], top), (x + step, bottom), (x, bottom)], paint)
        b.disc(x + step / 2, bottom, step / 2, paint)


def _produce(b: Brush, r: Stream, left: float, right: float, base: float, size: float) -> None:
    """A heap of round produce of one kind."""
    kind = r.integer(0, 3)
    paint = (b.main("produce"), b.second("produce"), b.third("produce"), b.fixed("produce", "green"))[kind]
    light = b.fixed("produce", "white", 0.2)
    count = max(2, int((right - left) / (2 * size)))
    step = (right - left) / count
    for row in range(2):
        for i in range(count - row):
            x, y = left + step * (i + 0.5 + 0.5 * row), base - size * (0.9 + 1.35 * row)
            b.disc(x, y, size, paint)
            b.disc(x - size * 0.3, y - size * 0.35, size * 0.25, light)


def market_shelves(b: Brush, r: Stream) -> None:
    """Shelves of produce, seen from close by."""
    b.box(-0.88, -0.88, 0.88, 0.88, b.main("shelf", -0.3), 0.04)
    columns = r.integer(2, 3)
    width = 1.66 / columns
    for row in range(3):
        base = -0.38 + row * 0.57
        for column in range(columns):
            left = -0.83 + column * width
            _produce(b, r, left + 0.03, left + width - 0.03, base, r.uniform(0.115, 0.135))
            b.box(left, base - 0.06, left + width, base + 0.13, b.fixed("shelf", "brown", 0.22))
            b.box(left + width / 2 - 0.13, base - 0.02, left + width / 2 + 0.13, base + 0.1, b.fixed("label", "white"))
        b.box(-0.88, base + 0.1, 0.88, base + 0.15, b.fixed("shelf", "brown", -0.1))
    for i, base in enumerate((-0.38, 0.19, 0.76)):
        b.key(("top", "middle", "bottom")[i] + "_shelf", 0.0, base + 0.13)


def market_front(b: Brush, r: Stream) -> None:
    """A shop front: a sign, an awning, a window with goods and a door."""
    b.box(-0.92, -0.94, 0.92, 0.96, b.second("wall", 0.15))
    b.box(-0.84, -0.9, 0.84, -0.6, b.third("sign"), 0.04)
    for i in range(5):
        x = -0.56 + i * 0.25
        b.box(x, -0.83, x + 0.15, -0.67, b.fixed("sign", "white"), 0.03)
    door = r.uniform(0.3, 0.36)
    b.box(door, -0.2, 0.82, 0.96, b.third("door", -0.3))
    b.box(door + 0.09, -0.1, 0.73, 0.5, b.fixed("window", "blue", 0.6))
    b.disc(door + 0.08, 0.6, 0.045, b.fixed("handle", "yellow"))
    b.box(-0.8, -0.2, door - 0.1, 0.6, b.fixed("window", "blue", 0.6))
    _produce(b, r, -0.78, door - 0.12, 0.6, 0.115)
    b.box(-0.84, 0.58, door - 0.06, 0.7, b.fixed("shelf", "brown"))
    _awning(b, -1.0, 1.0, -0.56, -0.18, 8)
    b.key("sign", 0.0, -0.75)
    b.key("awning", 0.0, -0.4)
    b.key("door", door + 0.3, 0.8)
    b.key("window", (door - 0.9) / 2, 0.12)


def market_stall(b: Brush, r: Stream) -> None:
    """An open stall: an umbrella above a table of produce."""
    b.line([(0.0, -0.8), (0.0, 0.5)], 0.09, b.fixed("pole", "brown", -0.2))
    b.blob([(-0.96, -0.28), (-0.7, -0.7), (0.0, -0.96), (0.7, -0.7), (0.96, -0.28), (0.0, -0.2)], b.main("umbrella"))
    white = b.fixed("umbrella", "white")
    for s in (-1, 1):
        b.polygon([(0.0, -0.93), (s * 0.3, -0.84), (s * 0.68, -0.25), (s * 0.32, -0.24)], white)
    b.disc(0.0, -0.96, 0.06, b.fixed("pole", "brown"))
    edge = r.uniform(0.82, 0.92)
    for s in (-1, 1):
        b.box(s * 0.72 - 0.06, 0.4, s * 0.72 + 0.06, 0.98, b.fixed("leg", "brown", -0.25))
    _produce(b, r, -edge + 0.04, -edge / 3, 0.34, 0.13)
    _produce(b, r, -edge / 3, edge / 3, 0.34, 0.13)
    _produce(b, r, edge / 3, edge - 0.04, 0.34, 0.13)
    b.box(-edge - 0.06, 0.3, edge + 0.06, 0.42, b.fixed("table", "brown", 0.2))
    b.box(-edge, 0.42, edge, 0.74, b.second("cloth"))
    for i in range(4):
        x = -edge + (2 * i + 0.5) * edge / 4
        b.box(x, 0.42, x + edge / 4, 0.74, b.second("cloth", 0.4))
    b.key("umbrella", 0.0, -0.6)
    b.key("table", 0.0, 0.37)
    b.key("cloth", 0.0, 0.6)


def _window(b: Brush, x: float, y: float, width: float, height: float) -> None:
    b.box(x - width, y - height, x + width, y + height, b.fixed("window", "white"))
    edge = 0.2 * min(width, height)
    lit = b.fixed("window", "yellow", 0.35)
    b.box(x - width + edge, y - height + edge, x + width - edge, y + height - edge, lit)
    b.box(x - edge / 2, y - height, x + edge / 2, y + height, b.fixed("window", "white"))
    b.box(x - width, y - edge / 2, x + width, y + edge / 2, b.fixed("window", "white"))


def house_gable(b: Brush, r: Stream) -> None:
    """A small house with a pitched roof, a chimney, a door and two windows."""
    eaves = r.uniform(-0.2, -0.08)
    b.box(0.36, -0.92, 0.58, -0.3, b.fixed("chimney", "red", -0.2))
    b.box(0.32, -0.96, 0.62, -0.86, b.fixed("chimney", "grey", -0.2))
    b.box(-0.76, eaves - 0.04, 0.76, 0.96, b.main("wall"))
    b.polygon([(0.0, -0.98), (0.98, eaves + 0.06), (-0.98, eaves + 0.06)], b.second("roof"))
    b.polygon(
        [(-0.98, eaves - 0.02), (0.98, eaves - 0.02), (0.98, eaves + 0.08), (-0.98, eaves + 0.08)],
        b.second("roof", -0.3),
    )
    b.disc(0.0, (eaves - 0.98) / 2 + 0.1, 0.13, b.fixed("window", "yellow", 0.35))
    b.box(-0.18, 0.32, 0.18, 0.96, b.third("door"), 0.03)
    b.disc(0.1, 0.66, 0.045, b.fixed("handle", "yellow"))
    for s in (-1, 1):
        _window(b, s * 0.48, 0.34, 0.18, 0.2)
    b.pair("window", (-0.56, 0.26), (0.56, 0.26))
    b.key("door", 0.0, 0.6)
    b.key("roof", 0.3, eaves - 0.2)
    b.key("chimney", 0.47, -0.7)


def house_flats(b: Brush, r: Stream) -> None:
    """A tall block of flats with a flat roof and rows of windows."""
    columns, rows = r.integer(3, 4), r.integer(4, 5)
    b.box(-0.66, -0.9, 0.66, 0.98, b.main("wall"))
    b.box(-0.72, -0.98, 0.72, -0.86, b.second("roof"))
    dark, bright = b.fixed("window", "blue", 0.3), b.fixed("window", "yellow", 0.35)
    for row in range(rows):
        for column in range(columns):
            x, y = -0.56 + 1.12 * (column + 0.5) / columns, -0.8 + 1.38 * (row + 0.5) / rows
            width, height = 0.38 / columns, 0.42 / rows
            b.box(x - width, y - height, x + width, y + height, bright if r.chance(0.5) else dark)
            b.box(x - width - 0.02, y + height, x + width + 0.02, y + height + 0.05, b.fixed("window", "white"))
    b.box(-0.17, 0.62, 0.17, 0.98, b.third("door"))
    b.box(-0.26, 0.58, 0.26, 0.66, b.fixed("roof", "white"))
    b.key("door", 0.0, 0.8)
    b.key("roof", 0.0, -0.92)


def house_hut(b: Brush, r: Stream) -> None:
    """A round hut under a cone of straw."""
    b.blob(
        [(-0.6, -0.1), (0.6, -0.1), (0.66, 0.5), (0.6, 0.92), (0.0, 0.98), (-0.6, 0.92), (-0.66, 0.5)], b.main("wall")
    )
    b.blob([(-0.2, 0.3), (0.0, 0.2), (0.2, 0.3), (0.22, 0.94), (-0.22, 0.94)], b.third("door", -0.3))
    b.disc(-0.42, 0.4, 0.11, b.fixed("window", "black"))
    b.disc(0.42, 0.4, 0.11, b.fixed("window", "black"))
    tip = r.uniform(-0.98, -0.86)
    straw = [(0.0, tip), (0.5, -0.4), (0.94, 0.14), (0.5, 0.22), (0.0, 0.26), (-0.5, 0.22), (-0.94, 0.14), (-0.5, -0.4)]
    b.blob(straw, b.second("roof"))
    for x in (-0.62, -0.3, 0.0, 0.3, 0.62):
        b.line([(x * 0.16, tip + 0.24), (x, 0.14)], 0.04, b.second("roof", -0.3))
    b.disc(0.0, tip + 0.04, 0.1, b.third("roof"))
    b.pair("window", (-0.42, 0.4), (0.42, 0.4))
    b.key("door", 0.0, 0.7)
    b.key("roof", 0.15, -0.2)
