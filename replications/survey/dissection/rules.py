"""What counts as a detector, by the paper's text and by the authors' released script.

"top": a unit has one label, the concept of any category with its largest IoU (Bau et al. 2017, Sec. 2.2: "we choose
the top ranked label"). "per category": a unit has a label in every category, its best there, as in the released script.
By both a label counts where its IoU is above 0.04, and unique detectors are the concepts that label some unit. The
second rule finds more: 61 against 50 for AlexNet on ImageNet in the authors' released statistics.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from replications.survey.dissection.result import Dissection

Rule = Literal["top", "per category"]
THRESHOLD = 0.04  # Sec. 2.2


@dataclasses.dataclass(frozen=True)
class Detector:
    """A unit and a concept that it labels, with their intersection over union."""

    unit: int
    category: str
    concept: str
    iou: float


def labelled(dissection: Dissection, rule: Rule) -> list[Detector]:
    """The labels that the rule gives the units, by unit, however small their IoU; none where it is 0.

    Of equal ones the first category's and the first concept's. Raises ValueError for an unknown rule.
    """
    if rule not in get_args(Rule):
        raise ValueError(f"expected the rule to be one of {', '.join(get_args(Rule))}, found '{rule}'")
    best: list[list[Detector]] = [[] for _ in range(dissection.units)]
    for category, names in dissection.concepts.items():
        iou = dissection.iou(category)
        for unit, concept in enumerate(iou.argmax(1).tolist()):
            if iou[unit, concept] > 0:
                best[unit].append(Detector(unit, category, names[concept], float(iou[unit, concept])))
    if rule == "top":
        best = [[max(of_unit, key=lambda detector: detector.iou)] if of_unit else [] for of_unit in best]
    return [detector for of_unit in best for detector in of_unit]
