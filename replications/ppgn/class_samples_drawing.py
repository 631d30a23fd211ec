"""How the samples of every class are drawn: beside real images, as strips of frames, and their scores by class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from replications.drawing import INK, MUTED, PALETTE, legend, mosaic, new_figure, show_image, style
from replications.ppgn.class_samples_report import ACCURACY_HOPED, FACETS_FOUND, REAL, RECONSTRUCTED, SAMPLES, Found
from replications.ppgn.film import film_strips, moving_picture
from replications.suite.interface import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_REAL_SHOWN = 5
_FRAME_SECONDS = 0.3
_SIDE = 0.72  # inches, of an image
_APART = 0.18  # rows, between the marks of one class
_LOOKS = {SAMPLES: (PALETTE[0], "o"), RECONSTRUCTED: (PALETTE[4], "s"), REAL: (MUTED, "D")}


def picture_of_samples(found: Found, samples: Tensor, real: Tensor, shown: int) -> Picture:
    """samples, real: (classes, sets, count, 3, S, S). The first `shown` of each class, beside real images of it."""
    made, natural = samples.flatten(1, 2)[:, :shown], real.flatten(1, 2)[:, :_REAL_SHOWN]
    rows, gap = len(made), max(1, samples.shape[-1] // 32)
    widths = [made.shape[1], natural.shape[1]]
    figure = new_figure("", _SIDE * sum(widths) + 1.6, _SIDE * rows + 0.5)
    grid = figure.subplots(1, 2, width_ratios=widths)
    for axes, images, title in zip(grid, (made, natural), (f"{found.variant}, samples", "real images"), strict=True):
        drawing = mosaic(images.flatten(0, 1), images.shape[1], gap)
        show_image(axes, drawing)
        axes.set_title(title, fontsize=10, color=INK)
        if axes is grid[0]:
            _name_rows(axes, found, drawing.shape[0], rows, accuracy=True)
    right = found.scores[SAMPLES].accuracy.mean()
    caption = (
        f"The first {made.shape[1]} chains of each class after their last step, not chosen, and real validation "
        f"images. Under a class: the share of its {found.count} samples that {found.judge} takes for it "
        f"({right:.0f} % of all)."
    )
    return Picture("samples", "Samples of every class", caption, figure, {"samples": _bytes(made)})


def picture_of_films(found: Found, frames: Tensor) -> Picture:
    """frames: (k, classes, 3, S, S), of one chain of each class."""
    course, gap = found.course, max(1, frames.shape[-1] // 32)
    strip = film_strips(frames, gap)
    rows, columns = frames.shape[1], len(frames)
    figure = new_figure("", _SIDE * columns + 5.4, max(3.4, _SIDE * rows + 0.6))
    left, right = figure.subplots(1, 2, width_ratios=[_SIDE * columns, 4.0])
    show_image(left, strip)
    _name_rows(left, found, strip.shape[0], rows, accuracy=False)
    pitch = (strip.shape[1] + gap) / columns
    left.set_xticks((np.arange(columns) + 0.5) * pitch - gap / 2, [str(step) for step in course.steps], fontsize=9)
    left.tick_params(length=0, colors=INK)
    left.set_xlabel("steps", fontsize=9, color=INK)
    left.set_title("one chain of each class", fontsize=10, color=INK)
    lines = {
        f"{found.network}'s probability, which chains climb": 100 * course.conditioned,
        f"{found.judge}'s probability": 100 * course.judged,
        f"samples that {found.judge} names": course.accuracy,
    }
    for (label, values), colour in zip(lines.items(), (MUTED, PALETTE[0], PALETTE[1]), strict=True):
        right.plot(course.steps, values.mean(1), color=colour, marker="o", markersize=3, label=label)
    right.axhline(100 / len(found.classes), color=MUTED, linestyle=":", linewidth=1, label="chance")
    right.set_ylim(-2, 102)
    style(right, "the asked class", "steps", "%")
    legend(right, loc="upper center", bbox_to_anchor=(0.5, -0.16 if rows < 6 else -0.07))
    caption = (
        "Left: the first chain of each class, not chosen, from its start. Right: means over the chains of the first "
        f"set ({found.count // found.sets} a class) of the probability of the asked class, and the share of samples "
        f"whose asked class {found.judge} finds the likeliest."
    )
    arrays = {
        "steps": course.steps,
        "accuracy": course.accuracy,
        "judged": course.judged,
        "conditioned": course.conditioned,
        "frames": _bytes(frames),
    }
    moving = moving_picture(frames, seconds=_FRAME_SECONDS, columns=math.ceil(rows**0.5) + 1)
    return Picture("films", "How chains go", caption, figure, arrays, moving)


def picture_of_classes(found: Found) -> Picture:
    """Accuracy and facets found by class, and MS-SSIM of samples over that of real images."""
    count = len(found.classes)
    figure = new_figure("", 14, max(3.8, 0.28 * count + 1.4))
    accuracy, facets, similarity = figure.subplots(1, 3, width_ratios=[1, 1, 1.1])
    for place, (title, (colour, marker)) in enumerate(_LOOKS.items()):
        own, rows = found.scores[title], np.arange(count) + _APART * (place - 1)
        for axes, values in ((accuracy, own.accuracy.mean(1)), (facets, own.recall)):
            axes.plot(values, rows, marker, color=colour, label=title, markersize=5, alpha=0.85)
    accuracy.axvline(ACCURACY_HOPED, color=INK, linestyle="--", linewidth=1, label="hoped for, on average")
    accuracy.axvline(100 / count, color=MUTED, linestyle=":", linewidth=1, label="chance")
    facets.axvline(FACETS_FOUND, color=INK, linestyle="--", linewidth=1, label="hoped for, on average")
    style(accuracy, "named as their class", f"% of {found.count} images")
    style(facets, "facets found", f"share among {found.count} images")
    accuracy.set_xlim(-3, 103)
    facets.set_xlim(-0.03, 1.03)
    for axes in (accuracy, facets):
        axes.set_yticks(range(count), found.classes)
        axes.set_ylim(count - 0.5, -0.5)
        legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.13))
    _scatter(similarity, found)
    caption = (
        f"By class, of {found.count} images each. Left: share that {found.judge} takes for the class. Middle: share of "
        "the class's facets that it finds. Right: mean MS-SSIM between images of a class, lower is more varied; a dot "
        "below the dashed line is a class that is about as varied as real images (AC-GAN's count)."
    )
    arrays = {f"{name}_{_plain(title)}": values for title in _LOOKS for name, values in _by_class(found, title).items()}
    return Picture("classes", "Accuracy and diversity by class", caption, figure, arrays)


def _scatter(axes: Axes, found: Found) -> None:
    real = found.scores[REAL].similarity.mean(1)
    for title in (SAMPLES, RECONSTRUCTED):
        colour, marker = _LOOKS[title]
        axes.plot(real, found.scores[title].similarity.mean(1), marker, color=colour, label=title, alpha=0.85)
    for x, y, name in zip(real, found.scores[SAMPLES].similarity.mean(1), found.classes, strict=True):
        axes.annotate(name, (x, y), (4, 3), textcoords="offset points", fontsize=7, color=INK)
    highest = max(float(found.scores[title].similarity.mean(1).max()) for title in _LOOKS)
    ends = np.array([0, 1.08 * max(highest, 0.01)])
    axes.plot(ends, ends, color=MUTED, linewidth=1, linestyle=":", label="as alike as real images")
    axes.axhline(real.max(), color=INK, linewidth=1, linestyle="--", label="the most alike class of real images")
    axes.set_ylim(*ends)
    spread = max(float(np.ptp(real)), 0.01)
    axes.set_xlim(real.min() - 0.1 * spread, real.max() + 0.25 * spread)
    style(axes, "MS-SSIM within a class", "real images", "images made")
    legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.13))


def _by_class(found: Found, title: str) -> dict[str, np.ndarray]:
    own = found.scores[title]
    return {"accuracy": own.accuracy.mean(1), "facets": own.recall, "similarity": own.similarity.mean(1)}


def _name_rows(axes: Axes, found: Found, height: int, rows: int, *, accuracy: bool) -> None:
    """Names of the classes beside the rows of a mosaic; with the share that the judge names, or without."""
    if len(found.classes) != rows:
        raise ValueError(f"expected a row for each of {len(found.classes)} classes, found {rows}")
    names = list(found.classes)
    if accuracy:
        shares = found.scores[SAMPLES].accuracy.mean(1)
        names = [f"{name}\n{share:.0f} %" for name, share in zip(names, shares, strict=True)]
    axes.set_yticks((np.arange(rows) + 0.5) * height / rows - 0.5, names, fontsize=9)
    axes.tick_params(axis="y", length=0, colors=INK)


def _bytes(images: Tensor) -> np.ndarray:
    found: np.ndarray = (images * 255).round().byte().numpy()
    return found


def _plain(title: str) -> str:
    return title.replace(" ", "_")
