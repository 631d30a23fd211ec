"""Fig. 7 on planted cases: a network whose class depends on one known place must show that place."""

from __future__ import annotations

import torch
from torch import nn

from replications.data.transforms import occlude, occlusion_map
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.zeiler.fig7_occlusion import coverage, most_sensitive, projection_energy, sweep_square, weighted_means


def planted_network(size: int = 16) -> Network:
    """Class 1 is "the upper left quarter is bright"; the only feature map is the image's red channel."""
    chain = nn.Sequential()
    chain.add_module("conv1", nn.Conv2d(3, 1, 1, bias=False))
    chain.add_module("relu1", nn.ReLU())
    chain.add_module("flatten", nn.Flatten())
    chain.add_module("fc2", nn.Linear(size * size, 2))
    with torch.no_grad():
        chain.conv1.weight[:] = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
        weight = torch.zeros(2, size, size)
        weight[1, : size // 2, : size // 2] = 1.0
        chain.fc2.weight[:] = weight.flatten(1)
        chain.fc2.bias[:] = torch.tensor([40.0, 0.0])
    return Network(chain, name="planted", classes=("dark", "bright"), preprocessing=Preprocessing(size=size))


def test_sweep_finds_the_planted_place() -> None:
    image = torch.zeros(1, 3, 16, 16)
    image[:, 0, :8, :8] = 1.0
    positions, sweep = sweep_square(planted_network(), image, 1, "relu1", side=8, step=4)
    assert len(positions) == 9
    on = {tuple(p): float(c) for p, c in zip(positions.tolist(), sweep.correct, strict=True)}
    # a square on the quarter makes it half as bright: logit 32 against 40; elsewhere 64 against 40
    assert on[0, 0] < 0.001
    assert on[8, 8] > 0.999
    assert sweep.whole_correct > 0.999
    activity = {tuple(p): float(a) for p, a in zip(positions.tolist(), sweep.activity, strict=True)}
    assert activity[0, 0] == 32.0
    assert activity[8, 8] == 64 + 32  # grey on black adds
    assert sweep.best.tolist()[0] == 0
    assert sweep.best.tolist()[-1] == 1


def test_projection_energy_lies_where_the_map_is_active() -> None:
    image = torch.zeros(1, 3, 16, 16)
    image[:, 0, 2:4, 5:9] = 0.5
    energy = projection_energy(planted_network(), image, "relu1", 0)
    assert torch.equal(energy > 0, image[0, 0] > 0)
    assert torch.allclose(energy[2:4, 5:9], torch.tensor(0.25))


def test_coverage_is_the_mean_under_the_square() -> None:
    maps = torch.rand(3, 10, 12, generator=torch.Generator().manual_seed(0))
    positions, means = [], []
    for places, batch in occlude(torch.zeros(1, 1, 10, 12), 4, 3, value=1.0):
        positions.append(places)
        means += [(maps * square[0, 0]).sum((1, 2)) / 16 for square in batch]
    found = coverage(maps, torch.cat(positions), 4)
    assert torch.allclose(found.float(), torch.stack(means, 1), atol=1e-6)


def test_weighted_means_separate_on_and_off() -> None:
    values = torch.tensor([[1.0, 3.0, 5.0]])
    on, off = weighted_means(values, torch.tensor([[1.0, 0.5, 0.0]], dtype=torch.float64))
    assert on.item() == (1 + 1.5) / 1.5
    assert off.item() == (1.5 + 5) / 1.5


def test_occlusion_map_covers_the_image() -> None:
    positions, _ = zip(*occlude(torch.zeros(1, 3, 11, 11), 4, 3), strict=True)
    places = torch.cat(positions)
    assert occlusion_map(torch.ones(len(places)), places, 4, 11, 11).isfinite().all()


def test_shown_images_are_of_different_classes_while_there_are_classes() -> None:
    drops = torch.tensor([[0.1, 0.9], [0.8, 0.0], [0.2, 0.3], [0.7, 0.7]])
    assert most_sensitive(drops, [4, 4, 6, 6], 2) == [0, 3]
    assert most_sensitive(drops, [4, 4, 6, 6], 3) == [0, 3, 1]
