"""The training step against gradient descent by hand, and what a diverging training says."""

from __future__ import annotations

import math

import pytest
import torch
from synthetic_squares import Squares
from torch import Tensor, nn
from torch.nn import functional as F

from replications.training.batches import TrainingImages, epoch_batches
from replications.training.loop import Training, TrainingDiverged, derived_seed
from replications.training.preprocessing import Preprocessing
from replications.training.recipe import Recipe


def linear_chain(seed: int = 0) -> nn.Sequential:
    network = nn.Sequential(nn.Conv2d(3, 4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 6)).double().float()
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.05, generator=generator)
    return network


def run(network: nn.Module, recipe: Recipe, data: Squares, epochs: int, seed: int = 7) -> tuple[Training, list[float]]:
    training = Training(network, recipe, Preprocessing(), seed, torch.device("cpu"))
    images = TrainingImages(data, torch.arange(len(data)))
    losses = [
        training.epoch(number, images, data.labels, data.size, lambda _: None).loss for number in range(1, epochs + 1)
    ]
    return training, losses


def test_two_epochs_equal_gradient_descent_by_hand() -> None:
    data = Squares(40, size=16)
    recipe = Recipe(
        epochs=2,
        batch_size=16,
        learning_rate=0.05,
        weight_decay=0.01,
        warm_up=0.5,
        annealing=(0.5,),
        renormalize_radius=0.06,
    )
    trained, _ = run(linear_chain(), recipe, data, epochs=2)

    network = linear_chain().double()
    velocity = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
    images = TrainingImages(data, torch.arange(40))
    for epoch in (1, 2):
        generator = torch.Generator().manual_seed(derived_seed(7, epoch, "batches"))
        for step, (batch, target) in enumerate(epoch_batches(images, data.labels, 16, recipe, generator)):
            rate = 0.05 * (0.1 if epoch == 2 else 1) * min(1, (epoch - 1 + step / 3 + 1e-3) / 0.5)
            loss = F.cross_entropy(network((batch.double() / 255 - 0.5) / 0.25), target)
            gradients = torch.autograd.grad(loss, list(network.parameters()))
            with torch.no_grad():
                for (name, parameter), gradient in zip(network.named_parameters(), gradients, strict=True):
                    velocity[name] = 0.9 * velocity[name] + gradient + 0.01 * parameter
                    parameter.sub_(rate * velocity[name])
                    if parameter.ndim == 4:
                        rms = parameter.pow(2).mean((1, 2, 3), keepdim=True).sqrt()
                        parameter.mul_(torch.where(rms > 0.06, 0.06 / rms, torch.ones_like(rms)))
    for name, parameter in trained.network.named_parameters():
        torch.testing.assert_close(parameter.double(), network.get_parameter(name), rtol=1e-4, atol=1e-6)


def test_first_loss_is_that_of_equal_probabilities_and_falls() -> None:
    data = Squares(120, size=16)
    _, losses = run(linear_chain(), Recipe(epochs=12, batch_size=16, learning_rate=0.02), data, epochs=12)
    assert losses[0] == pytest.approx(math.log(6), rel=0.3)
    assert losses[-1] < 0.3


def test_global_generator_stays_as_it_was_and_has_no_influence() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.chain = linear_chain()

        def forward(self, x: Tensor) -> Tensor:
            return self.chain(F.dropout(x, 0.5, self.training))

    results = []
    for global_seed in (1, 2):
        network = Noisy()
        torch.manual_seed(global_seed)
        before = torch.random.get_rng_state()
        training, _ = run(network, Recipe(epochs=1, batch_size=16), Squares(32, size=16), epochs=1)
        assert torch.equal(torch.random.get_rng_state(), before)
        results.append(training.state())
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def test_divergence_is_one_clear_error() -> None:
    with pytest.raises(
        TrainingDiverged, match=r"diverged in epoch \d: the loss is (nan|inf).*lower the recipe's learning"
    ):
        run(
            linear_chain(),
            Recipe(epochs=3, learning_rate=1e20, renormalize_radius=None),
            Squares(200, size=16),
            epochs=3,
        )
