"""How many types of images a unit likes, where that is known."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from planted_context import CLUSTERING, context
from planted_facets import network

from replications.multifaceted.hidden_units import HiddenUnits, effective_number

UNITS = HiddenUnits(
    layers=[1, 7],
    images=100,
    liked=20,
    units=5,
    draws=50,
    clustered=7,
    clustering=CLUSTERING,
    shown={1: 1, 7: 2},
    shown_clusters=2,
    largest_map=None,
)


@pytest.mark.parametrize(
    ("labels", "number"),
    [([3, 3, 3], 1), ([0, 1, 2, 3], 4), ([5, 5, 7, 7, 9, 9], 3), ([0, 0, 0, 1], 4 / 3**0.75)],
)
def test_the_effective_number_of_labels(labels: list[int], number: float) -> None:
    assert effective_number(torch.tensor(labels)) == pytest.approx(number)


def test_the_types_are_those_of_the_images_that_excite_a_unit_most() -> None:
    given = context(per_class=60)
    images = given.data.validation
    outcome = dataclasses.replace(UNITS, images=120, units=100).run(given)
    values = {m.name: m.values for m in outcome.measurements}
    with torch.inference_mode():
        responses = given.network.forward_to("relu1", images.images(torch.arange(120))).amax((2, 3))
    slow = []
    for unit in range(responses.shape[1]):
        if int((responses[:, unit] > responses[:, unit].min()).sum()) >= 20:
            best = responses[:, unit].sort(descending=True, stable=True).indices[:20]
            slow.append(effective_number(images.facet_labels[best]))
    assert sorted(values["effective number of facets/trained/layer 1"]) == pytest.approx(sorted(slow))
    assert {e.claim for e in outcome.evidence} == {"MFV-C-hidden-multifaceted"}
    assert [e.expected[0] for e in outcome.evidence] == [2, 2]
    at_random = outcome.tables[0].rows[-1]
    assert 4 < float(at_random[1] or 0) < 5  # five facets, twenty images


def test_dead_layers_are_left_out_and_said_so() -> None:
    given = context()
    given.network = network(dead=True)
    outcome = dataclasses.replace(UNITS, layers=[1], shown={}).run(given)
    assert "Layer 1, trained: 0 units measured; 6 dead on these images and 0" in " ".join(outcome.notes)
    assert not outcome.evidence
    assert {m.name.split("/")[1] for m in outcome.measurements} == {"untrained"}


def test_what_is_lacking_is_said_before_anything_runs() -> None:
    assert UNITS.missing(context()) is None
    assert "needs the paper's layers [2], which network 'small'" in str(
        dataclasses.replace(UNITS, layers=[1, 2]).missing(context())
    )
    few = str(dataclasses.replace(UNITS, images=30).missing(context()))
    assert "needs at least 40 images, twice as many as a unit is given, and looks at 30" in few
    assert "needs images whose facets are known" in str(UNITS.missing(context(known=False)))


@pytest.mark.parametrize("changes", [{"layers": []}, {"liked": 0}, {"draws": 0}])
def test_nothing_to_measure_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected at least 1 layer, 1 image that a unit likes and 1 draw"):
        dataclasses.replace(UNITS, **changes)
