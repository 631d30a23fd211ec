"""How unit reports are drawn: the images that excite a unit most, with the region above its threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from replications.drawing import mosaic, new_figure, show_image
from replications.suite.interface import Picture

_YELLOW, _CYAN = (1.0, 0.85, 0.0), (0.0, 0.9, 1.0)
_DIM = 0.4
_LEAST = 128  # pixels a side of an image as drawn: its outlines are one pixel wide, those of a larger one more


class Row(NamedTuple):
    """images: (n, 3, S, S) in [0, 1]. regions: (n, S, S) bool, above the threshold. labels: where the concept is."""

    title: str
    images: Tensor
    regions: Tensor
    labels: Tensor


def picture_of_units(number: int, layer: str, rows: Sequence[Row]) -> Picture:
    """A row for each unit."""
    columns = max(len(row.images) for row in rows)
    pairs = -(-len(rows) // 2)
    figure = new_figure(f"What units of layer {number} ({layer}) detect", 13, 0.6 + pairs * (0.3 + 6.3 / columns))
    grid = figure.subplots(pairs, 2, squeeze=False)
    for axes in grid.flat[len(rows) :]:
        axes.set_axis_off()
    for axes, row in zip(grid.flat, rows, strict=False):
        show_image(axes, mosaic(list(outlined(row.images, row.regions, row.labels)), columns, gap=4), row.title)
    caption = (
        "For each category the units of highest IoU, each of another concept: the images that excite the unit most. "
        "Bright and outlined in yellow: where the interpolated activation is above the unit's threshold; outlined in "
        "cyan: where the concept is labelled. A label of the whole image has its outline at the image's border."
    )
    return Picture(f"layer_{number}", f"What units of layer {number} detect", caption, figure)


def outlined(images: Tensor, regions: Tensor, labels: Tensor) -> Tensor:
    """images: (n, 3, S, S); regions, labels: (n, S, S) bool. Returns (n, 3, T, T), T a multiple of S."""
    scale = max(1, -(-_LEAST // images.shape[-1]))
    large, region, label = (
        values.repeat_interleave(scale, -1).repeat_interleave(scale, -2) for values in (images, regions, labels)
    )
    drawn = torch.where(region[:, None], large, _DIM * large)
    for mask, colour in ((label, _CYAN), (region, _YELLOW)):
        drawn = torch.where(_edge(mask)[:, None], torch.tensor(colour).view(1, 3, 1, 1), drawn)
    return drawn


def _edge(mask: Tensor) -> Tensor:
    """The pixels of a mask close to one that is outside of it, or outside the image: (n, T, T) bool."""
    width = max(1, round(mask.shape[-1] / _LEAST))
    outside = functional.pad(1 - mask.float()[:, None], (width, width, width, width), value=1.0)
    return mask & (functional.max_pool2d(outside, 2 * width + 1, 1)[:, 0] > 0)
