"""Scores of several ways on the same things: tables, tests and measurements say what was put in."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from metrics.comparison import compare_methods
from metrics.statistics import cluster_bootstrap
from replications.ppgn.comparisons import Measure, Scored

GROUPS = [name for name in "abcdefghij" for _ in range(3)]
MEASURES = {
    "error": Measure("grey levels, 0 to 255, whatever", "lower"),
    "named": Measure("share, 1 where named", "higher", True),
}


def by_class(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(10, 3).mean(1)


@pytest.fixture
def scored() -> Scored:
    random = np.random.default_rng(0)
    error, named = random.normal(size=30) + 5, (random.random(30) > 0.5).astype(float)
    scores = {
        "plain": {"error": error, "named": named},
        "worse": {"error": error + 1 + random.normal(scale=0.1, size=30)},
        "same": {"error": error.copy(), "named": np.ones(30)},
    }
    return Scored(scores, GROUPS, MEASURES, "image")


def test_measurements_are_the_values(scored: Scored) -> None:
    found = {one.name: one for one in scored.measurements()}
    assert list(found) == ["error/plain", "error/worse", "error/same", "named/plain", "named/same"]
    assert found["error/plain"].values == tuple(scored.scores["plain"]["error"])
    assert (found["named/same"].better, found["named/same"].over) == ("higher", "image")


def test_intervals_resample_classes(scored: Scored) -> None:
    values = scored.scores["plain"]["error"]
    assert scored.interval("plain", "error") == cluster_bootstrap(values, GROUPS)
    np.testing.assert_allclose(scored.by_group("plain", "error"), by_class(values))
    one = scored.evidence("PPGN-C-x", "more", values - 5, "levels", 3)
    assert (one.effect, one.low, one.high) == cluster_bootstrap(values - 5, GROUPS)
    assert (one.n, one.over, one.seeds, one.unit) == (10, "class", 3, "levels")
    assert "30 values, one for each image" in one.statistic


def test_the_table_has_a_row_for_each_way(scored: Scored) -> None:
    table = scored.table("scores", "Scores", "How it is.", "way")
    assert list(table.columns) == ["way", "error", "named"]
    assert [row[0] for row in table.rows] == ["plain", "worse", "same"]
    assert table.rows[1][2] is None
    assert table.rows[2][2] == "1.000 (1.000 to 1.000)"
    mean, low, high = scored.interval("plain", "error")
    assert table.rows[0][1] == f"{mean:.3f} ({low:.3f} to {high:.3f})"


def test_differences_are_paired_by_class_and_corrected(scored: Scored) -> None:
    pairs = [("worse", "plain"), ("same", "plain")]
    table = scored.differences("differences", "Differences", pairs, list(MEASURES))
    worse, same = table.rows
    assert worse[0] == "worse minus plain"
    assert worse[2] is None  # where one of the two has no such measure
    # every class is worse by about 1: the least p there is for ten classes, times three comparisons
    assert str(worse[1]).startswith("1.0") or str(worse[1]).startswith("0.9")
    assert str(worse[1]).endswith(f"p = {3 * 2 / 2**10:.2g}")
    assert same[1] == "0.000 (0.000 to 0.000), p = 1"
    # named in every class more often: the same p, which Holm doesn't put below the one before
    assert compare_methods(np.ones(10), by_class(scored.scores["plain"]["named"])).p_value == 2 / 2**10
    assert str(same[2]).endswith(f"p = {3 * 2 / 2**10:.2g}")
    assert "Holm for the 3 comparisons" in table.caption


def test_the_picture_shows_every_measure(scored: Scored) -> None:
    picture = scored.picture("scores", "Scores", "How it is.", ("same",))
    panels = picture.figure.axes
    assert [axes.get_title() for axes in panels if axes.axison] == ["error", "named"]
    assert [axes.get_xlabel() for axes in panels[:2]] == ["grey levels (lower is better)", "share (higher is better)"]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["plain", "worse", "same"]
    assert set(picture.arrays) == {"error_plain", "error_worse", "error_same", "named_plain", "named_same"}
