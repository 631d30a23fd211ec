"""Whole chains to look at: as film strips, and as moving pictures."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from torch import Tensor

from replications.drawing import mosaic


def film_strips(frames: Tensor, gap: int = 2) -> np.ndarray:
    """One chain a row, time from left to right: (H, W, 3) in [0, 1]. frames: (k, n, 3, S, S), k of each of n chains."""
    _check(frames)
    return mosaic(frames.transpose(0, 1).flatten(0, 1), columns=len(frames), gap=gap)


def moving_picture(frames: Tensor, *, seconds: float = 0.1, columns: int | None = None, gap: int = 2) -> bytes:
    """A GIF that repeats for ever: all chains beside each other, `columns` a row (None: one row).

    frames: (k, n, 3, S, S) in [0, 1]. seconds: that each is shown, in hundredths. Colours are rounded to 256 of each
    frame's own, so it is for looking at, and not for measuring.
    """
    _check(frames)
    if seconds < 0.02:
        raise ValueError(f"a frame is shown for 0.02 s or longer, or viewers slow it down; found {seconds} s")
    width = frames.shape[1] if columns is None else columns
    drawn = [np.rint(mosaic(frame, width, gap) * 255).astype(np.uint8) for frame in frames]
    pictures = [Image.fromarray(one).quantize(256, dither=Image.Dither.NONE) for one in drawn]
    file = io.BytesIO()
    pictures[0].save(
        file, "GIF", save_all=True, append_images=pictures[1:], duration=10 * round(100 * seconds), loop=0, disposal=1
    )
    return file.getvalue()


def _check(frames: Tensor) -> None:
    if frames.dim() != 5 or frames.shape[2] != 3 or not len(frames):
        raise ValueError(f"expected the frames of chains as (k, n, 3, H, W), found {tuple(frames.shape)}")
