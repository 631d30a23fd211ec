"""What is measured of a unit's map, where it can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.receptive_field import Box
from replications.survey.unit_maps import (
    activation_left,
    alike,
    another_at_the_place,
    boxes_of,
    empty,
    on_the_object,
    strongest_pixels,
)
from replications.zeiler.deconvnet import Units

WHOLE = Box(0, 0, 10, 10)


def network(bias: float = 0.0) -> Network:
    """One convolution of a 4x4 kernel, and the sum of its map as the class."""
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 2, 4)
    conv.bias.data.fill_(bias)
    module = nn.Sequential(conv, nn.Flatten(), nn.Linear(2 * 49, 1))
    return Network(module, name="one", classes=("a",), preprocessing=Preprocessing(10))


def test_what_a_unit_sees_is_its_field() -> None:
    units = Units.of([0, 1], [0, 1], [2, 6], [3, 0])
    assert boxes_of(network(), "0", units) == [Box(2, 3, 6, 7), Box(6, 0, 10, 4)]
    assert boxes_of(network(), "2", Units.of(0, 0)) == [WHOLE]


def test_another_unit_is_active_at_the_place_and_not_the_same() -> None:
    there = torch.tensor([[1.0, 2.0, 0.0, 3.0], [5.0, 0.0, -1.0, 0.0]])
    channels = torch.tensor([1, 0])
    drawn = [
        another_at_the_place(there, channels, torch.Generator().manual_seed(i), rectified=True).tolist()
        for i in range(40)
    ]
    assert {first for first, _ in drawn} == {0, 3}
    assert {second for _, second in drawn} == {-1}
    any_other = [
        int(another_at_the_place(there, channels, torch.Generator().manual_seed(i), rectified=False)[1])
        for i in range(40)
    ]
    assert set(any_other) == {1, 2, 3}


def test_maps_are_compared_within_the_field_alone() -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.rand(1, 3, 10, 10, generator=generator), torch.rand(1, 3, 10, 10, generator=generator)
    b[:, :, 2:6, 3:8] = -2 * a[:, :, 2:6, 3:8]
    assert alike(a, b, [Box(2, 3, 6, 8)])[0] == pytest.approx(1)
    assert alike(a, b, [WHOLE])[0] < 0.9
    a[:, :, 2:6, 3:8] = 0
    assert empty(a, [Box(2, 3, 6, 8)]).tolist() == [True]
    assert empty(a, [WHOLE]).tolist() == [False]
    assert np.isnan(alike(a, b, [Box(2, 3, 6, 8)])).all()


@pytest.mark.parametrize(("share", "count"), [(0.5, 8), (0.3, 5), (0.001, 1)])
def test_the_strongest_pixels_are_the_highest_of_the_field(share: float, count: int) -> None:
    ranking = torch.rand(1, 10, 10, generator=torch.Generator().manual_seed(2))
    ranking[0, 9, 9] = 5  # outside
    chosen = strongest_pixels(ranking, [Box(1, 1, 5, 5)], share)
    assert int(chosen.sum()) == count
    assert not chosen[0, 5:].any()
    rest = torch.zeros_like(chosen)
    rest[0, 1:5, 1:5] = True
    assert float(ranking[chosen].min()) >= float(ranking[rest & ~chosen].max())


def test_what_is_left_of_a_linear_unit_is_the_share_of_its_sum() -> None:
    net = network()
    inputs = torch.rand(2, 3, 10, 10, generator=torch.Generator().manual_seed(3))
    units, boxes = Units.of([0, 1], [0, 1], [2, 6], [3, 0]), [Box(2, 3, 6, 7), Box(6, 0, 10, 4)]
    kept = torch.rand(2, 10, 10, generator=torch.Generator().manual_seed(4)) > 0.5
    weights: Tensor = net.node("0").module.weight
    expected = []
    for i, (top, left, bottom, right) in enumerate(boxes):
        terms = (weights[i] * inputs[i, :, top:bottom, left:right]).sum(0)
        if float(terms.sum()) < 0:  # a unit that an image drives below nothing is left out
            expected.append(np.nan)
        else:
            expected.append(float(terms[kept[i, top:bottom, left:right]].sum() / terms.sum()))
    found = activation_left(net, inputs, "0", units, boxes, kept)
    assert found == pytest.approx(expected, rel=1e-4, nan_ok=True)
    assert np.isfinite(found).any()


def test_a_unit_that_nothing_drives_too_is_left_out() -> None:
    inputs, kept = torch.rand(1, 3, 10, 10), torch.ones(1, 10, 10, dtype=torch.bool)
    found = activation_left(network(bias=100.0), inputs, "0", Units.of(0, 0, 1, 1), [Box(1, 1, 5, 5)], kept)
    assert np.isnan(found).all()


def test_energy_on_the_object_is_told_from_its_area() -> None:
    masks = torch.zeros(1, 10, 10, dtype=torch.bool)
    masks[0, :5] = True
    maps = torch.zeros(1, 3, 10, 10)
    assert on_the_object(maps, masks, [WHOLE]).tolist() == [0]
    maps[0, 0, 0, 0] = -3
    assert on_the_object(maps, masks, [WHOLE]).tolist() == [0.5]
    maps[0, 1, 9, 9] = 3
    assert on_the_object(maps, masks, [WHOLE]).tolist() == [0]
    assert on_the_object(maps, masks, [Box(4, 0, 10, 10)]).tolist() == pytest.approx([-1 / 6])
