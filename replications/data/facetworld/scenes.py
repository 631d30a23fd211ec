"""Backgrounds, light and clutter, drawn before and whatever the object is."""

from __future__ import annotations

import dataclasses

from replications.data.facetworld.canvas import Paint, Paints, Pen
from replications.data.facetworld.palette import BODY_COLOURS, COLOURS, Rgb, mix, shade, vary
from replications.data.facetworld.randomness import Stream

SCENES = ("meadow", "beach", "street", "room", "snow", "sea", "desert", "studio")
TIMES = ("day", "evening", "night")
CLUTTER = ("ball", "box", "stone", "post")


@dataclasses.dataclass(frozen=True)
class Light:
    """Multipliers of the picture in 1/256: at the middle for red, green and blue, and their change across the frame."""

    middle: Rgb
    across: int
    down: int


@dataclasses.dataclass(frozen=True)
class Clutter:
    """A small thing that belongs to no class."""

    kind: str
    x: float
    y: float
    size: float
    colour: str
    rgb: Rgb


@dataclasses.dataclass(frozen=True)
class Scene:
    """Everything in a picture but the object."""

    place: str
    time: str
    horizon: float
    light: Light
    behind: tuple[Clutter, ...]
    before: tuple[Clutter, ...]
    offset: tuple[float, float]


def draw_scene(stream: Stream) -> Scene:
    """Chooses the place, the time of day, the light and the clutter."""
    place = stream.pick(SCENES)
    time = stream.pick(("day", "day", "evening", "night"))
    horizon = stream.uniform(0.38, 0.66)
    count = stream.pick((0, 1, 1, 2, 3))
    behind = tuple(sorted((_clutter(stream, horizon, 0.92) for _ in range(count)), key=lambda thing: thing.y))
    before = (_clutter(stream, 0.93, 1.0),) if stream.chance(0.2) else ()
    offset = (stream.unit(), stream.unit())
    return Scene(place, time, horizon, _light(stream, time), behind, before, offset)


def _light(stream: Stream, time: str) -> Light:
    warmth = stream.uniform(-0.06, 0.06)
    strength = stream.uniform(0.9, 1.1)
    tint = {"day": (1.0, 1.0, 1.0), "evening": (1.06, 0.92, 0.78), "night": (0.62, 0.68, 0.86)}[time]
    red, green, blue = tint[0] * (1 + warmth), tint[1], tint[2] * (1 - warmth)
    middle = (int(256 * strength * red), int(256 * strength * green), int(256 * strength * blue))
    return Light(middle, int(stream.uniform(-56, 56)), int(stream.uniform(-48, 16)))


def _clutter(stream: Stream, top: float, bottom: float) -> Clutter:
    kind = stream.pick(CLUTTER)
    colour = stream.pick(BODY_COLOURS)
    y = stream.uniform(min(top + 0.08, bottom), bottom)
    size = stream.uniform(0.035, 0.06) * (0.6 + 0.7 * y)
    return Clutter(kind, stream.uniform(0.02, 0.98), y, size, colour, vary(COLOURS[colour], stream))


class _Surface:
    """Paints of surfaces that belong to the scene."""

    def __init__(self, paints: Paints, stream: Stream) -> None:
        self.paints = paints
        self.stream = stream

    def rgb(self, first: Rgb, part: str, colour: str, texture: str = "plain", second: Rgb | None = None) -> int:
        return self.paints.number(Paint("", part, texture, colour, first, second or first))

    def named(self, part: str, colour: str, texture: str = "plain", contrast: float = -0.1, amount: float = 0.0) -> int:
        first = shade(vary(COLOURS[colour], self.stream, 12), amount)
        return self.rgb(first, part, colour, texture, shade(first, contrast))


_SKIES: dict[str, tuple[str, Rgb, Rgb]] = {
    "day": ("blue", (112, 176, 232), (206, 230, 244)),
    "evening": ("orange", (122, 132, 196), (250, 198, 150)),
    "night": ("blue", (34, 44, 98), (84, 98, 158)),
}


def paint_scene(pen: Pen, scene: Scene, stream: Stream) -> None:
    """Draws the background and the clutter that stands behind the object."""
    surface = _Surface(pen.paints, stream)
    if scene.place not in ("room", "studio", "street"):
        _sky(pen, surface, scene)
    _PLACES[scene.place](pen, surface, scene)
    for thing in scene.behind:
        paint_clutter(pen, thing)


def paint_front(pen: Pen, scene: Scene) -> None:
    """Draws the clutter that stands before the object, low in the frame."""
    for thing in scene.before:
        paint_clutter(pen, thing)


def _sky(pen: Pen, surface: _Surface, scene: Scene) -> None:
    stream = surface.stream
    colour, top, bottom = _SKIES[scene.time]
    top, bottom = vary(top, stream, 14), vary(bottom, stream, 14)
    bands = 20
    for i in range(bands):
        paint = surface.rgb(mix(top, bottom, i / (bands - 1)), "sky", colour)
        pen.box(-0.1, scene.horizon * i / bands, 1.1, scene.horizon + 0.02, paint)
    if scene.time == "night":
        star = surface.rgb((236, 232, 200), "star", "white")
        for _ in range(stream.integer(6, 16)):
            pen.disc(stream.unit(), stream.unit() * scene.horizon, stream.uniform(0.003, 0.008), star)
    if stream.chance(0.5):
        shine = (238, 236, 214) if scene.time == "night" else (255, 226, 120)
        x, y = stream.uniform(0.05, 0.95), stream.uniform(0.08, 0.8) * scene.horizon
        pen.disc(
            x, y, stream.uniform(0.035, 0.06), surface.rgb(shine, "moon" if scene.time == "night" else "sun", "yellow")
        )
    cloud = surface.rgb(mix(bottom, (255, 255, 255), 0.25 if scene.time == "night" else 0.75), "cloud", "white")
    for _ in range(stream.integer(0, 3)):
        x, y, size = stream.unit(), stream.uniform(0.1, 0.75) * scene.horizon, stream.uniform(0.03, 0.055)
        for step in (-1.4, -0.5, 0.5, 1.4):
            pen.ellipse(x + step * size, y, size * 1.1, size * (0.75 if abs(step) < 1 else 0.5), cloud)


def _hills(pen: Pen, surface: _Surface, scene: Scene, paint: int, height: float) -> None:
    stream = surface.stream
    phase = stream.uniform(-0.3, 0.0)
    points = [(-0.2, scene.horizon + 0.1)]
    for i in range(6):
        up = stream.uniform(0.3, 1.0) if i % 2 else stream.uniform(0.0, 0.25)
        points.append((phase + i * 0.32, scene.horizon - height * up))
    points.append((1.5, scene.horizon + 0.1))
    pen.blob(points, paint)


def _ground(pen: Pen, scene: Scene, paint: int) -> None:
    pen.box(-0.1, scene.horizon, 1.1, 1.1, paint)


def _meadow(pen: Pen, surface: _Surface, scene: Scene) -> None:
    if surface.stream.chance(0.7):
        _hills(pen, surface, scene, surface.named("hill", "green", amount=-0.15), 0.1)
    _ground(pen, scene, surface.named("grass", "green", "grainy", -0.16, 0.12))


def _beach(pen: Pen, surface: _Surface, scene: Scene) -> None:
    _ground(pen, scene, surface.named("water", "blue", "wavy", 0.2))
    shore = scene.horizon + surface.stream.uniform(0.06, 0.16)
    tilt = surface.stream.uniform(-0.05, 0.05)
    foam = surface.named("water", "white")
    sand = surface.rgb(vary((232, 208, 156), surface.stream, 10), "sand", "yellow", "grainy", (214, 188, 136))
    for lift, paint in ((-0.012, foam), (0.008, sand)):
        edge = [
            (-0.1, shore + lift - tilt),
            (0.3, shore + lift + 0.015),
            (0.7, shore + lift),
            (1.1, shore + lift + tilt),
        ]
        pen.polygon([*edge, (1.1, 1.1), (-0.1, 1.1)], paint)


def _street(pen: Pen, surface: _Surface, scene: Scene) -> None:
    stream = surface.stream
    colour = stream.pick(("brown", "red", "grey", "orange"))
    wall = mix(vary(COLOURS[colour], stream, 14), (170, 150, 140), 0.35)
    pen.box(-0.1, -0.1, 1.1, 1.1, surface.rgb(wall, "wall", colour, "bricks", shade(wall, stream.uniform(0.2, 0.4))))
    pen.box(-0.1, scene.horizon, 1.1, 1.1, surface.named("pavement", "grey", "plain", amount=0.3))
    pen.box(-0.1, scene.horizon + 0.14, 1.1, 1.1, surface.named("road", "grey", "grainy", -0.1, amount=-0.3))
    pen.box(-0.1, scene.horizon + 0.14, 1.1, scene.horizon + 0.155, surface.named("pavement", "grey", amount=0.05))


def _room(pen: Pen, surface: _Surface, scene: Scene) -> None:
    stream = surface.stream
    colour, floor = stream.split(BODY_COLOURS, 2)
    paper = mix(vary(COLOURS[colour], stream, 14), (240, 236, 228), 0.45)
    texture = stream.pick(("plain", "barred", "dotted", "diagonal", "checked"))
    tone = shade(paper, stream.pick((-0.12, 0.35)))
    pen.box(-0.1, -0.1, 1.1, 1.1, surface.rgb(paper, "wall", colour, texture, tone))
    boards = mix(vary(COLOURS[floor], stream, 14), (128, 100, 80), 0.4)
    texture = stream.pick(("plain", "striped", "checked", "grainy"))
    pen.box(-0.1, scene.horizon, 1.1, 1.1, surface.rgb(boards, "floor", floor, texture, shade(boards, -0.14)))
    pen.box(-0.1, scene.horizon - 0.012, 1.1, scene.horizon + 0.012, surface.named("wall", "white"))


def _snow(pen: Pen, surface: _Surface, scene: Scene) -> None:
    if surface.stream.chance(0.7):
        _hills(pen, surface, scene, surface.rgb((206, 216, 232), "hill", "white"), 0.16)
    _ground(
        pen, scene, surface.rgb(vary((240, 244, 250), surface.stream, 8), "snow", "white", "blotchy", (230, 236, 246))
    )
    flake = surface.rgb((252, 253, 255), "snow", "white")
    for _ in range(surface.stream.pick((0, 16, 28))):
        pen.disc(surface.stream.unit(), surface.stream.unit(), surface.stream.uniform(0.006, 0.011), flake)


def _sea(pen: Pen, surface: _Surface, scene: Scene) -> None:
    _ground(pen, scene, surface.named("water", "blue", "wavy", 0.16, surface.stream.uniform(-0.2, 0.05)))
    deep = surface.named("water", "blue", "wavy", 0.2, amount=-0.25)
    pen.box(-0.1, scene.horizon, 1.1, scene.horizon + 0.05, deep)


def _desert(pen: Pen, surface: _Surface, scene: Scene) -> None:
    _hills(pen, surface, scene, surface.named("hill", "orange", amount=surface.stream.uniform(-0.2, 0.15)), 0.14)
    sand = vary((226, 176, 112), surface.stream, 14)
    _ground(
        pen, scene, surface.rgb(sand, "sand", "orange", surface.stream.pick(("wavy", "grainy")), shade(sand, -0.08))
    )


def _studio(pen: Pen, surface: _Surface, scene: Scene) -> None:
    colour = surface.stream.pick(BODY_COLOURS)
    wall = mix(vary(COLOURS[colour], surface.stream, 20), (225, 225, 225), surface.stream.uniform(0.2, 0.6))
    bands = 32
    for i in range(bands):
        paint = surface.rgb(shade(wall, 0.18 - 0.36 * i / bands), "backdrop", colour)
        pen.box(-0.1, i / bands, 1.1, 1.1, paint)


_PLACES = {
    "meadow": _meadow,
    "beach": _beach,
    "street": _street,
    "room": _room,
    "snow": _snow,
    "sea": _sea,
    "desert": _desert,
    "studio": _studio,
}


def paint_clutter(pen: Pen, thing: Clutter) -> None:
    """Draws a ball, box, stone or post with a dark rim, standing on thing.y."""
    x, y, s = thing.x, thing.y, thing.size

    def paint(amount: float) -> int:
        rgb = shade(thing.rgb, amount)
        return pen.paints.number(Paint(thing.kind, "", "plain", thing.colour, rgb, rgb))

    rim, body, light = paint(-0.7), paint(0.0), paint(0.35)
    edge = 0.008
    if thing.kind == "ball":
        pen.disc(x, y - s, s + edge, rim)
        pen.disc(x, y - s, s, body)
        pen.disc(x - s * 0.3, y - s * 1.3, s * 0.3, light)
    elif thing.kind == "box":
        pen.box(x - s - edge, y - 1.8 * s - edge, x + s + edge, y + edge, rim)
        pen.box(x - s, y - 1.8 * s, x + s, y, body)
        pen.box(x - s, y - 1.8 * s, x + s, y - 1.4 * s, light)
    elif thing.kind == "stone":
        outline = ((-1.0, 0.0), (-0.8, -0.8), (-0.1, -1.15), (0.7, -0.9), (1.1, 0.0))
        pen.polygon([(x + u * (s + edge), y + v * (s + edge) + edge) for u, v in outline], rim)
        pen.polygon([(x + u * s, y + v * s) for u, v in outline], body)
        pen.polygon([(x - 0.7 * s, y - 0.65 * s), (x - 0.1 * s, y - s), (x + 0.2 * s, y - 0.5 * s)], light)
    else:
        pen.box(x - 0.35 * s - edge, y - 3 * s - edge, x + 0.35 * s + edge, y + edge, rim)
        pen.box(x - 0.35 * s, y - 3 * s, x + 0.35 * s, y, body)
        pen.box(x - 0.35 * s, y - 2.4 * s, x + 0.35 * s, y - 1.8 * s, light)
