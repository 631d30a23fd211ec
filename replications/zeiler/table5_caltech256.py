"""Table 5: Caltech-256, a new softmax over pretrained features against training from scratch.

Zeiler & Fergus 2014, Sec. 5.2: 15, 30, 45 or 60 training images a class, else as Table 4; there are more classes, and
they are harder to tell apart.

What images, folds and features are, and how the sets stand in for the paper's: see `transfer`; the classifier and the
choice of its penalty: `linear_classifiers`; the networks trained from scratch: `scratch`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from replications.suite.interface import Context, Experiment, Outcome, Part
from replications.zeiler.transfer_table import (
    SCRATCH,
    beats_scratch,
    both_halves,
    curves,
    examples,
    known_classes,
    lacking,
    measurements,
    outcome_of,
    table,
)

ROWS = {"scratch": "ZF-T5-3", "pretrained": "ZF-T5-4"}


@dataclasses.dataclass(frozen=True)
class Table5(Experiment):
    """task: see `TaskSettings`. layer: of the paper, below the new softmax. images: a class. folds: how many."""

    name: ClassVar[str] = "table5"
    title: ClassVar[str] = "Caltech 256 classification accuracy"
    paper: ClassVar[str] = "zeiler"
    answers: ClassVar[tuple[str, ...]] = ("ZF-T5-3", "ZF-T5-4", "ZF-C-T5-pretrained-beats-scratch")
    needs: ClassVar[tuple[Part, ...]] = ("network", "data")
    uses: ClassVar[tuple[str, ...]] = (SCRATCH,)

    task: Mapping[str, Any]
    layer: int
    images: Sequence[int]
    folds: int

    def missing(self, context: Context) -> str | None:
        return lacking(context, self.task, self.layer, self.images)

    def run(self, context: Context) -> Outcome:
        halves = both_halves(context, self.task, self.layer, self.images, self.folds, self.images)
        outcome = outcome_of(halves, beats_scratch("ZF-C-T5-pretrained-beats-scratch", halves, self.images))
        outcome.measurements += measurements(halves, ROWS)
        outcome.tables.append(table(halves, "Table 5: accuracy by number of training images"))
        outcome.pictures += [curves(halves, "Table 5: accuracy by number of training images")]
        outcome.pictures += [examples(halves.task, context.seed)]
        outcome.notes.append(known_classes(context.network, context.data, self.task))
        return outcome
