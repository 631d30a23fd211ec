"""The tests of the regression check, fixed before any result was looked at.

- A measure's values are one a set of pictures (the mean over its units). Sets differ in everything random, so they are
  independent. Baseline and current are told apart by the two-sample t test with pooled variance, two-sided.
- All measures of all probes in the baseline are one family: p-values are adjusted by Holm's method for as many tests as
  the baseline holds, also where only some probes are run, so that a probe's verdict doesn't depend on what else is run.
  The family's level is 0.01: an unchanged tree raises an alarm in at most one run of a hundred. That holds for means
  over units, which are near to normal; values with heavy tails raise more.
- A difference must also be larger than the measure's floor to matter. Where neither list varies at all the floor alone
  decides: there is no noise that could make a difference.
- What doesn't have a direction is worse wherever it changes.
- What another configuration, other weights or other images would change isn't tested but is said to be incomparable. So
  is a difference that is found while libraries or the kind of device differ. Without a difference they don't matter.
- A probe that fails, and a measure that is undefined now though the baseline has it for all of its sets, turn the run
  red as what is worse does.

Recorded outcomes are not measured anew. Measurements equal to their baseline to seven digits are the same. The rest is
a family of its own: a paired t test where the raw values correspond (as many, of the same thing), else the test above.
Their floor is a tenth of the standard deviation of the baseline's raw values, or a hundredth of their mean, whichever
is larger. Raw values of one seed may depend on each other, so these tests find too much rather than too little.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from metrics.multiplicity import holm
from replications.regress.values import Measured, MeasureValues, ProbeValues, changed_libraries
from replications.suite.formatting import number
from replications.suite.interface import Direction

ALPHA = 0.01
ROUNDING = 1e-6  # of values of one size: what float32 leaves of equal ones
Kind = Literal["same", "better", "worse", "incomparable", "missing"]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """On one measure of one probe, or of one recorded outcome.

    sentence: the verdict in words. red: whether it turns the run red.
    old, new: the raw values. unit, better, floor: of the measure. p, adjusted: before and after Holm; None untested.
    """

    probe: str
    measure: str
    kind: Kind
    sentence: str
    red: bool = False
    old: tuple[float, ...] = ()
    new: tuple[float, ...] = ()
    unit: str = ""
    better: Direction = "none"
    floor: float = 0.0
    p: float | None = None
    adjusted: float | None = None

    @property
    def difference(self) -> float | None:
        """New mean minus old mean; None where there is no such pair."""
        return mean(self.new) - mean(self.old) if self.old and self.new else None


@dataclasses.dataclass(frozen=True)
class Compared:
    """Two lists of values of one measure that can be tested, and what tells more about a difference.

    paired: whether the values correspond one to one. changed: libraries and devices that differ, a phrase each.
    """

    probe: str
    measure: str
    old: tuple[float, ...]
    new: tuple[float, ...]
    unit: str
    better: Direction
    floor: float
    paired: bool = False
    changed: tuple[str, ...] = ()


def judge(
    baseline: Mapping[str, ProbeValues], current: Measured, probes: Sequence[str] | None = None, *, alpha: float = ALPHA
) -> list[Verdict]:
    """The verdict on each measure of each probe that was to be measured, probes in the current measuring's order.

    baseline: the probes' baseline, whole. probes: those that were asked for (None: all, the baseline's too).
    """
    tested: list[Compared] = []
    said: list[Verdict] = []
    order: list[tuple[str, str]] = []
    for name in dict.fromkeys([*current.probes, *(baseline if probes is None else ())]):
        old, new = baseline.get(name), current.probes.get(name)
        order += [(name, m) for one in (old, new) if one is not None for m in (*one.measures, "")]
        if old is None or new is None or new.status != "done":
            said += _without(name, old, new)
        elif changes := old.made.changes(new.made):
            said += _incomparable(old, new, changes)
        else:
            more, untestable = _pairs(old, new)
            tested += more
            said += untestable
    return in_order([*decide(tested, tests(baseline), alpha), *said], order)


def tests(baseline: Mapping[str, ProbeValues]) -> int:
    """How many tests the full set makes."""
    return sum(len(probe.measures) for probe in baseline.values())


def in_order(verdicts: Sequence[Verdict], order: Sequence[tuple[str, str]]) -> list[Verdict]:
    """Sorted by the first place of their probe and measure in `order`."""
    place = {one: number for number, one in reversed(list(enumerate(order)))}
    return sorted(verdicts, key=lambda verdict: place[verdict.probe, verdict.measure])


def decide(compared: Sequence[Compared], family: int, alpha: float) -> list[Verdict]:
    """The verdict on each pair of lists, adjusted for `family` tests (at least as many as there are)."""
    p_values = [_p_value(c) for c in compared]
    adjusted = holm([*p_values, *[1.0] * max(0, family - len(p_values))])[: len(p_values)]
    return [_verdict(c, p, float(q), alpha) for c, p, q in zip(compared, p_values, adjusted, strict=True)]


def _p_value(c: Compared) -> float:
    if c.paired:
        return paired_t(c.old, c.new)
    if len(c.old) + len(c.new) < 3:  # one value each: there is no noise to be seen, and the floor alone decides
        return 1.0 if c.old == c.new else 0.0
    return pooled_t(c.old, c.new)


def pooled_t(a: Sequence[float], b: Sequence[float]) -> float:
    """The two-sided p-value of the two-sample t test with pooled variance; at least three values together.

    Where neither list varies it is 1 for equal and 0 for unequal values. Raises ValueError for lists too short.
    """
    freedom = len(a) + len(b) - 2
    if min(len(a), len(b)) < 1 or freedom < 1:
        raise ValueError(f"a test needs a value on both sides and three together, found {len(a)} and {len(b)}")
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    squares = ((first - first.mean()) ** 2).sum() + ((second - second.mean()) ** 2).sum()
    error = math.sqrt(squares / freedom * (1 / len(a) + 1 / len(b)))
    return _two_sided(float(first.mean() - second.mean()), error, freedom, max(abs(first).max(), abs(second).max()))


def paired_t(a: Sequence[float], b: Sequence[float]) -> float:
    """The two-sided p-value of the t test of the differences of corresponding values.

    Where all differences are equal it is 1 if they are 0, and else 0. Raises ValueError unless they correspond.
    """
    gaps = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    if not len(gaps):
        raise ValueError("a paired test needs at least one pair")
    error = float(gaps.std(ddof=1)) / math.sqrt(len(gaps)) if len(gaps) > 1 else 0.0
    return _two_sided(float(gaps.mean()), error, max(1, len(gaps) - 1), float(max(np.abs(a).max(), np.abs(b).max())))


def _two_sided(difference: float, error: float, freedom: int, size: float) -> float:
    from scipy import stats

    if error <= ROUNDING * size:
        return 1.0 if abs(difference) <= ROUNDING * size else 0.0
    return float(2 * stats.t.sf(abs(difference) / error, freedom))


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _without(name: str, old: ProbeValues | None, new: ProbeValues | None) -> list[Verdict]:
    """Verdicts on a probe that has no baseline, or no values now."""
    if old is None:
        assert new is not None
        if new.status == "done":
            words = "There is no baseline of it yet; write one with make baseline."
            return [_said(name, m, None, v, "missing", words) for m, v in new.measures.items()]
        return [Verdict(name, "", "missing", _why(new), red=new.status == "failed")]
    words = "The baseline has it, and there is no such probe any more." if new is None else _why(new)
    red = new is not None and new.status == "failed"
    return [_said(name, m, v, None, "missing", words, red) for m, v in old.measures.items()]


def _why(probe: ProbeValues) -> str:
    return f"{'It failed' if probe.status == 'failed' else 'Not run'}: {probe.sentence.rstrip('.')}."


def _incomparable(old: ProbeValues, new: ProbeValues, changes: Sequence[str]) -> list[Verdict]:
    words = f"Made otherwise than the baseline; changed: {'; '.join(changes)}."
    names = dict.fromkeys([*old.measures, *new.measures])
    both = ((m, old.measures.get(m), new.measures.get(m)) for m in names)
    return [_said(old.name, m, before, now, "incomparable", words) for m, before, now in both]


def _pairs(old: ProbeValues, new: ProbeValues) -> tuple[list[Compared], list[Verdict]]:
    """What can be tested of a probe, and verdicts on the rest."""
    changed = changed_libraries(old.provenance, new.provenance)
    sets = len({number for measure in old.measures.values() for number in measure.values})
    tested: list[Compared] = []
    said: list[Verdict] = []
    for measure in dict.fromkeys([*old.measures, *new.measures]):
        before, now = old.measures.get(measure), new.measures.get(measure)
        if before is None:
            said.append(_said(old.name, measure, None, now, "missing", "There is no baseline of this measure yet."))
        elif now is None:
            # What is undefined in a part of the baseline's sets can be undefined in three others by chance.
            always = len(before.values) == sets
            words = f"It is undefined now; the baseline has it for {'all' if always else 'some'} of its sets."
            said.append(_said(old.name, measure, before, None, "missing", words, red=always))
        elif (before.unit, before.better) != (now.unit, now.better):
            words = f"The measure was in {before.unit} ({before.better} is better) and is in {now.unit} ({now.better})."
            said.append(_said(old.name, measure, before, now, "incomparable", words))
        elif len(before.values) + len(now.values) < 3:
            words = "Too few of its values are defined for a test."
            said.append(_said(old.name, measure, before, now, "missing", words, red=True))
        else:
            lists = tuple(before.values.values()), tuple(now.values.values())
            tested.append(
                Compared(old.name, measure, *lists, before.unit, before.better, before.floor, changed=changed)
            )
    return tested, said


def _said(
    probe: str,
    measure: str,
    old: MeasureValues | None,
    new: MeasureValues | None,
    kind: Kind,
    sentence: str,
    red: bool = False,
) -> Verdict:
    known = old or new
    assert known is not None
    return Verdict(
        probe,
        measure,
        kind,
        sentence,
        red,
        tuple(old.values.values()) if old else (),
        tuple(new.values.values()) if new else (),
        known.unit,
        known.better,
        known.floor,
    )


def _verdict(c: Compared, p: float, adjusted: float, alpha: float) -> Verdict:
    difference = mean(c.new) - mean(c.old)
    change = f"{number(mean(c.old))} -> {number(mean(c.new))} {c.unit}"
    chance = f"p = {number(p, 2)}, {number(adjusted, 2)} corrected"
    relevant = abs(difference) > c.floor
    kind: Kind = "same"
    if adjusted > alpha:
        words = f"{change}: as chance makes it ({chance})."
    elif not relevant:
        words = f"{change}: a difference ({chance}) of at most {number(c.floor)}, which doesn't matter."
    elif c.changed:
        kind = "incomparable"
        words = f"{change} ({chance}), but other libraries or another device computed it: {'; '.join(c.changed)}."
    else:
        rises = difference > 0
        kind = "better" if c.better != "none" and rises == (c.better == "higher") else "worse"
        why = {"higher": "higher is better", "lower": "lower is better", "none": "any change counts"}[c.better]
        words = f"{change} ({chance}; {why})."
    return Verdict(
        c.probe, c.measure, kind, words, kind == "worse", c.old, c.new, c.unit, c.better, c.floor, p, adjusted
    )
