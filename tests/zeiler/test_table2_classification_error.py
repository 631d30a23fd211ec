from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn.functional import one_hot

from replications.zeiler.table2_classification_error import Table2, combine, evidence, wrong
from tests.zeiler.training_context import TrainingContext

SMALL = {"scale": "small", "images": 18, "recipe": {"epochs": 1}}
CLASSES, IMAGES, SEEDS = 7, 400, 5


def guesses(labels: torch.Tensor, right: float, seed: int) -> torch.Tensor:
    """(SEEDS, IMAGES, CLASSES) probabilities: sure of the truth in a share `right` of the images, else of another."""
    generator = torch.Generator().manual_seed(seed)
    hit = torch.rand(SEEDS, IMAGES, generator=generator) < right
    other = (labels + torch.randint(1, CLASSES, (SEEDS, IMAGES), generator=generator)) % CLASSES
    return one_hot(torch.where(hit, labels, other), CLASSES).float() + 0.01 * torch.rand(
        SEEDS, IMAGES, CLASSES, generator=generator
    )


def systems(alexnet: float, zfnet: float, wider: float) -> dict[str, torch.Tensor]:
    labels = torch.arange(IMAGES) % CLASSES
    probabilities = {
        name: guesses(labels, right, seed)
        for seed, (name, right) in enumerate({"alexnet": alexnet, "zfnet": zfnet, "zfnet-middle": wider}.items())
    }
    return {name: wrong(each, labels, 1) for name, each in combine(probabilities).items()}


def test_an_ensemble_averages_probabilities() -> None:
    generator = torch.Generator().manual_seed(0)
    found = combine({n: torch.rand(3, 4, 5, generator=generator) for n in ("alexnet", "zfnet", "zfnet-middle")})
    zfnet, wider = found["1 zfnet"], found["1 wider"]
    torch.testing.assert_close(found["5 zfnets"][0], (zfnet[0] + zfnet[1] + zfnet[2]) / 3)
    torch.testing.assert_close(found["6 convnets"][1], (zfnet[0] + zfnet[1] + zfnet[2] + wider[1]) / 4)
    assert {name: len(each) for name, each in found.items()} == {
        "1 alexnet": 3,
        "5 alexnets": 1,
        "1 zfnet": 3,
        "5 zfnets": 1,
        "1 wider": 3,
        "6 convnets": 3,
    }


def test_independent_mistakes_make_ensembles_better() -> None:
    tests = {test.claim: test for test in evidence(systems(0.4, 0.6, 0.8), crops=1)}
    assert all(test.holds for test in tests.values())
    assert tests["ZF-C-T2-zfnet-better"].effect == pytest.approx(20, abs=5)
    assert tests["ZF-C-T2-ensemble-better"].n == IMAGES


def test_a_worse_zfnet_is_found_out() -> None:
    better = next(t for t in evidence(systems(0.7, 0.5, 0.5), crops=1) if t.claim == "ZF-C-T2-zfnet-better")
    assert better.high < 0


def test_networks_that_agree_gain_nothing_from_each_other() -> None:
    labels = torch.arange(IMAGES) % CLASSES
    same = guesses(labels, 0.6, 0)[:1].expand(SEEDS, -1, -1)
    found = combine({"alexnet": same, "zfnet": same, "zfnet-middle": same})
    tests = evidence({name: wrong(each, labels, 1) for name, each in found.items()}, crops=1)
    assert [(t.effect, t.holds) for t in tests] == [(0, False)] * 3


def test_measures_one_and_ten_views(tmp_path: Path) -> None:
    experiment = Table2(networks=SMALL, seeds=2, crops=1)
    outcome = experiment.run(TrainingContext(tmp_path))
    found = {m.name: m for m in outcome.measurements}
    assert len(found["1 zfnet/val top-1/1 view"].values) == 2
    assert len(found["5 zfnets/val top-1/10 views"].values) == 1
    # the paper's numbers are those of ten views
    assert found["5 zfnets/val top-5/10 views"].reported == "ZF-T2-08"
    assert found["5 zfnets/val top-5/1 view"].reported is None
    assert {e.claim for e in outcome.evidence} <= set(experiment.answers)
