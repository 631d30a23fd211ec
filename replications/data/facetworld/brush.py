"""A pen that knows whose colours it paints with: what the functions that draw objects are given."""

from __future__ import annotations

import dataclasses

from replications.data.facetworld.canvas import Paint, Paints, Pen, Placement, Point
from replications.data.facetworld.palette import BODY_COLOURS, COLOURS, Rgb, shade, vary
from replications.data.facetworld.randomness import Stream
from replications.data.facetworld.textures import OBJECT_TEXTURES


@dataclasses.dataclass(frozen=True)
class Style:
    """The colours and the texture of an object, drawn before and whatever its class and facet are."""

    names: tuple[str, str, str]
    colours: tuple[Rgb, Rgb, Rgb]
    texture: str
    pattern: Rgb
    outline: Rgb


def draw_style(stream: Stream) -> Style:
    first, second, third = stream.split(BODY_COLOURS, 3)
    colours = tuple(vary(COLOURS[name], stream) for name in (first, second, third))
    texture = stream.pick(OBJECT_TEXTURES) if stream.chance(0.4) else "plain"
    contrast = stream.uniform(-0.34, -0.22) if stream.chance(0.6) else stream.uniform(0.3, 0.5)
    if first == "white":
        contrast = -0.2
    outline = shade(colours[0], stream.uniform(-0.85, -0.65))
    return Style(
        (first, second, third), (colours[0], colours[1], colours[2]), texture, shade(colours[0], contrast), outline
    )


class Brush(Pen):
    """Draws one object and keeps its key points.

    main, second and third give paints of the object's own three colours (the first with its texture); fixed gives a
    named colour that belongs to the thing (a tyre is black whatever the car is).
    """

    def __init__(self, paints: Paints, grid: int, placement: Placement, name: str, style: Style) -> None:
        super().__init__(paints, grid, placement)
        self.name = name
        self.style = style
        self.key_points: dict[str, Point] = {}

    def main(self, part: str, amount: float = 0.0) -> int:
        style = self.style
        first, second = shade(style.colours[0], amount), shade(style.pattern, amount)
        return self.paints.number(Paint(self.name, part, style.texture, style.names[0], first, second))

    def second(self, part: str, amount: float = 0.0) -> int:
        return self._plain(part, self.style.names[1], shade(self.style.colours[1], amount))

    def third(self, part: str, amount: float = 0.0) -> int:
        return self._plain(part, self.style.names[2], shade(self.style.colours[2], amount))

    def fixed(self, part: str, colour: str, amount: float = 0.0) -> int:
        return self._plain(part, colour, shade(COLOURS[colour], amount))

    def _plain(self, part: str, colour: str, rgb: Rgb) -> int:
        return self.paints.number(Paint(self.name, part, "plain", colour, rgb, rgb))

    def key(self, name: str, x: float, y: float) -> None:
        """Names a point of the object, in local coordinates; it is kept in frame coordinates (x, y)."""
        self.key_points[name] = self.to_frame(x, y)

    def pair(self, name: str, first: Point, second: Point) -> None:
        """Names two like points left_NAME and right_NAME, by where they lie in the image."""
        left, right = sorted((self.to_frame(*first), self.to_frame(*second)))
        self.key_points["left_" + name] = left
        self.key_points["right_" + name] = right

    def eye(self, x: float, y: float, size: float, look: float = 0.0) -> None:
        """An eye: white with a dark pupil, moved by `look` of its size to the right."""
        self.ellipse(x, y, size, size * 1.1, self.fixed("eye", "white"))
        self.disc(x + look * size, y, size * 0.62, self.fixed("eye", "black", -0.4))
        self.disc(x + look * size - size * 0.2, y - size * 0.25, size * 0.18, self.fixed("eye", "white", 0.5))
