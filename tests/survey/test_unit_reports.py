"""Unit reports of planted detectors."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from coloured_squares import context, network, plant, slow_iou, squares

from metrics.statistics import Interval
from replications.survey.dissection.rules import Detector
from replications.survey.unit_reports import Report, UnitReports, best_of_each_category
from replications.survey.unit_reports_drawing import outlined

EXPERIMENT = UnitReports(layers=[5], concepts={}, listed=2, shown=2, images=5, drawn=3, batch=16)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    plant(monkeypatch, tmp_path, "replications.survey.dissected_layers")
    return context(network())


def test_planted_units_are_reported_with_what_they_detect(planted: Any) -> None:
    outcome = dataclasses.replace(EXPERIMENT, listed=9).run(planted)
    (table,) = outcome.tables
    assert {row[0]: row[1:3] for row in table.rows} == {
        0: ["red", "colour"],
        1: ["green", "colour"],
        2: ["blue", "colour"],
    }
    concepts = squares()
    with torch.inference_mode():
        maps = network().forward_to("relu1", concepts.images.images(range(60)))
    labels = concepts.labels(range(60))["colour"]
    slow = {unit: float(slow_iou(maps, labels, unit + 1)[unit]) for unit in range(3)}
    for unit, _, _, iou, shown, of_all in table.rows:
        estimate, _, rest = str(iou).partition(" (")
        low, high = rest.rstrip(")").split(" to ")
        assert float(estimate) == pytest.approx(slow[int(unit or 0)], abs=6e-4)
        assert float(low) <= float(estimate) <= float(high)
        assert (shown, of_all) == (100, pytest.approx(100 / 3, abs=0.1))
    values = {m.name: m.values for m in outcome.measurements}
    assert sorted(values["IoU/layer 5"]) == pytest.approx(sorted([*slow.values(), 0.0]))  # the last unit is dead
    assert values["seen/layer 5"] == (1.0, 1.0, 1.0)
    assert [picture.name for picture in outcome.pictures] == ["layer_5"]


def test_the_table_lists_as_many_as_are_asked_for_best_first(planted: Any) -> None:
    (table,) = EXPERIMENT.run(planted).tables
    ious = [float(str(row[3]).partition(" ")[0]) for row in table.rows]
    assert len(ious) == 2
    assert ious == sorted(ious, reverse=True)
    assert "3 of 4 units detect something" in table.caption


def test_a_layer_without_detectors_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, tmp_path, "replications.survey.dissected_layers")
    outcome = EXPERIMENT.run(context(network([(-1.0, -1.0, -1.0)])))
    assert outcome.notes == ["No unit of layer 5 (relu1) detects anything."]
    assert not outcome.tables
    assert not outcome.pictures


def test_of_each_category_the_best_units_of_different_concepts_are_shown() -> None:
    def report(unit: int, category: str, concept: str) -> Report:
        return Report(Detector(unit, category, concept, 0.1), Interval(0.1, 0.1, 0.1), torch.zeros(1), 1.0, 1.0)

    given = [report(0, "part", "ear"), report(1, "object", "dog"), report(2, "part", "ear"), report(3, "part", "eye")]
    given += [report(4, "part", "tail")]
    chosen = best_of_each_category(given, ["object", "part", "scene"], 2)
    assert [one.detector.unit for one in chosen] == [1, 0, 3]


def test_regions_stay_bright_and_both_outlines_are_drawn_inside_their_masks() -> None:
    images = torch.full((1, 3, 128, 128), 0.8)
    region, label = torch.zeros(2, 1, 128, 128, dtype=torch.bool)
    region[0, 10:20, 10:20] = True
    label[0, 40:60, 40:60] = True
    drawn = outlined(images, region, label)[0]
    assert drawn.shape == (3, 128, 128)
    assert torch.equal(drawn[:, 12:18, 12:18], images[0, :, 12:18, 12:18])
    assert drawn[:, 50, 50].tolist() == pytest.approx([0.32] * 3)
    assert drawn[:, 10, 15].tolist() == pytest.approx([1.0, 0.85, 0.0])
    assert drawn[:, 40, 50].tolist() == pytest.approx([0.0, 0.9, 1.0])
    assert drawn[:, 9, 15].tolist() == pytest.approx([0.32] * 3)
    assert outlined(images[:, :, :16, :16], region[:, :16, :16], label[:, :16, :16]).shape == (1, 3, 128, 128)


def test_what_is_lacking_is_said(planted: Any) -> None:
    assert "needs the paper's layers [2]" in str(dataclasses.replace(EXPERIMENT, layers=[2, 5]).missing(planted))
    assert "needs images whose concepts" in str(dataclasses.replace(EXPERIMENT, concepts=None).missing(planted))


@pytest.mark.parametrize("changes", [{"layers": []}, {"listed": 0}, {"shown": 0}, {"drawn": 6}, {"drawn": 0}])
def test_nothing_to_report_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected at least 1 layer, 1 unit listed and 1 shown"):
        dataclasses.replace(EXPERIMENT, **changes)
