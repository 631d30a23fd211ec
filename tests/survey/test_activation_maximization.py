"""Activation maximization by layer: the right units, on the right scale, and what it says when it can't."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sanity_context import context, small_network

from replications.networks.unit import Unit
from replications.survey.activation_maximization import (
    ABOVE_ALL,
    NATURAL,
    ActivationMaximization,
    natural_activations,
    roughness,
    shortened,
)

PLAIN = {
    "_target_": "replications.images.presets.Method",
    "name": "plain",
    "parametrization": {"_target_": "replications.images.parametrization.Pixels", "centre": 0.5, "spread": 0.1},
    "optimizer": {"_target_": "replications.images.optimizers.Ascent", "normalize": "mean"},
    "schedule": [{"_target_": "replications.images.schedule.Octave", "iterations": 40, "step": 0.05}],
}
STILL = {**PLAIN, "name": "still", "schedule": [{**PLAIN["schedule"][0], "step": 0.0}]}  # type: ignore[index,dict-item]
MAXIMIZED = ActivationMaximization(
    layers=[1, 2, 6],
    compared=["plain", "still"],
    methods={"plain": PLAIN, "still": STILL},
    stepped={"plain": 1.0},
    most_passes=30,
    images=24,
    fires=4,
    spectrum_images=8,
    units=3,
    shown=2,
)


def test_ascent_drives_units_of_every_layer_above_natural_images(tmp_path: Path) -> None:
    outcome = MAXIMIZED.run(context(workspace=tmp_path))
    values = {m.name: np.array(m.values) for m in outcome.measurements}
    layers = {name.rsplit("/", 1)[1] for name in values}
    assert layers == {"layer 1", "layer 2", "layer 6", "classes"}
    for layer in layers:
        assert (values[f"quantile/plain/{layer}"] == 1).all()
        assert (values[f"{ABOVE_ALL}/plain/{layer}"] <= 1).all()
        assert (values[f"deviations/plain/{layer}"] > values[f"deviations/still/{layer}"]).all()
        assert (values[f"deviations/{NATURAL}/{layer}"] > 0).all()
    assert f"quantile/{NATURAL}/layer 1" not in values
    assert [table.name for table in outcome.tables] == ["layers"]
    assert [picture.name for picture in outcome.pictures] == ["layers", "scores"]
    assert not outcome.evidence


def test_deviations_are_those_of_the_units_own_natural_activations(tmp_path: Path) -> None:
    given = context(workspace=tmp_path)
    outcome = MAXIMIZED.run(given)
    arrays = outcome.pictures[1].arrays
    images = given.data.validation.images(range(24))
    with torch.inference_mode():
        logits = given.network.logits(images)
    best = (logits.amax(0) - logits.mean(0)) / logits.std(0)
    found = arrays["deviations_natural_images_classes"]
    assert sorted(found.tolist()) == pytest.approx(sorted(best.tolist()), rel=1e-4)


def test_natural_activations_are_read_at_the_place_and_anywhere() -> None:
    network = small_network()
    images = torch.rand(5, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    units = [Unit("conv2", 3, (4, 7)), Unit("conv2", 0, (1, 1)), Unit("fc8", 2)]
    batches = [(None, images[:3], None), (None, images[3:], None)]
    own, strongest = natural_activations(network, units, batches)
    with torch.inference_mode():
        maps, logits = network.forward_to("conv2", images), network.logits(images)
    torch.testing.assert_close(own, torch.stack([maps[:, 3, 4, 7], maps[:, 0, 1, 1], logits[:, 2]], 1))
    expected = torch.stack([maps[:, 3].amax((1, 2)), maps[:, 0].amax((1, 2)), logits[:, 2]], 1)
    torch.testing.assert_close(strongest, expected)


def test_roughness_of_known_images() -> None:
    board = (torch.arange(6)[:, None] + torch.arange(6)[None]) % 2
    images = [board.float().expand(3, 6, 6), torch.full((3, 4, 4), 0.3), (torch.arange(5.0) / 10).expand(3, 5, 5)]
    assert roughness(images).tolist() == pytest.approx([6**0.5, 0, 0.1 * 3**0.5], abs=1e-6)


def test_long_methods_are_shortened_and_short_ones_are_left() -> None:
    method = MAXIMIZED._built()["plain"]
    assert method.iterations == 30
    assert shortened(method, 1000) is method


def test_what_is_lacking_is_said_before_anything_runs() -> None:
    assert MAXIMIZED.missing(context()) is None
    assert "needs at least 26 images, twice as many as a unit has to fire for, and looks at 24" in str(
        dataclasses.replace(MAXIMIZED, fires=13).missing(context())
    )
    assert "needs the paper's layers [3]" in str(dataclasses.replace(MAXIMIZED, layers=[1, 3]).missing(context()))


def test_layers_whose_units_hardly_fire_are_left_out_and_said_so(tmp_path: Path) -> None:
    network = small_network()
    network.node("conv1").module.bias.data.fill_(-100.0)
    outcome = dataclasses.replace(MAXIMIZED, layers=[1]).run(context(network, workspace=tmp_path))
    assert "layer 1: 0 units fire for 4 images or more." in outcome.notes
    assert not any(m.name.endswith("layer 1") for m in outcome.measurements)


@pytest.mark.parametrize("changes", [{"units": 1}, {"shown": 0}, {"shown": 4}, {"most_passes": 0}, {"fires": 0}])
def test_nothing_to_make_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected at least 2 units of a layer"):
        dataclasses.replace(MAXIMIZED, **changes)


def test_a_method_without_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match="methods has no configuration of olah2017; it has plain, still"):
        dataclasses.replace(MAXIMIZED, compared=["olah2017"])
