"""Dogs, fish and birds."""

from __future__ import annotations

from replications.data.facetworld.brush import Brush
from replications.data.facetworld.randomness import Stream


def dog_frontal(b: Brush, r: Stream) -> None:
    """A dog's head seen from the front: flapping ears, a muzzle, a tongue."""
    face, muzzle = b.main("head"), b.second("muzzle", 0.35)
    drop = r.uniform(0.15, 0.5)
    eye_y, eye_x = r.uniform(-0.26, -0.16), r.uniform(0.32, 0.4)
    b.blob(
        [
            (-0.62, -0.75),
            (0.0, -0.86),
            (0.62, -0.75),
            (0.74, -0.1),
            (0.5, 0.7),
            (0.0, 0.92),
            (-0.5, 0.7),
            (-0.74, -0.1),
        ],
        face,
    )
    for side in (-1, 1):
        ear = [(0.42, -0.84), (0.8, -0.86), (1.0, -0.4), (0.98, drop), (0.78, drop + 0.12), (0.66, -0.25)]
        b.blob([(side * x, y) for x, y in ear], b.second("ear", -0.12))
    if r.chance(0.5):
        b.blob([(-0.08, -0.85), (0.08, -0.85), (0.1, -0.1), (-0.1, -0.1)], muzzle)
    b.ellipse(0.0, 0.42, 0.46, 0.42, muzzle)
    if r.chance(0.6):
        b.blob(
            [(-0.15, 0.58), (0.15, 0.58), (0.16, 0.86), (0.0, 0.98), (-0.16, 0.86)], b.fixed("tongue", "pink", -0.12)
        )
    dark = b.fixed("mouth", "black")
    b.curve([(-0.3, 0.5), (-0.16, 0.62), (0.0, 0.56), (0.16, 0.62), (0.3, 0.5)], 0.08, dark)
    b.line([(0.0, 0.3), (0.0, 0.56)], 0.07, dark)
    b.blob([(-0.2, 0.1), (0.2, 0.1), (0.16, 0.26), (0.0, 0.36), (-0.16, 0.26)], b.fixed("nose", "black"))
    b.eye(-eye_x, eye_y, 0.15)
    b.eye(eye_x, eye_y, 0.15)
    b.pair("eye", (-eye_x, eye_y), (eye_x, eye_y))
    b.pair("ear", (-0.86, -0.2), (0.86, -0.2))
    b.key("nose", 0.0, 0.2)
    b.key("mouth", 0.0, 0.58)


def dog_standing(b: Brush, r: Stream) -> None:
    """A dog on four legs, seen from the side."""
    body, far = b.main("body"), b.main("leg", -0.25)
    swing = r.uniform(-0.1, 0.1)
    up = r.uniform(-0.25, 0.15)
    for x, move in ((-0.42, -swing), (0.36, swing)):
        b.line([(x, 0.2), (x + move + 0.1, 0.82)], 0.17, far)
    b.curve([(-0.62, -0.02), (-0.86, -0.3 + up), (-0.84, -0.62 + up)], 0.13, b.main("tail"))
    b.blob(
        [
            (-0.7, -0.1),
            (-0.4, -0.24),
            (0.2, -0.2),
            (0.52, -0.3),
            (0.62, 0.1),
            (0.46, 0.36),
            (0.0, 0.28),
            (-0.5, 0.36),
            (-0.72, 0.2),
        ],
        body,
    )
    near = b.main("leg")
    for x, move in ((-0.54, swing), (0.46, -swing)):
        b.line([(x, 0.2), (x + move, 0.84)], 0.2, near)
        b.ellipse(x + move + 0.05, 0.86, 0.15, 0.1, b.second("paw", 0.2))
    b.blob([(0.36, -0.2), (0.42, -0.66), (0.7, -0.8), (0.9, -0.56), (0.86, -0.3), (0.6, -0.02)], b.main("head", 0.05))
    b.blob([(0.72, -0.62), (0.98, -0.52), (1.04, -0.4), (0.96, -0.28), (0.7, -0.28)], b.second("muzzle", 0.35))
    b.disc(1.0, -0.5, 0.09, b.fixed("nose", "black"))
    b.curve([(1.0, -0.34), (0.9, -0.32), (0.8, -0.36)], 0.045, b.fixed("mouth", "black"))
    b.blob(
        [(0.42, -0.74), (0.58, -0.74), (0.6, -0.4), (0.5, -0.2), (0.36, -0.28), (0.34, -0.5)], b.second("ear", -0.12)
    )
    b.eye(0.74, -0.56, 0.09, 0.2)
    b.line([(0.4, -0.12), (0.62, 0.0)], 0.09, b.third("collar"))
    b.key("eye", 0.74, -0.56)
    b.key("nose", 1.0, -0.5)
    b.key("mouth", 0.9, -0.34)
    b.key("ear", 0.47, -0.45)
    b.key("tail", -0.84, -0.45 + up)


def dog_sitting(b: Brush, r: Stream) -> None:
    """A whole dog that sits and looks at us."""
    body = b.main("body")
    side = 1.0
    lift = r.uniform(-0.15, 0.1)
    b.curve([(side * 0.4, 0.8), (side * 0.78, 0.7), (side * 0.84, 0.4 + lift)], 0.14, b.main("tail"))
    b.blob([(-0.3, -0.15), (0.3, -0.15), (0.46, 0.4), (0.58, 0.86), (0.0, 0.96), (-0.58, 0.86), (-0.46, 0.4)], body)
    for s in (-1, 1):
        b.ellipse(s * 0.46, 0.7, 0.22, 0.26, b.main("leg", -0.14))
        b.ellipse(s * 0.5, 0.92, 0.2, 0.09, b.second("paw", 0.2))
    b.blob([(-0.2, 0.0), (0.2, 0.0), (0.22, 0.45), (0.0, 0.62), (-0.22, 0.45)], b.second("chest", 0.35))
    for s in (-1, 1):
        b.line([(s * 0.17, 0.35), (s * 0.17, 0.86)], 0.2, b.main("leg", 0.06))
        b.ellipse(s * 0.19, 0.92, 0.15, 0.09, b.second("paw", 0.2))
    b.line([(-0.26, -0.02), (0.26, -0.02)], 0.1, b.third("collar"))
    b.ellipse(0.0, -0.46, 0.44, 0.45, b.main("head", 0.05))
    for s in (-1, 1):
        b.blob(
            [(s * x, y) for x, y in ((0.24, -0.88), (0.46, -0.82), (0.62, -0.4), (0.54, -0.08), (0.4, -0.3))],
            b.second("ear", -0.12),
        )
    b.ellipse(0.0, -0.24, 0.24, 0.2, b.second("muzzle", 0.35))
    b.ellipse(0.0, -0.34, 0.11, 0.08, b.fixed("nose", "black"))
    b.curve([(-0.14, -0.2), (0.0, -0.13), (0.14, -0.2)], 0.05, b.fixed("mouth", "black"))
    b.eye(-0.18, -0.54, 0.09)
    b.eye(0.18, -0.54, 0.09)
    b.pair("eye", (-0.18, -0.54), (0.18, -0.54))
    b.pair("ear", (-0.5, -0.4), (0.5, -0.4))
    b.key("nose", 0.0, -0.34)
    b.key("mouth", 0.0, -0.15)
    b.key("tail", side * 0.82, 0.5 + lift)
