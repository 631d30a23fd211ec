"""Every verdict from a case that is made for it."""

from __future__ import annotations

from typing import Any

import pytest
from regress_toys import VERSIONS, measure_values, measured_of, probe_values

from replications.regress.testing import Verdict, judge
from replications.regress.values import Measured, MeasureValues, ProbeValues
from replications.suite.interface import Direction

OLD = [0.50, 0.52, 0.48, 0.51, 0.49, 0.50, 0.52, 0.48, 0.51, 0.49, 0.50, 0.50]


def verdict(new: list[float], better: Direction = "higher", floor: float = 0.05, **now: Any) -> Verdict:
    """Of one measure of one probe."""
    baseline = {"p": probe_values("p", {"m": measure_values(OLD, better, floor)})}
    current = probe_values("p", {"m": measure_values(new, better, floor, start=1000)}, **now)
    (found,) = judge(baseline, measured_of(current))
    return found


def test_same() -> None:
    found = verdict([0.50, 0.49, 0.52])
    assert (found.kind, found.red) == ("same", False)
    assert "as chance makes it" in found.sentence


@pytest.mark.parametrize(
    ("new", "better", "kind"),
    [
        ([0.8, 0.81, 0.79], "higher", "better"),
        ([0.2, 0.21, 0.19], "higher", "worse"),
        ([0.8, 0.81, 0.79], "lower", "worse"),
        ([0.2, 0.21, 0.19], "lower", "better"),
        ([0.8, 0.81, 0.79], "none", "worse"),
        ([0.2, 0.21, 0.19], "none", "worse"),
    ],
)
def test_better_and_worse_by_the_direction(new: list[float], better: Direction, kind: str) -> None:
    found = verdict(new, better)
    assert (found.kind, found.red) == (kind, kind == "worse")
    assert found.adjusted is not None
    assert found.adjusted < 0.01
    assert found.difference == pytest.approx(sum(new) / 3 - 0.5)


def test_below_the_floor_nothing_matters() -> None:
    found = verdict([0.45, 0.451, 0.452], floor=0.05)
    assert found.adjusted is not None
    assert found.adjusted < 0.01  # it is there
    assert (found.kind, found.red) == ("same", False)
    assert "doesn't matter" in found.sentence
    assert verdict([0.45, 0.451, 0.452], floor=0.04).kind == "worse"


def test_where_nothing_varies_the_floor_alone_decides() -> None:
    for new, kind in ((0.96, "same"), (0.94, "worse")):
        old = {"p": probe_values("p", {"m": measure_values([1.0] * 12, floor=0.05)})}
        (found,) = judge(old, measured_of(probe_values("p", {"m": measure_values([new] * 3, floor=0.05)})))
        assert found.kind == kind


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"config": {"passes": 12}}, "the parameter passes, from 24 to 12"),
        (
            {"inputs": {"files": {"results/weights/x.safetensors": "other"}}},
            "the file results/weights/x.safetensors",
        ),
    ],
)
@pytest.mark.parametrize("new", [[0.5, 0.49, 0.51], [0.1, 0.11, 0.09]])
def test_what_is_made_otherwise_is_incomparable(now: dict[str, Any], said: str, new: list[float]) -> None:
    found = verdict(new, **now)
    assert (found.kind, found.red, found.p) == ("incomparable", False, None)
    assert said in found.sentence


def test_other_images_are_incomparable() -> None:
    def data(images: str) -> dict[str, Any]:
        return {"data": {"config": {"name": "x"}, "files": {}, "images": images}}

    old = {"p": probe_values("p", {"m": measure_values(OLD)}, inputs=data("one"))}
    (found,) = judge(old, measured_of(probe_values("p", {"m": measure_values([0.5] * 3)}, inputs=data("two"))))
    assert found.kind == "incomparable"
    assert "the images or labels of the data" in found.sentence


def test_other_libraries_matter_only_with_a_difference() -> None:
    versions = {**VERSIONS, "torch": "2.12.0"}
    assert verdict([0.50, 0.49, 0.52], versions=versions).kind == "same"
    found = verdict([0.2, 0.21, 0.19], versions=versions)
    assert (found.kind, found.red) == ("incomparable", False)
    assert "torch from 2.11.0 to 2.12.0" in found.sentence
    assert verdict([0.2, 0.21, 0.19], versions={**VERSIONS, "python": "3.12.1"}).kind == "worse"


def test_another_kind_of_device_is_incomparable_another_processor_is_not() -> None:
    assert verdict([0.2, 0.21, 0.19], device="cuda, NVIDIA H100").kind == "incomparable"
    assert verdict([0.2, 0.21, 0.19], device="cpu, another processor, 8 threads").kind == "worse"


BASELINE = {"p": probe_values("p", {"a": measure_values(OLD), "b": measure_values(OLD)})}


def found(*probes: ProbeValues, asked: list[str] | None = None) -> list[tuple[str, str, str, bool]]:
    verdicts = judge(BASELINE, measured_of(*probes), asked)
    return [(v.probe, v.measure, v.kind, v.red) for v in verdicts]


def test_a_probe_that_fails_is_red() -> None:
    probe = ProbeValues("p", "P", "failed", "ValueError: broken")
    assert found(probe) == [("p", "a", "missing", True), ("p", "b", "missing", True)]
    assert judge(BASELINE, measured_of(probe))[0].sentence == "It failed: ValueError: broken."


def test_a_probe_that_can_not_be_run_is_not() -> None:
    assert found(ProbeValues("p", "P", "not run", "needs facets")) == [
        ("p", "a", "missing", False),
        ("p", "b", "missing", False),
    ]


def test_a_measure_that_is_undefined_now_is_red() -> None:
    now = probe_values("p", {"a": measure_values([0.5] * 3)})
    assert found(now) == [("p", "a", "same", False), ("p", "b", "missing", True)]


def test_what_is_undefined_now_and_then_may_be_undefined_now() -> None:
    old = {"p": probe_values("p", {"a": measure_values(OLD), "b": measure_values(OLD[:9])})}
    verdicts = judge(old, measured_of(probe_values("p", {"a": measure_values([0.5] * 3)})))
    assert [(v.measure, v.kind, v.red) for v in verdicts] == [("a", "same", False), ("b", "missing", False)]


def test_what_has_no_baseline_is_missing() -> None:
    new = {"a": measure_values([0.5] * 3), "b": measure_values([0.5] * 3), "c": measure_values([0.5] * 3)}
    assert found(probe_values("p", new))[2] == ("p", "c", "missing", False)
    assert found(probe_values("q", {"a": measure_values([0.5] * 3)}), asked=["q"]) == [("q", "a", "missing", False)]


def test_a_probe_that_is_gone_is_missing_unless_others_were_asked_for() -> None:
    other = probe_values("q", {"a": measure_values([0.5] * 3)})
    assert ("p", "a", "missing", False) in found(other)
    assert {v[0] for v in found(other, asked=["q"])} == {"q"}


def test_another_unit_is_incomparable() -> None:
    now = {
        "a": MeasureValues({1000: 50.0, 1001: 51.0, 1002: 49.0}, "%", "higher", 0.0),
        "b": measure_values([0.5] * 3),
    }
    assert found(probe_values("p", now))[0] == ("p", "a", "incomparable", False)


def test_probes_stand_in_the_order_of_the_measuring() -> None:
    probes = [probe_values(name, {"a": measure_values([0.5] * 3)}) for name in ("z", "p", "a")]
    measured: Measured = measured_of(*probes)
    assert list(dict.fromkeys(v.probe for v in judge(BASELINE, measured))) == ["z", "p", "a"]
