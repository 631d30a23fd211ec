"""Both families by the measures' definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from inversion_toys import SIZE, colour_network
from inversion_worlds import World, world

from metrics.ms_ssim import ms_ssim
from replications.survey import preimages
from replications.survey.inversion import Inversion, Stage, invert
from replications.survey.inversion_networks import load_inversion
from replications.survey.inversions_compared import InversionsCompared
from replications.survey.inverted_images import material
from replications.survey.inverted_layers import at_size
from replications.survey.representation_error import Scale

SHORT = Inversion(stages=(Stage(20, 4e-3),))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(tmp_path_factory.mktemp("world"), seeds=1)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preimages, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))


def experiment(small: World, **changes: Any) -> InversionsCompared:
    settings: dict[str, Any] = {
        "inversions": small.config,
        "inversion": SHORT,
        "strengths": [[1.0, 3.0]],
        "images": 5,
        "reference": 12,
        "statistics": 30,
        "batch": 4,
        "shown": 2,
    }
    return InversionsCompared(**{**settings, **changes})


def test_the_measures_are_those_of_the_definition(small: World, tmp_path: Path) -> None:
    small.context.workspace = tmp_path
    wanted = experiment(small)
    assert wanted.missing(small.context) is None
    outcome = wanted.run(small.context)
    values = {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}
    families = "by optimization", "by a network"
    names = "feature error", "image error", "MS-SSIM", "perceptual distance"
    assert set(values) == {
        f"{n} {family}/{layer}" for n in names for family in families for layer in ("blocks", "colours")
    }
    network, given = small.context.network, material(small.context, 5, 12, 30)
    made = load_inversion(small.config["files"]["blocks"][0], network).of_images(given.images)
    apart = [network.forward_to("blocks", part).flatten(1).double() for part in (made, given.images)]
    scale = Scale.of(network.forward_to("blocks", given.reference))
    errors = 100 * (apart[0] - apart[1]).norm(dim=1) / scale.distance
    assert torch.allclose(values["feature error by a network/blocks"], errors, rtol=1e-4)
    pixels = 100 * (made - given.images).flatten(1).double().norm(dim=1) / given.scale.distance
    assert torch.allclose(values["image error by a network/blocks"], pixels, rtol=1e-4)
    assert torch.allclose(values["MS-SSIM by a network/blocks"], ms_ssim(made, given.images, 1))
    assert (values["perceptual distance by a network/blocks"] > 0).all()
    assert [p.name for p in outcome.pictures] == ["both", "measures"]
    assert [row[:2] for row in outcome.tables[0].rows] == [["blocks", 5], ["colours", 5]]


def test_optimized_pictures_are_those_of_the_method(small: World, tmp_path: Path) -> None:
    small.context.workspace = tmp_path
    outcome = experiment(small).run(small.context)
    values = {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}
    from replications.suite.context import seed_of

    network, given = small.context.network, material(small.context, 5, 12, 30)
    features = network.forward_to("colours", given.images)
    seeds = [seed_of(0, "start", i) for i in range(5)]
    settings = Inversion(SHORT.stages, total_variation=at_size(3.0, SIZE))
    found = invert(network, "colours", features, statistics=given.statistics, settings=settings, seeds=seeds)
    pixels = 100 * (found.images - given.images).flatten(1).double().norm(dim=1) / given.scale.distance
    assert torch.allclose(values["image error by optimization/colours"], pixels, rtol=1e-3)


def test_pictures_that_ran_away_are_left_out_and_said_so(small: World, tmp_path: Path) -> None:
    small.context.workspace = tmp_path
    wild = Inversion(stages=(Stage(20, 1e12),))
    outcome = experiment(small, inversion=wild).run(small.context)
    assert not outcome.measurements
    assert any("whose pixels ran away, are left out" in note for note in outcome.notes)


def test_what_is_lacking_is_said(small: World) -> None:
    assert "none are named" in str(experiment(small, inversions=None).missing(small.context))
    assert "needs 500 training images, and squares has 200" in str(
        experiment(small, statistics=500).missing(small.context)
    )
    assert small.context.network.input_size == SIZE
    assert colour_network().fingerprint == small.context.network.fingerprint


def test_nothing_to_measure_is_refused(small: World) -> None:
    with pytest.raises(ValueError, match="expected at least 2 images, 2 of reference and 1 shown"):
        experiment(small, images=1)
