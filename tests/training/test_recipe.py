"""Recipes: the learning rate's steps by hand, and every file of conf/training."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from replications.paths import project_root
from replications.training.recipe import Recipe

FILES = sorted((project_root() / "conf" / "training").glob("*.yaml"))


def test_learning_rate_is_divided_at_its_shares() -> None:
    recipe = Recipe(epochs=10, learning_rate=0.1, annealing=(0.6, 0.85))
    rates = [recipe.learning_rate_at(progress) for progress in (0, 5.99, 6, 8.4, 8.5, 9.9)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_learning_rate_rises_over_the_warm_up() -> None:
    recipe = Recipe(epochs=10, learning_rate=0.1, warm_up=2.0)
    rates = [recipe.learning_rate_at(progress) for progress in (0, 0.5, 1.0, 2.0, 9.0)]
    assert rates == pytest.approx([0, 0.025, 0.05, 0.1, 0.1], abs=1e-4)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_recipe_file_is_a_recipe(file: Path) -> None:
    recipe = Recipe.of(yaml.safe_load(file.read_text()))
    assert recipe.momentum == 0.9
    assert recipe.learning_rate_at(recipe.epochs - 1e-6) < recipe.learning_rate


def test_unknown_key_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no 'epoch'; its keys are .*epochs"):
        Recipe.of({"epoch": 3})


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"epochs": 3, "annealing": (0.5, 0.2)}, {"epochs": 3, "annealing": (1.5,)},
              {"epochs": 3, "renormalize_radius": 0.0}, {"epochs": 3, "shift": 2, "crop": 32}]
)  # fmt: skip
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Recipe.of(wrong)
