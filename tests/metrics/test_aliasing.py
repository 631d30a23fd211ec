from __future__ import annotations

import math

import pytest
import torch

from metrics import aliasing


def _wave(frequency: float, size: int = 32) -> torch.Tensor:
    line = torch.cos(2 * math.pi * frequency * torch.arange(size, dtype=torch.float64))
    return line.expand(size, size) + 5


@pytest.mark.parametrize("window", [False, True])
def test_a_wave_lies_wholly_below_or_above_the_bound(window: bool) -> None:
    maps = torch.stack([_wave(4 / 32), _wave(12 / 32), _wave(4 / 32).T, _wave(12 / 32).T])
    share = aliasing.high_frequency_share(maps, 0.25, window=window)
    assert share.tolist() == pytest.approx([0, 1, 0, 1], abs=1e-3)


def test_two_waves_share_by_their_power() -> None:
    both = 2 * _wave(2 / 32) + _wave(14 / 32)
    assert float(aliasing.high_frequency_share(both)) == pytest.approx(1 / 5)


def test_white_noise_has_the_share_of_the_plane() -> None:
    noise = torch.randn(400, 24, 20, generator=torch.Generator().manual_seed(0))
    share = aliasing.high_frequency_share(noise, 0.3).mean()
    assert float(share) == pytest.approx(aliasing.white_share(24, 20, 0.3), abs=0.01)
    assert aliasing.white_share(1000, 1000, 0.25) == pytest.approx(1 - math.pi / 16, abs=1e-3)


def test_sampling_a_wave_too_coarsely_raises_the_share() -> None:
    wave = _wave(0.2, 64)
    fine, coarse = wave[::2, ::2], wave[::2, ::2][::2, ::2]  # 0.4 cycles a sample; 0.8, folded to 0.2
    assert aliasing.high_frequency_share(fine, 0.3) > 0.9
    assert aliasing.high_frequency_share(coarse, 0.3) < 0.1


def test_a_constant_map_has_no_spectrum() -> None:
    assert aliasing.high_frequency_share(torch.full((2, 8, 8), 0.1)).isnan().all()
    with pytest.raises(ValueError, match="cycles per sample"):
        aliasing.high_frequency_share(torch.rand(8, 8), 0.9)


def test_filters_of_different_size_are_read_alike() -> None:
    small = torch.randn(4, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(small, (2, 2, 2, 2))
    share = aliasing.filter_high_frequency_share(small)
    assert torch.allclose(share, aliasing.filter_high_frequency_share(padded))
    assert torch.allclose(share, aliasing.filter_high_frequency_share(-3 * small))


def test_known_filters() -> None:
    impulse = torch.zeros(1, 2, 5, 5)
    impulse[0, 1, 2, 2] = 1
    plane = (aliasing.white_share(32, 32) * (32 * 32 - 1)) / (32 * 32)
    assert float(aliasing.filter_high_frequency_share(impulse)) == pytest.approx(plane)
    steps = torch.arange(11) - 5
    blur = torch.exp(-(steps[:, None] ** 2 + steps**2) / 6.0).expand(1, 3, -1, -1)
    assert float(aliasing.filter_high_frequency_share(blur)) < 0.02
    checks = blur * (-1.0) ** (steps[:, None] + steps)
    assert float(aliasing.filter_high_frequency_share(checks)) > 0.98
    with pytest.raises(ValueError, match="as many points"):
        aliasing.filter_high_frequency_share(blur, points=8)
