from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from replications.survey.concept_choice import concept_set
from replications.survey.detector_numbers import IN_THE_TEXT, UNITS, unique_name
from replications.survey.dissection.dissection import dissect
from replications.survey.emergence import TOGETHER, Emergence, begins, evidence, first_labels
from replications.zeiler.variants import Variants, as_network
from tests.survey.trained_contexts import CONCEPTS, SMALL, configured, own_cache  # noqa: F401
from tests.zeiler.training_context import TrainingContext

EMERGENCE = Emergence(networks=SMALL, seeds=2, epochs=[0, 1], concepts=CONCEPTS, images=10)


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ([2, 3, 4, 5, 6], 1.0),  # from the first epoch on
        ([2, 3, 2, 5, 6], 50.0),  # back to where it began, then above for good
        ([2, 2, 2, 2, 6], 100.0),
        ([2, 5, 5, 5, 2], 100.0),  # lost again
        ([2, 0, 0, 0, 1], 100.0),
    ],
)
def test_detectors_begin_where_they_stay_more_than_before_training(counts: list[float], share: float) -> None:
    assert begins([0, 1, 10, 50, 100], counts) == share


def test_the_claim_needs_detectors_that_begin_early_in_every_seed() -> None:
    def holding(counts: list[list[float]], begun: list[float]) -> list[bool]:
        return [test.holds for test in evidence(counts, begun)]

    grown = [[2.0, 5.0, 14.0], [1.0, 4.0, 12.0], [2.0, 4.0, 13.0]]
    assert holding(grown, [3.1, 3.1, 4.7]) == [True, True]
    assert holding(grown, [3.1, 3.1, 3.1]) == [True, True]
    assert holding(grown, [3.1, 30.0, 50.0]) == [True, False]
    assert holding([[2.0, 2.0, 2.0]] * 3, [100.0] * 3) == [False, False]
    assert {test.claim for test in evidence(grown, [1.0, 2.0, 3.0])} == {"ND-C-emergence"}


def test_the_first_labels_are_those_of_units_that_end_with_an_object_or_a_part() -> None:
    def dissected(labels: dict[int, str]) -> Any:
        found = [SimpleNamespace(unit=unit, category=category) for unit, category in labels.items()]
        return SimpleNamespace(detectors=lambda rule: found if rule == IN_THE_TEXT else [])

    first = first_labels(
        [
            dissected({0: "colour"}),
            dissected({0: "object", 1: "texture", 3: "part"}),
            dissected({0: "object", 1: "object", 2: "part", 3: "scene"}),
        ]
    )
    assert first == {"colour": 1, "texture": 1, "part": 1}


def test_measures_every_epoch_of_every_seed(tmp_path: Path) -> None:
    context = TrainingContext(tmp_path)
    outcome = EMERGENCE.run(context)
    found = {m.name: m.values for m in outcome.measurements}
    job = Variants.of(SMALL).job("zfnet", context.data.train, 1, keep_epochs=(0, 1, 2))
    trained = context.zoo.train(job)
    for epoch in (0, 1, 2):
        network = as_network(trained, trained.at_epoch(epoch))
        alone = dissect(network, ["relu5"], concept_set(CONCEPTS, 64))["relu5"]
        assert found[f"{unique_name('per category')}/epoch {epoch}"][1] == alone.unique("per category")
        assert found[f"{UNITS}/epoch {epoch}"][1] == len(alone.detector_units())
        own = alone.unique_by_category("per category")
        assert found[f"unique detectors/{TOGETHER}/epoch {epoch}"][1] == own["object"] + own["part"]
    assert len(found["begin/texture"]) == 2
    assert {e.claim for e in outcome.evidence} <= set(EMERGENCE.answers)
    assert [len(table.columns) for table in outcome.tables] == [5, 3]


def test_the_trainings_are_those_of_figure_4() -> None:
    ours, theirs = configured("survey", "emergence"), configured("zeiler", "fig4")
    assert ours["networks"] == theirs["networks"]
    assert ours["seeds"] <= theirs["seeds"]
    last = ours["networks"]["recipe"]["epochs"]
    assert {*ours["epochs"], last} <= {*theirs["epochs_measured"], *theirs["epochs_shown"], last}


def test_what_is_lacking_is_said(tmp_path: Path) -> None:
    context = TrainingContext(tmp_path)
    assert EMERGENCE.missing(context) is None  # type: ignore[arg-type]
    natural = dataclasses.replace(EMERGENCE, networks=configured("survey", "emergence", "natural")["networks"])
    assert "trains 2 networks from scratch on ImageNet" in str(natural.missing(context))  # type: ignore[arg-type]
    unlabelled = dataclasses.replace(EMERGENCE, concepts=None)
    assert "needs images whose concepts are labelled" in str(unlabelled.missing(context))  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", [{"seeds": 1}, {"epochs": [1, 2]}])
def test_what_can_not_be_compared_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected at least 2 seeds and epoch 0"):
        dataclasses.replace(EMERGENCE, **changes)
