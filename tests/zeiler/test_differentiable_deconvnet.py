"""The projections of `survey.applications.differentiable_deconvnet` are the deconvnet's, on its own test networks."""

from __future__ import annotations

import pytest
import torch
from deconvnet_networks import BUILDERS, build, images
from torch import Tensor

from replications.survey.applications.differentiable_deconvnet import Ascent
from replications.zeiler import deconvnet


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("seed", range(2))
def test_projections_are_those_of_the_deconvnet(name: str, seed: int) -> None:
    network, pictures = build(name, seed), images(3, seed)
    for layer in network.layers:
        record = deconvnet.record(network, pictures, layer)  # type: ignore[arg-type]
        ascent = Ascent(network, pictures, layer)  # type: ignore[arg-type]
        torch.testing.assert_close(ascent.activations, record.activations)
        signals = torch.randn(ascent.activations.shape, generator=torch.Generator().manual_seed(seed)).double()
        expected = deconvnet.project_signals(record, signals, torch.arange(3))
        torch.testing.assert_close(ascent.project(signals), expected)


@pytest.mark.parametrize("name", ["zeiler_chain", "leaky_chain"])
def test_the_gradient_is_that_of_small_differences(name: str) -> None:
    network, pictures = build(name, 0), images(1, 0)
    layer = network.layers[-1]
    weights = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(5)).double()

    def shown(pixels: Tensor) -> Tensor:
        ascent = Ascent(network, pixels, layer)  # type: ignore[arg-type]
        return (ascent.project(ascent.activations) * weights).sum()

    changed = pictures.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(shown(changed), changed)
    direction = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(6)).double()
    step = 1e-6
    with torch.no_grad():
        measured = (shown(pictures + step * direction) - shown(pictures - step * direction)) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(float(measured), rel=1e-4)
