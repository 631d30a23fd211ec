"""Every planted defect turns the regression check red, and without one it is green; measured anew.

The first probe that a defect could touch has to see it by itself; `replications.regress.evidence` measures them all.
"""

from __future__ import annotations

import pytest

from replications.regress import evidence
from replications.regress.baselines import Baseline, load
from replications.regress.defects import DEFECTS, planted
from replications.regress.measuring import measure_probes
from replications.regress.testing import Verdict, judge

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    found = load(evidence.PROFILE, "zfnet_small")
    assert found.probes, "there is no baseline: make baseline REASON='...'"
    return found


def red(baseline: Baseline, probes: tuple[str, ...]) -> list[Verdict]:
    measured = measure_probes(evidence.SEEDS, probes, golden=())
    return [verdict for verdict in judge(baseline.probes, measured, probes) if verdict.red]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_turns_the_check_red(name: str, baseline: Baseline) -> None:
    first = DEFECTS[name].probes[:1]
    with planted(name):
        found = red(baseline, first)
    assert found
    assert any(verdict.kind == "worse" for verdict in found), [verdict.sentence for verdict in found]


def test_without_a_defect_the_check_is_green(baseline: Baseline) -> None:
    probes = tuple(dict.fromkeys(defect.probes[0] for defect in DEFECTS.values()))
    assert red(baseline, probes) == []
