"""Small folders of labelled images for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = "classes:\n  0: unlabelled\n  1: grass\n  7: sky-other-merged\n  9: cat\n"


def stripes_folder(where: Any, count: int = 3) -> Path:
    """Images of 32 x 48 pixels: sky (7) in the upper half, grass (1) below, in all but the first a cat (9) at left.

    The cat is 8 columns wide at column 8, where the square that is seen begins; the lowest 8 rows are unlabelled.
    """
    root = Path(where)
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    (root / "classes.yaml").write_text(CLASSES)
    for number in range(count):
        mask = np.zeros((32, 48), dtype=np.uint8)
        mask[:16], mask[16:24] = 7, 1
        if number:
            mask[4:20, 8:16] = 9
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
        pixels = np.stack([mask * 20, mask * 10 + number * 30, 255 - mask * 20], -1).astype(np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
    return root
