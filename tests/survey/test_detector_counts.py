"""Counting detectors: against a slow restatement, planted layers, and known variances."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from replications.survey.detector_counts import RULES, as_they_are, counts, over_repetitions_and_images, resampled
from replications.survey.dissection.result import Dissection
from replications.survey.dissection.rules import Rule

CONCEPTS = {"object": ("none", "dog", "car", "cup", "kite"), "colour": ("none", "red", "green", "blue")}


def dissection(shared: dict[str, np.ndarray], units: dict[str, np.ndarray], areas: dict[str, np.ndarray]) -> Dissection:
    """Of these counts in blocks of images; every concept that has pixels is counted."""
    concepts = {category: CONCEPTS[category][: values.shape[-1]] for category, values in areas.items()}
    counted = {category: values.sum(0) > 0 for category, values in areas.items()}
    thresholds = np.zeros(next(iter(units.values())).shape[1], dtype=np.float32)
    return Dissection("conv", concepts, 100, 0.005, thresholds, shared, units, areas, areas, counted)


def random_dissection(blocks: int = 12, units: int = 9, seed: int = 0) -> Dissection:
    random = np.random.default_rng(seed)
    shared, of_units, areas = {}, {}, {}
    for category, names in CONCEPTS.items():
        size = len(names)
        both = random.integers(0, 30, (blocks, units, size)) * (random.random((units, size)) < 0.4)
        both[..., 0] = 0
        shared[category] = both
        of_units[category] = both.sum(2) + random.integers(0, 40, (blocks, units))
        areas[category] = both.max(1) + random.integers(0, 200, (blocks, size))
        areas[category][:, 0] = 0
    return dissection(shared, of_units, areas)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_the_dissection_with_these_images(rule: Rule, seed: int) -> None:
    given = random_dissection(seed=seed)
    weights = np.concatenate([as_they_are(given.blocks), resampled(given.blocks, 5, seed)])
    found = counts(given, 0.04, weights)[rule]
    for i, weight in enumerate(weights):
        slow = given.weighted(weight.astype(np.int64))
        assert {category: numbers[i] for category, numbers in found.unique.items()} == slow.unique_by_category(rule)
        assert found.total[i] == slow.unique(rule)
        assert found.detectors[i] == len(slow.detector_units())
        named = [detector.category for detector in slow.detectors(rule)]
        assert {category: numbers[i] for category, numbers in found.units.items()} == {
            category: named.count(category) for category in CONCEPTS
        }


def test_concepts_that_too_few_images_show_are_never_detected() -> None:
    given = random_dissection()
    nothing = {category: np.zeros_like(counted) for category, counted in given.counted.items()}
    found = counts(dataclasses.replace(given, counted=nothing), 0.0, as_they_are(given.blocks))["top"]
    assert (found.total[0], found.detectors[0]) == (0, 0)


def test_the_two_rules_differ_where_one_unit_detects_in_two_categories() -> None:
    """Unit 0 finds an object (IoU 0.5) and a colour (0.25), unit 1 the same colour (0.25)."""
    given = dissection(
        {"object": np.array([[[0, 4], [0, 0]]]), "colour": np.array([[[0, 2], [0, 2]]])},
        {"object": np.array([[4, 4]]), "colour": np.array([[2, 2]])},
        {"object": np.array([[0, 8]]), "colour": np.array([[0, 8]])},
    )
    once = as_they_are(1)
    found = counts(given, 0.04, once)
    top, per_category = found["top"], found["per category"]
    assert (top.units["object"][0], top.units["colour"][0], top.total[0], top.detectors[0]) == (1, 1, 2, 2)
    assert (per_category.units["object"][0], per_category.units["colour"][0]) == (1, 2)
    assert (per_category.total[0], per_category.detectors[0]) == (2, 2)
    assert counts(given, 0.3, once)["per category"].total[0] == 1


def test_resampling_draws_as_many_blocks_as_there_are_and_each_equally_often() -> None:
    weights = resampled(20, 4000, 0)
    assert np.array_equal(weights.sum(1), np.full(4000, 20))
    assert weights.mean(0) == pytest.approx(np.ones(20), abs=0.08)
    assert weights.var() == pytest.approx(1 - 1 / 20, abs=0.03)  # of a binomial of 20 trials of 1 / 20
    with pytest.raises(ValueError, match="at least 2 blocks of them, found 1"):
        resampled(1, 10, 0)


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
    with pytest.raises(ValueError, match="at least 2, found 1"):
        over_repetitions_and_images([1.0], [1.0, 2.0], 50)
