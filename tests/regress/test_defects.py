"""Each defect breaks what it says while it is planted, nothing before or after, and in this process."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest
import torch
from torch import nn

from replications.images.regularizers import TotalVariation
from replications.images.transforms import Jitter
from replications.multifaceted import facets
from replications.networks.graph import Node
from replications.networks.preprocessing import Preprocessing
from replications.paths import project_root
from replications.ppgn import sampler
from replications.ppgn.sampler import Terms
from replications.regress.defects import DEFECTS, planted
from replications.survey.dissection import passes
from replications.workers import side_by_side
from replications.zeiler import deconvnet_rules
from replications.zeiler.deconvnet_windows import Span


def found(module: str, attribute: str) -> Any:
    owner = importlib.import_module(module)
    for part in attribute.split("."):
        owner = getattr(owner, part)
    return owner


@pytest.mark.parametrize("name", DEFECTS)
def test_it_is_there_while_it_is_planted_and_gone_after(name: str) -> None:
    defect = DEFECTS[name]
    before = found(defect.module, defect.attribute)
    with planted(name) as given:
        assert given is defect
        assert found(defect.module, defect.attribute) is not before
    assert found(defect.module, defect.attribute) is before


def test_it_is_gone_after_an_error() -> None:
    before = TotalVariation.values
    with pytest.raises(RuntimeError, match="stopped"), planted("total variation with the wrong sign"):
        raise RuntimeError("stopped")
    assert TotalVariation.values is before


def test_each_could_touch_a_probe_that_there_is() -> None:
    there = {path.stem for path in (project_root() / "conf/experiment/regress").glob("*.yaml")}
    for defect in DEFECTS.values():
        assert defect.probes
        assert set(defect.probes) <= there, defect.name


def test_those_that_were_asked_for_are_there() -> None:
    asked = {
        "switch off by one",
        "colours in another order",
        "preprocessing missing",
        "jitter off",
        "total variation with the wrong sign",
        "k-means with one cluster",
        "epsilon of the prior zero",
        "quantile off by ten",
        "centre bias inverted",
    }
    assert asked <= set(DEFECTS)


def test_work_stays_in_this_process() -> None:
    with planted("jitter off"):
        assert set(side_by_side(_process, [(i,) for i in range(4)])) == {os.getpid()}


def _process(_: int) -> int:
    return os.getpid()


def test_switches_point_one_place_further() -> None:
    signal = torch.tensor([[[[5.0]]]])
    span = Span(2, 2, 0, 1)
    right = deconvnet_rules._unpool(signal, torch.tensor([[[[1]]]]), span, span)
    assert right.flatten().tolist() == [0, 5, 0, 0]
    with planted("switch off by one"):
        wrong = deconvnet_rules._unpool(signal, torch.tensor([[[[1]]]]), span, span)
        last = deconvnet_rules._unpool(signal, torch.tensor([[[[3]]]]), span, span)
    assert wrong.flatten().tolist() == [0, 0, 5, 0]
    assert last.flatten().tolist() == [5, 0, 0, 0]


def test_the_way_down_isnt_rectified() -> None:
    node, signal = Node("relu1", "relu", nn.ReLU(), ("conv1",)), torch.tensor([[-1.0, 2.0]])
    with planted("deconvnet without its rectification"):
        (passed,) = deconvnet_rules.backward(node, signal, None, [(2,)])
    assert passed.tolist() == [[-1.0, 2.0]]


def test_filters_arent_turned_round() -> None:
    conv = nn.Conv2d(1, 1, 2, bias=False).requires_grad_(False)
    conv.weight.copy_(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    node, signal = Node("conv1", "conv", conv, ("input",)), torch.ones(1, 1, 1, 1)
    right = deconvnet_rules._filter(node, signal)
    with planted("filters not turned round"):
        wrong = deconvnet_rules._filter(node, signal)
    assert right.flatten().tolist() == [1, 2, 3, 4]
    assert wrong.flatten().tolist() == [4, 3, 2, 1]
    assert conv.weight.flatten().tolist() == [1, 2, 3, 4]


def test_colours_and_preprocessing() -> None:
    prepared = Preprocessing(size=1, mean=(0.1, 0.2, 0.3), std=(0.5, 0.5, 0.5))
    image = torch.tensor([1.0, 0.5, 0.0]).reshape(1, 3, 1, 1)
    with planted("colours in another order"):
        assert torch.allclose(prepared(image).flatten(), torch.tensor([-0.2, 0.6, 1.4]))
    with planted("preprocessing missing"):
        assert torch.equal(prepared(image), image)


def test_jitter_draws_as_many_numbers_and_goes_nowhere() -> None:
    first, second = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    jitter = Jitter(4)
    moved = [jitter.draw((8, 8), (8, 8), first)[0][:2, 2].tolist() for _ in range(5)]
    with planted("jitter off"):
        stayed = [jitter.draw((8, 8), (8, 8), second)[0][:2, 2].tolist() for _ in range(5)]
    assert any(place != [0, 0] for place in moved)
    assert stayed == [[0, 0]] * 5
    assert torch.equal(first.get_state(), second.get_state())


def test_total_variation_is_added() -> None:
    images, origin = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(3, 1, 1)
    penalty = TotalVariation(1.0)
    right = penalty.weighted(images, origin, 0, 1)
    with planted("total variation with the wrong sign"):
        assert torch.equal(penalty.weighted(images, origin, 0, 1), -right)


def test_there_is_one_cluster() -> None:
    points = torch.tensor([[0.0], [0.1], [5.0], [5.1]]).numpy()
    assert facets.part(points, (2,), 0).count == 2
    with planted("k-means with one cluster"):
        one = facets.part(points, (2,), 0)
    assert one.count == 1
    assert one.labels.tolist() == [0, 0, 0, 0]


def test_the_prior_or_the_condition_doesnt_move_codes_as_it_should() -> None:
    terms = Terms(torch.tensor([[1.0]]), torch.tensor([[10.0]]), torch.tensor([[100.0]]))
    code = torch.zeros(1, 1)
    assert sampler.moved(code, terms, 1.0, normalize=False).item() == 111
    with planted("epsilon of the prior zero"):
        assert sampler.moved(code, terms, 1.0, normalize=False).item() == 110
    with planted("condition with the wrong sign"):
        assert sampler.moved(code, terms, 1.0, normalize=False).item() == 91


def test_the_threshold_is_that_of_ten_times_the_share() -> None:
    assert passes.rank_of(0.005, 1000) == 6
    with planted("quantile off by ten"):
        assert passes.rank_of(0.005, 1000) == 51
