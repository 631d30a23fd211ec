"""Stronger regularizers give smoother pictures whose features fit less; the numbers are what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from inversion_context import context

from replications.survey import preimages
from replications.survey.inversion import Inversion, Stage
from replications.survey.regularizer_strength import UNITS, RegularizerStrength


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preimages, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))


def experiment(**changes: Any) -> RegularizerStrength:
    settings: dict[str, Any] = {
        "layers": ["conv1", "fc3"],
        "at_most": None,
        "inversion": Inversion(stages=(Stage(60, 4e-3),)),
        "strengths": [2e3, 2e5],  # for pictures of five pixels, about 1 and 100
        "images": 3,
        "reference": 5,
        "statistics": 8,
        "batch": 3,
        "shown": 1,
    }
    return RegularizerStrength(**{**settings, **changes})


def test_more_of_the_regularizer_is_smoother_and_fits_less(tmp_path: Path) -> None:
    outcome = experiment().run(context(tmp_path))
    values = {m.name: torch.tensor(m.values) for m in outcome.measurements}
    names = {f"{name}/{layer}-weight-{s}" for name in UNITS for layer in ("conv1", "fc3") for s in ("2000", "200000")}
    assert set(values) == names
    for layer in ("conv1", "fc3"):
        assert (values[f"roughness/{layer}-weight-200000"] < values[f"roughness/{layer}-weight-2000"]).all()
    assert (values["feature error/conv1-weight-200000"] > values["feature error/conv1-weight-2000"]).all()
    row = outcome.tables[0].rows[0]
    difference = values["feature error/conv1-weight-200000"] - values["feature error/conv1-weight-2000"]
    assert str(row[3]).startswith(f"{difference.mean():+.1f} (")
    assert {p.name for p in outcome.pictures} == {"strengths", "trade"}
    assert len(outcome.tables[0].columns) == len(row)
    assert not outcome.evidence


def test_starts_are_the_same_for_every_layer_and_strength(tmp_path: Path) -> None:
    one = experiment(inversion=Inversion(stages=(Stage(1, 1e-9),)), images=2).run(context(tmp_path))
    values = {m.name: m.values for m in one.measurements}
    # with so short a step pictures stay what they start from
    assert values["roughness/conv1-weight-2000"] == pytest.approx(values["roughness/fc3-weight-200000"], rel=1e-3)
    assert values["image error/conv1-weight-2000"] == pytest.approx(values["image error/fc3-weight-200000"], rel=1e-3)


def test_what_it_needs_of_settings(tmp_path: Path) -> None:
    assert experiment().missing(context(tmp_path)) is None
    assert "needs the layers ['conv9']" in str(experiment(layers=["conv9"]).missing(context(tmp_path)))
    for changes in ({"strengths": [1.0]}, {"strengths": [10.0, 1.0]}, {"images": 1}, {"shown": 0}):
        with pytest.raises(ValueError, match="expected at least 2 strengths that rise"):
            experiment(**changes)
