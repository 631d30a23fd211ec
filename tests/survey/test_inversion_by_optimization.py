"""The experiment's numbers, from its own pictures and from the definition."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from inversion_context import context
from torch import Tensor

from replications.survey import preimages
from replications.survey.inversion import Inversion, Stage, invert
from replications.survey.inversion_by_optimization import UNITS, InversionByOptimization, start_seeds
from replications.survey.inverted_images import as_seen, material
from replications.survey.preimages import Task, made_of

SHORT = Inversion(stages=(Stage(5, 4e-3), Stage(3, 4e-4)))


def experiment(**changes: Any) -> InversionByOptimization:
    settings: dict[str, Any] = {
        "layers": None,
        "at_most": None,
        "inversion": SHORT,
        "strengths": [[0.5, 1.0], [1.0, 10.0]],
        "images": 4,
        "starts": 2,
        "reference": 6,
        "statistics": 8,
        "batch": 3,
        "shown": 2,
        "shown_starts": 2,
    }
    return InversionByOptimization(**{**settings, **changes})


def mean_distance(rows: Tensor) -> float:
    pairs = [float((a - b).double().norm()) for a, b in itertools.combinations(rows, 2)]
    return sum(pairs) / len(pairs)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preimages, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))


@pytest.mark.usefixtures("in_this_process")
def test_the_errors_are_those_of_the_definition(tmp_path: Path) -> None:
    given = context(tmp_path)
    outcome = experiment().run(given)
    values = {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}
    assert set(values) == {f"{name}/{layer}" for name in UNITS for layer in ("conv1", "relu1", "conv2", "fc3")}
    network, used = given.network, material(given, 4, 6, 8)
    assert torch.equal(used.images, used.reference[:4])
    assert used.scale.distance == pytest.approx(mean_distance(used.reference))
    for layer, weight in (("relu1", 1.0), ("fc3", 10.0)):
        features = network.forward_to(layer, used.images)
        found = invert(
            network,
            layer,
            features.repeat_interleave(2, 0),
            statistics=used.statistics,
            settings=Inversion(SHORT.stages, total_variation=weight * (5 / 227) ** 2),
            seeds=start_seeds(0, 4, 2).flatten().tolist(),
        )
        scale = mean_distance(network.forward_to(layer, used.reference))
        again = (network.forward_to(layer, found.unbounded) - features.repeat_interleave(2, 0)).flatten(1)
        errors = 100 * again.norm(dim=1) / scale
        assert torch.allclose(values[f"feature error/{layer}"], errors.reshape(4, 2).mean(1).double(), rtol=1e-3)
        pictures = found.images.reshape(4, 2, -1)
        apart = 100 * (pictures[:, 0] - pictures[:, 1]).norm(dim=1) / used.scale.distance
        assert torch.allclose(values[f"distance between starts/{layer}"], apart.double(), rtol=1e-3)
        off = 100 * (pictures - used.images.reshape(4, 1, -1)).norm(dim=2).mean(1) / used.scale.distance
        assert torch.allclose(values[f"image error/{layer}"], off.double(), rtol=1e-3)
        before = values[f"feature error of the start/{layer}"]
        assert (values[f"feature error/{layer}"] < before).all()
    assert {p.name for p in outcome.pictures} == {"layers", "starts", "errors"}
    assert [row[:2] for row in outcome.tables[0].rows] == [["conv1", 1], ["relu1", 1], ["conv2", 10], ["fc3", 10]]
    assert not outcome.evidence
    assert not outcome.notes


def test_it_is_the_same_made_side_by_side_and_from_kept_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side_by_side = experiment(layers=["conv1", "conv2"]).run(context(tmp_path))
    monkeypatch.setattr(preimages, "made_of", None)
    monkeypatch.setattr(preimages, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))
    kept = experiment(layers=["conv1", "conv2"]).run(context(tmp_path))
    assert [m.values for m in kept.measurements] == [m.values for m in side_by_side.measurements]


@pytest.mark.usefixtures("in_this_process")
def test_an_interrupted_run_goes_on_with_the_next_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = experiment().run(context(tmp_path))
    (tmp_path / "layers" / "relu1.safetensors").unlink()
    made = []
    monkeypatch.setattr(preimages, "made_of", lambda task: made.append(task.layer) or made_of(task))
    again = experiment().run(context(tmp_path))
    assert made == ["relu1"]
    assert [m.values for m in again.measurements] == [m.values for m in first.measurements]


def task(given: Any, **changes: Any) -> Task:
    used = material(given, 3, 6, 8)
    settings: dict[str, Any] = {
        "name": "relu1",
        "network": given.network,
        "layer": "relu1",
        "settings": SHORT,
        "statistics": used.statistics,
        "images": used.images,
        "seeds": start_seeds(0, 3, 2),
        "reference": used.reference,
        "batch": 4,
    }
    return Task(**{**settings, **changes})


def test_images_to_which_the_layer_is_silent_are_left_out(tmp_path: Path) -> None:
    given = context(tmp_path)
    convolution: Any = given.network.node("conv1").module
    convolution.weight.fill_(-1.0)
    convolution.bias.fill_(0.0)  # fires for what is darker than the colour read as zero
    used = material(given, 3, 6, 8)
    lit = torch.cat([torch.ones(1, *used.images.shape[1:]), used.images[1:]])
    found = made_of(task(given, images=lit))
    assert found.silent[:, 0].tolist() == [True, False, False]
    assert found.errors[0].isnan().all()
    assert found.errors[1:].isfinite().all()
    assert found.unbounded[0].isnan().all()


def test_pictures_that_run_away_are_said_and_left_out(tmp_path: Path) -> None:
    outcome = experiment(inversion=Inversion(stages=(Stage(40, 5e3),)), layers=["conv1"]).run(context(tmp_path))
    assert outcome.notes == ["conv1: 8 of 8 pictures ran away with every step and were left out."]
    assert not outcome.measurements
    assert outcome.tables[0].rows == [["conv1", 1.0, *[None] * len(UNITS)]]


def test_images_are_what_the_network_reads(tmp_path: Path) -> None:
    given = context(tmp_path)
    seen = as_seen(given.network, given.data.validation, torch.tensor([3, 5]))
    pictures = given.data.validation.images([3, 5])
    assert torch.allclose(given.network.forward_to("fc3", seen), given.network.forward_to("fc3", pictures), atol=1e-5)


def test_what_it_needs(tmp_path: Path) -> None:
    given = context(tmp_path)
    assert experiment().missing(given) is None
    assert "needs the layers ['conv9'], which network 'small'" in str(experiment(layers=["conv9"]).missing(given))
    assert "needs 40 validation images, and drawn pictures has 12" in str(experiment(reference=40).missing(given))
    assert "needs 50 training images" in str(experiment(statistics=50).missing(given))
    for name in ("images", "starts", "reference"):
        with pytest.raises(ValueError, match="expected at least 2 images, 2 starts and 2 images of reference"):
            experiment(**{name: 1})
