"""Both rules of counting on counts made by hand, and intervals against known distributions."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from replications.survey.dissection.bootstrap import bias_corrected, bootstrap
from replications.survey.dissection.result import Dissection
from replications.survey.dissection.rules import Detector


def made(ious: dict[str, list[list[float]]], blocks: int = 1) -> Dissection:
    """A dissection with these IoUs of each unit and concept, in equal blocks."""
    concepts = {name: ("none", *(f"{name} {i}" for i in range(1, len(rows[0]) + 1))) for name, rows in ious.items()}
    area = 10_000
    both = {}
    for name, rows in ious.items():
        values = np.array([[0.0, *row] for row in rows])
        both[name] = np.repeat(np.round(2 * area * values / (1 + values)).astype(np.int64)[None], blocks, 0)
    units = len(next(iter(ious.values())))
    areas = {name: np.full((blocks, units), area) for name in ious}
    of_concepts = {name: np.full((blocks, len(names)), area) for name, names in concepts.items()}
    counted = {name: np.arange(len(names)) > 0 for name, names in concepts.items()}
    return Dissection(
        "relu5", concepts, 100, 0.005, np.zeros(units, np.float32), both, areas, of_concepts, of_concepts, counted
    )


IOUS = {"object": [[0.10, 0.05], [0.0, 0.06], [0.0, 0.0]], "texture": [[0.08, 0.0], [0.07, 0.02], [0.0, 0.03]]}


def test_iou_is_intersection_over_union() -> None:
    np.testing.assert_allclose(made(IOUS).iou("object")[:, 1:], IOUS["object"], atol=1e-4)
    with pytest.raises(KeyError, match="categories object, texture, not 'part'"):
        made(IOUS).iou("part")


def test_the_papers_rule_gives_a_unit_one_label() -> None:
    found = made(IOUS)
    assert [(d.unit, d.concept) for d in found.detectors("top")] == [(0, "object 1"), (1, "texture 1")]
    assert found.unique("top") == 2
    assert found.unique_by_category("top") == {"object": 1, "texture": 1}


def test_the_scripts_rule_gives_a_unit_a_label_a_category() -> None:
    found = made(IOUS)
    labels = [(d.unit, d.concept) for d in found.detectors("per category")]
    assert labels == [(0, "object 1"), (0, "texture 1"), (1, "object 2"), (1, "texture 1")]
    assert found.unique("per category") == 3
    assert found.unique_by_category("per category") == {"object": 2, "texture": 1}
    assert found.detector_units() == [0, 1]


def test_labels_below_the_threshold_are_known_too() -> None:
    top = made(IOUS).top("top")[-1]
    assert (top.unit, top.category, top.concept) == (2, "texture", "texture 2")
    assert top == Detector(2, "texture", "texture 2", top.iou)
    assert made(IOUS).unique("top", threshold=0.02) == 3
    with pytest.raises(ValueError, match="one of top, per category, found 'best'"):
        made(IOUS).top("best")  # type: ignore[arg-type]


def test_a_concept_without_pixels_is_never_detected() -> None:
    found = made(IOUS)
    areas = {name: values * 0 for name, values in found.concept_areas.items()}
    both = {name: values * 0 for name, values in found.intersections.items()}
    silent = {name: values * 0 for name, values in found.unit_areas.items()}
    empty = dataclasses.replace(found, concept_areas=areas, intersections=both, unit_areas=silent)
    assert not empty.top("per category")
    assert np.isfinite(empty.iou("object")).all()


@dataclasses.dataclass(frozen=True)
class Total:
    """Counts in blocks: nothing but a sum."""

    counts: NDArray[np.int64]

    @property
    def blocks(self) -> int:
        return len(self.counts)

    def weighted(self, weights: NDArray[np.int64]) -> Self:
        return type(self)((weights * self.counts).sum(keepdims=True))

    @property
    def total(self) -> float:
        return float(self.counts.sum())


def test_intervals_of_sums_are_those_of_the_normal_distribution() -> None:
    generator = np.random.default_rng(0)
    counts = Total(generator.poisson(400, size=50))
    found = bootstrap([counts], lambda drawn: drawn[0].total, resamples=4000)
    half = 1.96 * np.sqrt(50) * counts.counts.std()
    assert found.estimate == counts.total
    assert found.low == pytest.approx(counts.total - half, abs=0.12 * half)
    assert found.high == pytest.approx(counts.total + half, abs=0.12 * half)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    generator = np.random.default_rng(1)
    held = 0
    for seed in range(200):
        counts = Total(generator.poisson(30, size=50))
        found = bootstrap([counts], lambda drawn: drawn[0].total, resamples=300, seed=seed)
        held += found.low <= 30 * 50 <= found.high
    assert 0.89 <= held / 200 <= 0.985


def test_the_same_images_are_drawn_for_all() -> None:
    counts = np.random.default_rng(0).poisson(100, size=50)
    first, second = Total(counts + 5), Total(counts)
    found = bootstrap([first, second], lambda drawn: drawn[0].total - drawn[1].total)
    assert found == (250.0, 250.0, 250.0)


def test_resamples_to_one_side_move_the_interval_to_the_other() -> None:
    values = np.random.default_rng(0).normal(0.5, 1.0, size=50_000)
    found = bias_corrected(0.0, values, 0.95)
    # Phi(2 z_0 -+ 1.96) with z_0 = -0.5, as quantiles of the normal distribution about 0.5
    assert found.low == pytest.approx(0.5 - 2.96, abs=0.1)
    assert found.high == pytest.approx(0.5 + 0.96, abs=0.05)


def test_a_dissection_in_equal_blocks_has_an_interval_of_no_width() -> None:
    found = made(IOUS, blocks=20).bootstrap(lambda drawn: drawn.unique("per category"), resamples=50)
    assert found == (3.0, 3.0, 3.0)


def test_few_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="at least ten, found \\[4\\]"):
        made(IOUS, blocks=4).bootstrap(lambda drawn: 0.0)
    with pytest.raises(ValueError, match="found \\[20, 30\\]"):
        bootstrap([made(IOUS, blocks=20), made(IOUS, blocks=30)], lambda drawn: 0.0)
