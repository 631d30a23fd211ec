"""Table 3: the error with layers removed or resized, each variant trained from scratch.

The paper (Sec. 5.1): removing the fully connected layers 6 and 7 "only gives a slight increase in error", removing
two of the middle convolutional layers "makes a relatively small difference", removing both is "dramatically worse";
changing the width of layers 6 and 7 "makes little difference" (also in AlexNet), wider middle layers "give a useful
gain", and enlarging both "results in over-fitting".

Here: every row of the table, several seeds each; training error of the trained network over its training images, and
validation error, one view an image. What the words mean was fixed from the paper's numbers (validation top-1) before
anything was measured; E is a mean over seeds, a rise is over the whole AlexNet:

- slight: a rise of less than half of that from removing layers 3, 4, 6 and 7. (The paper: 4.3 and -0.5 for layers 6,
  7 and for layer 7, 4.9 for layers 3, 4; 30.8 for all four.)
- dramatic: the rise from removing all four exceeds the sum of the rises from removing either pair (30.8 > 4.3 + 4.9).
- Both need that removing all four raises the error at all. (Added after the first measurement: there it lowered the
  error, and the tests above held without meaning anything.)
- little: changing the width moves the error, averaged over AlexNet and ZFNet, by less than a tenth of it. (The
  paper's four changes are at most 4.7 % of the error, its rises from removing a pair of layers at least 10.6 %.)
- useful gain: E(ZFNet) - E(wider middle) > 0.
- over-fitting: the training error falls below that of the wider middle layers alone, and the validation error doesn't
  fall by as much as a useful gain, 2.3 % of ZFNet's error (the paper: 0.9 of 38.4).

Deviations: see `variants`. The paper trained each variant once, so it has no intervals; and it doesn't say how the
training error was taken. Top-5 errors are given as well; the tests are on top-1.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from metrics.contrasts import seed_contrast
from replications.drawing import MUTED, PALETTE, legend, new_figure, style
from replications.suite.interface import Context, Evidence, Experiment, Measurement, Outcome, Picture, Table
from replications.training.evaluate import classification_errors
from replications.zeiler.variants import VARIANTS, Variant, Variants, lacking, seeds_from, task, train_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from replications.training.zoo import Trained

WHOLE, NO_MIDDLE, NO_7, NO_67, NO_BOTH = "alexnet", "alexnet-34", "alexnet-7", "alexnet-67", "alexnet-3467"
ZFNET, WIDER_MIDDLE, BOTH_WIDER = "zfnet", "zfnet-middle", "zfnet-both"
SLIGHT = 0.5  # of the rise from removing all four layers
LITTLE = 0.1  # of the error
USEFUL = 0.9 / 38.4  # of ZFNet's error

TRAIN, TOP1, TOP5 = "train top-1", "val top-1", "val top-5"
Errors = dict[str, dict[str, list[float]]]  # variant -> cell of Table 3 -> percent, one a seed


@dataclasses.dataclass(frozen=True)
class Table3(Experiment):
    """networks: see `variants.Variants`; null where the profile can't train them. seeds: networks of each variant.
    training_sample: over how many of its training images a network's training error is taken."""

    name: ClassVar[str] = "table3"
    title: ClassVar[str] = "Table 3: error with layers removed or resized"
    paper: ClassVar[str] = "zeiler"
    trains: ClassVar[bool] = True
    needs: ClassVar = ("data",)
    answers: ClassVar[tuple[str, ...]] = (
        *(variant.reported for variant in VARIANTS.values()),
        "ZF-C-T3-fc-slight",
        "ZF-C-T3-middle-slight",
        "ZF-C-T3-both-dramatic",
        "ZF-C-T3-fc-width-little",
        "ZF-C-T3-middle-wider-gain",
        "ZF-C-T3-both-wider-overfits",
    )

    networks: Mapping[str, Any] | None
    seeds: int
    training_sample: int

    def missing(self, context: Context) -> str | None:
        return lacking(self.networks, len(VARIANTS) * self.seeds, context)

    def run(self, context: Context) -> Outcome:
        assert self.networks is not None
        variants = Variants.of(self.networks)
        trained = train_all(variants, tuple(VARIANTS), seeds_from(context.seed, self.seeds), context)
        found = self._errors(variants, trained, context)
        classes = len(task(context.data.train)[1])
        return Outcome(
            measurements=_measurements(found),
            evidence=evidence(found),
            pictures=[_picture(found, classes)],
            tables=[_table(found, trained)],
            notes=[_note(variants, context, classes)],
        )

    def _errors(self, variants: Variants, trained: Mapping[str, list[Trained]], context: Context) -> Errors:
        data, size = context.data, variants.input_size(context.data.train)
        order = torch.randperm(variants.count(data.train), generator=context.generator("training sample"))
        seen, sample = task(data.validation)[0], order[: self.training_sample].sort().values
        known = task(data.train)[0]
        found: Errors = {name: {} for name in trained}
        networks = [(name, network) for name, all_seeds in trained.items() for network in all_seeds]
        for name, network in context.progress(networks, "errors"):
            classify = [network.probabilities]
            fitted = classification_errors(classify, data.train, sample, labels=known, size=size)
            held_out = classification_errors(classify, data.validation, labels=seen, size=size)
            for cell, value in ((TRAIN, fitted.top1), (TOP1, held_out.top1), (TOP5, held_out.top5)):
                if value is not None:
                    found[name].setdefault(cell, []).append(value)
        return found


def evidence(found: Errors) -> list[Evidence]:
    """The tests of the claims, as the head of this file says."""
    top1 = {name: cells[TOP1] for name, cells in found.items()}
    fitted = {name: cells[TRAIN] for name, cells in found.items()}
    seeds = len(top1[WHOLE])

    def test(
        claim: str,
        what: str,
        weights: Mapping[str, float],
        expected: tuple[float, float] = (0.0, math.inf),
        errors: Mapping[str, Sequence[float]] = top1,
    ) -> Evidence:
        effect, low, high = seed_contrast([errors[name] for name in weights], list(weights.values()))
        statistic = f"{what}; 95 % t interval (Welch, Satterthwaite) over seeds"
        return Evidence(
            f"ZF-C-T3-{claim}", statistic, effect, low, high, "points of error", seeds, "seed", expected, seeds
        )

    def slight(claim: str, layers: str, variant: str) -> Evidence:
        what = (
            f"half the rise in validation error from removing layers 3, 4, 6, 7, minus the rise from removing {layers}"
        )
        return test(claim, what, {NO_BOTH: SLIGHT, WHOLE: 1 - SLIGHT, variant: -1.0})

    def width(words: str, suffix: str) -> Evidence:
        bound = LITTLE * float(np.mean([np.mean(top1[WHOLE]), np.mean(top1[ZFNET])]))
        what = f"change of the validation error with layers 6, 7 {words}, mean of AlexNet and ZFNet"
        weights = {f"{WHOLE}-{suffix}": 0.5, WHOLE: -0.5, f"{ZFNET}-{suffix}": 0.5, ZFNET: -0.5}
        return test("fc-width-little", what, weights, (-bound, bound))

    useful = USEFUL * float(np.mean(top1[ZFNET]))
    return [
        slight("fc-slight", "layers 6, 7", NO_67),
        slight("fc-slight", "layer 7", NO_7),
        slight("middle-slight", "layers 3, 4", NO_MIDDLE),
        test(
            "both-dramatic",
            "rise in validation error from removing layers 3, 4, 6, 7",
            {NO_BOTH: 1.0, WHOLE: -1.0},
        ),
        test(
            "both-dramatic",
            "rise in validation error from removing layers 3, 4, 6, 7, minus the rises from removing 3, 4 and 6, 7",
            {NO_BOTH: 1.0, NO_MIDDLE: -1.0, NO_67: -1.0, WHOLE: 1.0},
        ),
        test(
            "fc-slight",
            "rise in validation error from removing layers 3, 4, 6, 7: the scale of a slight one",
            {NO_BOTH: 1.0, WHOLE: -1.0},
        ),
        test(
            "middle-slight",
            "rise in validation error from removing layers 3, 4, 6, 7: the scale of a slight one",
            {NO_BOTH: 1.0, WHOLE: -1.0},
        ),
        width("half as wide", "fc-half"),
        width("twice as wide", "fc-double"),
        test(
            "middle-wider-gain",
            "validation error of ZFNet minus that with wider layers 3, 4, 5",
            {ZFNET: 1.0, WIDER_MIDDLE: -1.0},
        ),
        test(
            "both-wider-overfits",
            "training error with wider layers 3, 4, 5 minus that with wider layers 3 to 7",
            {WIDER_MIDDLE: 1.0, BOTH_WIDER: -1.0},
            errors=fitted,
        ),
        test(
            "both-wider-overfits",
            f"validation error with wider layers 3 to 7 minus that with wider 3, 4, 5 (a useful gain is {useful:.2f})",
            {BOTH_WIDER: 1.0, WIDER_MIDDLE: -1.0},
            (-useful, math.inf),
        ),
    ]


def _measurements(found: Errors) -> list[Measurement]:
    return [
        Measurement(f"{name}/{cell}", values, "% error", "seed", "lower", VARIANTS[name].reported, cell)
        for name, cells in found.items()
        for cell, values in cells.items()
    ]


def _table(found: Errors, trained: Mapping[str, list[Trained]]) -> Table:
    rows: list[list[str | float | None]] = []
    for name, cells in found.items():
        network = trained[name][0].network
        millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
        row: list[str | float | None] = [_label(VARIANTS[name]), f"{millions:.2f}"]
        rows.append(row + [_spread(cells[cell]) if cell in cells else None for cell in (TRAIN, TOP1, TOP5)])
    seeds = len(found[WHOLE][TOP1])
    return Table(
        "ablations",
        "Error with layers removed or resized",
        ("network", "million weights", "train top-1 (%)", "val top-1 (%)", "val top-5 (%)"),
        rows,
        f"Mean ± standard deviation over {seeds} seeds; one view an image.",
    )


def _picture(found: Errors, classes: int) -> Picture:
    seeds = len(found[WHOLE][TOP1])
    return Picture(
        "ablations",
        "Error with layers removed or resized",
        f"Training (hollow) and validation top-1 error (filled) of each row of Table 3, {seeds} seeds each; bars are "
        f"their means, the lines the errors of the unaltered networks. {classes} classes; chance is "
        f"{100 * (1 - 1 / classes):.1f} %.",
        _draw(found),
        {f"{name} {cell}": np.asarray(values) for name, cells in found.items() for cell, values in cells.items()},
    )


def _draw(found: Errors) -> Figure:
    figure = new_figure("Table 3: error with layers removed or resized", 8.6, 5.4)
    axes = style(figure.subplots(), x="top-1 error (%)")
    names = list(found)
    for row, name in enumerate(names):
        colour = PALETTE[0] if VARIANTS[name].base == "alexnet" else PALETTE[1]
        fitted, held_out = found[name][TRAIN], found[name][TOP1]
        axes.plot(held_out, [row - 0.14] * len(held_out), "o", color=colour, markersize=5, zorder=3)
        axes.plot(fitted, [row + 0.14] * len(fitted), "o", color=colour, markersize=5, mfc="white", zorder=3)
        for values, shift in ((held_out, -0.14), (fitted, 0.14)):
            axes.plot([np.mean(values)] * 2, [row + shift - 0.13, row + shift + 0.13], color=colour, linewidth=2)
    for name, colour in ((WHOLE, PALETTE[0]), (ZFNET, PALETTE[1])):
        axes.axvline(float(np.mean(found[name][TOP1])), color=colour, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(names)), [_label(VARIANTS[name]) for name in names])
    axes.tick_params(axis="y", labelsize=9)
    axes.axhline(sum(VARIANTS[name].base == "alexnet" for name in names) - 0.5, color=MUTED, linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    for label, fill in (("validation", MUTED), ("training", "white")):
        axes.plot([], [], "o", color=MUTED, mfc=fill, label=label)
    legend(axes, loc="lower left")
    return figure


def _label(variant: Variant) -> str:
    whole = variant.name in (WHOLE, ZFNET)
    return variant.title if whole else f"  {variant.title[:1].lower()}{variant.title[1:]}"


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else f"{values[0]:.1f}"


def _note(variants: Variants, context: Context, classes: int) -> str:
    data = context.data.train
    kind = "facets" if "facets" in data.provides else "classes"
    return (
        f"Each network was trained on {variants.count(data)} images to tell {classes} {kind} apart, for "
        f"{variants.recipe.epochs} epochs; the training error is that of the trained network, without dropout."
    )
