"""The benchmark's two contestants do the same passes, and ratios are judged on the right side of the bound."""

from __future__ import annotations

import pytest
import torch
from ppgn_toys import CLASSES, CODE, SIZE, ToyGenerator, encoder

from replications import timing
from replications.ppgn import bench_sampler as bench

CPU = torch.device("cpu")


def test_both_take_the_same_steps_and_ours_needs_no_more_passes() -> None:
    generator = ToyGenerator()
    size = bench.Size("toy", lambda: generator, lambda: encoder()._module, SIZE, CLASSES, 4, 3)
    made: list[int] = []
    generator.register_forward_hook(lambda module, given, output: made.append(len(output)))
    ours, bare = bench.race(size, CPU)
    bare()
    assert made == [3] * 4
    made.clear()
    found = ours()
    assert made == [3] * 5  # the values of the end are read once more
    assert found.codes.shape == (3, CODE)  # type: ignore[attr-defined]


def test_ratios_are_judged(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    size = bench.SIZES["small"]._replace(title="toy", steps=2, chains=5)
    monkeypatch.setattr(bench, "race", lambda size, device: (lambda: None, lambda: None))
    for seconds, passed in ((1.1, True), (1.2, False)):
        ticks = iter([0.0, seconds, 0.0, 1.0] * 2)
        with monkeypatch.context() as patch:
            patch.setattr(timing.time, "perf_counter", lambda ticks=ticks: next(ticks))
            assert bench.run(size, 2, CPU) == passed
        assert f"median ratio {seconds:5.3f}" in capsys.readouterr().out


def test_fewer_than_two_rounds_are_refused() -> None:
    with pytest.raises(SystemExit):
        bench.main(["--rounds", "1"])
