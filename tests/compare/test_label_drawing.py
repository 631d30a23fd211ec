"""Labels beside marks cover neither marks nor each other while there is room."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from replications.compare.label_drawing import LETTER, MARK, RINGS, SIZE, label_points, offsets
from replications.drawing import new_figure


def boxes(centres: list[tuple[float, float]], letters: list[int]) -> list[tuple[float, float, float, float]]:
    """Of the labels, then of the marks."""
    labels = [
        (x + dx - n * LETTER / 2, y + dy - SIZE / 2, x + dx + n * LETTER / 2, y + dy + SIZE / 2)
        for (x, y), (dx, dy), n in zip(centres, offsets(centres, letters), letters, strict=True)
    ]
    return labels + [(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in centres]


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return min(a[2], b[2]) - max(a[0], b[0]) > 1e-6 and min(a[3], b[3]) - max(a[1], b[1]) > 1e-6


@pytest.mark.parametrize(
    "centres",
    [
        [(50.0, 50.0)],
        [(50.0, 50.0), (50.0, 50.0)],
        [(50.0, 50.0), (54.0, 51.0), (49.0, 46.0)],
        [(50.0 + 9 * i, 50.0) for i in range(6)],
    ],
    ids=["one", "the same place", "a heap", "a row"],
)
def test_no_label_covers_another_or_a_mark(centres: list[tuple[float, float]]) -> None:
    found = boxes(centres, [2] * len(centres))
    labels, marks = found[: len(centres)], found[len(centres) :]
    assert not any(overlap(a, b) for a, b in itertools.combinations(labels, 2))
    assert not any(overlap(a, b) for a in labels for b in marks)


def test_a_lone_label_is_near_and_to_the_upper_right() -> None:
    ((right, up),) = offsets([(0.0, 0.0)], [2])
    assert 0 < right < 2 * RINGS[0]
    assert 0 < up < 2 * RINGS[0]


def test_without_room_every_label_is_still_placed() -> None:
    assert len(offsets([(0.0, 0.0)] * 60, [2] * 60)) == 60


def test_marks_that_are_nowhere_get_no_label() -> None:
    figure = new_figure("a title", 3, 3)
    axes = figure.subplots()
    axes.set_xlim(0, 1)
    figure.draw_without_rendering()
    label_points(axes, {"a": (0.5, 0.5), "b": (np.nan, 0.5)}, {"a": "1", "b": "2"})
    assert [text.get_text() for text in axes.texts] == ["1"]
    label_points(axes, {}, {})
    assert len(axes.texts) == 1
