"""How the pictures of one method are drawn: a strip for each unit, classes beside hidden units, pixel for pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate

from replications.compare.subjects import Subject
from replications.drawing import INK, mosaic, new_figure, show_image
from replications.suite.interface import Picture

_LARGEST = 64  # pixels a side of a picture as drawn, so that the file stays small
_LEVELS = 20  # of each colour, for the same reason
_DOTS = 150  # an inch, as the suite draws: with another number pictures are merely not drawn pixel for pixel
_LABEL, _GAP = 140, 6  # pixels


def picture_of_cell(title: str, subjects: Sequence[Subject], images: Tensor, shown: Sequence[int]) -> Picture:
    """images: (subjects, n, 3, S, S) in [0, 1]. shown: which subjects."""
    count = images.shape[1]
    kinds = ([i for i in shown if subjects[i].kind == kind] for kind in ("class", "hidden"))
    columns = [of_kind for of_kind in kinds if of_kind]
    strips = {i: mosaic(_small(images[i]), count, gap=1) for i in shown}
    high, wide = strips[shown[0]].shape[:2]
    width = len(columns) * (_LABEL + wide + _GAP)
    height = max(map(len, columns)) * (high + _GAP) + _GAP
    figure = new_figure("", width / _DOTS, height / _DOTS)
    figure.set_layout_engine("none")
    for column, own in enumerate(columns):
        for row, i in enumerate(own):
            left, top = column * (_LABEL + wide + _GAP) + _LABEL, row * (high + _GAP) + _GAP
            axes = figure.add_axes((left / width, 1 - (top + high) / height, wide / width, high / height))
            show_image(axes, np.round(strips[i] * (_LEVELS - 1)) / (_LEVELS - 1), aspect="auto")
            label: dict[str, Any] = {"transform": axes.transAxes, "ha": "right", "va": "center"}
            axes.text(-_GAP / wide, 0.5, subjects[i].title, color=INK, fontsize=7, **label)
    caption = f"{count} pictures of each unit by {title}, of the first set; the first units of each kind."
    return Picture("pictures", title, caption, figure)


def _small(images: Tensor) -> Tensor:
    side = min(_LARGEST, images.shape[-1])
    if side == images.shape[-1]:
        return images
    return interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
