from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path_factory.mktemp("cache")))


Picture = Callable[..., Image.Image]


def _picture(height: int, width: int, seed: int = 0) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def picture() -> Picture:
    """Makes a smooth random RGB image from (height, width, seed=0)."""
    return _picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, three images each, of different sizes."""
    root = tmp_path / "images"
    for c, name in enumerate(["cat", "dog"]):
        (root / name).mkdir(parents=True)
        for i in range(3):
            _picture(40 + 7 * i, 50 + 3 * c, seed=10 * c + i).save(root / name / f"{name}_{i}.jpg", quality=95)
    return root
