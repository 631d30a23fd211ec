"""How detectors under rotations are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replications.drawing import MUTED, PALETTE, legend, line_with_interval, new_figure, style
from replications.suite.interface import Picture
from replications.survey.detectors_drawing import stacked_bars

if TYPE_CHECKING:
    from replications.survey.dissection.rules import Rule
    from replications.survey.rotation import Rotated


def picture_of_rotations(rotated: Rotated, rule: Rule) -> Picture:
    """Left: bars by category at each alpha, as in the paper's Fig. 4. Right: each rotation, and their mean."""
    figure = new_figure("Unique detectors under rotations of the representation", 11, 4.2)
    left, right = figure.subplots(1, 2, sharey=True)
    alphas, totals = rotated.alphas, rotated.totals(rule)
    intervals = np.array([rotated.interval(totals[:, i]) for i in range(len(alphas))])
    style(left, f"by category, mean over rotations ({rule})", "", "unique detectors, concepts")
    heights = {
        category: [float(np.mean([q[i].unique[category][0] for q in rotated.found[rule]])) for i in range(len(alphas))]
        for category in rotated.found[rule][0][0].unique
    }
    stacked_bars(left, range(len(alphas)), heights, [(float(a), float(b), float(c)) for a, b, c in intervals])
    left.set_xticks(range(len(alphas)), ["as learnt", *(f"{alpha:g}" for alpha in alphas[1:])])
    left.set_xlabel("alpha, share of the way to a full rotation", fontsize=9)
    style(right, "each rotation", "alpha, share of the way to a full rotation")
    for i, row in enumerate(totals[:, :, 0]):
        right.plot(alphas, row, color=MUTED, alpha=0.45, linewidth=0.8, label=None if i else "one rotation")
    middle, low, high = intervals.T
    line_with_interval(right, alphas, middle, low, high, "mean, 95 % over rotations and images", PALETTE[0])
    other = next(name for name in rotated.found if name != rule)
    right.plot(alphas, rotated.totals(other)[:, :, 0].mean(0), "--", color=PALETTE[1], label=f"mean, {other}")
    left.set_ylim(0, None)
    legend(left, loc="upper right")
    legend(right, loc="lower left")
    caption = (
        f"Concepts that at least one of the {rotated.units} units of {rotated.layer} detects when the representation "
        "is rotated by Q^alpha, Q uniform on SO(n). Left: by category, with the 95 % interval of the sum over "
        f"rotations and images. Right: grey, each of {len(totals)} rotations; blue, their mean with its interval; "
        f"dashed, the mean counted by '{other}'."
    )
    arrays = {
        "alphas": np.array(alphas),
        **{key.replace(" ", "_"): rotated.totals(key)[:, :, 0] for key in rotated.found},
    }
    return Picture("rotations", "Unique detectors by angle", caption, figure, arrays)
