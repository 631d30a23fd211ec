"""What a hidden unit sees of an image: exactly what decides its activation."""

from __future__ import annotations

import pytest
import torch
from planted_context import CLUSTERING, context
from planted_facets import SIZE, network
from torch import nn

from replications.multifaceted.unit_fields import (
    before_rectification,
    centre,
    choose_channels,
    field_crops,
    responses,
    unit_facets,
)
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.unit import Unit


def test_the_strongest_position_of_each_map() -> None:
    given = context(per_class=40)
    images, net = given.data.validation, given.network
    indices = torch.tensor([3, 50, 71])
    found = responses(net, ["relu1", "fc8"], images, indices, given)
    maps = net.forward_to("relu1", images.images(indices))
    for i in range(3):
        for channel in range(6):
            row, column = found["relu1"].places[i, channel].tolist()
            assert maps[i, channel, row, column] == maps[i, channel].max() == found["relu1"].strongest[i, channel]
    assert torch.equal(found["fc8"].strongest, net.logits(images.images(indices)))
    assert not found["fc8"].places.any()


def test_a_crop_is_what_the_unit_sees() -> None:
    net = network()
    images = torch.rand(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    maps = net.forward_to("conv1", images)
    places = torch.tensor([[0, 0], [2, 5], [5, 1], [3, 3]])
    crops = field_crops(net, "conv1", images, places)
    assert crops.shape == (4, 3, 3, 3)
    weights, bias = (p.detach() for p in net.node("conv1").module.parameters())  # type: ignore[union-attr]
    for i, (row, column) in enumerate(places.tolist()):
        seen = (net.preprocessing.normalize(crops[i : i + 1]) * weights[2]).sum() + bias[2]
        assert float(seen) == pytest.approx(float(maps[i, 2, row, column]), abs=1e-5)


def test_crops_are_moved_inwards_at_the_borders() -> None:
    net = _padded()
    images = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    crops = field_crops(net, "relu1", images, torch.tensor([[0, 0], [7, 4], [4, 4]]))
    assert torch.allclose(crops[0], images[0, :, :3, :3], atol=1e-6)
    assert torch.allclose(crops[1], images[1, :, 5:8, 3:6], atol=1e-6)
    assert torch.allclose(crops[2], images[2, :, 3:6, 3:6], atol=1e-6)


def test_channels_are_those_that_fire_often_enough() -> None:
    strongest = torch.tensor([[0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 2.0, 0.0], [0.0, 3.0, 5.0, 0.0]])
    drawn = {tuple(choose_channels(strongest, 1, 2, torch.Generator().manual_seed(seed))) for seed in range(20)}
    assert drawn == {(1,)}  # 0 is dead; 2 and 3 are above their lowest value once
    both = choose_channels(strongest, 9, 1, torch.Generator().manual_seed(0))
    assert sorted(both) == [1, 2, 3]


def test_a_unit_is_followed_to_what_its_rectification_reads() -> None:
    net = _branched()
    images = torch.rand(5, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    joined = next(node.name for node in net.nodes if node.kind == "cat")
    maps = net.forward_to(joined, images)
    for channel in range(5):
        unit, rectify = before_rectification(net, Unit(joined, channel, (2, 3)))
        before = net.forward_to(unit.layer, images)[:, unit.channel, 2, 3]
        assert bool((before < 0).any())
        assert rectify is not None
        assert torch.equal(rectify(before.clone()), maps[:, channel, 2, 3])
        assert unit.position == (2, 3)
    unit = Unit("fc8", 1)
    assert before_rectification(network(), unit) == (unit, None)


def test_the_facets_of_a_unit() -> None:
    given = context(per_class=60)
    indices = torch.arange(0, 120, 2)
    found = responses(given.network, ["relu1"], given.data.validation, indices, given)
    channel = choose_channels(found["relu1"].strongest, 1, 30, given.generator("units"))[0]
    options = {"liked": 30, "clustered": "relu7", "nearest": 4, "largest_map": None}
    chosen = [("relu1", channel)]
    settings = {**CLUSTERING, "clusters": 2}
    (made,), notes = unit_facets(given, found, chosen, indices, clustering=settings, **options)
    assert not notes
    assert made.unit == Unit("relu1", channel, centre(given.network, "relu1"))
    best = found["relu1"].strongest[:, channel].sort(descending=True, stable=True).indices[:30]
    assert torch.equal(made.indices, indices[best])
    for rows, mean in zip(made.nearest, made.means, strict=True):
        assert torch.allclose(mean, made.crops[torch.from_numpy(rows)].mean(0), atol=1e-6)
    few = {**options, "liked": 5}
    none, notes = unit_facets(given, found, chosen, indices, clustering=settings, **few)
    assert not none
    assert "t-SNE with a perplexity of 8 needs at least 9 images, found 5" in notes[0]


def test_a_layer_without_maps_has_no_centre() -> None:
    with pytest.raises(ValueError, match="layer 'relu7' of network 'small' has no positions"):
        centre(network(), "relu7")


def _padded() -> Network:
    module = nn.Sequential()
    module.add_module("conv1", nn.Conv2d(3, 2, 3, padding=1))
    module.add_module("relu1", nn.ReLU())
    module.add_module("flatten", nn.Flatten())
    module.add_module("fc2", nn.Linear(2 * SIZE**2, 2))
    half = (0.5, 0.5, 0.5)
    return Network(module, name="padded", classes=("a", "b"), preprocessing=Preprocessing(SIZE, mean=half, std=half))


class _Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 2, 3), nn.Conv2d(3, 3, 3)
        self.first, self.second = nn.ReLU(), nn.LeakyReLU(0.1)
        self.last = nn.Linear(5 * (SIZE - 2) ** 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        joined = torch.cat([self.first(self.left(x)), self.second(self.right(x))], 1)
        return self.last(torch.flatten(joined, 1))


def _branched() -> Network:
    torch.manual_seed(0)
    module = _Branches()
    for parameter in (module.left.bias, module.right.bias):
        nn.init.zeros_(parameter)  # type: ignore[arg-type]
    mean = (0.5, 0.5, 0.5)
    return Network(module, name="branched", classes=("a", "b"), preprocessing=Preprocessing(SIZE, mean=mean))
