"""How mixing is drawn: chains as strips of pictures, and how soon they forget and change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from metrics.autocorrelation import autocorrelation
from metrics.statistics import cluster_bootstrap
from replications.drawing import INK, MUTED, PALETTE, legend, line_with_interval, mosaic, new_figure, show_image, style
from replications.ppgn.film import moving_picture
from replications.ppgn.mixing_scores import Walk, steps_to_another
from replications.suite.interface import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 11  # pictures of a staying chain
_OF_EACH = 3  # pictures of each class of a passing chain
_GAP = 6  # pixels between pictures
_CELL = 0.62  # inches
_FRAME_SECONDS = 0.2


def picture_of_staying(strips: Mapping[str, Tensor], classes: Sequence[str], steps: int, burn_in: int) -> Picture:
    """strips: by variant (k, n, 3, S, S), k samples of a chain of each of n classes from step 0 to step `steps`."""
    count = len(next(iter(strips.values())))
    columns = np.unique(np.linspace(0, count - 1, min(_COLUMNS, count)).round().astype(int))
    times = [round(steps * int(i) / (count - 1)) for i in columns]
    figure = new_figure("", 2.0 + _CELL * len(columns), 0.2 + len(classes) * (0.55 + _CELL * len(strips)))
    grid = figure.subplots(len(classes), squeeze=False)[:, 0]
    for number, (axes, name) in enumerate(zip(grid, classes, strict=True)):
        rows = [own[columns.tolist(), number] for own in strips.values()]
        _strips(axes, rows, list(strips), [f"{time}" for time in times])
        _title(axes, f"{name}: pictures after so many steps", lines=1)
    caption = (
        f"One chain of each variant (rows) that is asked for one class throughout; the first set's. Steps from left to "
        f"right; what comes after step {burn_in} is measured."
    )
    arrays = {_key(title): levels(own[columns.tolist()]) for title, own in strips.items()}
    return Picture("staying", "Chains that stay with a class", caption, figure, arrays)


def picture_of_passing(films: Mapping[str, tuple[Tensor, Tensor]], route: Sequence[str], steps: int) -> Picture:
    """films: by variant (k, 3, S, S), the samples of a chain through the classes of `route`, as many of each; and (k,)
    whether each shows the class that it is asked for."""
    each = len(next(iter(films.values()))[0]) // len(route)
    within = np.unique(np.linspace(0, each, _OF_EACH + 1).round().astype(int)[1:]) - 1
    columns = [turn * each + int(i) for turn in range(len(route)) for i in within]
    times = [round(steps * (int(i) + 1) / each) for i in within]
    figure = new_figure("", 2.0 + _CELL * len(columns), 0.8 + _CELL * len(films))
    axes = figure.subplots()
    rows, shows = [own[columns] for own, _ in films.values()], [there[columns] for _, there in films.values()]
    heads = [f"{route[i // len(within)]}\n{time}" if not i % len(within) else f"\n{time}"
             for i, time in enumerate(times * len(route))]  # fmt: skip
    _strips(axes, rows, list(films), heads, shows)
    _title(axes, f"Chains through {len(route)} classes: pictures after so many of {steps} steps of each", lines=2)
    caption = (
        "One chain of each variant (rows), the same classes in the same order. Above the first of its pictures stands "
        "the class that is asked for, and above each the steps since. A line beneath a picture: the "
        "judge finds that class in it. The moving picture shows every other sample of these, variants from left to "
        "right."
    )
    arrays = {_key(name): levels(own) for name, own in zip(films, rows, strict=True)}
    moving = moving_picture(torch.stack([own[::2] for own, _ in films.values()], 1), seconds=_FRAME_SECONDS, gap=_GAP)
    return Picture("passing", "Chains through classes", caption, figure, arrays, moving)


def picture_of_curves(staying: Mapping[str, Sequence[Walk]], groups: Sequence[str], every: int, real: str) -> Picture:
    """staying: by variant, and for real images, the chains of each class of `groups`. every: steps between samples."""
    figure = new_figure("How soon a chain forgets where it was, and shows something else of its class", 11, 4.2)
    left, right = figure.subplots(1, 2)
    style(left, "Autocorrelation within a class", "steps apart", "correlation of the judge's features")
    style(right, "Chains that have shown another facet", "steps after the first sample", "share of chains")
    arrays: dict[str, np.ndarray] = {}
    for i, (title, walks) in enumerate(staying.items()):
        colour = MUTED if title == real else PALETTE[i % len(PALETTE)]
        curves = _autocorrelations(walks, groups)
        lags = every * np.arange(curves.shape[1])
        names = list(dict.fromkeys(groups))
        bands = np.array([cluster_bootstrap(column, names, resamples=2000) for column in curves.T])
        line_with_interval(left, lags, bands[:, 0], bands[:, 1], bands[:, 2], title, colour)
        waited = _waited(walks, every)
        right.step(every * np.arange(len(waited)), waited, where="post", color=colour, label=title, linewidth=1.6)
        arrays |= {f"autocorrelation_{_key(title)}": curves, f"another_facet_{_key(title)}": waited}
    left.axhline(0, color=MUTED, linewidth=0.8)
    right.set_ylim(-0.03, 1.03)
    legend(left)
    caption = (
        "Chains that stay with one class, after their burn-in. Left: the correlation of samples of a chain so many "
        "steps apart, in the judge's features about the mean of all chains of the class; mean over the classes with "
        "its 95 % bootstrap interval. Right: the share of chains that have shown a second facet of their class. Grey: "
        "real images of the class in random order, as a chain that forgets at once."
    )
    return Picture("curves", "How soon chains forget and change", caption, figure, arrays)


def _autocorrelations(walks: Sequence[Walk], groups: Sequence[str]) -> np.ndarray:
    """(classes, lags): up to half of the chains' length, beyond which few pairs are left."""
    found = []
    for name in dict.fromkeys(groups):
        own = [walk.features.numpy() for walk, group in zip(walks, groups, strict=True) if group == name]
        found.append(autocorrelation(np.stack(own))[: max(2, len(own[0]) // 2 + 1)])
    return np.array(found)


def _waited(walks: Sequence[Walk], every: int) -> np.ndarray:
    """(k,) the share of chains that have shown a second facet by each sample."""
    count = len(walks[0].facets)
    steps = [i * every for i in range(count + 1)]
    # one more step in which nothing is shown, so that a second facet in the last sample isn't taken for none
    waits = np.array([steps_to_another([*walk.facets.tolist(), -1], steps) for walk in walks])
    return np.array([(waits <= step).mean() for step in steps[:-1]])


def _strips(
    axes: Axes, rows: Sequence[Tensor], titles: Sequence[str], heads: Sequence[str], shows: Sequence[Tensor] = ()
) -> None:
    """A row of pictures (columns, 3, S, S) for each title; heads: above the columns. shows: (columns,) bool for each
    row, which pictures have a line beneath."""
    side, columns = rows[0].shape[-1], len(heads)
    show_image(axes, mosaic([image for row in rows for image in row], columns, gap=_GAP))
    centres = [(side + _GAP) * i + side / 2 for i in range(max(columns, len(rows)))]
    for centre, head in zip(centres, heads, strict=False):
        axes.text(centre, -_GAP, head, fontsize=7.5, color=INK, ha="center", va="bottom")
    for centre, title in zip(centres, titles, strict=False):
        axes.text(-2 * _GAP, centre, title, fontsize=8, color=INK, ha="right", va="center")
    for y, own in enumerate(shows):
        for x in own.nonzero()[:, 0].tolist():
            place = centres[y] + side / 2 + _GAP / 2
            axes.plot([centres[x] - side / 2, centres[x] + side / 2], [place, place], color=PALETTE[2], linewidth=2)
    axes.set_anchor("E")  # the names of the rows need what is left of the width
    axes.set_xlim(-0.5, columns * (side + _GAP) - _GAP - 0.5)
    axes.set_ylim(len(rows) * (side + _GAP) - 0.5, -0.5)


def levels(images: Tensor) -> np.ndarray:
    """Images in [0, 1] as 0 to 255, which is what a picture shows of them and a quarter of the bytes."""
    found: np.ndarray = (255 * images).round().byte().numpy()
    return found


def _title(axes: Axes, title: str, lines: int) -> None:
    """Above so many lines of words that stand above the columns."""
    axes.set_title(title, fontsize=10, color=INK, fontweight="bold", loc="left", pad=8 + 11 * lines)


def _key(title: str) -> str:
    return title.replace(" ", "_").replace("-", "_")
