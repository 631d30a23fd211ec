"""Three ways back side by side: what must be equal is, and what can't be done is said."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from sanity_context import context

from replications.survey.deconvnet_and_gradients import EDGES, RANDOM, DeconvnetAndGradients
from replications.survey.ways_back import DECONVNET, GRADIENT, GUIDED, WAYS

WAYS_BACK = DeconvnetAndGradients(layers=[1, 2, 6], images=20, units=6, shown=2, share=0.2)


def test_they_differ_from_the_first_rectification_below_the_unit_on() -> None:
    outcome = WAYS_BACK.run(context())
    values = {m.name: m.values for m in outcome.measurements}
    for pair in (f"{DECONVNET} with {GUIDED}", f"{DECONVNET} with {GRADIENT}", f"{GUIDED} with {GRADIENT}"):
        # between a unit of layer 1 and the image there is no rectification but its own, which it passes
        assert values[f"agreement/{pair}/layer 1"] == pytest.approx([1] * len(values[f"agreement/{pair}/layer 1"]))
        assert sum(values[f"agreement/{pair}/layer 6"]) / len(values[f"agreement/{pair}/layer 6"]) < 0.99
    for way in WAYS:
        assert values[f"alike for another unit/{way}/layer 2"]
        assert values[f"kept/{way}/layer 1"] == pytest.approx(values[f"kept/{GRADIENT}/layer 1"])
    layers = {name.rsplit("/", 1)[1] for name in values}
    assert layers == {"layer 1", "layer 2", "layer 6", "classes"}
    assert {name.split("/")[1] for name in values if name.startswith("removed")} == {*WAYS, EDGES, RANDOM}
    assert not any(name.startswith("on the object") for name in values)
    assert [picture.name for picture in outcome.pictures] == ["projections", "measures"]
    assert len(outcome.tables[0].columns) == 6
    assert not outcome.evidence
    again = {m.name: m.values for m in WAYS_BACK.run(context()).measurements}
    assert again == values


def test_the_pixels_a_way_ranks_highest_matter_more_than_random_ones() -> None:
    values = {m.name: m.values for m in dataclasses.replace(WAYS_BACK, units=8).run(context()).measurements}
    kept = {kind: sum(values[f"kept/{kind}/layer 2"]) for kind in (GRADIENT, RANDOM)}
    removed = {kind: sum(values[f"removed/{kind}/layer 2"]) for kind in (GRADIENT, RANDOM)}
    assert kept[GRADIENT] > kept[RANDOM]
    assert removed[GRADIENT] < removed[RANDOM]


def test_what_is_lacking_is_said_before_anything_runs() -> None:
    assert WAYS_BACK.missing(context()) is None
    found = str(dataclasses.replace(WAYS_BACK, layers=[1, 5]).missing(context()))
    assert "needs the paper's layers [5], which network 'small' doesn't name; it names 1, 2, 6" in found


@pytest.mark.parametrize("changes", [{"units": 1}, {"shown": 0}, {"shown": 7}, {"share": 0.0}, {"share": 1.0}])
def test_nothing_to_measure_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected at least 2 units of a layer"):
        dataclasses.replace(WAYS_BACK, **changes)
