"""The patterns that surfaces carry: one plane a texture, of levels from 0 (first colour) to 7 (second colour)."""

from __future__ import annotations

import functools

import numpy as np

from replications.data.facetworld.randomness import scramble

LEVELS = 8
_TOP = LEVELS - 1
TEXTURES = (
    "plain",
    "striped",
    "barred",
    "diagonal",
    "checked",
    "dotted",
    "bricks",
    "wavy",
    "grainy",
    "blotchy",
    "zigzag",
)
OBJECT_TEXTURES = ("striped", "barred", "diagonal", "checked", "dotted", "grainy", "blotchy", "zigzag")
UNITS = 512
_PERIOD = 48


def _noise(units_y: np.ndarray, units_x: np.ndarray, cell: int, salt: int) -> np.ndarray:
    """Hashed value noise in [0, 255] on cells of `cell` units, blended linearly, in integers."""
    y, x = units_y // cell, units_x // cell
    fy, fx = units_y % cell, units_x % cell

    def corner(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        key = (row * 1009 + column + salt * 1000003).astype(np.uint64)
        return (scramble(key) >> np.uint64(56)).astype(np.int64)

    top = corner(y, x) * (cell - fx) + corner(y, x + 1) * fx
    bottom = corner(y + 1, x) * (cell - fx) + corner(y + 1, x + 1) * fx
    return (top * (cell - fy) + bottom * fy) // (cell * cell)


def _triangle(values: np.ndarray, period: int) -> np.ndarray:
    phase = values % period
    return np.minimum(phase, period - phase)


@functools.lru_cache(maxsize=4)
def patterns(grid: int) -> np.ndarray:
    """(textures, 2 grid, 2 grid) uint8 levels, where `grid` samples span the frame.

    All is integer arithmetic in units of 1/512 of the frame, so it is the same everywhere and for every grid.
    The planes are twice the frame so that a window at a random offset can be cut from them.
    """
    line = np.arange(2 * grid, dtype=np.int64) * UNITS // grid
    y, x = np.meshgrid(line, line, indexing="ij")
    p, half = _PERIOD, _PERIOD // 2
    row = y // half
    brick_x = (x + (row % 2) * p // 2) % p
    dot_x = (x + (y // p % 2) * half) % p - half
    dot_y = y % p - half
    made = {
        "plain": np.zeros_like(x, dtype=bool),
        "striped": y % p < half,
        "barred": x % p < half,
        "diagonal": (x + y) % (p + half) < (p + half) // 2,
        "checked": ((x // half) + (y // half)) % 2 == 0,
        "dotted": dot_x * dot_x + dot_y * dot_y < 13 * 13,
        "bricks": (y % half < 4) | (brick_x < 4),
        "wavy": (y + _triangle(x, p) // 2) % 32 < 12,
        "zigzag": (y + _triangle(x, p)) % p < half,
    }
    levels = {name: np.where(mask, _TOP, 0) for name, mask in made.items()}
    levels["grainy"] = _noise(y, x, 10, 1) * LEVELS // 256
    levels["blotchy"] = np.clip((_noise(y, x, 52, 2) - 84) * LEVELS // 88, 0, _TOP)
    return np.stack([levels[name] for name in TEXTURES]).astype(np.uint8)
