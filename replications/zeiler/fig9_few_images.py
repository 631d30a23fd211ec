"""Fig. 9: accuracy on Caltech-256 as the number of training images a class is varied.

Zeiler & Fergus 2014, Sec. 5.2: "Using only 6 training examples per class with our pre-trained feature-extractor, we
are able to surpass the leading method using 10 times as many images."

Deviation: the leading method of 2013 (Bo et al.) isn't run; the same network trained from scratch stands in for it, on
60 images a class of the same set. See `transfer` for the sets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from metrics.statistics import seed_interval
from replications.suite.interface import Context, Evidence, Experiment, Outcome, Part
from replications.zeiler.transfer_table import (
    SCRATCH,
    Halves,
    both_halves,
    curves,
    known_classes,
    lacking,
    measurements,
    outcome_of,
    table,
)

CLAIM = "ZF-C-F9-few-suffice"


@dataclasses.dataclass(frozen=True)
class Fig9(Experiment):
    """task: see `TaskSettings`. layer: of the paper, below the new softmax. images: a class. folds: how many.

    few, many: images a class of the pretrained half and of the other, which the claim compares.
    """

    name: ClassVar[str] = "fig9"
    title: ClassVar[str] = "Accuracy as the number of training images per class is varied"
    paper: ClassVar[str] = "zeiler"
    answers: ClassVar[tuple[str, ...]] = ("ZF-F9", CLAIM)
    needs: ClassVar[tuple[Part, ...]] = ("network", "data")
    uses: ClassVar[tuple[str, ...]] = (SCRATCH,)

    task: Mapping[str, Any]
    layer: int
    images: Sequence[int]
    folds: int
    few: int
    many: int

    def missing(self, context: Context) -> str | None:
        return lacking(context, self.task, self.layer, [*self.images, self.few])

    def run(self, context: Context) -> Outcome:
        sizes = sorted({*self.images, self.few})
        halves = both_halves(context, self.task, self.layer, sizes, self.folds, sorted({*sizes, self.many}))
        outcome = outcome_of(halves, self._evidence(halves))
        outcome.measurements += measurements(halves)
        outcome.tables.append(table(halves, "Fig. 9: accuracy by number of training images"))
        outcome.pictures.append(curves(halves, "Fig. 9: accuracy by number of training images"))
        outcome.notes.append(known_classes(context.network, context.data, self.task))
        return outcome

    def _evidence(self, halves: Halves) -> Evidence | None:
        if len(halves.scratch.get(self.many, ())) < 2:
            return None
        differences = halves.differences(self.few, self.many)
        words = (
            f"accuracy of a new softmax over pretrained features with {self.few} images a class minus that of the "
            f"network trained from scratch with {self.many}; 95 % t interval (Student) over folds"
        )
        count = len(differences)
        return Evidence(CLAIM, words, *seed_interval(differences), "points", count, "fold", seeds=count)
