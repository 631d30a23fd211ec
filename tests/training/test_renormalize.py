"""Renormalization of filters: closed form, and nothing else touched."""

from __future__ import annotations

import torch
from torch import nn

from replications.training.renormalize import filter_rms, renormalize


def test_closed_form() -> None:
    convolution = nn.Conv2d(1, 3, 2)
    with torch.no_grad():
        convolution.weight.copy_(
            torch.tensor([[3.0, 4, 0, 0], [0.05, 0.05, 0.05, 0.05], [0.1, -0.1, 0.1, 0.1]]).view(3, 1, 2, 2)
        )
    renormalize(convolution, 0.1)
    # RMS of (3, 4, 0, 0) is 2.5: divided by 25. RMS 0.05 stays. RMS 0.1 is the radius itself.
    expected = torch.tensor([[0.12, 0.16, 0, 0], [0.05, 0.05, 0.05, 0.05], [0.1, -0.1, 0.1, 0.1]])
    torch.testing.assert_close(convolution.weight.view(3, 4), expected)


def test_each_large_filter_ends_at_the_radius_and_keeps_its_direction() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 7), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.1, generator=generator)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    renormalize(network, 0.1)
    for name, value in network.state_dict().items():
        if value.ndim != 4:
            assert torch.equal(value, before[name])
            continue
        rms = filter_rms(before[name])
        assert (rms > 0.1).any()
        assert (rms < 0.1).any()
        for found, old, size in zip(value, before[name], rms, strict=True):
            if size > 0.1:
                torch.testing.assert_close(found, old * 0.1 / size)
            else:
                assert torch.equal(found, old)
