"""Trained against random weights, where what is detected is planted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coloured_squares import CONCEPTS, context, network, plant, slow_iou, squares

from replications.survey.known_networks import with_random_weights
from replications.survey.random_weights import RandomWeights

SHARED = "replications.survey.trained_and_random"
EXPERIMENT = RandomWeights(networks={"planted": {"name": "planted"}}, layer=5, concepts={}, draws=3, batch=16)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    plant(monkeypatch, tmp_path, SHARED, {"planted": network()})
    return context(network())


def slow_unique(given: Any) -> tuple[int, int]:
    """Unique detectors by the two rules, from maps and labels."""
    concepts = squares()
    with torch.inference_mode():
        maps = given.forward_to("relu1", concepts.images.images(range(60)))
    labels = concepts.labels(range(60))
    ious = {
        (category, name): slow_iou(maps, labels[category], number)
        for category, names in CONCEPTS.items()
        for number, name in enumerate(names, 1)
    }
    top, per_category = set(), set()
    for unit in range(maps.shape[1]):
        of_unit = {concept: float(iou[unit]) for concept, iou in ious.items() if iou[unit] > 0.04}
        if of_unit:
            top.add(max(of_unit, key=lambda concept: of_unit[concept]))
        for category in CONCEPTS:
            within = {concept: iou for concept, iou in of_unit.items() if concept[0] == category}
            if within:
                per_category.add(max(within, key=lambda concept: within[concept]))
    return len(top), len(per_category)


def test_the_planted_network_detects_its_colours_and_what_has_them(planted: Any) -> None:
    outcome = EXPERIMENT.run(planted)
    values = {m.name: m.values for m in outcome.measurements}
    assert values["unique detectors/trained/top/all"] == (3.0,)
    assert values["unique detectors/trained/per category/all"] == (5.0,)
    assert values["unique detectors/trained/per category/object"] == (2.0,)
    assert values["detecting/trained"] == (75.0,)
    assert slow_unique(network()) == (3, 5)


def test_random_weights_are_counted_draw_by_draw_and_the_difference_is_tested(planted: Any) -> None:
    outcome = EXPERIMENT.run(planted)
    values = {m.name: m.values for m in outcome.measurements}
    slow = [slow_unique(with_random_weights(network(), 0, i)) for i in range(3)]
    assert values["unique detectors/random weights/top/all"] == tuple(float(top) for top, _ in slow)
    assert values["unique detectors/random weights/per category/all"] == tuple(float(own) for _, own in slow)
    (evidence,) = outcome.evidence
    assert evidence.claim == "ND-C-trained-more"
    assert evidence.effect == pytest.approx(5 - np.mean([own for _, own in slow]))
    assert (evidence.n, evidence.seeds, evidence.expected[0]) == (3, 3, 0)
    assert evidence.low < evidence.effect < evidence.high


def test_what_the_authors_released_stands_beside(planted: Any) -> None:
    beside = {m.name: (m.reported, m.cell) for m in EXPERIMENT.run(planted).measurements}
    assert beside["unique detectors/trained/per category/all"] == ("ND-U02", "unique")
    assert beside["unique detectors/random weights/per category/colour"] == ("ND-U01", "colour")
    assert beside["unique detectors/trained/top/all"] == ("ND-V1", "top")
    assert beside["unique detectors/random weights/top/all"] == (None, None)


def test_every_network_is_tested_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = network([(1.0, -1.0, -1.0), (-1.0, -1.0, -1.0)], "few")
    plant(monkeypatch, tmp_path, SHARED, {"planted": network(), "few": few})
    both = dataclasses.replace(EXPERIMENT, networks={name: {"name": name} for name in ("planted", "few")})
    outcome = both.run(context(network()))
    values = {m.name: m.values for m in outcome.measurements}
    assert values["unique detectors/trained/per category/all"] == (5.0, 2.0)
    assert ["in relu1 of planted" in e.statistic for e in outcome.evidence] == [True, False]
    assert [row[:2] for row in outcome.tables[0].rows] == [
        [rule, name] for rule in ("top", "per category") for name in ("planted", "few")
    ]


def test_what_is_lacking_is_said() -> None:
    assert "needs trained networks; choose some" in str(dataclasses.replace(EXPERIMENT, networks=None).missing(None))  # type: ignore[arg-type]
    weights = {"name": "a", "weights": "results/weights/zfnet_small.safetensors", "unit_layers": {5: "relu5"}}
    lacking = dataclasses.replace(EXPERIMENT, networks={"a": weights}, concepts=None)
    assert "needs images whose concepts are labelled" in str(lacking.missing(None))  # type: ignore[arg-type]


def test_one_draw_of_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 draws, found 1"):
        dataclasses.replace(EXPERIMENT, draws=1)
