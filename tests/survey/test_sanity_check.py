"""The sanity check where its answer is known, and what it says of what it can't do."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from sanity_context import SIZE, context, small_network
from torch import nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.survey import sanity_check
from replications.survey.randomization import in_groups, weighted_layers
from replications.survey.sanity_check import SanityCheck
from replications.survey.sanity_maps import MEASURES, METHODS, Prepared, check_seed, explain
from replications.survey.ways_back import DECONVNET, GRADIENT, GUIDED

CHECK = SanityCheck(images=6, seeds=2, groups=3, cell=8, shown=1)


def linear(size: int = 24) -> Network:
    torch.manual_seed(3)
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, 4))
    return Network(module, name="linear", classes=list("abcd"), preprocessing=Preprocessing(size))


def test_a_linear_networks_maps_are_its_weights_whatever_the_image() -> None:
    network = linear()
    images = torch.rand(5, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    classes = torch.tensor([0, 1, 2, 3, 0])
    maps = explain(network, images, classes)
    weights = network.node("1").module.weight[classes].reshape(5, 3, 24, 24)
    for method in (GRADIENT, GUIDED, DECONVNET):
        torch.testing.assert_close(maps[method], weights)
    torch.testing.assert_close(maps["gradient × input"], weights * images)
    original = {method: Prepared.of(found) for method, found in maps.items()}
    found = check_seed(network, images, classes, original, in_groups(weighted_layers(network), 8), 7, 2, 8)
    assert found.similarity.shape == (2, 1, len(METHODS), len(MEASURES), 5)
    # the only layer is lost, and with it everything but the input itself
    assert float(found.similarity[:, :, METHODS.index(GRADIENT), :2].abs().max()) < 0.2
    assert found.maps[GRADIENT].shape == (1, 2, 3, 24, 24)
    # images 0 and 4 are of one class, so the map of the one before image 0 is its own
    unrelated = original[GRADIENT].compared(original[GRADIENT].rolled(), 8)
    assert unrelated["rank correlation"][0] == pytest.approx(1)
    assert float(unrelated["rank correlation"][1:].abs().max()) < 0.2


def test_nothing_lost_is_nothing_changed_and_both_modes_begin_alike() -> None:
    network = small_network()
    given = context(network)
    images, classes = given.data.validation.images(range(6)), given.data.validation.labels[:6]
    maps = {method: Prepared.of(found) for method, found in explain(network, images, classes).items()}
    for method in METHODS:
        same = maps[method].compared(maps[method], 8)
        assert all(values.tolist() == pytest.approx([1] * 6, abs=1e-6) for values in same.values())
    groups = in_groups(weighted_layers(network), 3)
    found = check_seed(network, images, classes, maps, groups, 11, 1, 8).similarity
    # the top group alone is the first step of both modes
    torch.testing.assert_close(found[0, 0], found[1, 0])


def test_the_outcome_has_every_method_measure_and_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    # other processes take long to begin
    monkeypatch.setattr(sanity_check, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))
    outcome = CHECK.run(context())
    names = {m.name for m in outcome.measurements}
    for measure in MEASURES:
        for method in METHODS:
            assert f"{measure}/{method}/another image" in names
            assert f"{measure}/{method}/random weights down to conv1 to conv2" in names
            assert f"{measure}/{method}/random weights alone in fc8" in names
    by_name = {m.name: m for m in outcome.measurements}
    assert len(by_name["probability/random weights down to fc8"].values) == 2
    assert [len(table.rows) for table in outcome.tables] == [16, 3]
    assert {picture.name for picture in outcome.pictures} == {"similarity", "maps"}
    assert outcome.pictures[0].arrays["similarity"].shape == (2, 2, 3, 4, 4, 6)
    assert not outcome.evidence
    again = CHECK.run(context())
    assert [m.values for m in again.measurements] == [m.values for m in outcome.measurements]


def test_a_method_that_shows_nothing_is_left_out_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanity_check, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))
    network = small_network()
    # the deconvnet's signal is negative wherever it reaches the rectification of layer 6
    network.node("fc8").module.weight.data = -network.node("fc8").module.weight.data.abs()
    given = context(network)
    outcome = dataclasses.replace(CHECK, images=4).run(given)
    names = {m.name for m in outcome.measurements}
    assert f"SSIM/{GRADIENT}/another image" in names
    assert not any(DECONVNET in name or GUIDED in name for name in names)
    assert any("deconvnet of the trained network is zero everywhere" in note for note in outcome.notes)


def test_what_is_lacking_is_said_before_anything_runs() -> None:
    assert CHECK.missing(context()) is None
    assert "needs an input of 48 pixels" in str(dataclasses.replace(CHECK, cell=16).missing(context()))
    strange = context()
    strange.network = linear(SIZE)
    strange.network.classes = ("a", "b", "x", "y")
    assert "needs a network that knows the classes of the images" in str(CHECK.missing(strange))


@pytest.mark.parametrize("changes", [{"images": 1}, {"seeds": 1}, {"groups": 1}, {"shown": 7}, {"shown": 0}])
def test_too_little_for_an_interval_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected at least 2 images, seeds and groups"):
        dataclasses.replace(CHECK, **changes)
