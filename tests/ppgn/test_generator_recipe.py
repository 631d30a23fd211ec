"""Recipes as files say them."""

from __future__ import annotations

import pytest
import yaml
from tiny_generators import tiny_recipe

from replications.paths import project_root
from replications.ppgn.balance import BalanceRule
from replications.ppgn.losses import PUBLISHED_WEIGHTS, LossWeights
from replications.ppgn.recipe import GeneratorRecipe, Noise

FILES = sorted((project_root() / "conf" / "generator").glob("*.yaml"))


def load(name: str) -> GeneratorRecipe:
    return GeneratorRecipe.of(yaml.safe_load((project_root() / "conf" / "generator" / f"{name}.yaml").read_text()))


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_every_file_is_a_recipe(name: str) -> None:
    assert load(name).steps > 0


def test_published_file_says_what_was_published() -> None:
    recipe = load("published")
    assert recipe.losses == PUBLISHED_WEIGHTS
    assert (recipe.learning_rate, recipe.beta1, recipe.beta2, recipe.weight_decay) == (5e-5, 0.9, 0.999, 4e-4)
    assert (recipe.steps, recipe.batch_size, recipe.architecture) == (1_300_000, 64, "published")
    assert recipe.balance == BalanceRule(0.1, 10.0, 0.5)
    assert not recipe.noise
    rates = [recipe.learning_rate_at(step) for step in (1, 300_000, 300_001, 500_001, 1_100_001, 1_300_000)]
    assert rates == [5e-5, 5e-5, 2.5e-5, 1.25e-5, 5e-5 / 32, 5e-5 / 32]


def test_variants_differ_as_the_paper_says() -> None:
    noiseless, joint = load("noiseless_joint"), load("joint")
    assert not noiseless.noise
    assert noiseless.losses.code == 0
    assert min(joint.noise.image, joint.noise.comparator, joint.noise.code) > 0
    assert joint.losses.code > 0


def test_parts_are_read() -> None:
    recipe = GeneratorRecipe.of(
        {"steps": 3, "losses": {"image": 1, "comparator": 2, "adversarial": 3}, "noise": {"code": 0.5}, "balance": None}
    )
    assert recipe.losses == LossWeights(1, 2, 3)
    assert recipe.noise == Noise(code=0.5)
    assert recipe.balance is None
    assert recipe.annealing == ()


def test_mistakes_are_named() -> None:
    losses = {"image": 1, "comparator": 2, "adversarial": 3}
    with pytest.raises(ValueError, match="recipe has no 'step'; its keys are annealing"):
        GeneratorRecipe.of({"step": 3, "losses": losses})
    with pytest.raises(ValueError, match="losses has no 'gan'; its keys are adversarial, code"):
        GeneratorRecipe.of({"steps": 3, "losses": losses | {"gan": 1}})
    for wrong in ({"steps": 0}, {"annealing": (5, 2)}, {"ema": 1.0}, {"architecture": "large"}):
        with pytest.raises(ValueError, match=r"step|rising|ema|architecture"):
            tiny_recipe(**wrong)
    with pytest.raises(ValueError, match="0 or more"):
        Noise(code=-1)
