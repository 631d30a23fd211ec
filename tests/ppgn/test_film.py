"""Strips and moving pictures show each chain's frames in their order."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from replications.ppgn.film import film_strips, moving_picture


def frames(k: int = 4, n: int = 3, size: int = 6) -> torch.Tensor:
    """Flat colours, each of which says which chain and which frame it is."""
    found = torch.zeros(k, n, 3, size, size)
    for i in range(k):
        for j in range(n):
            found[i, j] = torch.tensor([i / 5, j / 5, 1.0])[:, None, None]
    return found


def test_a_strip_has_a_row_for_each_chain_and_time_runs_to_the_right() -> None:
    strip = film_strips(frames(), gap=1)
    assert strip.shape == (3 * 7 - 1, 4 * 7 - 1, 3)
    for i in range(4):
        for j in range(3):
            assert strip[7 * j + 3, 7 * i + 3].tolist() == pytest.approx([i / 5, j / 5, 1.0])


def test_a_moving_picture_has_all_frames_and_repeats() -> None:
    written = moving_picture(frames(), seconds=0.25, columns=2, gap=1)
    with Image.open(io.BytesIO(written)) as picture:
        assert picture.n_frames == 4  # type: ignore[attr-defined]
        assert picture.info["loop"] == 0
        for i in range(4):
            picture.seek(i)
            assert picture.info["duration"] == 250
            shown = np.asarray(picture.convert("RGB"))
            assert shown.shape == (13, 13, 3)
            for j, (y, x) in enumerate([(3, 3), (3, 10), (10, 3)]):
                assert np.abs(shown[y, x] / 255 - [i / 5, j / 5, 1.0]).max() < 0.02


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(ValueError, match=r"\(k, n, 3, H, W\), found \(4, 3, 6, 6\)"):
        film_strips(frames()[:, 0])
    with pytest.raises(ValueError, match=r"0\.02 s or longer"):
        moving_picture(frames(), seconds=0.001)
