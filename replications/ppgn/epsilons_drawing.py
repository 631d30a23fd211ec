"""How the epsilons are drawn: a row of samples for each setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from replications.drawing import INK, mosaic, new_figure, show_image
from replications.ppgn.mixing_drawing import levels
from replications.suite.interface import Picture

_CELL = 0.66  # inches
_GAP = 4  # pixels


def picture_of_samples(samples: Mapping[str, Tensor], classes: Sequence[str], variant: str, steps: int) -> Picture:
    """samples: by setting, (n, 3, S, S) in [0, 1], one of each class."""
    rows, side = list(samples.values()), next(iter(samples.values())).shape[-1]
    figure = new_figure(
        f"{variant}: one epsilon changed at a time", 1.9 + _CELL * len(classes), 0.7 + _CELL * len(rows)
    )
    axes = figure.subplots()
    show_image(axes, mosaic([image for row in rows for image in row], len(classes), gap=_GAP))
    for i, name in enumerate(classes):
        axes.text(i * (side + _GAP) + side / 2, -_GAP, name, fontsize=8, color=INK, ha="center", va="bottom")
    for i, title in enumerate(samples):
        axes.text(-2 * _GAP, i * (side + _GAP) + side / 2, title, fontsize=8, color=INK, ha="right", va="center")
    caption = (
        f"The last samples of chains of {steps} steps that are asked for the class above; those of a column have the "
        "same start. Rows: what is changed of the published settings. Last row: real images, drawn at random."
    )
    arrays = {f"setting_{number}": levels(own) for number, own in enumerate(rows)}
    return Picture("samples", "Samples by setting", caption, figure, arrays)
