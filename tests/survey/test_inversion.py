"""Pre-images of linear layers are known; of others, what the published loop gives, restated slowly in float64."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from known_preimages import PIXELS, SIZE, STATISTICS, convolutional_network, images, linear_network
from torch import Tensor, nn

from replications.images.regularizers import AlphaNorm, TotalVariation
from replications.networks.network import Network, UnknownLayer
from replications.survey.inversion import LEVELS, Inversion, PixelStatistics, Stage, invert

FREE = Inversion(stages=(Stage(400, 2e-2),), momentum=0.5, total_variation=0, alpha_norm=0)
SHORT = Inversion(stages=(Stage(6, 2e-2), Stage(4, 2e-3)), total_variation=10.0)


def as_matrix(network: Network, layer: str) -> tuple[Tensor, Tensor]:
    """The layer as a float64 matrix and vector of the flattened levels about the mean."""
    zero = STATISTICS.images(torch.zeros(1, 3, SIZE, SIZE))
    units = STATISTICS.images(torch.eye(PIXELS).reshape(PIXELS, 3, SIZE, SIZE) * LEVELS)
    constant = network.forward_to(layer, zero).double()
    return ((network.forward_to(layer, units).double() - constant) / LEVELS).T, constant[0]


def test_of_a_linear_layer_the_pre_image_nearest_the_start_is_found() -> None:
    network = linear_network()
    targets = network.forward_to("fc1", images(3))
    starts = images(3, seed=2)
    found = invert(network, "fc1", targets, statistics=STATISTICS, settings=FREE, starts=starts)
    matrix, constant = as_matrix(network, "fc1")
    levels = STATISTICS.levels(starts).double().flatten(1)
    # what the layer can't see of the start stays: the Moore-Penrose inverse moves nothing else
    nearest = levels + (targets.double() - constant - levels @ matrix.T) @ torch.linalg.pinv(matrix).T
    exact = STATISTICS.images(nearest.reshape(3, 3, SIZE, SIZE))
    assert (found.unbounded - exact).abs().max() < 1e-4
    assert (images(3) - exact).abs().max() > 0.1  # other images have the same features
    assert found.distances.max() < 1e-3
    assert not found.diverged.any()


def roughness() -> Tensor:
    """The matrix of the total variation (beta = 2) as a quadratic form, from its definition, pixel by pixel."""
    form = torch.zeros(PIXELS, PIXELS, dtype=torch.float64)
    number = np.arange(PIXELS).reshape(3, SIZE, SIZE)
    for c, y, x in np.ndindex(3, SIZE, SIZE):
        for other in ((c, y + 1, x), (c, y, x + 1)):
            if max(other[1:]) < SIZE:
                i, j = number[c, y, x], number[other]
                form[[i, j], [i, j]] += 1
                form[[i, j], [j, i]] -= 1
    return form


@pytest.mark.parametrize("variation", [0.0, 0.2, 2.0])
def test_with_quadratic_penalties_the_pre_image_is_that_of_a_linear_system(variation: float) -> None:
    network = linear_network()
    targets = network.forward_to("fc1", images(2))
    settings = Inversion((Stage(1500, 2e-2),), 0.9, variation, beta=2, alpha_norm=0.5, alpha=2)
    found = invert(network, "fc1", targets, statistics=STATISTICS, settings=settings)
    matrix, constant = as_matrix(network, "fc1")
    variance = PIXELS * (LEVELS * STATISTICS.deviation) ** 2
    penalty = (variation * roughness() + 0.5 * torch.eye(PIXELS)) / 2 / variance
    for target, picture in zip(targets.double(), found.unbounded, strict=True):
        energy = target.square().sum()
        solved = torch.linalg.solve(matrix.T @ matrix / energy + penalty, matrix.T @ (target - constant) / energy)
        assert (picture - STATISTICS.images(solved.reshape(3, SIZE, SIZE))).abs().max() < 1e-3


@pytest.mark.parametrize(("beta", "alpha"), [(2, 6), (3, 4), (4, 2)])
def test_the_slopes_of_the_penalties_are_those_of_the_suites_penalties(beta: float, alpha: float) -> None:
    levels = STATISTICS.levels(images(2)).double().requires_grad_()
    variation, norm = TotalVariation(1.0, beta), AlphaNorm(1.0, alpha)
    origin = torch.zeros(3, 1, 1)
    total = 3 / 2 * variation.values(levels, origin) + 0.7 / 2 * norm.values(levels, origin)
    settings = Inversion(total_variation=3, beta=beta, alpha_norm=0.7, alpha=alpha)
    assert torch.allclose(settings.slope(levels.detach()), torch.autograd.grad(total.sum(), levels)[0])


def published(module: nn.Module, target: Tensor, levels: Tensor, settings: Inversion, network: Network) -> Tensor:
    """The released loop (core/invert_nn.m) for one picture in float64, with its own gradients of the penalties."""
    x, energy = levels.double(), target.double().square().sum()
    sigma2 = levels.numel() * (STATISTICS.deviation * LEVELS) ** 2
    last, velocity = 0.0, torch.zeros_like(x)
    for step in [stage.step for stage in settings.stages for _ in range(stage.iterations)]:
        image = STATISTICS.images(x)[None].requires_grad_()
        loss = (module(network.preprocessing.normalize(image)) - target.double()).square().sum()
        slope = torch.autograd.grad(loss, image)[0][0] / LEVELS
        rough = torch.zeros_like(x)
        for c, i, j in np.ndindex(*x.shape):
            for a, b in ((i + 1, j), (i, j + 1)):
                if a < x.shape[1] and b < x.shape[2]:
                    rough[c, a, b] += 2 * (x[c, a, b] - x[c, i, j])
                    rough[c, i, j] -= 2 * (x[c, a, b] - x[c, i, j])
        large = settings.alpha * x ** (settings.alpha - 1)
        if step != last:
            velocity, last = torch.zeros_like(x), step
        penalties = settings.total_variation / 2 * rough + settings.alpha_norm / 2 * large
        velocity = settings.momentum * velocity - step * penalties - step * sigma2 / energy * slope
        x = x + velocity
    return STATISTICS.images(x)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_published_loop(seed: int) -> None:
    network = convolutional_network(seed)
    targets = network.forward_to("conv2", images(2, seed))
    settings = dataclasses.replace(SHORT, alpha_norm=8e-9)
    found = invert(network, "conv2", targets, statistics=STATISTICS, settings=settings, seeds=[3, 4])
    modules = [network.node(name).module for name in ("conv1", "relu1", "conv2")]
    slow = nn.Sequential(*modules).double()
    expected = [
        published(slow, target, STATISTICS.noise(s, SIZE), settings, network)
        for target, s in zip(targets, (3, 4), strict=True)
    ]
    assert (found.unbounded - torch.stack(expected)).abs().max() < 1e-4


def test_distances_and_history_are_what_they_say() -> None:
    network = convolutional_network()
    targets = network.forward_to("conv2", images(2))
    found = invert(network, "conv2", targets, statistics=STATISTICS, settings=SHORT, starts=images(2, seed=2))
    first = (network.forward_to("conv2", images(2, seed=2)) - targets).flatten(1).norm(dim=1)
    assert torch.allclose(found.history[0], (first / targets.flatten(1).norm(dim=1)).square(), rtol=1e-4)
    assert found.history.shape == (10, 2)
    for pictures, distances in ((found.unbounded, found.distances), (found.images, found.clamped_distances)):
        again = (network.forward_to("conv2", pictures) - targets).flatten(1).norm(dim=1)
        assert torch.allclose(distances.float(), again, rtol=1e-4)
    assert 0 <= found.images.min() <= found.images.max() <= 1
    assert len(found) == 2


def test_each_picture_is_what_it_would_be_alone() -> None:
    network = convolutional_network()
    targets = network.forward_to("relu1", images(3))
    together = invert(network, "relu1", targets, statistics=STATISTICS, settings=SHORT, seeds=[7, 8, 9])
    parted = invert(network, "relu1", targets, statistics=STATISTICS, settings=SHORT, seeds=[7, 8, 9], batch=2)
    alone = invert(network, "relu1", targets[2:], statistics=STATISTICS, settings=SHORT, seeds=[9])
    assert torch.allclose(together.unbounded, parted.unbounded, atol=1e-5)
    assert torch.allclose(together.unbounded[2:], alone.unbounded, atol=1e-5)
    assert together.history.shape == parted.history.shape
    other = invert(network, "relu1", targets[2:], statistics=STATISTICS, settings=SHORT, seeds=[10])
    assert (other.unbounded - alone.unbounded).abs().max() > 0.01


def test_the_network_stops_at_the_layer() -> None:
    network = convolutional_network()
    module = network.node("fc3").module
    assert module is not None

    def refuse(*_: Any) -> None:
        raise AssertionError("a layer above the one to be inverted was run")

    targets = network.forward_to("conv2", images(1))
    assert network.shape("fc3") == (3,)
    module.register_forward_hook(refuse)
    invert(network, "conv2", targets, statistics=STATISTICS, settings=SHORT)


def test_what_runs_away_is_stopped_and_said_so() -> None:
    network = linear_network()
    wild = dataclasses.replace(FREE, stages=(Stage(60, 200.0),), retries=2)
    found = invert(network, "fc1", network.forward_to("fc1", images(2)), statistics=STATISTICS, settings=wild)
    assert found.diverged.all()
    assert found.retried.tolist() == [2, 2]
    assert found.unbounded.isfinite().all()
    assert found.history.shape == (60, 2)


def test_nothing_is_computed_once_all_have_run_away() -> None:
    network = linear_network()
    targets = network.forward_to("fc1", images(2))
    passes = []
    module = network.node("fc1").module
    assert module is not None
    module.register_forward_hook(lambda *_: passes.append(1))
    wild = dataclasses.replace(FREE, stages=(Stage(30, 200.0), Stage(30, 20.0)), retries=0)
    found = invert(network, "fc1", targets, statistics=STATISTICS, settings=wild)
    assert len(passes) < 20
    assert found.diverged.all()
    assert found.history.shape == (60, 2)


def test_what_runs_away_begins_again_with_a_quarter_of_the_step() -> None:
    network = linear_network()
    small, large = images(2)
    targets = network.forward_to("fc1", torch.stack([small, 6 * large]))  # the larger, the less steep
    energies = targets.square().sum(1)
    step = 12 * float(energies[0]) / (PIXELS * STATISTICS.deviation**2) / 16  # too long for the first alone, even
    settings = dataclasses.replace(FREE, stages=(Stage(100, step), Stage(30, step / 10)), momentum=0)  # a quarter of it
    found = invert(network, "fc1", targets, statistics=STATISTICS, settings=settings)
    assert found.retried[0] > 0
    assert found.retried[1] == 0
    assert not found.diverged.any()
    shorter = [Stage(s.iterations, s.step * 0.25 ** int(found.retried[0])) for s in settings.stages]
    alone = dataclasses.replace(settings, stages=shorter, retries=0)
    expected = invert(network, "fc1", targets[:1], statistics=STATISTICS, settings=alone)
    assert torch.allclose(found.unbounded[:1], expected.unbounded, atol=1e-4)
    assert torch.allclose(found.distances[:1], expected.distances, rtol=1e-3, atol=1e-4)
    assert torch.allclose(found.history[:, :1], expected.history, rtol=1e-3, atol=1e-6)
    untouched = invert(network, "fc1", targets[1:], statistics=STATISTICS, settings=settings, seeds=[1])
    assert torch.allclose(found.unbounded[1:], untouched.unbounded, atol=1e-4)


def test_pixels_counted_from_the_mean_and_noise_of_the_typical_norm() -> None:
    pictures = images(50)
    found = PixelStatistics.of(pictures)
    assert found.mean == pytest.approx(pictures.mean((0, 2, 3)).tolist(), abs=1e-6)
    levels = found.levels(pictures)
    assert float(levels.mean((0, 2, 3)).abs().max()) < 1e-3
    typical = levels.square().sum((1, 2, 3)).mean().sqrt()
    assert float(found.noise(0, SIZE).norm()) == pytest.approx(float(typical), rel=1e-4)
    assert torch.allclose(found.images(levels), pictures, atol=1e-6)
    with pytest.raises(ValueError, match="all of one colour"):
        PixelStatistics.of(torch.full((2, 3, 4, 4), 0.5))


def test_what_can_not_be_inverted_is_refused() -> None:
    network = convolutional_network()
    good = network.forward_to("conv2", images(2))
    dead = torch.stack([good[0], torch.zeros_like(good[0])])
    for features, layer, options, message in (
        (good[:, :2], "conv2", {}, r"gives features \(n, 4, 3, 3\).*found \(2, 2, 3, 3\)"),
        (dead, "conv2", {}, r"those of images \[1\] aren't"),
        (good * float("nan"), "conv2", {}, r"those of images \[0, 1\] aren't"),
        (good, "conv2", {"seeds": [1]}, "a seed for each of 2 pictures, found 1"),
        (good, "conv2", {"starts": images(1)}, "expected starts as"),
    ):
        with pytest.raises(ValueError, match=message):
            invert(network, layer, features, statistics=STATISTICS, settings=SHORT, **options)  # type: ignore[arg-type]
    with pytest.raises(UnknownLayer):
        invert(network, "conv9", good, statistics=STATISTICS)


@pytest.mark.parametrize(
    "changes",
    [{"stages": ()}, {"beta": 1.0}, {"alpha": 1.0}, {"alpha_norm": -1.0}, {"momentum": 1.0}, {"retries": -1}],
)
def test_settings_that_mean_nothing_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected at least one stage|momentum lies"):
        dataclasses.replace(Inversion(), **changes)
    with pytest.raises(ValueError, match="at least 1 iteration"):
        Stage(0, 1.0)
