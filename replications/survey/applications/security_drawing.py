"""How attacks and their detection are drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from replications.drawing import INK, MUTED, PALETTE, dot_with_interval, legend, new_figure, show_image, style
from replications.suite.interface import Picture
from replications.survey.applications.attacked import FGSM, KNOWING, NOISE, PGD
from replications.survey.applications.security_tables import ALL, BASELINE, Case, Scores, shown_interval


@dataclasses.dataclass(frozen=True, eq=False)
class Example:
    """An image as it is seen.

    what: "clean", or the attack. told: the predicted class, with its probability. image, projection, inverted:
    (3, H, W) in [0, 1]; inverted may be None. concepts: of the units that fire most, with their evidence.
    """

    what: str
    told: str
    probability: float
    image: Tensor
    projection: Tensor
    inverted: Tensor | None
    concepts: Sequence[str]


def picture_of_examples(examples: Sequence[Example]) -> Picture:
    """A row for each image, clean ones above their attacked versions."""
    inverted = any(example.inverted is not None for example in examples)
    titles = ["image", "deconvnet", *(["inversion"] if inverted else []), "dissection"]
    figure = new_figure("A clean image and its attacked version, as they are seen", 1.9 * len(titles) + 1.4, 9)
    figure.set_figheight(1.75 * max(1, len(examples)) + 0.6)
    grid = figure.subplots(max(1, len(examples)), len(titles), squeeze=False)
    for row, example in zip(grid, examples, strict=False):
        shown = [example.image, example.projection, *([example.inverted] if inverted else [])]
        for axes, image in zip(row, shown, strict=False):
            if image is not None:
                show_image(axes, image)
        row[-1].set_axis_off()
        row[-1].text(0, 0.5, "\n".join(example.concepts), fontsize=9, color=INK, va="center")
        label = f"{example.what}\n{example.told}, {example.probability:.2f}"
        place = {"transform": row[0].transAxes, "ha": "right", "va": "center", "fontsize": 8.5, "color": INK}
        row[0].text(-0.06, 0.5, label, **place)
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, fontsize=10, color=INK)
    caption = (
        "Test images above their versions attacked by PGD. Left: the class that the network predicts, and its "
        "probability. Deconvnet: the strongest activations of the eight units of most evidence, projected together, "
        "each with its own contrast. "
        + ("Inversion: the image that a network makes of the features. " if inverted else "")
        + "Dissection: the concepts of the three units that fire most, with their activation as a multiple of the "
        "unit's threshold."
    )
    return Picture("seen", "Attacked images as they are seen", caption, figure)


def picture_of_areas(scores: Scores, detectors: Sequence[str], strength: float) -> Picture:
    """A dot with its interval for each detector and each attack that it wasn't trained on."""
    panels = [
        (f"trained on {FGSM}, tested on {PGD}", FGSM, PGD),
        (f"trained on {PGD}, tested on {FGSM}", PGD, FGSM),
        (f"trained on {PGD}, tested on noise", PGD, NOISE),
        ("an attack that knows the detector", PGD, KNOWING),
    ]
    figure = new_figure("Telling attacked images from clean ones", 14, 0.42 * len(detectors) + 1.6)
    arrays: dict[str, np.ndarray] = {}
    for axes, (title, trained, attack) in zip(figure.subplots(1, len(panels), sharey=True), panels, strict=True):
        style(axes, title, "area under the ROC curve")
        axes.axvline(0.5, color=MUTED, linestyle="--", linewidth=1, label="chance")
        for y, name in enumerate(detectors):
            case = Case(name, "" if name == BASELINE else trained, attack, strength)
            interval = shown_interval(scores.get(case))
            if interval is None:
                continue
            colour = MUTED if name == BASELINE else PALETTE[1] if name.startswith(ALL) else PALETTE[0]
            dot_with_interval(axes, interval, y, colour)
            arrays[f"{name}_{trained}_{attack}".replace(" ", "_").replace(",", "")] = np.asarray(interval)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(len(detectors) - 0.5, -0.5)
        axes.set_yticks(range(len(detectors)), list(detectors))
        if attack == KNOWING:
            legend(axes, loc="lower left")
    caption = (
        f"Areas under the ROC curve of clean test images against those attacked at {strength:g} of 255 that fool the "
        "network; means over seeds with 95 % intervals from resampling images. Grey: the plain threshold on the "
        "confidence, which is not trained; orange: detectors on all that is seen. Noise as strong as the attack holds "
        "nothing to find. The attack that knows the detector was made against two of them; it begins with PGD's images."
    )
    return Picture("areas", "Telling attacked images from clean ones", caption, figure, arrays)
