"""Contrast normalization against torch's own, and its gradient against finite differences."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from replications.networks.normalization import ContrastNormalization


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    ("size", "alpha", "beta", "k"), [(5, 5e-4, 0.75, 2.0), (3, 0.7, 0.5, 1.0), (1, 2.0, 0.75, 1.5)]
)
@pytest.mark.parametrize("channels", [2, 7, 32])
def test_equals_torch_with_gradient(
    channels: int, size: int, alpha: float, beta: float, k: float, channels_last: bool
) -> None:
    generator = torch.Generator().manual_seed(channels)
    x = (10 * torch.randn(3, channels, 6, 5, generator=generator, dtype=torch.float64)).requires_grad_()
    if channels_last:
        x = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    upstream = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    expected = F.local_response_norm(x, size, alpha, beta, k)
    found = ContrastNormalization(size, alpha, beta, k)(x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    (expected_gradient,) = torch.autograd.grad(expected, x, upstream)
    (gradient,) = torch.autograd.grad(found, x, upstream)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-10, atol=1e-12)


def test_finite_differences() -> None:
    x = torch.randn(2, 6, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(ContrastNormalization(5, 0.9, 0.75, 2.0), (x,))


def test_krizhevskys_formula_with_his_constants() -> None:
    x = 100 * torch.randn(1, 9, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    values = x.flatten()
    expected = [values[c] / (2 + 1e-4 * (values[max(0, c - 2) : c + 3] ** 2).sum()) ** 0.75 for c in range(len(values))]
    torch.testing.assert_close(ContrastNormalization()(x).flatten(), torch.stack(expected))


def test_half_precision_does_not_overflow() -> None:
    x = torch.full((1, 5, 2, 2), 3000.0, dtype=torch.float16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ContrastNormalization()(x)
    torch.testing.assert_close(found, F.local_response_norm(x.float(), 5, 5e-4, 0.75, 2.0))


def test_second_derivative_is_refused() -> None:
    x = torch.randn(1, 5, 2, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(ContrastNormalization()(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_even_window_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        ContrastNormalization(size=4)
