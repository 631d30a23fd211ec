"""Unit reports: the concept that each unit detects, how well, and the images that excite it most with the region.

Bau et al. 2017 (Sec. 2 and Fig. 1, 4, 6) report a unit by its best label, the IoU and its top images, of which only the
pixels above the unit's threshold are shown. So do these, and say how sure the IoU is (95 %, bias-corrected bootstrap
over images), and in how many of the images that excite the unit most the concept is seen at all, beside its share of
all images: a label by IoU need not be what a unit's strongest images are about.

Detectors are counted by the paper's text: the best label of a unit where its IoU is above 0.04. Nothing here is
compared with a number of the paper's, so nothing has a verdict.

How units are chosen: the table has those of highest IoU; the pictures show, for each category, the units of highest IoU
whose best label is of it, each of another concept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from metrics.statistics import Interval
from replications.data.concepts.concept_set import ConceptSet
from replications.suite.interface import Context, Measurement, Outcome, Table
from replications.survey.detector_counts import resampled
from replications.survey.dissected_layers import DissectedLayers
from replications.survey.dissection.bootstrap import bias_corrected
from replications.survey.dissection.result import Dissection
from replications.survey.dissection.rules import Detector
from replications.survey.dissection.upsampling import Grid
from replications.survey.unit_reports_drawing import Row, picture_of_units

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Report:
    """Of one unit that detects something.

    iou: with its interval over images. images: (n,) those that excite the unit most, strongest first. shows: the share
    of these in which the concept is seen; of_all: of all images.
    """

    detector: Detector
    iou: Interval
    images: Tensor
    shows: float
    of_all: float


@dataclasses.dataclass(frozen=True)
class UnitReports(DissectedLayers):
    """layers: numbers of the paper's layers. concepts: a configuration of conf/concepts. listed: units in a table.

    shown: units of each category in a picture. images: that excite a unit most. drawn: of these, in a picture.
    batch: images at a time.
    """

    name: ClassVar[str] = "unit_reports"
    title: ClassVar[str] = "What each unit detects"
    answers: ClassVar[tuple[str, ...]] = ("ND-01", "ND-02", "ND-03")

    listed: int
    shown: int
    images: int
    drawn: int

    def __post_init__(self) -> None:
        if not self.layers or min(self.listed, self.shown) < 1 or not 1 <= self.drawn <= self.images:
            raise ValueError(
                "expected at least 1 layer, 1 unit listed and 1 shown, and to draw 1 to all of a unit's images; found "
                f"layers={list(self.layers)}, listed={self.listed}, shown={self.shown}, images={self.images}, "
                f"drawn={self.drawn}"
            )

    def run(self, context: Context) -> Outcome:
        concepts, dissected = self.dissected(context)
        highest = self._highest(context, [one.layer for one in dissected.values()], concepts)
        outcome = Outcome()
        for number, dissection in dissected.items():
            name = dissection.layer
            reports = self._reports(dissection, concepts, highest[name], context.seed)
            outcome.measurements += _measurements(number, dissection, reports)
            if not reports:
                outcome.notes.append(f"No unit of layer {number} ({name}) detects anything.")
                continue
            outcome.tables.append(_table(number, dissection, reports[: self.listed], self.images))
            chosen = best_of_each_category(reports, dissection.categories, self.shown)
            rows = [self._row(context, dissection, concepts, report) for report in chosen]
            outcome.pictures.append(picture_of_units(number, name, rows))
        return outcome

    def _highest(self, context: Context, layers: Sequence[str], concepts: ConceptSet) -> dict[str, Tensor]:
        """By layer the highest activation of each unit in each image: (images, units)."""
        found: dict[str, list[Tensor]] = {layer: [] for layer in layers}
        batches = concepts.images.batches(self.batch)
        count = concepts.images.batch_count(self.batch)
        with torch.inference_mode():
            for _, images, _ in context.progress(batches, "looking for each unit's images", count):
                for layer, maps in context.network.activations(layers, images).items():
                    found[layer].append(maps.amax((2, 3)).cpu())
        return {layer: torch.cat(parts) for layer, parts in found.items()}

    def _reports(self, dissection: Dissection, concepts: ConceptSet, highest: Tensor, seed: int) -> list[Report]:
        """Of every unit that detects something, the highest IoU first."""
        detectors = sorted(dissection.detectors("top"), key=lambda one: (-one.iou, one.unit))
        if not detectors:
            return []
        strongest = highest.sort(dim=0, descending=True, stable=True).indices[: self.images]
        tops = strongest[:, [one.unit for one in detectors]].T
        wanted, places = tops.unique(return_inverse=True)
        labels = concepts.labels(wanted)
        reports = []
        for detector, iou, images, rows in zip(
            detectors, _intervals(dissection, detectors, seed), tops, places, strict=True
        ):
            number = dissection.concepts[detector.category].index(detector.concept)
            seen = (labels[detector.category] == number).flatten(1).any(1).expand(len(wanted))[rows]
            of_all = float(dissection.concept_images[detector.category][:, number].sum()) / dissection.images
            reports.append(Report(detector, iou, images, float(seen.float().mean()), of_all))
        return reports

    def _row(self, context: Context, dissection: Dissection, concepts: ConceptSet, report: Report) -> Row:
        network, layer, detector = context.network, dissection.layer, report.detector
        indices = report.images[: self.drawn]
        images = concepts.images.images(indices)
        with torch.inference_mode():
            maps = network.forward_to(layer, images)[:, detector.unit].float().cpu()
        regions = Grid.of(network, layer).upsample(maps) > float(dissection.thresholds[detector.unit])
        number = dissection.concepts[detector.category].index(detector.concept)
        labelled = (
            (concepts.labels(indices)[detector.category] == number).any(1).expand(len(indices), *images.shape[2:])
        )
        title = (
            f"unit {detector.unit}: {detector.concept} ({detector.category}), "
            "IoU {:.3f} ({:.3f} to {:.3f})".format(*report.iou)
        )
        return Row(title, images, regions, labelled)


def best_of_each_category(reports: Sequence[Report], categories: Sequence[str], count: int) -> list[Report]:
    """For each category the first `count` reports of different concepts, in the order given."""
    chosen: list[Report] = []
    for category in categories:
        by_concept: dict[str, Report] = {}
        for report in reports:
            if report.detector.category == category:
                by_concept.setdefault(report.detector.concept, report)
        chosen += list(by_concept.values())[:count]
    return chosen


def _intervals(dissection: Dissection, detectors: Sequence[Detector], seed: int) -> list[Interval]:
    """The IoU of each with its interval over images."""
    weights = resampled(dissection.blocks, RESAMPLES, seed)
    found = []
    for one in detectors:
        number = dissection.concepts[one.category].index(one.concept)
        both = weights @ dissection.intersections[one.category][:, one.unit, number]
        either = weights @ dissection.unit_areas[one.category][:, one.unit]
        either = either + weights @ dissection.concept_areas[one.category][:, number] - both
        values = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
        found.append(bias_corrected(one.iou, values, CONFIDENCE))
    return found


def _measurements(number: int, dissection: Dissection, reports: Sequence[Report]) -> list[Measurement]:
    best = np.max([dissection.iou(category).max(1) for category in dissection.categories], axis=0)
    found = [Measurement(f"IoU/layer {number}", best.tolist(), "IoU of a unit's best label", "unit", "higher")]
    if reports:
        unit = "share of the images that excite a unit most in which its concept is seen"
        shows = [report.shows for report in reports]
        found.append(Measurement(f"seen/layer {number}", shows, unit, "unit that detects", "higher"))
        found.append(
            Measurement(
                f"seen in all images/layer {number}",
                [report.of_all for report in reports],
                "share of all images in which the concept of a unit is seen",
                "unit that detects",
            )
        )
    return found


def _table(number: int, dissection: Dissection, reports: Sequence[Report], images: int) -> Table:
    rows: list[list[str | float | None]] = [
        [
            report.detector.unit,
            report.detector.concept,
            report.detector.category,
            "{:.3f} ({:.3f} to {:.3f})".format(*report.iou),
            round(100 * report.shows),
            round(100 * report.of_all, 1),
        ]
        for report in reports
    ]
    units = len(dissection.detectors("top"))
    caption = (
        f"{units} of {dissection.units} units detect something: their best label has an IoU above 0.04. Listed are the "
        f"{len(rows)} of highest IoU, with its 95 % interval over images, and in how many of the {images} images that "
        "excite the unit most, and of all images, the concept is seen."
    )
    columns = ["unit", "concept", "category", "IoU", f"% of top {images} that show it", "% of all images"]
    return Table(f"layer_{number}", f"Units of layer {number} ({dissection.layer})", columns, rows, caption)
