"""How the pictures of one method are drawn: a strip for each unit, classes beside hidden units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate

from replications.compare.subjects import Subject
from replications.drawing import INK, mosaic, new_figure, show_image
from replications.suite.interface import Picture

_LARGEST = 64  # pixels a side of a picture as drawn, so that the file stays small
_LEVELS = 32  # of each colour, for the same reason
_SIDE = 0.5  # inches


def picture_of_cell(title: str, subjects: Sequence[Subject], images: Tensor, shown: Sequence[int]) -> Picture:
    """images: (subjects, n, 3, S, S) in [0, 1]. shown: which subjects."""
    count = images.shape[1]
    kinds = ([i for i in shown if subjects[i].kind == kind] for kind in ("class", "hidden"))
    columns = [of_kind for of_kind in kinds if of_kind]
    rows = max(map(len, columns))
    figure = new_figure("", len(columns) * (_SIDE * count + 1.1), _SIDE * rows + 0.1)
    grid = figure.subplots(rows, len(columns), squeeze=False, gridspec_kw={"wspace": 0.02, "hspace": 0.02})
    for axes in grid.flat:
        axes.set_axis_off()
    for cells, own in zip(grid.T, columns, strict=True):
        for axes, i in zip(cells, own, strict=False):
            show_image(axes, np.round(mosaic(_small(images[i]), count, gap=1) * (_LEVELS - 1)) / (_LEVELS - 1))
            label = {"transform": axes.transAxes, "ha": "right", "va": "center", "fontsize": 7}
            axes.text(-0.02, 0.5, subjects[i].title, color=INK, **label)
    caption = f"{count} pictures of each unit by {title}, of the first set; the first units of each kind."
    return Picture("pictures", title, caption, figure)


def _small(images: Tensor) -> Tensor:
    side = min(_LARGEST, images.shape[-1])
    if side == images.shape[-1]:
        return images
    return interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
