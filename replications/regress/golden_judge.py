"""Verdicts on golden pictures; the rule is at the head of `golden`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from torch import Tensor

from metrics.perceptual import Backbone
from replications.regress import golden as golden_pictures
from replications.regress.baselines import BadBaseline, Baseline, golden_folder
from replications.regress.golden import BadGolden, Golden
from replications.regress.testing import Kind
from replications.regress.values import Measured, changed_libraries
from replications.suite.errors import sentence
from replications.suite.formatting import number


@dataclasses.dataclass(frozen=True, eq=False)
class GoldenVerdict:
    """On the golden pictures of one probe: old and new (units, n, 3, S, S); distances: for each unit."""

    probe: str
    kind: Kind
    sentence: str
    red: bool = False
    golden: Golden | None = None
    old: Tensor | None = None
    new: Tensor | None = None
    distances: tuple[float, ...] = ()


def judge_golden(baseline: Baseline, measured: Measured, folder: Path) -> list[GoldenVerdict]:
    """The verdict on the golden pictures of each probe that was to be measured.

    folder: of the baselines.

    Raises:
        BadBaseline: a golden picture is missing or another than the baseline describes.
    """
    pictures = golden_folder(folder, baseline.profile, baseline.network)
    backbone = None if measured.evaluator is None else golden_pictures.backbone_of(measured.evaluator)
    found = []
    for name, golden in baseline.golden.items():
        if name not in measured.probes:
            continue
        try:
            old = golden_pictures.read(pictures, golden)
        except (BadGolden, OSError) as error:
            raise BadBaseline(f"a golden picture can't be used: {sentence(error)}") from error
        found.append(_one(baseline, measured, name, golden, old, backbone))
    new = [name for name in measured.pictures if name not in baseline.golden]
    words = "There is no baseline of its pictures yet."
    return found + [GoldenVerdict(name, "missing", words) for name in new]


def _one(
    baseline: Baseline, measured: Measured, name: str, golden: Golden, old: Tensor, backbone: Backbone | None
) -> GoldenVerdict:
    probe, made = measured.probes[name], measured.pictures.get(name, {})
    new = made.get(golden.number)
    if new is None or backbone is None:
        words = probe.sentence.rstrip(".") or "its pictures were not kept"
        return GoldenVerdict(name, "missing", f"There are none now: {words}.", False, golden, old)
    if changes := baseline.probes[name].made.changes(probe.made):
        words = f"Made otherwise than the baseline; changed: {'; '.join(changes)}."
        return GoldenVerdict(name, "incomparable", words, False, golden, old, new)
    if backbone.measure != golden.measure:
        words = f"Distances were taken as {golden.measure} and are now as {backbone.measure}."
        return GoldenVerdict(name, "incomparable", words, False, golden, old, new)
    try:
        apart = tuple(golden_pictures.distances(backbone, old, new))
    except BadGolden as error:
        return GoldenVerdict(name, "incomparable", f"Other pictures than the golden ones: {error}.", False, golden, old)
    largest = max(apart)
    words = f"largest distance of a unit's pictures {number(largest)}, of two sets at least {number(golden.threshold)}"
    if largest <= golden.threshold:
        return GoldenVerdict(name, "same", f"The same pictures: {words}.", False, golden, old, new, apart)
    if changed := changed_libraries(baseline.probes[name].provenance, probe.provenance):
        words = f"Other pictures ({words}), but other libraries or another device made them: {'; '.join(changed)}."
        return GoldenVerdict(name, "incomparable", words, False, golden, old, new, apart)
    return GoldenVerdict(name, "worse", f"Other pictures than before: {words}.", True, golden, old, new, apart)
