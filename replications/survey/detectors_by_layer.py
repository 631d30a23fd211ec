"""Detectors by category and layer: what kinds of concepts the units of each layer find.

Bau et al. 2017 (Sec. 3.1 and Fig. 5) show for AlexNet that colours and textures are detected in lower layers, objects
and parts in higher ones; no number of theirs is known, so nothing here has a verdict. Measured for each layer are its
unique detectors by both counting rules (the best label of a unit, "top", as in the paper's text; its best of every
category, "per category", as in the released statistics), the share of units that detect anything, and among these the
share whose best label is an object or a part. Intervals are over images, resampled in blocks that are the same for all
layers (95 %, bias-corrected bootstrap).

A unit is above its threshold at 0.005 of all positions, so a concept that covers much more of the images than that is
out of the reach of any unit: if the unit marked nothing else, its IoU with a concept of area A would be 0.005 / A of
the images' area. Which concepts are within reach is said in a table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from metrics.statistics import Interval
from replications.suite.interface import Context, Measurement, Outcome, Table
from replications.survey.detector_counts import RULES, Counts, as_they_are, counts, resampled
from replications.survey.detectors_by_layer_drawing import picture_of_layers
from replications.survey.dissected_layers import DissectedLayers
from replications.survey.dissection.bootstrap import bias_corrected
from replications.survey.dissection.dissection import FEWEST_IMAGES
from replications.survey.dissection.result import Dissection
from replications.survey.dissection.rules import THRESHOLD, Rule

THINGS = ("object", "part")
RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Layer:
    """What a layer's units detect; of each number the first is of all images, the others of resamples."""

    number: int
    name: str
    units: int
    found: Mapping[Rule, Counts]

    @property
    def categories(self) -> list[str]:
        return list(self.found["top"].unique)

    def unique(self, rule: Rule) -> Interval:
        """Concepts that a unit detects."""
        return _interval(self.found[rule].total)

    def detecting(self) -> Interval:
        """Percent of the units that detect anything."""
        return _interval(100 * self.found["top"].detectors / self.units)

    def things(self) -> Interval | None:
        """Percent of the units that detect anything whose best label is an object or a part; None where none does."""
        counted = self.found["top"]
        of_things = np.sum([counted.units[category] for category in THINGS if category in counted.units], axis=0)
        some = counted.detectors > 0
        return _interval(100 * (of_things / np.maximum(1, counted.detectors))[some]) if some[0] else None


@dataclasses.dataclass(frozen=True)
class DetectorsByLayer(DissectedLayers):
    """See `DissectedLayers`."""

    name: ClassVar[str] = "detectors_by_layer"
    title: ClassVar[str] = "Detectors by category and layer"

    def run(self, context: Context) -> Outcome:
        concepts, dissected = self.dissected(context)
        layers = [_layer(number, one, context.seed) for number, one in dissected.items()]
        measurements = []
        for layer in layers:
            for rule in RULES:
                for category in layer.categories:
                    values = [float(layer.found[rule].unique[category][0])]
                    name = f"unique detectors/layer {layer.number}/{category}/{rule}"
                    measurements.append(Measurement(name, values, "concepts", "layer"))
            share = [layer.detecting().estimate]
            measurements.append(Measurement(f"detecting/layer {layer.number}", share, "% of units", "layer"))
        return Outcome(
            measurements=measurements,
            tables=[
                *(_table(layers, rule) for rule in RULES),
                _table_of_units(layers),
                _table_of_reach(next(iter(dissected.values())), concepts.size),
            ],
            pictures=[picture_of_layers(layers)],
        )


def _layer(number: int, dissection: Dissection, seed: int) -> Layer:
    weights = np.concatenate([as_they_are(dissection.blocks), resampled(dissection.blocks, RESAMPLES, seed)])
    return Layer(number, dissection.layer, dissection.units, counts(dissection, THRESHOLD, weights))


def _interval(values: ArrayLike) -> Interval:
    numbers = np.asarray(values, dtype=np.float64)
    return bias_corrected(float(numbers[0]), numbers[1:], CONFIDENCE)


def _cell(interval: Interval) -> str:
    return "{:.1f} ({:.1f} to {:.1f})".format(*interval)


def _table(layers: Sequence[Layer], rule: Rule) -> Table:
    rows: list[list[str | float | None]] = [
        [
            f"layer {layer.number} ({layer.name})",
            layer.units,
            *(_cell(_interval(layer.found[rule].unique[category])) for category in layer.categories),
            _cell(layer.unique(rule)),
        ]
        for layer in layers
    ]
    told = {
        "top": "A unit detects the concept of highest IoU alone, where that is above 0.04 (the paper's text).",
        "per category": "A unit detects its best concept of every category where the IoU is above 0.04 (the authors' "
        "released statistics).",
    }
    caption = f"Concepts that at least one unit detects. {told[rule]} With 95 % intervals over images."
    columns = ["layer", "units", *layers[0].categories, "all"]
    return Table(f"unique_{rule.replace(' ', '_')}", f"Unique detectors, {rule}", columns, rows, caption)


def _table_of_units(layers: Sequence[Layer]) -> Table:
    rows: list[list[str | float | None]] = []
    for layer in layers:
        things, by_category = layer.things(), layer.found["top"].units
        numbers = [int(by_category[category][0]) for category in layer.categories]
        cells = [_cell(layer.detecting()), None if things is None else _cell(things)]
        rows.append([f"layer {layer.number} ({layer.name})", layer.units, *numbers, *cells])
    caption = (
        "Units by the category of their best label, where its IoU is above 0.04. The last columns with 95 % intervals "
        "over images: units that detect anything, and among these the objects and parts."
    )
    columns = ["layer", "units", *layers[0].categories, "% of units that detect", "% of these: object or part"]
    return Table("units", "Units that detect, by their best label", columns, rows, caption)


def within_reach(dissection: Dissection, category: str, size: int) -> int:
    """Concepts of a category with which a unit could have an IoU above the threshold, were it where the concept is.

    A unit marks `quantile` of all pixels of the images, of `size` x `size`; interpolation shifts that a little.
    """
    marked = dissection.quantile * dissection.images * size**2
    areas = dissection.concept_areas[category].sum(0)[dissection.counted[category]]
    return int((np.minimum(areas, marked) > THRESHOLD * np.maximum(areas, marked)).sum())


def _table_of_reach(dissection: Dissection, size: int) -> Table:
    rows: list[list[str | float | None]] = []
    for category in dissection.categories:
        counted = dissection.counted[category]
        shares = 100 * dissection.concept_areas[category].sum(0)[counted] / (dissection.images * size**2)
        middle = float(np.median(shares)) if len(shares) else None
        reach = within_reach(dissection, category, size)
        rows.append([category, int(counted.sum()), reach, None if middle is None else round(middle, 3)])
    caption = (
        f"A unit is above its threshold at {100 * dissection.quantile:g} % of all positions. A concept is within reach "
        f"where a unit that marks as much, in the concept alone or around all of it, would have an IoU above "
        f"{THRESHOLD:g}; a concept that covers more than {100 * dissection.quantile / THRESHOLD:g} % of all pixels "
        f"isn't, whatever the network. Counted are concepts that at least {FEWEST_IMAGES} images show."
    )
    columns = ["category", "concepts", "within reach", "median % of all pixels"]
    return Table("reach", "Which concepts a unit could detect", columns, rows, caption)
