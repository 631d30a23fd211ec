"""Networks ranked by the unique detectors of their last convolutional layer.

Bau et al. 2017 (Sec. 3.4, Fig. 7) find more unique detectors in ResNet than in VGG, in VGG than in GoogLeNet and in
GoogLeNet than in AlexNet, and more in networks that learnt places than in those that learnt objects. Here the networks
at hand are ranked, each beside itself with random weights.

What the paper ranks is tested only where its networks are (`ordering`): unique detectors of each minus those of the
next, counted as in the authors' released statistics (the best concept of every category, "per category"); 95 %
bias-corrected bootstrap over images in 50 blocks, the same for all networks. Each difference must be above 0. Where
other networks are ranked there is no claim of the paper to test: their numbers have intervals and no verdict.

Deviations: torchvision's networks in place of the authors' Caffe models, ResNet-50 in place of ResNet-152; none of them
learnt places, so that half of the claim is not tested.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from metrics.statistics import Interval
from replications.suite.interface import Context, Evidence, Measurement, Outcome, Table
from replications.survey.detector_counts import RULES
from replications.survey.dissection.bootstrap import bias_corrected
from replications.survey.dissection.rules import Rule
from replications.survey.network_ranking_drawing import picture_of_ranking
from replications.survey.trained_and_random import CONFIDENCE, Compared, TrainedAndRandom

CLAIM = "ND-C-ordering"
TESTED: Rule = "per category"


@dataclasses.dataclass(frozen=True)
class NetworkRanking(TrainedAndRandom):
    """Beside the parameters of `TrainedAndRandom`, ordering: names of `networks` in the order that the paper claims,
    most detectors first; null where these aren't the paper's. reported: by name of a network, the row of the ledger
    that its number of unique detectors is the counterpart of.
    """

    name: ClassVar[str] = "network_ranking"
    title: ClassVar[str] = "Networks ranked by their unique detectors"
    answers: ClassVar[tuple[str, ...]] = ("ND-R2", "ND-U08", "ND-U12", "ND-U17", CLAIM)

    ordering: Sequence[str] | None
    reported: Mapping[str, str]

    def __post_init__(self) -> None:
        super().__post_init__()
        if wrong := sorted({*(self.ordering or ()), *self.reported} - set(self.networks or {})):
            raise ValueError(
                f"'ordering' and 'reported' name networks that aren't ranked: {', '.join(wrong)}; ranked are "
                f"{', '.join(self.networks or ()) or 'none'}"
            )

    def run(self, context: Context) -> Outcome:
        compared = self.compared(context)
        ranked = sorted(compared, key=lambda one: -one.own(TESTED).estimate)
        outcome = Outcome(
            tables=[_table(ranked), _table_of_pairs(ranked)], pictures=[picture_of_ranking(ranked, TESTED)]
        )
        for one in compared:
            for rule in RULES:
                row = self.reported.get(one.name) if rule == TESTED else None
                name, cell = f"unique detectors/{one.name}/{rule}", None if row is None else "unique"
                own = [one.own(rule).estimate]
                outcome.measurements += [
                    Measurement(name, own, "concepts", "network", "higher", row, cell),
                    Measurement(f"{name}, random weights", one.drawn(rule), "concepts", "draw"),
                ]
        if self.ordering is not None:
            outcome.evidence += _evidence({one.name: one for one in compared}, self.ordering)
        else:
            outcome.notes.append(
                "The paper ranks ResNet, VGG, GoogLeNet and AlexNet, which aren't among these networks, so its order "
                "isn't tested here."
            )
        return outcome


def over(first: Compared, second: Compared, rule: Rule) -> Interval:
    """Unique detectors of the first minus those of the second, both as trained, with the interval over images."""
    difference = first.trained[rule].total.astype(np.float64) - second.trained[rule].total
    return bias_corrected(float(difference[0]), difference[1:], CONFIDENCE)


def _evidence(compared: Mapping[str, Compared], ordering: Sequence[str]) -> list[Evidence]:
    found = []
    for more, fewer in itertools.pairwise(ordering):
        statistic = (
            f"unique detectors ({TESTED}) of {more} minus those of {fewer}, last convolutional layers; 95 % "
            "bias-corrected bootstrap over images"
        )
        blocks = compared[more].blocks
        interval = over(compared[more], compared[fewer], TESTED)
        found.append(Evidence(CLAIM, statistic, *interval, "concepts", blocks, "block of images"))
    return found


def _table(ranked: Sequence[Compared]) -> Table:
    rows: list[list[str | float | None]] = []
    for place, one in enumerate(ranked, 1):
        intervals = [number for rule in RULES for number in (one.own(rule), one.others(rule))]
        cells = ["{:.1f} ({:.1f} to {:.1f})".format(*interval) for interval in intervals]
        share = 100 * one.trained[TESTED].detectors[0] / one.units
        rows.append([place, one.name, one.layer, one.units, *cells, round(float(share), 1)])
    numbers = [f"{rule}, {what}" for rule in RULES for what in ("trained", "random weights")]
    caption = (
        f"Unique detectors of the last convolutional layer, ranked by those of the trained network ({TESTED}). 95 % "
        "intervals: trained over images, random weights over draws and images. A network with more units can have more "
        "unique detectors for that alone; the last column is the share of its units that detect anything."
    )
    columns = ["rank", "network", "layer", "units", *numbers, "% of units that detect"]
    return Table("ranking", "Networks ranked", columns, rows, caption)


def _table_of_pairs(ranked: Sequence[Compared]) -> Table:
    rows: list[list[str | float | None]] = [
        [
            f"{one.name} minus {other.name}",
            *("{:.1f} ({:.1f} to {:.1f})".format(*over(one, other, rule)) for rule in RULES),
        ]
        for one, other in itertools.combinations(ranked, 2)
    ]
    caption = "Unique detectors of trained networks; 95 % paired bootstrap over images, not corrected for their number."
    return Table("pairs", "What sets the networks apart", ["difference", *RULES], rows, caption)
