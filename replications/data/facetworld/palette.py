"""The named colours, and how they are lightened, darkened and mixed."""

from __future__ import annotations

from replications.data.facetworld.randomness import Stream

Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "black": (44, 44, 52),
    "white": (243, 241, 235),
    "grey": (146, 150, 156),
    "red": (214, 58, 52),
    "orange": (240, 140, 44),
    "yellow": (246, 208, 66),
    "green": (84, 168, 78),
    "blue": (58, 118, 206),
    "purple": (140, 84, 182),
    "pink": (238, 142, 172),
    "brown": (138, 92, 58),
}
COLOUR_NAMES = tuple(COLOURS)
BODY_COLOURS = ("white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")


def _byte(value: float) -> int:
    return 0 if value < 0 else 255 if value > 255 else int(value + 0.5)


def shade(colour: Rgb, amount: float) -> Rgb:
    """Darker by -amount of itself where amount is below 0, else that share of the way to white."""
    if amount < 0:
        return (
            _byte(colour[0] * (1 + amount)),
            _byte(colour[1] * (1 + amount)),
            _byte(colour[2] * (1 + amount)),
        )
    return mix(colour, (255, 255, 255), amount)


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """`share` of the way from first to second."""
    return (
        _byte(first[0] + (second[0] - first[0]) * share),
        _byte(first[1] + (second[1] - first[1]) * share),
        _byte(first[2] + (second[2] - first[2]) * share),
    )


def vary(colour: Rgb, stream: Stream, amount: float = 16) -> Rgb:
    """The colour with each channel moved by up to `amount`; it keeps its name."""
    return (
        _byte(colour[0] + stream.uniform(-amount, amount)),
        _byte(colour[1] + stream.uniform(-amount, amount)),
        _byte(colour[2] + stream.uniform(-amount, amount)),
    )
