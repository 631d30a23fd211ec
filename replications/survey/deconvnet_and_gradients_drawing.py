"""How the three ways back to pixels are drawn: side by side by layer, and what was measured of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from metrics.statistics import mean_interval
from replications.drawing import INK, MUTED, PALETTE, new_figure, show_image, style
from replications.suite.interface import Picture
from replications.survey.ways_back import WAYS
from replications.zeiler.deconvnet import normalize_for_display

if TYPE_CHECKING:
    from replications.survey.deconvnet_and_gradients import OfLayer

_CELL = 1.05  # inches
_TITLES = {
    "alike for another unit": ("Is the picture of the unit?", "rank correlation with another unit's"),
    "kept": ("Only the strongest pixels shown", "share of the activation left"),
    "removed": ("The strongest pixels hidden", "share of the activation left"),
    "on the object": ("Energy on the object", "share of energy less share of area"),
    "agreement": ("Do two of them agree?", "rank correlation"),
}


def picture_of_projections(found: Mapping[str, OfLayer], shown: int, *, bgr: bool) -> Picture:
    """A row for each layer; for each unit what it sees, and beside it the three ways back.

    bgr: whether the maps have blue first.
    """
    heads = ["image", *WAYS]
    columns = shown * len(heads)
    ratios = [width for _ in range(shown) for width in (*[1.0] * len(heads), 0.15)][:-1]
    figure = new_figure("Three ways back to pixels", _CELL * columns + 0.9, (_CELL + 0.12) * len(found) + 0.8)
    grid = figure.subplots(len(found), len(ratios), squeeze=False, width_ratios=ratios)
    for axes in grid.flat:
        axes.set_axis_off()
    arrays = {}
    for row, (title, one) in zip(grid, found.items(), strict=True):
        for i in range(min(shown, len(one.images))):
            top, left, bottom, right = one.boxes[i]
            cells: list[Tensor] = [one.images[i]]
            cells += [one.maps[way][i].flip(0) if bgr else one.maps[way][i] for way in WAYS]
            for k, cell in enumerate(cells):
                part = cell[:, top:bottom, left:right]
                show_image(row[i * (len(heads) + 1) + k], part if k == 0 else normalize_for_display(part[None])[0])
        place = {"transform": row[0].transAxes, "ha": "right", "va": "center", "rotation": 90}
        row[0].text(-0.05, 0.5, title, fontsize=9, color=INK, **place)
        for way in WAYS:
            name = f"{way}_{title}".replace(" ", "_")
            arrays[name] = (normalize_for_display(one.maps[way][:shown]) * 255).byte().numpy()
    for i in range(shown):
        for k, head in enumerate(heads):
            words = head.replace("backpropagation", "back-\npropagation").replace("guided ", "guided\n")
            grid[0, i * (len(heads) + 1) + k].set_title(words, fontsize=7, color=INK)
    caption = (
        f"For {shown} units of each layer, drawn at random: what the unit sees of the image where it fires most "
        "strongly, and what deconvnet, guided backpropagation and the gradient show of it, from 1 at the unit. Grey is "
        "zero; each picture's contrast is stretched. Upper layers see the whole image; the last row are classes."
    )
    return Picture("projections", "Three ways back to pixels, layer by layer", caption, figure, arrays)


def picture_of_measures(found: Mapping[str, OfLayer], share: float) -> Picture:
    """Each measure in a panel, by layer; a line for each way."""
    panels = [measure for measure in _TITLES if any(measure in one.values for one in found.values())]
    figure = new_figure("What the pictures say of the unit", 3.5 * len(panels), 4.6)
    places, arrays = np.arange(len(found)), {}
    for axes, measure in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
        title, unit = _TITLES[measure]
        style(axes, title, "", unit)
        kinds = list(dict.fromkeys(kind for one in found.values() for kind in one.values.get(measure, {})))
        for i, kind in enumerate(kinds):
            here = [j for j, one in enumerate(found.values()) if kind in one.values.get(measure, {})]
            values = [list(found.values())[j].values[measure][kind] for j in here]
            means = np.array([mean_interval(one) for one in values])
            spread = np.abs(means[:, 1:] - means[:, :1]).T
            colour = PALETTE[i] if i < len(WAYS) else ("#9aa1ab", MUTED)[i - len(WAYS)]
            x = places[here] + (i - (len(kinds) - 1) / 2) * 0.09
            line = "-" if i < len(WAYS) else ":"
            axes.errorbar(
                x, means[:, 0], spread, marker="o", markersize=4, capsize=2, color=colour, ls=line, label=kind
            )
            for j, one in zip(here, values, strict=True):
                arrays[f"{measure}_{kind}_{list(found)[j]}".replace(" ", "_")] = one.astype(np.float32)
        axes.axhline(0, color=MUTED, linewidth=0.8)
        axes.set_xticks(places, list(found), rotation=45, ha="right")
        axes.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.25))
    caption = (
        "Means over units with 95 % intervals, within the unit's receptive field. How alike the picture is to that of "
        f"another unit at the same place; how much of the activation is left with only the {100 * share:g} % strongest "
        "pixels, and without them, beside pixels at random and the strongest edges of the image; where it is known, "
        "whether the picture's energy is on the object; and how far two of the three rank pixels alike."
    )
    return Picture("measures", "Three ways back to pixels, measured", caption, figure, arrays)
