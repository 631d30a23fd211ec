"""Modules for what networks do between their layers without one: joining branches, and the mean over positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Concatenate(nn.Module):
    """Feature maps side by side: tensors (N, C_i, ...) -> (N, sum of C_i, ...)."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=1)


class Add(nn.Module):
    """The sum of two tensors; shapes broadcast."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b


class Multiply(nn.Module):
    """The product of two tensors, as in squeeze-and-excitation; shapes broadcast."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b


class GlobalMean(nn.Module):
    """The mean over positions: (N, C, H, W) -> (N, C), or (N, C, 1, 1) if `keepdim`."""

    def __init__(self, keepdim: bool = False) -> None:
        super().__init__()
        self.keepdim = keepdim

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=self.keepdim)

    def extra_repr(self) -> str:
        return f"keepdim={self.keepdim}"
