"""Masks on the disk: pictures whose pixels are numbers, brought to the size of the image that they belong to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from replications.data.errors import DataError
from replications.data.image_files import crop_corner, resized_size

_NUMBERS = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L", "I;16N")  # modes in which a pixel is one number


def read_numbers(path: Path, image: str) -> np.ndarray:
    """(H, W) int32: the number at each pixel of a mask, the index where it has a palette. image: named in errors.

    Raises DataError where the mask is missing, can't be decoded or has several channels.
    """
    mask, mode = _decoded(path, image)
    if mode not in _NUMBERS:
        raise DataError(
            f"the mask '{path}' of '{image}' has pixels of mode {mode}: expected one number a pixel (a greyscale, "
            "palette or integer picture)"
        )
    return mask.astype(np.int32)


def read_red_green(path: Path, image: str) -> np.ndarray:
    """(H, W) int32: red + 256 * green of each pixel, as Broden keeps numbers. Raises DataError as `read_numbers`."""
    mask, mode = _decoded(path, image)
    if mode not in ("RGB", "RGBA"):
        raise DataError(f"the mask '{path}' of '{image}' has pixels of mode {mode}: expected RGB (red + 256 * green)")
    return mask[..., 0].astype(np.int32) + 256 * mask[..., 1].astype(np.int32)


def fit_numbers(numbers: np.ndarray, resize: int, size: int) -> np.ndarray:
    """(size, size): the short side resized to `resize` pixels, then the centre cropped, as `image_files.fit` does.

    Each pixel takes the number of the pixel whose square its centre falls into. numbers: (H, W).
    """
    height, width = numbers.shape
    new_height, new_width = resized_size(height, width, resize)
    top, left = crop_corner(new_height, new_width, size)
    rows = ((np.arange(top, top + size) + 0.5) * height / new_height).astype(np.int64)
    columns = ((np.arange(left, left + size) + 0.5) * width / new_width).astype(np.int64)
    return numbers[rows[:, None], columns[None, :]]


def _decoded(path: Path, image: str) -> tuple[np.ndarray, str]:
    if not path.is_file():
        raise DataError(f"the mask '{path}' of '{image}' is missing")
    try:
        with Image.open(path) as file:
            return np.asarray(file), file.mode
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(
            f"the mask '{path}' of '{image}' could not be decoded ({error}): mend or remove both"
        ) from error
