"""Strokes sampled by the suite's sampler: scores with known answers, and what the experiment reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import contexts
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from metrics.statistics import cluster_bootstrap
from replications.paths import project_root
from replications.ppgn import settings
from replications.ppgn.modality import (
    DGN_AM,
    MEASURES,
    PPGN,
    REAL,
    START,
    THROUGH,
    Modality,
    by_digit,
    diversity,
    named,
    sampler_of,
    score,
)
from replications.ppgn.stroke_networks import IsDigit, StrokeRecipe, train_parts
from replications.ppgn.strokes import DIGITS, MOMENTS, NAMES, strokes

RECIPE = {"code": 8, "classifier": 10, "generator": 10, "autoencoder": 2, "batch": 16, "rate": 5e-3, "noise": 0.1}


class Told(nn.Module):
    """A judge to whom a stroke's first number says which kind of digit it is; -1: it can't tell."""

    def forward(self, points: Tensor) -> Tensor:
        kinds = points[:, 0, 0].round().long()
        logits = 20 * torch.nn.functional.one_hot(kinds.clamp_min(0), len(NAMES)).float()
        return torch.where((kinds >= 0)[:, None], logits, torch.zeros_like(logits))


def told(*kinds: float) -> Tensor:
    """(n, 2, MOMENTS): strokes of which all other numbers are 0."""
    points = torch.zeros(len(kinds), 2, MOMENTS)
    points[:, 0, 0] = torch.tensor(kinds)
    return points


def test_a_digit_is_named_by_the_sum_of_its_kinds() -> None:
    judge: Any = Told()
    assert named(judge, told(6, 7, 5, 8), 3).tolist() == [True, True, False, False]  # kinds 6 and 7 are of the digit 3


def test_diversity_is_the_mean_distance_of_pairs_that_are_named() -> None:
    judge: Any = Told()
    # a distance of 1 between one pair, none within the others, over sqrt(32) moments
    assert diversity(judge, told(6, 7), 3) == pytest.approx(1 / MOMENTS**0.5)
    assert diversity(judge, told(6, 6), 3) == 0
    # of six pairs, those of 6, 6.25 and 7 count: 0.25 + 1 + 0.75; those with 8 stay in the count
    assert diversity(judge, told(6, 6.25, 7, 8), 3) == pytest.approx(2 / 6 / MOMENTS**0.5)


def test_scores_of_strokes() -> None:
    judge: Any = Told()
    reference = strokes(10, torch.Generator().manual_seed(0)).of(3)
    found = score(judge, told(6, 6, 6, 8), 3, 0.5, reference)
    assert found["named"] == 0.75
    assert found["kinds"] == 0.5
    assert found["diversity"] == 0
    assert set(found) == set(MEASURES)
    near = score(judge, strokes(10, torch.Generator().manual_seed(1)).of(3), 3, 0.5, reference)
    assert near["distance"] == pytest.approx(1, abs=0.3)
    assert near["distance"] < found["distance"]


def test_the_sampler_is_the_suites_and_climbs_the_digit() -> None:
    examples = strokes(20, torch.Generator().manual_seed(0))
    recipe = StrokeRecipe(**{**RECIPE, "classifier": 60, "generator": 60})
    parts = train_parts(examples, recipe, 0)
    sampler = sampler_of(parts, settings.load("ppgn_h", steps=30))
    chains = sampler.run([IsDigit(parts.classifier, i) for i in range(len(DIGITS))])
    assert chains.codes.shape == (10, 8)
    assert sampler.made(chains.codes).shape == (10, 2, MOMENTS)
    assert float((chains.values[-1] > chains.values[0]).float().mean()) > 0.8
    alone = sampler.run([IsDigit(parts.classifier, 4)])
    assert torch.allclose(alone.codes[0], chains.codes[4], atol=1e-4)
    with pytest.raises(ValueError, match="reads images"):
        sampler_of(parts, settings.load("joint_ppgn_h"))


# ---------------------------------------------------------------------------------------------------- the experiment


def experiment(**changes: Any) -> Modality:
    given: dict[str, Any] = {
        "samplers": {
            name: OmegaConf.to_container(OmegaConf.load(project_root() / f"conf/sampler/{name}.yaml"))
            for name in ("ppgn_h", "dgn_am")
        },
        "changes": {"steps": 6},
        "repetitions": 2,
        "examples": 12,
        "chains": 4,
        "recipe": RECIPE,
        "judge": 60,
        "shown": 2,
    }
    return Modality(**(given | changes))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return experiment().run(contexts.given(tmp_path_factory.mktemp("strokes")))


def test_every_kind_of_strokes_has_every_score(outcome: Any) -> None:
    values = {m.name: m.values for m in outcome.measurements}
    assert set(values) == {f"{m}/{kind}" for m in MEASURES for kind in (PPGN, DGN_AM, START, THROUGH, REAL)}
    assert {len(one) for one in values.values()} == {20}  # ten digits, two repetitions
    assert values[f"diversity/{REAL}"] == pytest.approx((1.0,) * 20)
    assert {p.name for p in outcome.pictures} == {"samples", "chains", "scores"}


def test_the_evidence_is_what_it_says(outcome: Any) -> None:
    values = {m.name: m.values for m in outcome.measurements}
    for evidence, measure in zip(outcome.evidence, ("named", "diversity"), strict=True):
        expected = cluster_bootstrap(values[f"{measure}/{PPGN}"], [*DIGITS, *DIGITS])
        assert (evidence.effect, evidence.low, evidence.high) == pytest.approx(tuple(expected))
        assert (evidence.claim, evidence.n, evidence.over, evidence.seeds) == ("PPGN-C-agnostic", 10, "digit", 2)
        assert evidence.expected == (0.5, float("inf"))


def test_the_same_again(outcome: Any, tmp_path: Path) -> None:
    again = experiment().run(contexts.given(tmp_path))
    assert [m.values for m in again.measurements] == [m.values for m in outcome.measurements]


def test_repetitions_differ_in_all(tmp_path: Path) -> None:
    first, second = (experiment()._round(contexts.given(tmp_path), number) for number in range(2))
    assert not torch.equal(first.shown[REAL], second.shown[REAL])
    assert set(first.chains[PPGN].numbers) & set(second.chains[PPGN].numbers) == set()
    assert torch.equal(first.along[-1], first.shown[PPGN])


def test_examples_are_put_digit_after_digit() -> None:
    found = strokes(3, torch.Generator().manual_seed(0))
    assert torch.equal(by_digit(found)[6:12], found.of(1))


def test_it_reads_nothing_of_a_profile_and_says_what_it_needs(tmp_path: Path) -> None:
    assert experiment().missing(contexts.given(tmp_path)) is None
    assert Modality.needs == ()
    with pytest.raises(ValueError, match="an even number of chains"):
        experiment(chains=3)
    with pytest.raises(ValueError, match="expected the samplers ppgn_h, dgn_am, found ppgn_h"):
        experiment(samplers={"ppgn_h": {}})
