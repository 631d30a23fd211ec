"""A dot with its interval: where its ends are, and that rounding does no harm."""

from __future__ import annotations

import numpy as np
import pytest

from replications.drawing import dot_with_interval, new_figure


def test_a_dot_s_bar_ends_where_the_interval_does() -> None:
    axes = new_figure("", 2, 2).subplots()
    dot_with_interval(axes, (0.5, 0.2, 0.9), 3, "k", label="dots")
    [bar] = axes.containers
    (line, _, (segments,)) = bar.lines
    assert line.get_xydata().tolist() == [[0.5, 3.0]]
    assert segments.get_segments()[0] == pytest.approx(np.array([[0.2, 3.0], [0.9, 3.0]]))


def test_ends_beyond_the_estimate_by_rounding_are_drawn_at_it() -> None:
    axes = new_figure("", 2, 2).subplots()
    dot_with_interval(axes, (0.3, 0.3 + 1e-17 + 5e-17, 0.3 - 6e-17), 0, "k")
    (_, _, (segments,)) = axes.containers[0].lines
    assert segments.get_segments()[0][:, 0] == pytest.approx([0.3, 0.3])
