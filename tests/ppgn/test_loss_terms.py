"""Generators by the terms of their loss: which are trained, what is measured of each, and none is trained twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from contexts import given
from tiny_generators import Stripes, tiny_network

from replications.data.image_set import DataSource
from replications.ppgn import loss_terms
from replications.ppgn.loss_terms import LossTerms
from replications.ppgn.reconstruction import reconstruct
from replications.ppgn.runs import GeneratorJob, train_generator

RECIPE = {
    "steps": 99,
    "code_layer": "relu6",
    "comparator_layer": "pool5",
    "losses": {"image": 4.0, "comparator": 2.0, "adversarial": 1.0},
    "width": 2,
    "discriminator_width": 4,
    "batch_size": 8,
    "mixed_precision": False,
}


def experiment(**changes: Any) -> LossTerms:
    settings: dict[str, Any] = {
        "recipe": RECIPE,
        "steps": 4,
        "left_out": ["comparator", "adversarial"],
        "code_weight": 3.0,
        "seeds": 2,
        "images": 16,
        "shown": 3,
    }
    return LossTerms(**(settings | changes))


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path))
    monkeypatch.setattr(loss_terms, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))

    data = DataSource("stripes", Stripes(40), Stripes(20, seed=1))
    return given(seed=5, network=tiny_network(), evaluator=tiny_network(seed=1), data=data)


def test_each_recipe_differs_from_the_whole_one_by_one_term() -> None:
    whole, *others = experiment().recipes().items()
    assert whole[0] == "image + h1 + GAN"
    assert (whole[1].steps, whole[1].annealing) == (4, (2, 3))
    losses = {name: (r.losses.image, r.losses.comparator, r.losses.adversarial, r.losses.code) for name, r in others}
    assert losses == {
        "without h1": (4.0, 0.0, 1.0, 0.0),
        "without GAN": (4.0, 2.0, 0.0, 0.0),
        "with h": (4.0, 2.0, 1.0, 3.0),
    }


def test_measures_each_generator_as_it_is_and_trains_none_twice(
    context: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    outcome = experiment().run(context)
    found = {m.name: m.values for m in outcome.measurements}
    assert {len(values) for values in found.values()} == {2}
    assert len(found) == 7 * 4
    recipe = experiment().recipes()["without GAN"]
    own = train_generator(
        GeneratorJob(context.network, context.data.train, recipe, 6), tmp_path / "other", progress=False
    )
    chosen = torch.randperm(20, generator=context.generator("images"))[:16]
    errors = reconstruct(own.generator, own.job.encoder, context.data.validation, chosen)
    assert found["image error/without GAN"][1] == pytest.approx(errors.image, rel=1e-5)
    assert found["class kept/without GAN"][1] == errors.class_kept
    distance, judged = outcome.evidence
    means = {name: sum(values) / 2 for name, values in found.items()}
    assert distance.effect == pytest.approx(
        means["kernel distance/without h1"] - means["kernel distance/image + h1 + GAN"]
    )
    assert judged.effect == pytest.approx(means["class judged/image + h1 + GAN"] - means["class judged/without h1"])
    [picture] = outcome.pictures
    labels = [axes.get_ylabel().replace("\n", " ") for axes in picture.figure.axes]
    assert labels == ["real", *experiment().recipes()]
    assert len(context.trained) == 8
    assert min(context.trained.values()) > 0

    monkeypatch.setattr("replications.ppgn.runs._Run", None)
    assert {m.name: m.values for m in experiment().run(context).measurements} == found


def test_says_what_is_missing(context: Any) -> None:
    assert experiment().missing(context) is None
    other = experiment(recipe=RECIPE | {"code_layer": "fire9"})
    assert "layers 'fire9'" in str(other.missing(context))
    assert "needs 21 validation images" in str(experiment(images=21).missing(context))
    with pytest.raises(ValueError, match="no term 'h1'; it has image, comparator"):
        experiment(left_out=["comparator", "h1"])
    with pytest.raises(ValueError, match="told by leaving it out"):
        experiment(left_out=["image"])
    with pytest.raises(ValueError, match="two seeds"):
        experiment(seeds=1)
