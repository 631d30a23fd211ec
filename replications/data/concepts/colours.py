"""Colours as concepts, computed from the pixels: the eleven basic colour names of English.

Broden (Bau et al. 2017, Sec. 2.1) names the colour of every pixel by the table of van de Weijer et al. 2009, learnt
from pictures of a search engine, for 32 x 32 x 32 cells of RGB. Deviation: that table isn't ours to pass on, so the
cells are named by a rule that stands here whole: regions of lightness, chroma and hue in Oklab (Ottosson 2020), in
which a hue keeps its name from dark to light better than in CIELAB. The first region that a cell's centre lies in names
it. The bounds were set by eye on the named colours of the survey of xkcd.com (2010) and of CSS: of those whose name
ends with one of the eleven and holds no other, nine in ten are named alike.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from replications.data.concepts.concept_set import NONE, ConceptSet, Indices, Labels, check_concepts
from replications.data.errors import DataError

CATEGORY = "colour"
COLOURS = ("black", "blue", "brown", "grey", "green", "orange", "pink", "purple", "red", "white", "yellow")
_LEVELS = 32  # of each channel
_FULL = 360.0


class _Region(NamedTuple):
    """Lightness in [0, 1], chroma in 0 ... about 0.32 and hue in degrees, from `hues[0]` up to `hues[1]`."""

    name: str
    lightness: tuple[float, float] = (0.0, 1.01)
    chroma: tuple[float, float] = (0.0, 1.0)
    hues: tuple[float, float] = (0.0, _FULL)  # past 0 where the first is the larger


_REGIONS = (
    _Region("black", lightness=(0, 0.19)),
    _Region("black", lightness=(0, 0.33), chroma=(0, 0.03)),
    _Region("white", lightness=(0.91, 1.01), chroma=(0, 0.034)),
    _Region("grey", chroma=(0, 0.04)),
    _Region("brown", lightness=(0, 0.58), chroma=(0, 0.135), hues=(35, 52)),
    _Region("brown", lightness=(0, 0.66), chroma=(0, 0.14), hues=(52, 72)),
    _Region("brown", lightness=(0, 0.66), hues=(72, 92)),
    _Region("brown", lightness=(0, 0.48), hues=(92, 100)),
    _Region("brown", lightness=(0, 0.8), chroma=(0, 0.1), hues=(45, 95)),
    _Region("green", lightness=(0, 0.75), hues=(102, 114)),
    _Region("pink", lightness=(0.66, 1.01), chroma=(0, 0.18), hues=(350, 38)),
    _Region("pink", lightness=(0.57, 1.01), hues=(332, _FULL)),
    _Region("pink", lightness=(0.53, 1.01), hues=(0, 15)),
    _Region("red", hues=(358, 42)),
    _Region("orange", hues=(42, 76)),
    _Region("yellow", hues=(76, 114)),
    _Region("green", hues=(114, 192)),
    _Region("blue", hues=(192, 286)),
    _Region("purple"),
)


def colour_numbers(images: Tensor) -> Tensor:
    """The number in (none, *COLOURS) of each pixel's colour, 1 to 11. images: (n, 3, H, W) in [0, 1], sRGB.

    Returns (n, H, W) int16.
    """
    cells = (images * 255).round().clamp(0, 255).to(torch.int64).div(256 // _LEVELS, rounding_mode="floor")
    return _table()[(cells[:, 0] * _LEVELS + cells[:, 1]) * _LEVELS + cells[:, 2]]


def name_colours(rgb: np.ndarray) -> np.ndarray:
    """The number in COLOURS of each colour's region. rgb: (..., 3) sRGB in [0, 1]. Returns (...) int16."""
    lightness, a, b = np.moveaxis(_oklab(np.asarray(rgb, dtype=np.float64)), -1, 0)
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a)) % _FULL
    named = np.full(lightness.shape, -1, dtype=np.int16)
    for region in _REGIONS:
        inside = (lightness >= region.lightness[0]) & (lightness < region.lightness[1])
        inside &= (chroma >= region.chroma[0]) & (chroma < region.chroma[1])
        first, last = region.hues
        inside &= (hue >= first) & (hue < last) if first < last else (hue >= first) | (hue < last)
        named[inside & (named < 0)] = COLOURS.index(region.name)
    return named


def _oklab(rgb: np.ndarray) -> np.ndarray:
    """Lightness, a and b. rgb: (..., 3) sRGB in [0, 1]. Source: Ottosson, "A perceptual color space", 2020."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = linear @ np.array(
        [
            [0.4122214708, 0.2119034982, 0.0883024619],
            [0.5363325363, 0.6806995451, 0.2817188376],
            [0.0514459929, 0.1073969566, 0.6299787005],
        ]
    )
    return np.cbrt(cones) @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )


@functools.cache
def _table() -> Tensor:
    """(32 * 32 * 32,) int16: the numbers of the cells, red slowest."""
    centres = (np.arange(_LEVELS) + 0.5) / _LEVELS
    cells = np.stack(np.meshgrid(centres, centres, centres, indexing="ij"), -1).reshape(-1, 3)
    return torch.from_numpy(name_colours(cells) + 1).to(torch.int16)


class Coloured(ConceptSet):
    """Another set with the category "colour" added to its own. Raises DataError where it has colours already."""

    def __init__(self, concepts: ConceptSet) -> None:
        if CATEGORY in concepts.concepts:
            raise DataError(f"{concepts.name} has labels of colours: they can't be computed from the pixels as well")
        self.inner = concepts
        self.images = concepts.images
        self.name = concepts.name
        self.concepts = check_concepts({**concepts.concepts, CATEGORY: (NONE, *COLOURS)}, self.name)

    @functools.cached_property
    def fingerprint(self) -> str:
        table = hashlib.sha256(_table().numpy().tobytes()).hexdigest()
        return hashlib.sha256(f"coloured {table} {self.inner.fingerprint}".encode()).hexdigest()

    @property
    def note(self) -> str | None:
        return self.inner.note

    def labels(self, indices: Indices) -> Labels:
        return {**self.inner.labels(indices), CATEGORY: colour_numbers(self.images.images(indices))[:, None]}

    def batches(self, batch_size: int, indices: Indices | None = None) -> Iterator[tuple[Tensor, Tensor, Labels]]:
        # not by `labels`, which would decode the images a second time
        for part, images, labels in self.inner.batches(batch_size, indices):
            yield part, images, {**labels, CATEGORY: colour_numbers(images)[:, None]}
