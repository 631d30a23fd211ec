"""What the benchmark says and how it ends."""

from __future__ import annotations

import pytest

from replications.survey.dissection import bench_dissection

SMALL = ["--images", "24", "--sample", "2", "--rounds", "1"]


def test_it_ends_with_zero_where_the_counts_agree_and_the_bars_are_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_dissection.main([*SMALL, "--at-least", "0", "--at-most", "1e9"]) == 0
    printed = capsys.readouterr().out
    assert "zfnet_small, relu5; 24 images of 64x64" in printed
    assert "counts of 2 images equal: True" in printed
    assert "times as fast as the loop; the bar is 0" in printed


def test_it_ends_with_one_where_a_bar_is_missed(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_dissection.main([*SMALL, "--at-least", "1e9", "--at-most", "1e9"]) == 1
    assert bench_dissection.main([*SMALL, "--at-least", "0", "--at-most", "0"]) == 1
    assert "the bar is 1e+09" in capsys.readouterr().out
