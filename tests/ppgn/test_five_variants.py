"""The five variants, planted: their verdicts follow from their scores, and these from their images."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from planted_colours import CLASSES, Colours, Painter, condition_network, context, judge_network, plant
from torch import Tensor

from replications.multifaceted.judge import Judge
from replications.ppgn import five_variants
from replications.ppgn.class_sets import drawn
from replications.ppgn.five_variants import FiveVariants
from replications.ppgn.five_variants_report import BEST_QUALITY, COMPARABLE, POOR, REAL, SAME_MODE, Found, evidence
from replications.ppgn.variant_scores import (
    CONDITION,
    DISTANCE,
    DIVERSITY,
    FACETS,
    KERNEL,
    NAMED,
    PROBABILITY,
    STARTS_APART,
    Scores,
    VariantScorer,
)
from replications.ppgn.variants import BEST, NAMES, TITLES
from replications.suite import ledger
from replications.suite.interface import Outcome

COUNT = 4


def images_of(*names: str, count: int = COUNT, seed: int = 0) -> Tensor:
    """(len(names), count, 3, S, S)"""
    random = torch.Generator().manual_seed(seed)
    return torch.stack([drawn(Colours(), name, count, random) for name in names])


@pytest.fixture(scope="module")
def scorer() -> VariantScorer:
    judge = Judge(judge_network(), Colours(), clusters=2)
    return VariantScorer(judge, condition_network(), CLASSES, images_of(*CLASSES, count=20, seed=1))


# ---------------------------------------------------------------------------------------------------------- scores


def test_real_images_are_as_good_and_as_varied_as_real_images(scorer: VariantScorer) -> None:
    found = scorer.scores(images_of(*CLASSES, count=16))
    assert found.by_image[NAMED].tolist() == [1] * 32
    assert found.by_image[PROBABILITY].min() > 0.99
    assert np.median(found.by_image[DISTANCE]) == pytest.approx(1, abs=0.35)
    assert found.by_class[DIVERSITY] == pytest.approx(1, abs=0.15)
    assert found.by_class[FACETS].tolist() == [1, 1]


def test_images_of_the_other_class_are_far_and_misnamed(scorer: VariantScorer) -> None:
    swapped = scorer.scores(images_of("cold", "warm"))
    assert swapped.by_image[NAMED].max() == 0
    assert swapped.by_image[DISTANCE].min() > 5
    assert swapped.by_image[CONDITION].max() < 0.5
    assert swapped.by_class[FACETS].tolist() == [0, 0]


def test_copies_are_of_no_diversity_however_good(scorer: VariantScorer) -> None:
    one = images_of(*CLASSES)[:, :1].expand(-1, COUNT, -1, -1, -1)
    found = scorer.scores(one)
    assert found.by_class[DIVERSITY] == pytest.approx(0, abs=1e-9)
    assert found.by_class[FACETS].tolist() == [0.5, 0.5]
    assert found.by_image[NAMED].min() == 1
    assert scorer.apart(one) == pytest.approx(0, abs=1e-9)


def test_values_stand_by_class_and_then_by_chain(scorer: VariantScorer) -> None:
    images = images_of(*CLASSES)
    images[0, 2] = images[1, 0]  # a cold one among the warm
    assert scorer.scores(images).by_image[NAMED].tolist() == [1, 1, 0, 1, 1, 1, 1, 1]


def test_the_kernel_distance_is_of_each_class_to_itself(scorer: VariantScorer) -> None:
    real = scorer.scores(images_of(*CLASSES, count=16)).by_class[KERNEL]
    swapped = scorer.scores(images_of("cold", "warm", count=16)).by_class[KERNEL]
    assert real == pytest.approx(0, abs=0.3)
    assert swapped.min() > 1
    assert KERNEL not in scorer.scores(images_of(*CLASSES, count=2)).by_class


# -------------------------------------------------------------------------------------------------------- evidence


def planted(distances: dict[str, float], diversities: dict[str, float]) -> Found:
    """Three classes of two chains each; values are those of the variant, and a little more by class and chain."""
    extra = np.array([0.0, 0.02, 0.01, 0.0, 0.03, 0.01])
    scores = {
        title: Scores(
            {DISTANCE: distances.get(name, 1.0) + extra}, {DIVERSITY: diversities.get(name, 1.0) + extra[::2]}
        )
        for name, title in (*TITLES.items(), (REAL, REAL))
    }
    return Found(scores, ["a", "b", "c"], 2, "judge", "network")


def holding(found: Found) -> dict[str, list[bool]]:
    claims: dict[str, list[bool]] = {}
    for one in evidence(found):
        claims.setdefault(one.claim, []).append(one.holds)
    return claims


def test_claims_that_are_planted_hold() -> None:
    distances = {"ppgn_x": 4.0, "dgn_am": 2.0, "ppgn_h": 2.1, "joint_ppgn_h": 1.8, BEST: 1.5}
    found = planted(distances, {"dgn_am": 0.3, "ppgn_h": 0.4})
    assert holding(found) == {
        BEST_QUALITY: [True] * 4,
        POOR: [True] * 4,
        COMPARABLE: [True] * 2,
        SAME_MODE: [True],
    }
    effects = [one.effect for one in evidence(found)]
    assert effects[:8] == pytest.approx([2.5, 0.5, 0.6, 0.3, 2.0, 1.9, 2.2, 2.5])
    assert effects[8:] == pytest.approx([0.1, 0.1, 0.3 + 0.04 / 3])
    assert {(one.n, one.over, one.seeds) for one in evidence(found)} == {(3, "class", 2)}


def test_claims_that_are_planted_to_fail_fail() -> None:
    # the best one is beaten by Joint PPGN-h, PPGN-x by none; PPGN-h is much farther than DGN-AM and more varied
    distances = {"ppgn_x": 4.0, "dgn_am": 2.0, "ppgn_h": 2.5, "joint_ppgn_h": 1.2, BEST: 1.5}
    found = holding(planted(distances, {"dgn_am": 0.7, "ppgn_h": 1.0}))
    assert found[BEST_QUALITY] == [True, True, True, False]
    assert found[POOR] == [True] * 4
    assert found[COMPARABLE] == [False, False]
    assert found[SAME_MODE] == [False]


def test_what_is_alike_is_neither_best_nor_poor_but_comparable() -> None:
    found = holding(planted({}, {}))
    assert not any(found[BEST_QUALITY] + found[POOR] + found[SAME_MODE])
    assert found[COMPARABLE] == [True, True]


# ------------------------------------------------------------------------------------------------- the experiment


def experiment(**changes: Any) -> FiveVariants:
    settings: dict[str, Any] = {
        "ppgn": {},
        "changes": {},
        "classes": None,
        "sets": 3,
        "compared": 12,
        "natural_clusters": 2,
    }
    return FiveVariants(**{**settings, **changes})


def run(folder: Path, **generators: Painter) -> Outcome:
    with pytest.MonkeyPatch.context() as monkeypatch:
        plant(monkeypatch, five_variants, **generators)
        return experiment().run(context(folder))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """PPGN-x hears nothing, and DGN-AM paints the same picture of a class whatever it starts from."""
    folder = tmp_path_factory.mktemp("variants")
    return run(folder, ppgn_x=Painter(deaf=True), dgn_am=Painter(copies=True))


def values_of(outcome: Outcome) -> dict[str, np.ndarray]:
    return {m.name: np.array(m.values) for m in outcome.measurements}


def test_planted_generators_get_the_verdicts_that_they_deserve(outcome: Outcome) -> None:
    by_claim: dict[str, list[Any]] = {}
    for one in outcome.evidence:
        by_claim.setdefault(one.claim, []).append(one)
    assert all(one.holds for one in by_claim[POOR])
    (same,) = by_claim[SAME_MODE]
    assert same.expected == (-math.inf, 0.5)
    assert same.holds
    assert not all(one.holds for one in by_claim[COMPARABLE])  # PPGN-h is varied, and DGN-AM isn't
    # three variants sample by the same generator from the same starts: none is the best
    alike = [one for one in by_claim[BEST_QUALITY] if "PPGN-h minus" in one.statistic]
    assert [one.effect for one in alike] == [0, 0]
    assert not any(one.holds for one in alike)


def test_the_evidence_is_of_the_values(outcome: Outcome) -> None:
    values = values_of(outcome)
    gap = values[f"{DISTANCE}/{TITLES['ppgn_x']}"] - values[f"{DISTANCE}/{TITLES[BEST]}"]
    assert outcome.evidence[0].effect == pytest.approx(gap.mean())
    assert outcome.evidence[-1].effect == pytest.approx(values[f"{DIVERSITY}/{TITLES['dgn_am']}"].mean())


def test_every_variant_has_every_value(outcome: Outcome) -> None:
    values = values_of(outcome)
    for title in (*TITLES.values(), REAL):
        assert len(values[f"{DISTANCE}/{title}"]) == len(CLASSES) * 3
        assert len(values[f"{DIVERSITY}/{title}"]) == len(CLASSES)
    assert f"{STARTS_APART}/{REAL}" not in values
    assert values[f"{STARTS_APART}/{TITLES['ppgn_x']}"] == pytest.approx(0, abs=1e-9)  # deaf from the first step on
    assert set(FiveVariants.answers) <= {row.id for row in ledger.load("ppgn").rows}


def test_what_is_shown(outcome: Outcome) -> None:
    side_by_side = outcome.pictures[0]
    assert len(side_by_side.arrays) == len(NAMES) + 1
    assert all(own.shape == (2, 3, 3, 16, 16) for own in side_by_side.arrays.values())
    assert all(len(row) == len(table.columns) for table in outcome.tables for row in table.rows)
    assert [row[0] for row in outcome.tables[0].rows] == [*TITLES.values(), REAL]


def test_the_same_again(tmp_path: Path, outcome: Outcome) -> None:
    again = run(tmp_path, ppgn_x=Painter(deaf=True), dgn_am=Painter(copies=True))
    assert [m.values for m in again.measurements] == [m.values for m in outcome.measurements]


def test_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = context(tmp_path)
    said = experiment(ppgn={"network": "zfnet_small", "files": {}}).missing(given)
    assert "needs a generator for codes of 'warmth'" in str(said)
    plant(monkeypatch, five_variants)
    assert experiment().missing(given) is None
    assert "needs 33 images of each class" in str(experiment(compared=30).missing(given))
    for changes in ({"sets": 1}, {"compared": 5}):
        with pytest.raises(ValueError, match="expected 2 sets or more"):
            experiment(**changes)
