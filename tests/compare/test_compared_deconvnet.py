"""Projections of the images that excite units most, beside what the replication of Zeiler & Fergus makes of them."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from three_colours import CLASSES, SIZE, Stripes, context, material, network, protocol, subject
from torch import nn

from replications.compare.methods.deconvnet import Deconvnet
from replications.compare.subjects import LookedAt
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.unit import Unit
from replications.zeiler.deconvnet import Units, normalize_for_display, project, record
from replications.zeiler.top_activations import project_top, top_activations

METHOD = Deconvnet("Deconvnet projections")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path / "cache"))


def linear(**preprocessing: Any) -> Network:
    """A network whose classes are linear in the image, so that every projection of one is the class's weights."""
    last = nn.Linear(3 * SIZE * SIZE, 3)
    with torch.no_grad():
        last.weight.copy_(torch.randn(3, 3 * SIZE * SIZE, generator=torch.Generator().manual_seed(1)))
    module = nn.Sequential(OrderedDict(flatten=nn.Flatten(), fc8=last))
    return Network(module, name="linear", classes=CLASSES, preprocessing=Preprocessing(SIZE, **preprocessing))


@pytest.mark.parametrize("layer", ["relu4", "relu5"])
def test_hidden_units_are_projected_as_in_fig_2(tmp_path: Path, layer: str) -> None:
    own = network()
    drawn = LookedAt(Stripes(120), material(tmp_path, own, []).indices)
    top = top_activations(own, drawn, [layer], 3, drawn.batches(64))[layer]
    alive = top.alive.nonzero().flatten()[:2]
    centre = own.shape(layer)[1] // 2
    units = [Unit(layer, channel, (centre, centre)) for channel in alive.tolist()]
    given = material(tmp_path, own, [subject(own, unit, 4) for unit in units])
    made = METHOD.visualize(given, None)
    expected = project_top(own, drawn, top, alive, crop=False).projections
    assert torch.allclose(made.images, torch.stack([normalize_for_display(one) for one in expected]), atol=1e-5)
    made.check(2, given.pictures, SIZE)
    assert (made.passes, made.generator_passes, made.looked_at) == (1.0, 0.0, 90.0)


def test_classes_are_projected_from_their_logits(tmp_path: Path) -> None:
    own = network()
    given = material(tmp_path, own, [subject(own, Unit("fc8", channel)) for channel in range(3)])
    made = METHOD.visualize(given, 4).images
    logits = own.logits(given.images.images(given.indices))
    for channel in range(3):
        best = given.indices[logits[:, channel].argsort(descending=True, stable=True)[: given.pictures]]
        switches = record(own, given.images.images(best), "fc8")
        found = project(switches, Units.of(range(given.pictures), channel), start="one")
        assert torch.allclose(made[channel], normalize_for_display(found.full()), atol=1e-5)


def test_a_projection_of_a_linear_class_is_its_weights_in_red_green_and_blue(tmp_path: Path) -> None:
    for order in ("rgb", "bgr"):
        own = linear(order=order)
        made = METHOD.visualize(material(tmp_path, own, [subject(own, Unit("fc8", 1))]), None).images[0]
        module: Any = own.node("fc8").module
        weights = module.weight[1].reshape(3, SIZE, SIZE)
        full = weights.abs().flatten().kthvalue(round(0.99 * weights.numel())).values
        expected = (0.5 + weights / (2 * full)).clamp(0, 1)
        for picture in made:
            assert torch.allclose(picture, expected.flip(0) if order == "bgr" else expected, atol=1e-6)


def test_where_a_unit_is_silent_there_is_grey_and_a_note(tmp_path: Path) -> None:
    module = nn.Sequential(OrderedDict(conv1=nn.Conv2d(3, 1, 1), relu1=nn.ReLU(), flatten=nn.Flatten()))
    module.add_module("fc8", nn.Linear(SIZE * SIZE, 3))
    with torch.no_grad():
        module.conv1.weight.fill_(1.0)  # type: ignore[operator, union-attr]
        module.conv1.bias.fill_(-1.9)  # type: ignore[operator, union-attr]
    own = Network(module, name="bright", classes=CLASSES, preprocessing=Preprocessing(SIZE))
    one = subject(own, Unit("relu1", 0, (16, 16)), 4)
    given = material(tmp_path, own, [one])
    excited = int((given.images.images(given.indices).sum(1).amax((1, 2)) > 1.9).sum())
    given = material(tmp_path, own, [one], pictures=excited + 2)
    made = METHOD.visualize(given, None)
    assert [bool((picture == 0.5).all()) for picture in made.images[0]] == [False] * excited + [True] * 2
    assert made.notes == (f"2 of {excited + 2} projections are zero everywhere, and shown grey.",)


def test_it_says_what_it_has_no_rule_for(tmp_path: Path) -> None:
    module = nn.Sequential(OrderedDict(flatten=nn.Flatten(), fc7=nn.Linear(3 * SIZE * SIZE, 4), tanh7=nn.Tanh()))
    module.add_module("fc8", nn.Linear(4, 3))
    own = Network(module, name="bent", classes=CLASSES, preprocessing=Preprocessing(SIZE))
    said = METHOD.missing(context(tmp_path, own), protocol())
    assert said is not None
    assert "'tanh7' of network 'bent'" in said
    assert METHOD.missing(context(tmp_path, network()), protocol()) is None
