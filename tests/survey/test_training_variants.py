from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from replications.paths import project_root
from replications.survey.concept_choice import concept_set
from replications.survey.dissection.dissection import dissect
from replications.survey.training_jobs import SurveyJob
from replications.survey.training_variants import (
    ACCURACIES,
    BATCH_NORM,
    CELLS,
    CHANGES,
    NO_DROPOUT,
    POOLED,
    STATISTICS,
    UNCHANGED,
    UNIQUE,
    WIDE,
    WIDE_POOLED,
    Numbers,
    TrainingVariants,
    evidence,
    wider_widths,
)
from replications.zeiler.variants import Variants, as_network
from tests.survey.trained_contexts import CONCEPTS, SMALL, configured, own_cache  # noqa: F401
from tests.zeiler.training_context import TrainingContext

EXPERIMENT = TrainingVariants(
    networks={**SMALL, "recipe": {"epochs": 1}},
    seeds=dict.fromkeys(CHANGES, 2),
    pooled_learning_rate=0.03,
    concepts=CONCEPTS,
    resamples=5,
)


def numbers(**means: float) -> Numbers:
    """Unique detectors of three seeds with a little spread; 20 where no mean is named."""
    named = {"unchanged": UNCHANGED, "batch_norm": BATCH_NORM, "wide_pooled": WIDE_POOLED}
    found = {named[name]: mean for name, mean in means.items()}
    return {change: {UNIQUE: [found.get(change, 20.0) + s for s in (-1, 0, 1)]} for change in CHANGES}


def holding(found: Numbers) -> dict[str, bool]:
    return {test.claim: test.holds for test in evidence(found)}


def test_each_claim_rests_on_its_own_difference() -> None:
    fewer, more = "ND-C-batchnorm-fewer", "ND-C-wider-more"
    assert holding(numbers(batch_norm=12, wide_pooled=30)) == {fewer: True, more: True}
    assert holding(numbers(batch_norm=28, wide_pooled=30)) == {fewer: False, more: True}
    assert holding(numbers(batch_norm=12, wide_pooled=20.5)) == {fewer: True, more: False}
    effects = {test.claim: test.effect for test in evidence(numbers(unchanged=18, batch_norm=12, wide_pooled=30))}
    assert effects == pytest.approx({fewer: 6, more: 12})


def test_one_thing_is_changed_at_a_time(tmp_path: Path) -> None:
    context, variants = TrainingContext(tmp_path), Variants.of(SMALL)
    jobs: dict[str, SurveyJob] = dict(EXPERIMENT.jobs(variants, context))  # type: ignore[arg-type]
    plain = variants.job("zfnet", context.data.train, 1)
    assert context.zoo.key(jobs[UNCHANGED]) == context.zoo.key(plain)
    assert jobs[NO_DROPOUT].arguments == {"dropout": 0.0}
    assert jobs[WIDE].arguments == {"widths": [32, 64, 96, 96, 192]}
    assert jobs[WIDE_POOLED].arguments == {"pooled": True, "widths": [32, 64, 96, 96, 192]}
    assert jobs[POOLED].arguments == {"pooled": True}
    assert jobs[BATCH_NORM].arguments == {"batch_norm": True}
    assert wider_widths(Variants.of({**SMALL, "scale": "paper"})) == [96, 256, 384, 384, 768]
    slower = dataclasses.replace(plain.recipe, learning_rate=0.03)
    assert {change: job.recipe for change, job in jobs.items() if job.recipe != plain.recipe} == {
        POOLED: slower,
        WIDE_POOLED: slower,
    }
    for job in jobs.values():
        assert (job.data, job.seed, job.classes) == (plain.data, plain.seed, plain.classes)
        assert job.chosen.equal(plain.chosen)
        assert job.chosen_labels.equal(plain.chosen_labels)


def test_a_process_that_is_handed_a_job_knows_its_architecture(tmp_path: Path) -> None:
    context = TrainingContext(tmp_path)
    jobs = dict(EXPERIMENT.jobs(Variants.of(SMALL), context))  # type: ignore[arg-type]
    assert all(b"replications.survey.training_jobs" in pickle.dumps(job) for job in jobs.values())
    with pytest.raises(ValueError, match="no architecture 'zfnet_huge'"):
        SurveyJob.of(jobs[UNCHANGED], "zfnet_huge")


def test_measures_every_change_from_every_seed(tmp_path: Path) -> None:
    context = TrainingContext(tmp_path)
    outcome = EXPERIMENT.run(context)  # type: ignore[arg-type]
    found = {m.name: m for m in outcome.measurements}
    variants = Variants.of(EXPERIMENT.networks or {})
    job = next(j for change, j in EXPERIMENT.jobs(variants, context) if change == BATCH_NORM)  # type: ignore[arg-type]
    network = as_network(context.zoo.train(job))
    alone = dissect(network, ["relu5"], concept_set(CONCEPTS, 64))["relu5"]
    assert network.shape("relu5") == network.shape("bn5")
    assert found[f"{UNIQUE}/{BATCH_NORM}"].values[0] == alone.unique("per category")
    assert found[f"{UNIQUE}/texture/{BATCH_NORM}"].values[0] == alone.unique_by_category("per category")["texture"]
    assert {len(found[f"{UNIQUE}/{change}"].values) for change in CHANGES} == {2}
    assert {e.claim for e in outcome.evidence} <= set(EXPERIMENT.answers)
    assert [len(table.rows) for table in outcome.tables] == [6, 5]
    reported = {m.reported for m in outcome.measurements} - {None}
    assert reported <= set(EXPERIMENT.answers)


def test_numbers_stand_beside_cells_that_the_ledger_has() -> None:
    rows = yaml.safe_load((project_root() / "results/reported/survey.yaml").read_text())["rows"]
    cells = {row["id"]: set(row.get("cells", {})) for row in rows}
    assert set(ACCURACIES.values()) <= cells["ND-R3"]
    for row in STATISTICS.values():
        assert {*CELLS.values(), "object", "part", "scene", "texture", "colour"} <= cells[row]


def test_what_is_lacking_is_said(tmp_path: Path) -> None:
    context = TrainingContext(tmp_path)
    assert EXPERIMENT.missing(context) is None  # type: ignore[arg-type]
    natural = dataclasses.replace(EXPERIMENT, networks=configured("survey", "training_variants", "natural")["networks"])
    assert "trains 12 networks from scratch on ImageNet" in str(natural.missing(context))  # type: ignore[arg-type]


@pytest.mark.parametrize("seeds", [{UNCHANGED: 3}, {**dict.fromkeys(CHANGES, 2), WIDE: 1}])
def test_every_change_needs_its_seeds(seeds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected at least 2 seeds for each of unchanged, batch normalization"):
        dataclasses.replace(EXPERIMENT, seeds=seeds)
