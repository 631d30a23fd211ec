from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from replications.survey.applications.network_design import (
    ERROR,
    LOOKED_AT,
    Design,
    NetworkDesign,
    changed,
    gains_of,
    walk,
    wrong,
)
from replications.zeiler.fig6_first_layer import DEAD, FOLDED, TOP_ENERGY
from replications.zeiler.variants import Variants
from tests.survey.trained_contexts import SMALL, configured
from tests.zeiler.training_context import TrainingContext

TOLERANCES = {DEAD: 10.0, FOLDED: 10.0, TOP_ENERGY: 0.5}
EXPERIMENT = NetworkDesign(
    networks={**SMALL, "recipe": {"epochs": 1}},
    ladder=["alexnet", "zfnet", "fine"],
    seeds=2,
    images=8,
    spectrum_images=2,
    tolerances=TOLERANCES,
)


def looks(dead: float = 0, folded: float = 0, energy: float = 0.2) -> dict[str, float]:
    return {DEAD: dead, FOLDED: folded, TOP_ENERGY: energy}


def test_what_is_above_its_tolerance_is_wrong() -> None:
    assert wrong(looks(), TOLERANCES) == []
    assert wrong(looks(10, 10, 0.5), TOLERANCES) == []
    assert wrong(looks(11, 12, 0.6), TOLERANCES) == [DEAD, FOLDED, TOP_ENERGY]


@pytest.mark.parametrize(
    ("design", "defects", "result"),
    [
        (Design(0, False), [], Design(0, False)),
        (Design(0, False), [DEAD], Design(1, False)),
        (Design(0, False), [FOLDED], Design(1, False)),
        (Design(0, False), [TOP_ENERGY], Design(0, True)),
        (Design(0, False), [DEAD, TOP_ENERGY], Design(1, True)),
        (Design(2, True), [DEAD, FOLDED, TOP_ENERGY], Design(2, True)),  # nothing left to change
    ],
)
def test_each_defect_calls_for_its_change(design: Design, defects: list[str], result: Design) -> None:
    assert changed(design, defects, steps=3) == result


def test_the_rule_looks_again_after_each_change_and_stops_where_nothing_is_wrong() -> None:
    seen = {
        Design(0, False): looks(dead=40, energy=0.9),
        Design(1, True): looks(folded=30),
        Design(2, True): looks(),
        Design(1, False): looks(),
    }
    assert walk(Design(0, False), seen, 3, TOLERANCES) == [Design(0, False), Design(1, True), Design(2, True)]
    assert walk(Design(1, False), seen, 3, TOLERANCES) == [Design(1, False)]
    assert walk(Design(1, True), seen, 2, TOLERANCES) == [Design(1, True)]


def test_gains_are_against_the_start_all_designs_and_the_best() -> None:
    start, middle, best = Design(0, False), Design(1, False), Design(1, True)
    errors = {start: [20.0, 22.0], middle: [10.0, 11.0], best: [6.0, 9.0]}
    found = gains_of(start, [[start, middle], [start, best]], errors)
    assert found["gain"] == [10, 13]
    assert found["against chance"] == [2, 5]
    assert found["short of the best"] == [4, 0]


def test_measures_every_design_and_a_walk_from_each(tmp_path: Path) -> None:
    context = TrainingContext(tmp_path)
    outcome = EXPERIMENT.run(context)  # type: ignore[arg-type]
    found = {m.name: m.values for m in outcome.measurements}
    for title in ("11x11, stride 4, not renormalized", "5x5, stride 1, renormalized"):
        assert {len(found[f"{name}/{title}"]) for name in (*LOOKED_AT, ERROR)} == {2}
    assert len(outcome.tables[0].rows) == len(EXPERIMENT.designs) == 6
    assert not outcome.evidence
    filters = next(p for p in outcome.pictures if p.name == "filters").arrays
    assert filters["5x5, stride 1, renormalized"].shape == (32, 3, 5, 5)


def test_known_designs_are_the_networks_of_figure_6(tmp_path: Path) -> None:
    context, variants = TrainingContext(tmp_path), Variants.of(SMALL)
    jobs = dict(EXPERIMENT.jobs(variants, context))  # type: ignore[arg-type]
    for design, (name, renormalize) in {Design(0, False): ("alexnet", False), Design(1, True): ("zfnet", True)}.items():
        theirs = variants.job(name, context.data.train, 1, renormalize=renormalize)  # type: ignore[arg-type]
        assert context.zoo.key(jobs[design]) == context.zoo.key(theirs)
    assert configured("survey", "network_design")["networks"] == configured("zeiler", "fig6")["networks"]
    assert jobs[Design(2, False)].architecture == "zfnet_small_fine"
    assert jobs[Design(2, False)].recipe.renormalize_radius is None


def test_what_is_lacking_is_said(tmp_path: Path) -> None:
    context = TrainingContext(tmp_path)
    assert EXPERIMENT.missing(context) is None  # type: ignore[arg-type]
    lacking = dataclasses.replace(EXPERIMENT, networks=configured("survey", "network_design", "natural")["networks"])
    assert "trains 12 networks from scratch on ImageNet" in str(lacking.missing(context))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ladder": ["alexnet", "vgg"]}, "found vgg"),
        ({"ladder": ["zfnet"]}, "at least 2 seeds and 2 first layers"),
        ({"tolerances": {DEAD: 1.0}}, "expected tolerances of dead features, folded power"),
    ],
)
def test_other_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(EXPERIMENT, **changes)
