"""Detectors under rotations: counted as in dissections made one by one, and a layer that a rotation must ruin."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coloured_squares import context, network, plant, squares

from replications.survey.detector_counts import RULES
from replications.survey.dissection.dissection import dissect
from replications.survey.dissection.rules import Rule
from replications.survey.rotation import Rotated, Rotation
from replications.survey.rotations import fractional_power, random_rotation

EXPERIMENT = Rotation(layer=5, concepts={}, rotations=3, alphas=[0.5, 1.0], views=3, batch=16)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    plant(monkeypatch, tmp_path, "replications.survey.rotation")
    return context(network())


def test_each_rotation_is_counted_as_if_dissected_by_itself(planted: Any) -> None:
    outcome = EXPERIMENT.run(planted)
    values = {m.name: m.values for m in outcome.measurements}
    slow: dict[tuple[Rule, float], list[float]] = {}
    for i in range(3):
        rotation = random_rotation(4, planted.generator("rotation", i))
        for alpha in EXPERIMENT.alphas:
            matrix = fractional_power(rotation, alpha).float()
            found = dissect(network(), ["relu1"], squares(), transform={"relu1": matrix})["relu1"]
            for rule in RULES:
                slow.setdefault((rule, alpha), []).append(float(found.unique(rule)))
    for (counted, alpha), numbers in slow.items():
        assert values[f"unique detectors/alpha {alpha:g}/{counted}"] == tuple(numbers)
    assert values["unique detectors/not rotated/top"] == (3.0,)
    fewer, falls = outcome.evidence
    full = np.array(slow["top", 1.0])
    assert fewer.claim == "ND-C-rotation-fewer"
    assert fewer.effect == pytest.approx(3 - full.mean())
    assert values["fewer/top"] == pytest.approx(100 * (1 - full / 3))
    slopes = [
        np.polyfit([0, 0.5, 1], [3.0, half, whole], 1)[0] for half, whole in zip(slow["top", 0.5], full, strict=True)
    ]
    assert falls.claim == "ND-C-rotation-angle"
    assert falls.effect == pytest.approx(np.mean(slopes))
    assert falls.expected[1] == 0
    assert {(e.n, e.seeds, e.over) for e in outcome.evidence} == {(3, 3, "rotation")}


def test_how_many_views_go_through_the_network_together_changes_nothing(planted: Any) -> None:
    first, second = (dataclasses.replace(EXPERIMENT, views=views).run(planted) for views in (1, 7))
    assert [m.values for m in first.measurements] == [m.values for m in second.measurements]


def test_the_share_of_the_paper_stands_beside_the_tested_rule_alone(planted: Any) -> None:
    beside = {m.name: m.reported for m in EXPERIMENT.run(planted).measurements}
    assert beside["fewer/top"] == "ND-R1"
    assert [name for name, reported in beside.items() if reported] == ["fewer/top"]


def test_a_layer_that_detects_nothing_has_nothing_to_lose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, tmp_path, "replications.survey.rotation")
    outcome = EXPERIMENT.run(context(network([(-1.0, -1.0, -1.0), (-2.0, -1.0, -1.0)])))
    assert "Nothing is detected without a rotation (top)" in " ".join(outcome.notes)
    assert not [m for m in outcome.measurements if m.name.startswith("fewer")]
    assert [e.holds for e in outcome.evidence] == [False, False]


def test_intervals_are_over_rotations_and_images() -> None:
    """Rotations that agree leave the images' spread alone; images that agree that of the rotations."""
    rotated = Rotated("relu1", 4, 50, (0.0, 1.0), {})
    images = np.random.default_rng(0).normal(0, 1, (1, 1000))
    of_images = rotated.interval(np.concatenate([np.full((5, 1), 4.0), np.repeat(images, 5, 0)], 1))
    assert of_images.high - of_images.estimate == pytest.approx(2.01 * images.std(), rel=0.02)
    numbers = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    of_rotations = rotated.interval(np.repeat(numbers[:, None], 3, 1))
    assert of_rotations.high - of_rotations.estimate == pytest.approx(2.776 * numbers.std(ddof=1) / 5**0.5, rel=1e-3)


def test_what_is_lacking_is_said(planted: Any) -> None:
    assert "needs the paper's layer 3, which network 'planted' doesn't name" in str(
        dataclasses.replace(EXPERIMENT, layer=3).missing(planted)
    )
    assert "needs images whose concepts are labelled" in str(
        dataclasses.replace(EXPERIMENT, concepts=None).missing(planted)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rotations": 1}, "at least 2 rotations and 1 view"),
        ({"views": 0}, "at least 2 rotations and 1 view"),
        ({"alphas": []}, "alphas above 0 in ascending order up to 1"),
        ({"alphas": [0.0, 1.0]}, "alphas above 0 in ascending order up to 1"),
        ({"alphas": [0.5, 0.9]}, "alphas above 0 in ascending order up to 1"),
    ],
)
def test_what_can_t_be_measured_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(EXPERIMENT, **changes)
