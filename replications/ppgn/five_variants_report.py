"""What the comparison of the variants says: measurements, tests of the claims, tables, pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from metrics.statistics import cluster_bootstrap
from replications.drawing import INK, mosaic, new_figure, show_image
from replications.ppgn.comparisons import Measure, Scored
from replications.ppgn.variant_scores import (
    DISTANCE,
    DIVERSITY,
    FACETS,
    NAMED,
    OF_CLASSES,
    OF_IMAGES,
    Floats,
    Scores,
)
from replications.ppgn.variants import BEST, NAMES, TITLES
from replications.suite.interface import Evidence, Measurement, Picture, Table

BEST_QUALITY, POOR = "PPGN-C-noiseless-best-quality", "PPGN-C-x-poor"
COMPARABLE, SAME_MODE = "PPGN-C-h-comparable-dgn", "PPGN-C-dgn-same-mode"
REAL = "real images"
QUARTER, HALF = 0.25, 0.5  # of what real images have: what is comparable, and what is the same mode

_WORDS = {
    DISTANCE: "distance to the nearest real images of the class (1: theirs to each other)",
    DIVERSITY: "mean perceptual distance between a class's images over that of real images",
}
_SIDE = 0.72  # inches, of an image


@dataclass(frozen=True, eq=False)
class Found:
    """scores: by a variant's title, and REAL. classes: as people call them. sets: images of each class."""

    scores: Mapping[str, Scores]
    classes: Sequence[str]
    sets: int
    judge: str
    network: str

    @property
    def by_image(self) -> Scored:
        groups = [name for name in self.classes for _ in range(self.sets)]
        values = {title: own.by_image for title, own in self.scores.items()}
        return Scored(values, groups, _measured(OF_IMAGES, values), "class and chain")

    @property
    def by_class(self) -> Scored:
        values = {title: own.by_class for title, own in self.scores.items()}
        return Scored(values, list(self.classes), _measured(OF_CLASSES, values), "class")


def _measured(known: Mapping[str, Measure], values: Mapping[str, Mapping[str, Floats]]) -> dict[str, Measure]:
    """The measures that something has values of."""
    return {measure: about for measure, about in known.items() if any(measure in own for own in values.values())}


def measurements(found: Found) -> list[Measurement]:
    """Every measure of every variant and of real images."""
    return found.by_image.measurements() + found.by_class.measurements()


# ------------------------------------------------------------------------------------------------------- evidence


def evidence(found: Found) -> list[Evidence]:
    """The tests of the four claims, as the head of the experiment states them."""
    best, x, dgn, h = (TITLES[name] for name in (BEST, "ppgn_x", "dgn_am", "ppgn_h"))
    titles = [TITLES[name] for name in NAMES]
    made = [_farther(found, BEST_QUALITY, title, best) for title in titles if title != best]
    made += [_farther(found, POOR, x, title) for title in titles if title != x]
    within, below = (-QUARTER, QUARTER), (-math.inf, HALF)
    for measure, scored in ((DISTANCE, found.by_image), (DIVERSITY, found.by_class)):
        gap = scored.scores[h][measure] - scored.scores[dgn][measure]
        what = f"{_WORDS[measure]}, {h} minus {dgn}"
        made.append(_evidence(found, COMPARABLE, what, gap, scored.groups, within))
    what = (
        f"mean perceptual distance of {found.sets} chains of a class of {dgn} to each other, over that of real images"
    )
    apart = found.by_class
    made.append(_evidence(found, SAME_MODE, what, apart.scores[dgn][DIVERSITY], apart.groups, below))
    return made


def _farther(found: Found, claim: str, farther: str, nearer: str) -> Evidence:
    scored = found.by_image
    gap = scored.scores[farther][DISTANCE] - scored.scores[nearer][DISTANCE]
    what = f"{_WORDS[DISTANCE]}, {farther} minus {nearer}"
    return _evidence(found, claim, what, gap, scored.groups, (0.0, math.inf))


def _evidence(
    found: Found, claim: str, what: str, values: Floats, groups: Sequence[str], expected: tuple[float, float]
) -> Evidence:
    statistic = f"{what}; {found.judge} judges; mean over classes and chains, 95 % bootstrap over the classes"
    interval = cluster_bootstrap(values, groups)
    return Evidence(claim, statistic, *interval, "", len(found.classes), "class", expected, found.sets)


# --------------------------------------------------------------------------------------------------------- tables


def tables(found: Found) -> list[Table]:
    about = f"{found.sets} images of each of {len(found.classes)} classes; {found.judge} judges."
    made = [
        found.by_image.table("quality", "How good the samples are", about, "images"),
        found.by_class.table("diversity", "How varied the samples of a class are", about, "images"),
    ]
    best = TITLES[BEST]
    pairs = [(best, TITLES[name]) for name in NAMES if name != BEST]
    made.append(found.by_image.differences("better", f"Quality: {best} beside the others", pairs, [DISTANCE, NAMED]))
    made.append(
        found.by_class.differences("more_varied", f"Diversity: {best} beside the others", pairs, [DIVERSITY, FACETS])
    )
    return made


# ------------------------------------------------------------------------------------------------------- pictures


def pictures(found: Found, images: Mapping[str, Tensor]) -> list[Picture]:
    """images: by title (classes, sets, 3, S, S)."""
    about = f"{found.sets} images of each class, judged by {found.judge}."
    return [
        _side_by_side(found, images),
        found.by_image.picture("quality", "How good the samples are", about, [REAL]),
        found.by_class.picture("diversity", "How varied the samples of a class are", about, [REAL]),
    ]


def _side_by_side(found: Found, images: Mapping[str, Tensor]) -> Picture:
    count, columns = len(found.classes), len(images)
    figure = new_figure("", _SIDE * found.sets * columns + 1.6, _SIDE * count + 0.5)
    grid = figure.subplots(1, columns, squeeze=False)[0]
    for axes, (title, own) in zip(grid, images.items(), strict=True):
        drawing = mosaic(own.flatten(0, 1), found.sets, gap=max(1, own.shape[-1] // 32))
        show_image(axes, drawing)
        axes.set_title(title, fontsize=10, color=INK)
        if axes is grid[0]:
            axes.set_yticks((np.arange(count) + 0.5) * drawing.shape[0] / count - 0.5, found.classes, fontsize=9)
            axes.tick_params(axis="y", length=0, colors=INK)
    caption = (
        f"{found.sets} chains of each class by each variant after their last step, not chosen; chains of a class start "
        "alike where variants share their codes. Right: real validation images."
    )
    arrays = {re.sub(r"\W+", "_", title): (own * 255).round().byte().numpy() for title, own in images.items()}
    return Picture("side_by_side", "The five variants side by side", caption, figure, arrays)
