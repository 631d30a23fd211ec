"""What units are ranked by, against restatements unit by unit."""

from __future__ import annotations

from collections import OrderedDict

import application_toys as toys
import pytest
import torch
from torch import nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.survey.applications.unit_orders import (
    NoFilters,
    best_iou,
    filter_norms,
    firing_frequency,
    kept,
    projection_energy,
    removed_counts,
)
from replications.survey.concept_choice import concept_set
from replications.survey.dissection.dissection import dissect
from replications.zeiler import deconvnet

INDICES = torch.tensor([3, 8, 20, 21, 22, 40, 41])


def test_the_energy_is_that_of_each_unit_on_the_images_that_drive_it_most() -> None:
    network, images = toys.network(dead=2), toys.images()
    found = projection_energy(network, "relu2", images, INDICES, liked=3)
    pictures = images.images(INDICES)
    maps = network.forward_to("relu2", pictures)
    for unit in range(16):
        norms = []
        for image in maps[:, unit].flatten(1).amax(1).sort(descending=True, stable=True).indices[:3].tolist():
            record = deconvnet.record(network, pictures[image : image + 1], "relu2")
            signal = torch.zeros_like(record.activations)
            place = divmod(int(maps[image, unit].argmax()), maps.shape[3])
            signal[0, unit, place[0], place[1]] = maps[image, unit, place[0], place[1]]
            norms.append(float(deconvnet.project_signals(record, signal, torch.tensor([0])).norm()))
        assert float(found[unit]) == pytest.approx(sum(norms) / 3, rel=1e-4)
    assert found[:2].tolist() == [0, 0]
    assert float(found[2:].max()) > 0


def test_the_frequency_is_the_share_of_positions_that_fire() -> None:
    network, images = toys.network(dead=1), toys.images()
    found = firing_frequency(network, "relu2", images, INDICES)
    maps = network.forward_to("relu2", images.images(INDICES))
    slow = [sum(float(v > 0) for v in maps[:, unit].flatten()) / maps[:, unit].numel() for unit in range(16)]
    assert found.tolist() == pytest.approx(slow)
    assert float(found[0]) == 0


class Branches(nn.Module):
    """A batch norm after one filter bank, two branches side by side, and their sum."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.one, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.narrow, self.wide = nn.Conv2d(4, 2, 1), nn.Conv2d(4, 3, 3, padding=1)
        self.last = nn.Linear(5 * 16, 3)
        nn.init.normal_(self.norm.weight)
        nn.init.uniform_(self.norm.running_var, 0.5, 2)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        below = torch.relu(self.norm(self.one(x)))
        beside = torch.cat([torch.relu(self.narrow(below)), torch.relu(self.wide(below))], 1)
        return self.last(torch.flatten(beside + beside, 1))


def test_norms_are_those_of_the_filters_in_the_order_of_the_units() -> None:
    module = Branches()
    network = Network(module, name="branches", classes=("a", "b", "c"), preprocessing=Preprocessing(4))
    below, beside = network.node("cat").inputs, [module.narrow, module.wide]
    assert len(below) == 2
    expected = [float(weights.abs().sum()) for conv in beside for weights in conv.weight]
    assert filter_norms(network, "cat").tolist() == pytest.approx(expected)
    norm, variance = module.norm, module.norm.running_var
    assert variance is not None
    for unit, found in enumerate(filter_norms(network, network.node("narrow").inputs[0]).tolist()):
        factor = abs(float(norm.weight[unit])) / (float(variance[unit]) + norm.eps) ** 0.5
        assert found == pytest.approx(factor * float(module.one.weight[unit].abs().sum()))
    with pytest.raises(NoFilters, match="is a add, whose units have no filter each"):
        filter_norms(network, "add")


def test_the_best_iou_is_the_highest_of_any_concept() -> None:
    network = toys.network(dead=2)
    found = dissect(network, ["relu2"], concept_set(toys.CONCEPTS, network), fewest_images=1)["relu2"]
    by_unit = {one.unit: one.iou for one in found.top("top")}
    assert best_iou(found).tolist() == pytest.approx([by_unit.get(unit, 0.0) for unit in range(16)])
    assert best_iou(found)[:2].tolist() == [0, 0]


def test_the_lowest_go_first_and_ties_by_the_order_given() -> None:
    scores, ties = torch.tensor([0.5, 0.0, 0.0, 2.0, 0.0]), torch.tensor([0, 4, 2, 1, 3])
    assert kept(scores, 0, ties).all()
    assert kept(scores, 2, ties).tolist() == [True, True, False, True, False]
    assert kept(scores, 4, ties).tolist() == [False, False, False, True, False]
    assert not kept(scores, 5, ties).any()
    assert removed_counts(64, [0, 0.1, 0.5, 1]) == [0, 6, 32, 64]


def test_a_network_without_a_rectifier_has_the_norms_of_its_last_filters() -> None:
    layers = OrderedDict(conv=nn.Conv2d(3, 2, 1), flat=nn.Flatten(), fc=nn.Linear(32, 3))
    network = Network(nn.Sequential(layers), name="plain", classes=("a", "b", "c"), preprocessing=Preprocessing(4))
    expected = network.node("fc").module.weight.abs().sum(1)  # type: ignore[operator,union-attr]
    torch.testing.assert_close(filter_norms(network, "fc"), expected.double())
    with pytest.raises(NoFilters, match="is a flatten"):
        filter_norms(network, "flat")
