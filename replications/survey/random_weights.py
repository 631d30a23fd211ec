"""What training adds: unique detectors of trained networks and of the same networks with random weights.

Bau et al. 2017 (Fig. 7, and the statistics that its authors released) find 61 unique detectors in the last
convolutional layer of AlexNet trained on ImageNet, and 2 with random weights. Here the last convolutional layer of each
trained network at hand is dissected beside the same network with random weights, drawn several times.

The claim holds if, for every one of these networks by itself, the trained network has more unique detectors than the
mean of those with random weights. They are counted as in the released statistics, which hold the two numbers: a unit
detects its best concept of every category where the IoU is above 0.04 ("per category"). The count by the paper's text
("top") stands beside. The interval (t, 95 %) is over draws of the weights and over images, whose variances are added;
images are resampled in 50 blocks, the same for all networks. All networks must hold by themselves, so their number
needs no correction. Networks of different design that learnt different classes are no sample of anything, so there is
no interval over them. All this was fixed before the first dissection; after a rehearsal on a quarter of the natural
images, in which draws of random weights differed much, these got five draws in place of three.

Random weights: Gaussians of variance 2 / fan-in and biases of 0 (`multifaceted.untrained`). Their scale hardly matters:
without biases it changes which positions exceed a unit's threshold through contrast normalization alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from metrics.statistics import Interval
from replications.suite.interface import Context, Direction, Evidence, Measurement, Outcome, Table
from replications.survey.detector_counts import RULES, Counts
from replications.survey.dissection.rules import Rule
from replications.survey.random_weights_drawing import picture_of_networks
from replications.survey.trained_and_random import Compared, TrainedAndRandom

CLAIM = "ND-C-trained-more"
TESTED: Rule = "per category"


class Reported(NamedTuple):
    """A row of the ledger, and which of its cells a number ("all", or a category) stands beside."""

    row: str
    cells: Mapping[str, str]


_CELLS = {"all": "unique", **{name: name for name in ("object", "part", "scene", "material", "texture", "colour")}}
REPORTED: Mapping[Rule, Mapping[str, Reported]] = {
    "per category": {"trained": Reported("ND-U02", _CELLS), "random weights": Reported("ND-U01", _CELLS)},
    "top": {"trained": Reported("ND-V1", {"all": "top"})},
}


@dataclasses.dataclass(frozen=True)
class RandomWeights(TrainedAndRandom):
    """See `TrainedAndRandom`."""

    name: ClassVar[str] = "random_weights"
    title: ClassVar[str] = "Unique detectors of trained and of random weights"
    answers: ClassVar[tuple[str, ...]] = ("ND-U01", "ND-U02", "ND-V1", CLAIM)

    def run(self, context: Context) -> Outcome:
        compared = self.compared(context)
        return Outcome(
            measurements=[found for rule in RULES for found in _measurements(compared, rule)],
            evidence=[_evidence(one) for one in compared],
            tables=[_table(compared), _table_by_category(compared)],
            pictures=[picture_of_networks(compared, TESTED)],
        )


def _measurements(compared: Sequence[Compared], rule: Rule) -> list[Measurement]:
    trained = [one.trained[rule] for one in compared]
    random = [counted for one in compared for counted in one.random[rule]]
    found = [
        *_of_weights("trained", trained, "network", rule, REPORTED[rule].get("trained")),
        *_of_weights("random weights", random, "network and draw", rule, REPORTED[rule].get("random weights")),
    ]
    for one in compared:
        name = f"unique detectors/random weights/{rule}/{one.name}"
        found.append(Measurement(name, one.drawn(rule), "concepts", "draw"))
    if rule == TESTED:  # the units that detect anything are the same by both rules
        shares = [100 * float(one.trained[rule].detectors[0]) / one.units for one in compared]
        drawn = [100 * float(draw.detectors[0]) / one.units for one in compared for draw in one.random[rule]]
        found += [
            Measurement("detecting/trained", shares, "% of units", "network", "higher", "ND-U02", "share"),
            Measurement("detecting/random weights", drawn, "% of units", "network and draw", "none", "ND-U01", "share"),
        ]
    return found


def _of_weights(
    what: str, counted: Sequence[Counts], over: str, rule: Rule, reported: Reported | None
) -> list[Measurement]:
    """Unique detectors, in all and by category, beside the reported ones where there are such."""
    better: Direction = "higher" if what == "trained" else "none"
    numbers = {"all": [float(one.total[0]) for one in counted]}
    numbers |= {category: [float(one.unique[category][0]) for one in counted] for category in counted[0].unique}
    found = []
    for name, values in numbers.items():
        cell = None if reported is None else reported.cells.get(name)
        row = None if reported is None or cell is None else reported.row
        found.append(Measurement(f"unique detectors/{what}/{rule}/{name}", values, "concepts", over, better, row, cell))
    return found


def _evidence(one: Compared) -> Evidence:
    draws = len(one.drawn(TESTED))
    statistic = (
        f"unique detectors ({TESTED}) in {one.layer} of {one.name}, as trained minus with random weights; 95 % t "
        "interval over draws of the weights and images"
    )
    return Evidence(CLAIM, statistic, *one.difference(TESTED), "concepts", draws, "draw of random weights", seeds=draws)


def _cell(interval: Interval) -> str:
    return "{:.1f} ({:.1f} to {:.1f})".format(*interval)


def _table(compared: Sequence[Compared]) -> Table:
    rows: list[list[str | float | None]] = []
    for rule in RULES:
        for one in compared:
            share = 100 * one.trained[rule].detectors[0] / one.units
            of_random = 100 * float(np.mean([other.detectors[0] for other in one.random[rule]])) / one.units
            numbers = [_cell(one.own(rule)), _cell(one.others(rule)), _cell(one.difference(rule))]
            rows.append([rule, one.name, one.layer, one.units, *numbers, round(share, 1), round(of_random, 1)])
    columns = ["rule", "network", "layer", "units", "trained", "random weights", "difference"]
    caption = (
        "Unique detectors: concepts that at least one unit detects (IoU above 0.04). 'per category': a unit detects "
        "its best concept of every category, as in the authors' released statistics; 'top': its best of all alone, as "
        "in the paper's text. With 95 % intervals: as trained over images, otherwise over draws of weights and images."
    )
    shares = ["% of units that detect, trained", "% of units, random weights"]
    return Table("detectors", "Unique detectors, trained and random", [*columns, *shares], rows, caption)


def _table_by_category(compared: Sequence[Compared]) -> Table:
    categories = list(compared[0].trained[TESTED].unique)
    rows: list[list[str | float | None]] = []
    for one in compared:
        trained, random = one.trained[TESTED], one.random[TESTED]
        rows.append([one.name, "trained", *(int(trained.unique[category][0]) for category in categories)])
        means = [round(float(np.mean([other.unique[category][0] for other in random])), 1) for category in categories]
        rows.append([one.name, "random weights, mean", *means])
    caption = f"Concepts of each category that at least one unit detects ({TESTED})."
    return Table("categories", "Unique detectors by category", ["network", "weights", *categories], rows, caption)
