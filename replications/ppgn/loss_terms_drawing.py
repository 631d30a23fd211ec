"""The picture of `loss_terms`: images given back from their codes, a row for each loss."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

from torch import Tensor

from replications.drawing import mosaic, new_figure, show_image
from replications.suite.interface import Picture


def picture_of_copies(real: Tensor, given_back: Mapping[str, Tensor]) -> Picture:
    """A row of real images, and below it what each of the generators makes of their codes."""
    rows = {"real": real, **given_back}
    figure = new_figure(
        "Images given back from their codes, by the loss", 0.9 * len(real) + 1.6, 0.95 * len(rows) + 0.5
    )
    for axes, (name, images) in zip(figure.subplots(len(rows), 1, squeeze=False)[:, 0], rows.items(), strict=True):
        show_image(axes, mosaic(images, len(images)))
        axes.set_ylabel(fill(name, 10), fontsize=9, rotation=0, ha="right", va="center")
    caption = (
        "Validation images, and what generators trained with these terms make of their codes; of each kind the one of "
        "the first seed."
    )
    return Picture("given_back", "Images given back, by the loss", caption, figure)
