"""Counting detectors: against a slow restatement, planted layers, and known variances."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from replications.survey.detector_counts import (
    RULES,
    Rule,
    as_they_are,
    blocks_of,
    counts,
    over_images,
    over_repetitions_and_images,
    resampled,
)


def tally(blocks: int = 7, units: int = 9, seed: int = 0, high: int = 30) -> Any:
    """Random counts of two categories; number 0 of each is "none" and has no pixel."""
    random = np.random.default_rng(seed)
    sizes = {"object": 5, "colour": 4}
    found = SimpleNamespace(intersections={}, unit_areas={}, concept_areas={})
    for category, size in sizes.items():
        shared = random.integers(0, high, (blocks, units, size)) * (random.random((units, size)) < 0.4)
        shared[..., 0] = 0
        found.intersections[category] = shared
        found.unit_areas[category] = shared.sum(2) + random.integers(0, 40, (blocks, units))
        found.concept_areas[category] = shared.max(1) + random.integers(0, 200, (blocks, size))
        found.concept_areas[category][:, 0] = 0
    return found


def slow_counts(given: Any, rule: Rule, threshold: float, weight: np.ndarray) -> tuple[dict[str, int], int, int]:
    """(concepts detected by category, units that detect, detections) unit by unit and concept by concept."""
    unique: dict[str, set[int]] = {category: set() for category in given.intersections}
    detecting, detections = 0, 0
    for unit in range(next(iter(given.unit_areas.values())).shape[1]):
        ious = []
        for category, shared in given.intersections.items():
            for concept in range(shared.shape[2]):
                both = float((weight * shared[:, unit, concept]).sum())
                of_unit = float((weight * given.unit_areas[category][:, unit]).sum())
                of_concept = float((weight * given.concept_areas[category][:, concept]).sum())
                union = of_unit + of_concept - both
                ious.append((both / union if union else 0.0, category, concept))
        best = [max(ious)] if rule == "top" else [max(i for i in ious if i[1] == c) for c in given.intersections]
        named = [(category, concept) for iou, category, concept in best if iou > threshold]
        detecting += bool(named)
        detections += len(named)
        for category, concept in named:
            unique[category].add(concept)
    return {category: len(found) for category, found in unique.items()}, detecting, detections


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_a_loop_over_units_and_concepts(rule: Rule, seed: int) -> None:
    given = tally(seed=seed)
    weights = np.concatenate([as_they_are(blocks_of(given)), resampled(7, 5, seed)])
    found = counts(given, rule, 0.04, weights)
    for i, weight in enumerate(weights):
        unique, detecting, detections = slow_counts(given, rule, 0.04, weight)
        assert {category: int(numbers[i]) for category, numbers in found.unique.items()} == unique
        assert found.detectors[i] == detecting
        assert sum(int(numbers[i]) for numbers in found.units.values()) == detections
        assert found.total[i] == sum(unique.values())


def test_the_two_rules_differ_where_one_unit_detects_in_two_categories() -> None:
    """Unit 0 finds an object (IoU 0.5) and a colour (0.25), unit 1 the same colour (0.25)."""
    given = SimpleNamespace(
        intersections={"object": np.array([[[0, 4], [0, 0]]]), "colour": np.array([[[0, 2], [0, 2]]])},
        unit_areas={"object": np.array([[4, 4]]), "colour": np.array([[2, 2]])},
        concept_areas={"object": np.array([[0, 8]]), "colour": np.array([[0, 8]])},
    )
    once = as_they_are(1)
    top, per_category = (counts(given, rule, 0.04, once) for rule in ("top", "per category"))
    assert (top.units["object"][0], top.units["colour"][0], top.total[0], top.detectors[0]) == (1, 1, 2, 2)
    assert (per_category.units["object"][0], per_category.units["colour"][0]) == (1, 2)
    assert (per_category.total[0], per_category.detectors[0]) == (2, 2)
    first = slice(0, 1)
    assert counts(given, "top", 0.04, once, first).total[0] == 1
    assert counts(given, "per category", 0.04, once, first).total[0] == 2
    assert counts(given, "per category", 0.3, once).total[0] == 1


def test_a_part_of_the_units_is_counted_as_if_it_were_all() -> None:
    given, part = tally(units=12), slice(3, 8)
    alone = SimpleNamespace(
        intersections={c: v[:, part] for c, v in given.intersections.items()},
        unit_areas={c: v[:, part] for c, v in given.unit_areas.items()},
        concept_areas=given.concept_areas,
    )
    weights = resampled(7, 4, 1)
    for rule in RULES:
        assert np.array_equal(counts(given, rule, 0.04, weights, part).total, counts(alone, rule, 0.04, weights).total)


def test_resampling_draws_as_many_blocks_as_there_are_and_each_equally_often() -> None:
    weights = resampled(20, 4000, 0)
    assert np.array_equal(weights.sum(1), np.full(4000, 20))
    assert weights.mean(0) == pytest.approx(np.ones(20), abs=0.08)
    assert weights.var() == pytest.approx(1 - 1 / 20, abs=0.03)  # of a binomial of 20 trials of 1 / 20
    with pytest.raises(ValueError, match="at least 2 blocks of them, found 1"):
        resampled(1, 10, 0)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="the counting rules are top and per category; found 'best'"):
        counts(tally(), "best", 0.04, as_they_are(7))  # type: ignore[arg-type]


def test_intervals_are_wide_by_both_repetitions_and_images() -> None:
    """Against simulation: means of 6 repetitions plus an effect of the images, which all share."""
    random = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        shared = random.normal(0, 2.0)
        repetitions = 10 + shared + random.normal(0, 3.0, 6)
        resamples = random.normal(0, 2.0, 300)
        _, low, high = over_repetitions_and_images(repetitions, resamples, 50)
        covered.append(low < 10 < high)
    assert 0.93 < np.mean(covered) <= 1.0
    of_images = over_images(4.0, random.normal(3.0, 1.0, 20000))
    assert of_images.estimate == 4.0
    assert (of_images.high - 4.0, 4.0 - of_images.low) == pytest.approx((1.96, 1.96), abs=0.03)
    with pytest.raises(ValueError, match="at least 2, found 1"):
        over_repetitions_and_images([1.0], [1.0, 2.0], 50)
