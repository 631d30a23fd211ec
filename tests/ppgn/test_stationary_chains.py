"""Chains reach the distribution that they must reach."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from toy_chains import settings

from replications.ppgn.conditions import LogDensity, Unconditional
from replications.ppgn.dae import CodeDAE
from replications.ppgn.priors import DenoisingPrior
from replications.ppgn.sampler import Sampler


class Linear(nn.Module):
    """h -> W h, of 3 numbers from 2."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.tensor([[1.0, 0.5], [-0.4, 1.2], [0.3, 0.0]], dtype=torch.float64))
        self.eval()

    def forward(self, code: Tensor) -> Tensor:
        return code @ self.matrix.T


MEAN = torch.tensor([1.0, -0.5], dtype=torch.float64)
COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 0.8]], dtype=torch.float64)
SIGMA, TAU = 0.4, 0.9
OBSERVED = torch.tensor([2.0, 0.5, -0.3], dtype=torch.float64)


def best_autoencoder() -> CodeDAE:
    """The best denoiser of N(MEAN, COVARIANCE): its residual is sigma^2 times the score of that with noise."""
    dae = CodeDAE(2, SIGMA, widths=(2, 2)).double().eval()
    gain = COVARIANCE @ torch.linalg.inv(COVARIANCE + SIGMA**2 * torch.eye(2))
    with torch.no_grad():
        dae.layers[0].weight.copy_(gain)
        dae.layers[0].bias.copy_(MEAN - gain @ MEAN)
    return dae.requires_grad_(False)


def likelihood(made: Tensor) -> Tensor:
    return -(made - OBSERVED).square().sum(1) / (2 * TAU**2)


def posterior(observed: bool) -> tuple[Tensor, Tensor]:
    """Mean and precision of N(MEAN, COVARIANCE + SIGMA^2), given OBSERVED = W h + N(0, TAU^2) or not."""
    precision = torch.linalg.inv(COVARIANCE + SIGMA**2 * torch.eye(2))
    pull = precision @ MEAN
    if observed:
        matrix = Linear().matrix
        assert isinstance(matrix, Tensor)
        pull = pull + matrix.T @ OBSERVED / TAU**2
        precision = precision + matrix.T @ matrix / TAU**2
    return torch.linalg.solve(precision, pull), precision


@pytest.mark.parametrize("observed", [False, True], ids=["from the prior", "given an observation"])
def test_langevin_chains_reach_mean_and_covariance_of_the_gaussian(observed: bool) -> None:
    """Linear chains h <- h - s P (h - m) + N(0, 2 s) have the stationary covariance (P - s P^2 / 2)^-1, exactly."""
    step = 0.1  # eps3^2 / 2
    given = settings(
        prior="dae", steps=1600, rate=1.0, normalize=False, keep_every=5,
        epsilon1=step / SIGMA**2, epsilon2=step, epsilon3=(2 * step) ** 0.5,
    )  # fmt: skip
    condition = LogDensity("observed", likelihood) if observed else Unconditional()
    sampler = Sampler(Linear(), given, DenoisingPrior(best_autoencoder()))
    found = sampler.run([condition] * 150, seed=0, start=torch.zeros(150, 2, dtype=torch.float64))
    samples = found.kept[40:].flatten(0, 1)
    mean, precision = posterior(observed)
    covariance = torch.linalg.inv(precision - step * precision @ precision / 2)
    torch.testing.assert_close(samples.mean(0), mean, rtol=0, atol=0.05)
    torch.testing.assert_close(torch.cov(samples.T), covariance, rtol=0.05, atol=0.02)
    # which is that of the density itself, but for the size of the steps
    assert float((covariance @ precision - torch.eye(2)).abs().max()) < (0.25 if observed else 0.15)
