"""What inversions keep of pictures whose layers tell known things."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from inversion_toys import colour_network
from inversion_worlds import World, world

from replications.survey.inversion_by_network import CLAIM, InversionByNetwork, gains
from replications.survey.inversion_scores import ANY, COLOUR, CONTOURS, OWN
from replications.survey.representation_error import Scale


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(tmp_path_factory.mktemp("world"))


def experiment(small: World, **changes: Any) -> InversionByNetwork:
    settings: dict[str, Any] = {"inversions": small.config, "images": 40, "learnt_from": 150, "shown": 3}
    return InversionByNetwork(**{**settings, **changes})


def test_maps_keep_the_place_and_mean_colours_do_not(small: World) -> None:
    wanted = experiment(small)
    assert wanted.missing(small.context) is None
    outcome = wanted.run(small.context)
    values = {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}
    assert values["place, to one who knows real images/blocks"].median() < 2
    assert (
        values["place, to one who knows real images/colours"].median()
        > 2 * values["place, to one who knows real images/blocks"].median()
    )
    learnt = "place, to one who knows inversions"
    assert values[f"{learnt}/blocks"].mean() < 2 < 2.5 < values[f"{learnt}/colours"].mean()
    assert values["class, to one who knows inversions/colours"].mean() > 95
    assert values["distance from the image/blocks"].mean() < values["distance from the image/colours"].mean()
    assert values["colours of the parts/colours"].shape == (3 * 40,)
    assert values["colours of the parts/blocks"].shape == (40,)
    assert {m.over for m in outcome.measurements} == {"image", "network and image"}
    assert [p.name for p in outcome.pictures] == ["inversions", "kept"]
    assert [row[0] for row in outcome.tables[0].rows][-2:] == ["the mean image", "the image itself"]


def test_the_errors_are_those_of_the_definition(small: World) -> None:
    from replications.survey.inversion_networks import load_inversion

    outcome = experiment(small).run(small.context)
    values = {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}
    validation = small.context.data.validation
    drawn = torch.randperm(len(validation), generator=small.context.generator("images"))[:40]
    images = validation.images(drawn)
    made = load_inversion(small.config["files"]["blocks"][0], small.context.network).of_images(images)
    errors = 100 * (made - images).flatten(1).double().norm(dim=1) / Scale.of(images).distance
    assert torch.allclose(values["distance from the image/blocks"], errors)


def test_the_claim_is_tested_of_the_last_layer_and_the_probabilities(small: World) -> None:
    outcome = experiment(small).run(small.context)
    assert [e.claim for e in outcome.evidence] == [CLAIM] * 4
    assert [("colours" in e.statistic, "probabilities" in e.statistic) for e in outcome.evidence] == [
        (True, False),
        (True, False),
        (False, True),
        (False, True),
    ]
    assert {(e.n, e.seeds, e.expected) for e in outcome.evidence} == {(40, 3, (0.0, float("inf")))}
    assert outcome.evidence[0].holds  # mean colours tell colours
    assert [note.partition(" against")[0] for note in outcome.notes] == [
        "Inversions of colours",
        "Inversions of probabilities",
    ]


def test_a_gain_is_towards_the_better_side() -> None:
    found = {OWN: {COLOUR: np.array([[1.0, 2.0]]), CONTOURS: np.array([[0.9, 0.8]])}}
    found[ANY] = {COLOUR: np.array([[5.0, 2.5]]), CONTOURS: np.array([[0.1, 0.9]])}
    assert gains(found, COLOUR, ANY).tolist() == [[4.0, 0.5]]
    assert gains(found, CONTOURS, ANY).tolist() == [[pytest.approx(0.8), pytest.approx(-0.1)]]


def test_two_networks_decide_nothing(small: World) -> None:
    files = {layer: several[:2] for layer, several in small.config["files"].items()}
    outcome = experiment(small, inversions={"network": "colours", "files": files}).run(small.context)
    assert not outcome.evidence


def test_what_is_lacking_is_said(small: World, tmp_path: Path) -> None:
    none = str(experiment(small, inversions=None).missing(small.context))
    assert "needs up-convolutional networks that invert layers of 'colours', and none are named" in none
    other = {**small.config, "network": "zfnet_small"}
    assert "those named invert 'zfnet_small'" in str(experiment(small, inversions=other).missing(small.context))
    unmade = {"network": "colours", "files": {"blocks": ["results/weights/inversion_unmade.safetensors"]}}
    said = str(experiment(small, inversions=unmade).missing(small.context))
    assert "`python -m replications.survey.inversion_weights inversion_unmade` trains it" in said
    swapped = {"network": "colours", "files": {"colours": small.config["files"]["blocks"]}}
    assert "named for layer 'colours' and inverts 'blocks'" in str(
        experiment(small, inversions=swapped).missing(small.context)
    )


def test_another_network_of_the_same_name_is_lacking(small: World) -> None:
    context = dataclasses.replace(small).context
    network = context.network
    context.network = colour_network([2, 1, 0])
    try:
        assert "has other weights, layers or preprocessing" in str(experiment(small).missing(context))
    finally:
        context.network = network


@pytest.mark.parametrize("changes", [{"images": 1}, {"learnt_from": 0}, {"shown": 0}])
def test_nothing_to_measure_is_refused(small: World, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected at least 2 images, 2 to learn from and 1 shown"):
        experiment(small, **changes)
