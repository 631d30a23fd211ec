"""The tests behind the verdicts: against scipy, against what is known of Holm's method, and on simulated data."""

from __future__ import annotations

import numpy as np
import pytest
from regress_toys import measure_values, measured_of, probe_values
from scipy import stats

from metrics.multiplicity import holm
from replications.regress import testing
from replications.regress.testing import ALPHA, Compared, decide, judge, paired_t, pooled_t
from replications.regress.values import Measured, ProbeValues

MEASURES, SETS, FRESH = 60, 24, 3


@pytest.mark.parametrize("seed", range(5))
def test_the_pooled_test_is_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(2, 3, 24), rng.normal(3, 1, 3)
    assert pooled_t(a, b) == pytest.approx(stats.ttest_ind(a, b, equal_var=True).pvalue, rel=1e-12)


def test_the_pooled_test_by_hand() -> None:
    # Means 2 and 5, sums of squares 2 and 2 over 4 degrees of freedom: variance 1, t = 3 / sqrt(2 / 3) = 3.674.
    assert pooled_t([1, 2, 3], [4, 5, 6]) == pytest.approx(2 * stats.t.sf(3 / np.sqrt(2 / 3), 4))


@pytest.mark.parametrize("seed", range(5))
def test_the_paired_test_is_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=12)
    b = a + rng.normal(0.2, 0.5, 12)
    assert paired_t(a, b) == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-12)


def test_without_any_spread_equal_is_1_and_unequal_0() -> None:
    assert pooled_t([0.3] * 12, [0.3] * 3) == 1
    assert pooled_t([0.3] * 12, [0.3 + 1e-9] * 3) == 1  # a rounding
    assert pooled_t([0.3] * 12, [0.31] * 3) == 0
    assert paired_t([1, 2, 3], [1, 2, 3]) == 1
    assert paired_t([1, 2, 3], [2, 3, 4]) == 0


@pytest.mark.parametrize(("a", "b"), [([], [1, 2, 3]), ([1, 2], []), ([1], [2])])
def test_too_few_values_are_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="needs a value on both sides and three together"):
        pooled_t(a, b)


def test_corrected_values_are_holms_over_the_whole_family() -> None:
    rng = np.random.default_rng(0)
    compared = [
        Compared("p", str(i), tuple(rng.normal(size=12)), tuple(rng.normal(i, 1, 3)), "", "higher", 0.0)
        for i in range(6)
    ]
    verdicts = decide(compared, 6, ALPHA)
    assert [v.adjusted for v in verdicts] == pytest.approx(holm([pooled_t(c.old, c.new) for c in compared]))
    # With 94 more tests that aren't run: as if they had found nothing.
    padded = holm([*[pooled_t(c.old, c.new) for c in compared], *[1.0] * 94])
    assert [v.adjusted for v in decide(compared, 100, ALPHA)] == pytest.approx(padded[:6])


def test_a_verdict_does_not_depend_on_what_else_is_run() -> None:
    rng = np.random.default_rng(1)
    baseline = {
        name: probe_values(name, {str(i): measure_values(rng.normal(size=12)) for i in range(5)}) for name in "abc"
    }
    fresh = {
        name: probe_values(name, {str(i): measure_values(rng.normal(3, 1, 3), start=1000) for i in range(5)})
        for name in "abc"
    }
    whole = {(v.probe, v.measure): v for v in judge(baseline, measured_of(*fresh.values()))}
    alone = judge(baseline, measured_of(fresh["a"]), ["a"])
    assert {v.probe for v in alone} == {"a"}
    for verdict in alone:
        # Holm multiplies by no more than the whole family, here and there; a smaller p elsewhere only lowers it.
        assert verdict.adjusted is not None
        together = whole["a", verdict.measure].adjusted
        assert together is not None
        assert together <= verdict.adjusted <= 15 * (verdict.p or 0) + 1e-12


def simulated(
    rng: np.random.Generator, shift: float = 0.0, shared: float = 0.5
) -> tuple[dict[str, ProbeValues], Measured]:
    """A baseline and fresh sets of a null of correlated measures; `shift` in deviations on the first measure."""

    def values(count: int) -> np.ndarray:
        common = rng.normal(size=(count, 1))
        return np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.normal(size=(count, MEASURES))

    old, new = values(SETS), values(FRESH)
    new[:, 0] += shift
    names = [f"m{i}" for i in range(MEASURES)]
    before = probe_values("p", {n: measure_values(old[:, i]) for i, n in enumerate(names)})
    after = probe_values("p", {n: measure_values(new[:, i], start=1000) for i, n in enumerate(names)})
    return {"p": before}, measured_of(after)


def alarms(runs: int, shared: float) -> int:
    rng = np.random.default_rng(7)
    return sum(any(v.kind != "same" for v in judge(*simulated(rng, shared=shared))) for _ in range(runs))


@pytest.mark.parametrize("shared", [0.0, 0.5])
def test_an_unchanged_tree_raises_no_more_alarms_than_stated(shared: float) -> None:
    # At the level 0.01 of 300 runs 3 are expected at most; 10 or more have a probability below 0.002.
    assert alarms(300, shared) <= 9


def test_without_the_correction_it_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "holm", lambda p: np.asarray(p))
    assert alarms(40, 0.0) >= 9


def test_shifts_are_found() -> None:
    """A shift of 5 deviations of one measure among 60 is found in more than nine runs of ten."""
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(60):
        verdicts = judge(*simulated(rng, shift=-5.0))
        found += verdicts[0].kind == "worse"
    assert found > 54


def test_means_over_units_of_skewed_values_do_not_alarm_either() -> None:
    """A value is a mean over ten units or so; here of log-normal ones, more skewed than any measure."""
    rng = np.random.default_rng(5)
    count = 0
    for _ in range(200):
        old, new = (rng.lognormal(0, 0.5, (count, 50, 10)).mean(2) for count in (SETS, FRESH))
        before = {"p": probe_values("p", {str(i): measure_values(old[:, i]) for i in range(50)})}
        after = measured_of(probe_values("p", {str(i): measure_values(new[:, i], start=1000) for i in range(50)}))
        count += any(v.kind != "same" for v in judge(before, after))
    assert count <= 7  # at the level 0.01; the probability of more is 0.001


def test_the_family_is_the_baseline() -> None:
    baseline = {name: probe_values(name, {"a": measure_values([1.0] * 12)}) for name in "xyz"}
    assert testing.tests(baseline) == 3
