"""Units that are known to do nothing can go for nothing, and the orders that see it know it beforehand."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any

import application_toys as toys
import numpy as np
import pytest
import torch

from metrics.crossed_difference import crossed_difference
from replications.suite.interface import Outcome
from replications.survey.applications.pruning import BACKWARDS, DECONVNET, DISSECTION, FREQUENCY, NORM, RANDOM, Pruning

DEAD = 4  # of 16 units

PRUNING = Pruning(
    layers=[2],
    concepts=toys.CONCEPTS,
    dissected=30,
    ranked=40,
    seeds=2,
    images=100,
    first=100,
    draws=3,
    shares=[0, 0.25, 0.5, 0.75, 1],
    tolerated=0.9,
    liked=2,
    shown=2,
)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return PRUNING.run(toys.given(network=toys.network(dead=DEAD)))


def values(outcome: Outcome, name: str) -> tuple[float, ...]:
    return tuple(next(m.values for m in outcome.measurements if m.name == name))


def test_dead_units_go_first_where_an_order_sees_them(outcome: Outcome) -> None:
    # the dead ones have no weights, no activation, no projection and no concept
    for order in (DISSECTION, DECONVNET, FREQUENCY, NORM):
        assert min(values(outcome, f"removable/layer 2/{order}")) >= DEAD / 16
    areas = {order: np.mean(values(outcome, f"area/layer 2/{order}")) for order in (DECONVNET, NORM, BACKWARDS)}
    assert areas[DECONVNET] > areas[BACKWARDS]
    assert areas[NORM] > areas[BACKWARDS]


def test_the_area_is_that_of_the_network_with_units_removed_one_by_one(outcome: Outcome) -> None:
    """The order by norms, restated: units removed in the weights themselves."""
    network, images = toys.network(dead=DEAD), toys.images()
    context = toys.given(network=network)
    left = torch.arange(100, 240)
    chosen = left[torch.randperm(140, generator=context.generator("tested"))[:100]]
    layers, last = toys.modules(dead=DEAD), network.node("fc3").module
    ties = torch.randperm(16, generator=context.generator("ties", 2)).tolist()
    norms = layers["conv2"].weight.detach().abs().sum((1, 2, 3))  # type: ignore[union-attr,operator]
    order = sorted(range(16), key=lambda unit: (float(norms[unit]), ties[unit]))
    accuracies = []
    for removed in (0, 4, 8, 12, 16):
        conv = layers["conv2"]
        with torch.no_grad():
            conv.weight[order[:removed]] = 0  # type: ignore[operator,union-attr,index]
            conv.bias[order[:removed]] = 0  # type: ignore[operator,union-attr,index]
            below = torch.nn.Sequential(layers["conv1"], layers["relu1"], layers["pool1"], conv, layers["relu2"])
            logits = last(below((images.images(chosen) - 0.5) / 0.25).flatten(1))
        accuracies.append(float((logits.argmax(1) == images.labels[chosen]).double().mean()))
    expected = sum((a + b) / 2 for a, b in itertools.pairwise(accuracies)) / 4
    assert values(outcome, f"area/layer 2/{NORM}") == pytest.approx((expected,))
    assert accuracies[0] == 1


def test_the_table_sets_every_order_against_random_ones(outcome: Outcome) -> None:
    rows = {row[1]: row for row in outcome.tables[0].rows}
    assert set(rows) == {DISSECTION, BACKWARDS, DECONVNET, FREQUENCY, NORM, RANDOM}
    assert rows[RANDOM][3] is None
    difference = np.mean(values(outcome, f"area/layer 2/{NORM}")) - np.mean(values(outcome, f"area/layer 2/{RANDOM}"))
    assert str(rows[NORM][3]).startswith(f"{difference:.3f} (")
    assert not outcome.evidence
    assert "classifies 100.0 % of 100 images correctly" in outcome.notes[0]
    assert {picture.name for picture in outcome.pictures} == {"curves", "units-by-dissection", "units-by-deconvnet"}
    curves = next(p for p in outcome.pictures if p.name == "curves").arrays["layer_2_random"]
    assert curves.shape == (5, 3)
    assert crossed_difference(curves.T, curves.T).estimate == 0


def test_what_is_removable_ends_where_the_accuracy_first_falls() -> None:
    assert PRUNING._removable(np.array([1.0, 0.95, 0.8, 0.95, 0.1])) == 0.25
    assert PRUNING._removable(np.array([0.8, 0.8, 0.75, 0.73, 0.72])) == 1.0
    assert PRUNING._removable(np.array([0.8, 0.1, 0.8, 0.8, 0.8])) == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layers": [3]}, r"feature maps of layers \[3\]"),
        ({"ranked": 200}, "needs 400 training images to rank units on, found 240"),
        ({"dissected": 31}, "needs 62 images with concepts, found 60"),
        ({"concepts": None}, "needs images whose concepts are labelled"),
        ({"first": 239}, "needs more than 240 validation images, found 240"),
    ],
)
def test_what_is_lacking_is_said_in_a_sentence(changes: dict[str, Any], said: str) -> None:
    assert PRUNING.missing(toys.given()) is None
    lacking = dataclasses.replace(PRUNING, **changes).missing(toys.given())
    assert lacking is not None
    assert lacking.count("\n") == 0
    assert re.search(said, lacking)


@pytest.mark.parametrize("changes", [{"shares": [0, 0.5]}, {"shares": [0.1, 0.5, 1]}, {"layers": []}, {"draws": 0}])
def test_parameters_that_measure_nothing_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        dataclasses.replace(PRUNING, **changes)
