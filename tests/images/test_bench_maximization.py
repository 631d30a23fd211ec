"""The benchmark compares the same layers, and judges ratios on the right side of their bounds."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.feature_extraction import create_feature_extractor

from replications import timing
from replications.images import bench_maximization as bench

CPU = torch.device("cpu")


@pytest.mark.parametrize(("model", "layer"), [entry[:2] for entry in bench.BARE if entry[0] in ("alexnet", "resnet18")])
def test_the_network_stops_where_the_bare_passes_do(model: str, layer: str) -> None:
    network = bench.wrapped(bench.seeded(model), model, CPU)
    inputs = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        cut = create_feature_extractor(bench.seeded(model), [layer]).eval()
        found = network.forward_to(bench.last_node(network, layer), inputs, preprocessed=True)
        torch.testing.assert_close(found, cut(inputs)[layer], rtol=1e-3, atol=1e-4)


def test_bounds_are_kept_from_below_or_above(capsys: pytest.CaptureFixture[str]) -> None:
    ticks = iter([0.0, 3.0, 3.0, 4.0] * 2)  # the first contestant takes 3 s, the second 1 s

    def race(bound: float, at_most: bool) -> bool:
        return bench.run(bench.Race("a / b", lambda: None, lambda: None, bound, at_most), 2, CPU)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing.time, "perf_counter", lambda: next(ticks))
        assert race(2.9, at_most=False)
    assert "median ratio   3.00 [3.00, 3.00], at least 2.9: passed" in capsys.readouterr().out
    made = bench.Race("a / b", lambda: None, lambda: None, 3.1, True)
    assert [made.passed(ratio) for ratio in (3.0, 3.1, 3.2)] == [True, True, False]


def test_fewer_than_two_rounds_are_refused() -> None:
    with pytest.raises(SystemExit):
        bench.main(["--rounds", "1"])
