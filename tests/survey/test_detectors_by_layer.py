"""Detectors by layer: planted ones are counted, and what no unit could reach is known in closed form."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coloured_squares import context, network, plant, squares

from replications.survey.detectors_by_layer import DetectorsByLayer, within_reach
from replications.survey.dissection.dissection import dissect

EXPERIMENT = DetectorsByLayer(layers=[1, 5], concepts={}, batch=16)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    plant(monkeypatch, tmp_path, "replications.survey.dissected_layers")
    return context(network())


def test_planted_units_are_counted_by_category_and_rule(planted: Any) -> None:
    outcome = EXPERIMENT.run(planted)
    values = {m.name: m.values for m in outcome.measurements}
    for layer in (1, 5):
        assert values[f"unique detectors/layer {layer}/colour/top"] == (3.0,)
        assert values[f"unique detectors/layer {layer}/object/top"] == (0.0,)
        assert values[f"unique detectors/layer {layer}/colour/per category"] == (3.0,)
        assert values[f"unique detectors/layer {layer}/object/per category"] == (2.0,)
        assert values[f"detecting/layer {layer}"] == (75.0,)
    top, per_category, units, _ = outcome.tables
    assert str(top.rows[0][-1]).startswith("3.0 (")
    assert str(per_category.rows[0][-1]).startswith("5.0 (")
    assert units.rows[0][:4] == ["layer 1 (relu1)", 4, 3, 0]
    assert str(units.rows[0][-1]).startswith("0.0 (")  # none of the best labels is an object
    assert not outcome.evidence


def test_concepts_too_large_or_too_small_are_out_of_reach() -> None:
    """A unit marks 0.005 of all pixels, so a concept of more than 0.125 or less than 0.0002 of them is out of reach."""
    found = dissect(network(), ["relu1"], squares(), blocks=10)["relu1"]
    pixels = 60 * 16**2
    shares = np.array([0.0, 0.13, 0.12, 0.0003, 0.00015])
    areas = np.zeros((10, 5), dtype=np.int64)
    areas[0] = np.round(shares * pixels * 1000)
    large = dataclasses.replace(
        found, images=60_000, concept_areas={"colour": areas}, counted={"colour": np.arange(5) > 0}
    )
    assert within_reach(large, "colour", 16) == 2
    assert within_reach(found, "colour", 16) == 3


def test_what_is_lacking_is_said(planted: Any) -> None:
    assert "needs the paper's layers [2, 3]" in str(dataclasses.replace(EXPERIMENT, layers=[1, 2, 3]).missing(planted))
    assert "needs images whose concepts" in str(dataclasses.replace(EXPERIMENT, concepts=None).missing(planted))
    with pytest.raises(ValueError, match="at least one layer, found none"):
        dataclasses.replace(EXPERIMENT, layers=[])
