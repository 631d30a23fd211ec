"""A network whose units are known detectors: of colours, and of stripes in given directions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# what each colour has more of than the others, in red, green and blue
COLOURS = {
    "red": (1.0, -1.3, -0.4),
    "green": (-1.0, 1.3, -0.9),
    "purple": (0.5, -1.9, 1.2),
}
# the angle of the direction across the stripes, in degrees from the horizontal
STRIPES = {"striped": 90.0, "barred": 0.0, "diagonal": 45.0}
PERIOD = 6.5  # in pixels, about that of facetworld's stripes at 64 pixels


def detectors() -> nn.Module:
    """(n, 3, 64, 64) -> (n, 6, 31, 31): one unit for each of COLOURS, then one for each of STRIPES.

    A colour's unit is a weighted sum of smoothed red, green and blue. A stripe's is what a patch has of waves across
    its own direction, in any phase, less what it has of those across the others.
    """
    angles = [*STRIPES.values(), 135.0]
    first = nn.Conv2d(3, len(COLOURS) + 4 * len(angles), 7, padding=3, bias=False)
    weights = torch.zeros_like(first.weight.data)
    for unit, mixture in enumerate(COLOURS.values()):
        weights[unit, :, 2:5, 2:5] = torch.tensor(mixture)[:, None, None] / 9
    for number, angle in enumerate(angles):
        for phase in range(4):
            weights[len(COLOURS) + 4 * number + phase] = _wave(angle, phase * math.pi / 2)
    first.weight.data = weights
    second = nn.Conv2d(first.out_channels, len(COLOURS) + len(STRIPES), 9, stride=2, padding=3, bias=False)
    weights = torch.zeros_like(second.weight.data)
    for unit in range(len(COLOURS)):
        weights[unit, unit, 3:6, 3:6] = 1 / 9
    for number in range(len(STRIPES)):
        unit = len(COLOURS) + number
        weights[unit, len(COLOURS) :] = -1.0 / 81
        weights[unit, len(COLOURS) + 4 * number : len(COLOURS) + 4 * (number + 1)] = 1 / 81
    second.weight.data = weights
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())


def _wave(angle: float, phase: float) -> Tensor:
    """(3, 7, 7): a wave in grey under a window, of mean 0."""
    y, x = torch.meshgrid(torch.arange(-3.0, 4), torch.arange(-3.0, 4), indexing="ij")
    along = x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))
    window = torch.exp(-(x**2 + y**2) / 8)
    wave = window * torch.cos(2 * math.pi * along / PERIOD + phase)
    return (wave - window * (wave.sum() / window.sum())).expand(3, -1, -1)
