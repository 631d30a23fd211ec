"""Fig. 1's steps: known by hand, and the same as the deconvnet's whole way down."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replications.data.image_set import DataSource
from replications.networks.network import Network
from replications.networks.normalization import ContrastNormalization
from replications.networks.preprocessing import Preprocessing
from replications.networks.zfnet import zfnet_small
from replications.zeiler import deconvnet
from replications.zeiler.deconvnet_steps import filter_transposed, first_layer, go_down, go_up, unpool
from replications.zeiler.fig1_deconvnet import Fig1, adjoint_error, relative_difference
from tests.zeiler.training_context import Squares

CHAINS: dict[str, list[tuple[str, nn.Module]]] = {
    "as in the paper": [
        ("conv1", nn.Conv2d(3, 6, 5, 2, 1)),
        ("relu1", nn.ReLU()),
        ("pool1", nn.MaxPool2d(3, 2, 1)),
        ("norm1", ContrastNormalization(3, alpha=1.3)),
        ("conv2", nn.Conv2d(6, 5, 3, padding=1)),
        ("relu2", nn.ReLU()),
    ],
    "batch norm and a leaky slope": [
        ("conv1", nn.Conv2d(3, 6, 3, 1, 1, bias=False)),
        ("norm1", nn.BatchNorm2d(6)),
        ("leaky1", nn.LeakyReLU(0.1)),
        ("pool1", nn.MaxPool2d(2)),
        ("conv2", nn.Conv2d(6, 5, 3)),
        ("relu2", nn.LeakyReLU(0.1)),
    ],
    "a layer below": [
        ("conv0", nn.Conv2d(3, 4, 3, padding=1)),
        ("relu0", nn.ReLU()),
        ("conv1", nn.Conv2d(4, 6, 3, 2, dilation=2)),
        ("relu1", nn.ReLU()),
        ("pool1", nn.MaxPool2d(3, 2, ceil_mode=True)),
        ("conv2", nn.Conv2d(6, 5, 2)),
        ("relu2", nn.ReLU()),
    ],
}


def network_of(steps: list[tuple[str, nn.Module]]) -> Network:
    torch.manual_seed(0)
    chain = nn.Sequential(OrderedDict([*steps, ("pool9", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten())]))
    for module in chain.modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            for parameter in module.parameters():
                nn.init.normal_(parameter)
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_var is not None
            module.running_var.uniform_(0.5, 2)
    return Network(chain.double(), name="chain", classes=tuple("abcde"), preprocessing=Preprocessing(21))


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 21, 21, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("name", CHAINS)
def test_steps_end_where_the_deconvnet_ends(name: str, images: Tensor) -> None:
    network = network_of(CHAINS[name])
    layer = first_layer(network, "relu2")
    assert layer is not None
    assert layer.pool.name == "pool1"
    record = deconvnet.record(network, images, "relu2")
    up = go_up(network, layer, images)
    units = deconvnet.strongest(record, [2])
    alone = torch.zeros_like(record.activations)
    place = (units.image, units.channel, units.y, units.x)
    alone[place] = record.activations[place]
    down = go_down(record, layer, up, alone, units.image)
    expected = deconvnet.project(record, units).full()
    assert expected.abs().amax() > 0
    torch.testing.assert_close(down.pixels, expected, rtol=1e-10, atol=1e-12)


def test_unpooling_puts_values_at_their_switches_and_adds_where_two_meet() -> None:
    rectified = torch.tensor([[0.0, 1, 0], [0, 5, 0], [2, 0, 0], [0, 0, 3], [0, 0, 0]])[None, None]
    pooled, places = nn.functional.max_pool2d(rectified, (3, 3), (2, 1), return_indices=True)
    assert pooled.flatten().tolist() == [5, 3]
    two = torch.tensor([10.0, 7]).view(1, 1, 2, 1)
    assert unpool(two, places, (5, 3)).nonzero().tolist() == [[0, 0, 1, 1], [0, 0, 3, 2]]
    overlapping = torch.zeros(1, 1, 1, 5).index_fill(3, torch.tensor(2), 1.0)
    _, places = nn.functional.max_pool2d(overlapping, (1, 3), (1, 2), return_indices=True)
    assert unpool(torch.tensor([10.0, 7]).view(1, 1, 1, 2), places, (1, 5)).flatten().tolist() == [0, 0, 17, 0, 0]


def test_transposed_filtering_of_one_place_is_the_filter() -> None:
    network = network_of(CHAINS["as in the paper"])
    layer = first_layer(network, "relu2")
    assert layer is not None
    signal = torch.zeros(1, 6, 10, 10, dtype=torch.float64)
    signal[0, 4, 3, 5] = 1.0
    found = filter_transposed(layer, signal, torch.zeros(1, 3, 21, 21, dtype=torch.float64))
    conv = network.node("conv1").module
    assert isinstance(conv, nn.Conv2d)
    weight = conv.weight
    assert torch.equal(found[0, :, 5:10, 9:14], weight[4])  # 3 * 2 - 1 and 5 * 2 - 1
    assert found.count_nonzero() == weight[4].count_nonzero()


def test_a_layer_that_something_goes_around_is_not_drawn() -> None:
    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.relu1, self.pool1 = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 1, 1)
            self.conv2, self.relu2 = nn.Conv2d(3, 4, 1), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            x = self.relu2(self.conv2(self.pool1(self.relu1(self.conv1(x))) + x))
            return x.mean((2, 3))

    network = Network(Around(), name="around", classes=tuple("abcd"), preprocessing=Preprocessing(8))
    assert first_layer(network, "relu2") is None


def test_errors_are_relative_and_zero_for_the_exact() -> None:
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    matrix = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    y = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert adjoint_error(y @ matrix, x, y, x @ matrix.T) == [0, 0]
    # <A* y, x> = 11 where the wrong product says <y, x> = 3; |A* y| |x| = 5 sqrt 5
    assert adjoint_error(y @ matrix, x, y, x) == pytest.approx([8 / (5 * 5**0.5), 0])
    assert relative_difference(torch.tensor([[1.0, 4.0], [0, 0]]), torch.tensor([[2.0, 4.0], [0, 0]])) == [0.25, 0]


def test_measurements_certify_the_drawing() -> None:
    context = _Context()
    experiment = Fig1(images=5, above=2, maps=3)
    assert experiment.missing(context) is None  # type: ignore[arg-type]
    outcome = experiment.run(context)  # type: ignore[arg-type]
    values = {m.name: m.values for m in outcome.measurements}
    for name in ("steps against deconvnet/one unit", "steps against deconvnet/whole map"):
        assert len(values[name]) == 5
        assert max(values[name]) < 1e-5
    assert max(values["unpooling is the adjoint of pooling"]) < 1e-6
    assert max(values["transposed filtering is the adjoint of filtering"]) < 1e-6
    # 15 x 15 switches in maps of 30 x 30
    assert max(values["places that a switch names"]) <= 225 / 900
    arrays = outcome.pictures[0].arrays
    nonzero = [np.count_nonzero(arrays[name]) for name in ("layer_above_reconstruction", "unpooled_maps")]
    assert 0 < nonzero[1] <= nonzero[0]
    for k, places in enumerate(arrays["switches"]):
        assert set(arrays["unpooled_maps"][k].flatten().nonzero()[0]) <= set(places.flatten().tolist())


def test_a_network_without_that_layer_is_named() -> None:
    context = _Context()
    assert "layer 9" in str(Fig1(images=5, above=9, maps=3).missing(context))  # type: ignore[arg-type]


class _Context:
    """The part of a context that Fig. 1 uses."""

    def __init__(self) -> None:
        self.network = Network(
            zfnet_small(3),
            name="zfnet_small",
            classes=("red", "green", "blue"),
            preprocessing=Preprocessing(64),
            unit_layers={1: "relu1", 2: "relu2"},
        )
        self.data = DataSource("squares", Squares(6), Squares(12, seed=1))

    def generator(self, *name: Any) -> torch.Generator:
        return torch.Generator().manual_seed(0)
