"""Edges of images whose edges are known."""

from __future__ import annotations

import pytest
import torch

from replications.survey.edges import edges


def test_edges_are_sobels() -> None:
    ramp = (torch.arange(8.0) / 8).expand(1, 3, 8, 8)
    found = edges(ramp)
    assert found[0, :, :, 1:-1].flatten().tolist() == pytest.approx([8 * 1 / 8] * (3 * 8 * 6))
    assert found[0, 0, 3, [0, 7]].tolist() == pytest.approx([0.5, 0.5])
    assert float(edges(torch.full((2, 3, 5, 5), 0.3)).abs().max()) == pytest.approx(0, abs=1e-6)
