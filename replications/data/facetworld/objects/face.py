"""Human faces."""

from __future__ import annotations

from replications.data.facetworld.brush import Brush
from replications.data.facetworld.randomness import Stream


def _features(b: Brush, r: Stream, drop: float = 0.0) -> None:
    """Eyes, brows, nose and mouth of a face seen from the front."""
    eye_x, eye_y = r.uniform(0.27, 0.34), -0.1 + drop
    smile = r.uniform(0.02, 0.2)
    mouth_y = 0.5 + drop * 0.6
    for s in (-1, 1):
        b.ellipse(s * 0.44, 0.26 + drop, 0.14, 0.1, b.fixed("cheek", "pink"))
        b.eye(s * eye_x, eye_y, 0.125)
        b.curve(
            [(s * (eye_x - 0.15), eye_y - 0.22), (s * eye_x, eye_y - 0.28), (s * (eye_x + 0.16), eye_y - 0.2)],
            0.07,
            b.second("brow", -0.3),
        )
    b.curve([(0.0, 0.0 + drop), (0.1, 0.22 + drop), (-0.04, 0.26 + drop)], 0.07, b.main("nose", -0.4))
    if r.chance(0.4):
        lips = [
            (-0.28, mouth_y - smile / 2),
            (0.0, mouth_y - 0.03),
            (0.28, mouth_y - smile / 2),
            (0.0, mouth_y + 0.1 + smile),
        ]
        b.blob(lips, b.fixed("mouth", "red", -0.35))
        b.blob([(-0.18, mouth_y), (0.0, mouth_y), (0.18, mouth_y), (0.0, mouth_y + 0.06)], b.fixed("mouth", "white"))
    else:
        b.curve(
            [(-0.28, mouth_y - smile), (0.0, mouth_y + 0.05), (0.28, mouth_y - smile)],
            0.1,
            b.fixed("mouth", "red", -0.1),
        )
    b.pair("eye", (-eye_x, eye_y), (eye_x, eye_y))
    b.key("nose", 0.04, 0.18 + drop)
    b.key("mouth", 0.0, mouth_y + 0.02)


def _head(b: Brush) -> None:
    """The neck, ears and oval of a face seen from the front."""
    b.box(-0.22, 0.6, 0.22, 1.0, b.main("neck", -0.2))
    for s in (-1, 1):
        b.ellipse(s * 0.68, 0.06, 0.13, 0.2, b.main("ear", -0.12))
    b.blob(
        [(-0.5, -0.66), (0.0, -0.82), (0.5, -0.66), (0.67, 0.0), (0.5, 0.6), (0.0, 0.88), (-0.5, 0.6), (-0.67, 0.0)],
        b.main("skin"),
    )
    b.pair("ear", (-0.7, 0.06), (0.7, 0.06))


def face_frontal(b: Brush, r: Stream) -> None:
    """A bare-headed face seen from the front, with short or long hair."""
    long = r.chance(0.5)
    hair = b.second("hair", -0.1)
    if long:
        b.blob(
            [
                (-0.5, -0.85),
                (0.0, -0.98),
                (0.5, -0.85),
                (0.84, -0.2),
                (0.86, 0.7),
                (0.5, 0.9),
                (-0.5, 0.9),
                (-0.86, 0.7),
                (-0.84, -0.2),
            ],
            hair,
        )
    _head(b)
    fringe = r.uniform(-0.5, -0.36)
    b.blob(
        [
            (-0.72, -0.05),
            (-0.72, -0.6),
            (-0.35, -0.96),
            (0.3, -0.98),
            (0.7, -0.62),
            (0.72, -0.05),
            (0.55, fringe + 0.08),
            (0.1, fringe - 0.1),
            (-0.3, fringe),
            (-0.58, fringe + 0.1),
        ],
        hair,
    )
    _features(b, r)
    b.key("hair", 0.0, -0.8)


def face_hat(b: Brush, r: Stream) -> None:
    """A face seen from the front under a hat with a brim."""
    if r.chance(0.5):
        b.blob(
            [(-0.6, -0.4), (0.6, -0.4), (0.82, 0.3), (0.7, 0.75), (-0.7, 0.75), (-0.82, 0.3)], b.second("hair", -0.1)
        )
    _head(b)
    _features(b, r, 0.08)
    top = r.uniform(-0.98, -0.86)
    width = r.uniform(0.4, 0.52)
    crown = [
        (-0.56, -0.36),
        (-width, top + 0.08),
        (-width + 0.1, top),
        (width - 0.1, top),
        (width, top + 0.08),
        (0.56, -0.36),
    ]
    b.polygon(crown, b.third("hat"))
    b.box(-0.56, -0.52, 0.56, -0.36, b.second("hat", 0.2))
    b.ellipse(0.0, -0.34, 1.0, 0.15, b.third("hat", -0.14))
    b.key("hat", 0.0, -0.7)


def face_profile(b: Brush, r: Stream) -> None:
    """A face seen from the side, looking to the right (or left, mirrored)."""
    point = r.uniform(0.72, 0.86)
    hair = b.second("hair", -0.1)
    if r.chance(0.5):
        b.blob([(-0.4, -0.8), (0.1, -0.9), (0.0, 0.2), (-0.3, 0.9), (-0.8, 0.86), (-0.84, 0.0)], hair)
    b.polygon([(-0.42, 0.3), (0.2, 0.4), (0.16, 1.0), (-0.5, 1.0)], b.main("neck", -0.2))
    profile = [(-0.6, -0.4), (-0.2, -0.86), (0.3, -0.8), (0.52, -0.5), (0.54, -0.2)]
    nose = [(0.54, -0.18), (point, 0.2), (0.74, 0.28), (0.56, 0.3)]
    lips = [(0.62, 0.4), (0.64, 0.5), (0.56, 0.56), (0.56, 0.7), (0.44, 0.86), (0.16, 0.8), (-0.2, 0.5), (-0.56, 0.2)]
    b.polygon([*profile, *nose, *lips], b.main("skin"))
    b.blob(
        [
            (-0.7, 0.2),
            (-0.8, -0.4),
            (-0.4, -0.92),
            (0.2, -0.98),
            (0.56, -0.66),
            (0.5, -0.52),
            (0.1, -0.52),
            (-0.1, -0.1),
            (-0.3, 0.36),
        ],
        hair,
    )
    b.polygon([(0.56, 0.0), (point, 0.2), (0.74, 0.28), (0.56, 0.3)], b.main("nose", -0.12))
    b.ellipse(-0.12, 0.02, 0.13, 0.19, b.main("ear", -0.18))
    b.ellipse(0.2, 0.32, 0.14, 0.1, b.fixed("cheek", "pink"))
    b.eye(0.34, -0.1, 0.115, 0.25)
    b.curve([(0.2, -0.32), (0.36, -0.36), (0.48, -0.3)], 0.07, b.second("brow", -0.3))
    b.line([(0.36, 0.52), (0.6, 0.47)], 0.09, b.fixed("mouth", "red", -0.1))
    b.key("eye", 0.34, -0.1)
    b.key("nose", 0.68, 0.18)
    b.key("mouth", 0.5, 0.5)
    b.key("ear", -0.12, 0.02)
    b.key("hair", -0.35, -0.6)


def face_glasses(b: Brush, r: Stream) -> None:
    """A bald face seen from the front, with dark glasses and a beard."""
    _head(b)
    _features(b, r)
    rim = b.fixed("glasses", "black")
    size = r.uniform(0.21, 0.25)
    for s in (-1, 1):
        b.box(s * 0.31 - size, -0.1 - size * 0.8, s * 0.31 + size, -0.1 + size * 0.8, rim, 0.12)
        b.line([(s * 0.4, -0.16), (s * 0.68, -0.08)], 0.07, rim)
        b.polygon(
            [(s * 0.31 - 0.12, -0.12), (s * 0.31 + 0.02, -0.22), (s * 0.31 + 0.1, -0.22), (s * 0.31 - 0.08, -0.06)],
            b.fixed("glasses", "white", -0.3),
        )
    b.line([(-0.1, -0.14), (0.1, -0.14)], 0.07, rim)
    beard = b.second("beard", -0.1)
    b.blob(
        [
            (-0.66, 0.1),
            (-0.54, 0.2),
            (-0.36, 0.42),
            (0.0, 0.4),
            (0.36, 0.42),
            (0.54, 0.2),
            (0.66, 0.1),
            (0.56, 0.66),
            (0.0, 1.0),
            (-0.56, 0.66),
        ],
        beard,
    )
    b.ellipse(0.0, 0.56, 0.2, 0.09, b.fixed("mouth", "red", -0.1))
    b.key_points.pop("left_eye")
    b.key_points.pop("right_eye")
    b.key("mouth", 0.0, 0.56)
    b.key("beard", 0.0, 0.8)
    b.pair("glass", (-0.31, -0.1), (0.31, -0.1))
