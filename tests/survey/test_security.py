"""Attacks on a network that knows its images by heart, and what is made of what is seen of them."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import application_toys as toys
import numpy as np
import pytest
import torch

from metrics.roc import ScoredImages, roc_auc
from replications.suite.interface import MissingInput, Outcome
from replications.survey.applications import security_tables as tables
from replications.survey.applications.attacked import FGSM, KNOWING, NOISE, PGD, Budget, attacked
from replications.survey.applications.security import Security
from replications.survey.applications.security_tables import ALL, BASELINE, Case
from replications.survey.applications.sight import Sight

SECURITY = Security(
    layer=2,
    concepts=toys.CONCEPTS,
    inversion=None,
    first=0,
    classes=None,
    reference=4,
    seeds=2,
    train=30,
    test=30,
    strengths=[8, 16],
    trained_at=16,
    steps=4,
    knowing_steps=5,
    shown=1,
)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return SECURITY.run(toys.given())


def test_the_areas_are_those_of_every_detector_attack_and_strength(outcome: Outcome) -> None:
    found = {m.name: m.values for m in outcome.measurements}
    for strength in (8, 16):
        for attack in (FGSM, PGD):
            assert len(found[f"area/{BASELINE}/{attack} at {strength}"]) == 2
            for trained in (FGSM, PGD):
                for detector in ("deconvnet", "dissection", ALL, f"{ALL}, and confidence"):
                    areas = found[f"area/{detector}, trained on {trained}/{attack} at {strength}"]
                    assert len(areas) == 2
                    assert all(0 <= area <= 1 for area in areas)
    assert not outcome.evidence
    assert any("there is no inversion" in note for note in outcome.notes)
    assert {picture.name for picture in outcome.pictures} == {"areas", "seen"}
    assert [table.name for table in outcome.tables] == ["attacks", "held-out", "strengths", "knowing"]


def test_stronger_attacks_fool_more_often_and_noise_less_than_either(outcome: Outcome) -> None:
    found = {m.name: np.mean(m.values) for m in outcome.measurements if m.name.startswith("fooled/")}
    assert found[f"fooled/{PGD} at 16"] >= found[f"fooled/{PGD} at 8"]
    for strength in (8, 16):
        assert found[f"fooled/{NOISE} at {strength}"] < found[f"fooled/{PGD} at {strength}"]


def test_the_attack_that_knows_a_detector_alarms_it_less(outcome: Outcome) -> None:
    found = {m.name: np.mean(m.values) for m in outcome.measurements}
    for detector in (BASELINE, f"{ALL}, trained on {PGD}"):
        assert found[f"area/{detector}/{KNOWING} at 16"] <= found[f"area/{detector}/{PGD} at 16"]


def test_an_area_is_of_the_clean_images_against_those_that_fool() -> None:
    """Restated from what the experiment is made of: the confidence threshold on FGSM's images."""
    context = toys.given()
    sight, _ = SECURITY._sight(context)
    (_, part), *_ = SECURITY._parts(context, sight)
    budget = Budget(4, 5)
    images = attacked(sight, FGSM, part.images, part.labels, 16 / 255, budget, torch.Generator())
    clean, changed = (toys.network().probabilities(x).double() for x in (part.images, images))
    fooled = changed.argmax(1) != part.labels
    expected = roc_auc(-changed.amax(1)[fooled].numpy(), -clean.amax(1).numpy())
    outcome = dataclasses.replace(SECURITY, seeds=1, strengths=[16]).run(context)
    found = {m.name: m.values for m in outcome.measurements}
    assert found[f"area/{BASELINE}/{FGSM} at 16"] == pytest.approx((expected,), abs=1e-3)
    assert bool((clean.argmax(1) == part.labels).all())


def test_parts_share_no_image() -> None:
    context = toys.given()
    sight, _ = SECURITY._sight(context)
    parts = SECURITY._parts(context, sight)
    pictures = torch.cat([part.images for pair in parts for part in pair]).flatten(1)
    assert len(torch.unique(pictures, dim=0)) == len(pictures) == 2 * 60


def test_evading_is_to_fool_with_less_alarm_than_one_clean_image_in_twenty() -> None:
    clean = np.arange(100.0)
    attack = np.where(np.arange(100) < 40, 94.0, 99.5)
    counted = np.arange(100) % 2 == 0
    assert tables.evading([ScoredImages(clean, attack, counted)]) == [0.2]
    assert tables.areas([ScoredImages(clean, attack, np.arange(100) < 4)]) is None


def test_cases_say_what_was_trained_on_what() -> None:
    assert Case("deconvnet", FGSM, PGD, 4).words == "deconvnet, trained on FGSM/PGD at 4"
    assert Case(BASELINE, "", PGD, 0.5).words == f"{BASELINE}/PGD at 0.5"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layer": 5}, "needs the feature maps of layer 5"),
        ({"train": 200}, "needs 508 validation images from number 0 on, and there are 240"),
        ({"concepts": None}, "needs images whose concepts are labelled"),
        ({"inversion": "results/weights/inversion_nothing.safetensors"}, "there is no results/weights/inversion_noth"),
    ],
)
def test_what_is_lacking_is_said_in_a_sentence(changes: dict[str, Any], said: str) -> None:
    assert SECURITY.missing(toys.given()) is None
    assert re.search(said, str(dataclasses.replace(SECURITY, **changes).missing(toys.given())))


def test_an_attack_too_weak_to_learn_from_is_an_input_that_is_missing() -> None:
    weak = dataclasses.replace(SECURITY, strengths=[0.001], trained_at=0.001)
    with pytest.raises(MissingInput, match=r"FGSM at 0.001 of 255 fools the network on \d of 30 images, too few"):
        weak.run(toys.given())


@pytest.mark.parametrize("changes", [{"trained_at": 3}, {"train": 5}, {"seeds": 0}])
def test_parameters_that_measure_nothing_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        dataclasses.replace(SECURITY, **changes)


def test_an_unknown_attack_is_refused() -> None:
    sight = Sight(toys.network(), "relu2", thresholds=torch.ones(16), units=range(16), outputs=range(12))
    with pytest.raises(ValueError, match="expected the attack to be FGSM, PGD or noise, found 'pgd'"):
        attacked(sight, "pgd", torch.zeros(1, 3, 32, 32), torch.zeros(1).long(), 0.1, Budget(1, 1), torch.Generator())
