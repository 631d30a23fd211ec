"""The files of `make weights`: they load as what was trained, and the committed ones are as good as they say."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from replications.data.facetworld.dataset import FacetSet
from replications.data.image_set import DataSource
from replications.networks.load import architecture
from replications.networks.residual import facet_evaluator
from replications.networks.zfnet import zfnet_small
from replications.paths import project_root
from replications.training import weights
from replications.training.evaluate import classification_errors
from replications.training.recipe import Recipe

COMMITTED = project_root() / "results" / "weights"
FACTORIES = {"zfnet_small": zfnet_small, "facet_evaluator": facet_evaluator}


@pytest.fixture(scope="module")
def world() -> DataSource:
    return DataSource("facetworld", FacetSet("train", 96, workers=1), FacetSet("validation", 96, workers=1))


@pytest.mark.parametrize("name", FACTORIES)
def test_written_files_load_as_the_network_that_was_trained(
    name: str, world: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "facetworld", lambda **_: world)
    monkeypatch.setattr(weights, "_settings", lambda group, name: {"epochs": 1} if group == "training" else {})
    weights.train([name], tmp_path)
    about = json.loads((tmp_path / f"{name}.json").read_text())
    network = architecture(
        FACTORIES[name],
        name=name,
        classes=2,
        preprocessing={"size": 64},
        weights=str(tmp_path / f"{name}.safetensors"),
    )
    assert network.classes == tuple(about["classes"])
    labels = world.validation.facet_labels if about["labels"] == "facet" else world.validation.labels  # type: ignore[attr-defined]
    errors = classification_errors([network.probabilities], world.validation, labels=labels)
    assert errors.top1 == pytest.approx(about["validation"]["top1_error"])
    (checkpoint,) = (tmp_path / "cache" / "zoo" / about["key"]).glob("epoch-0001.safetensors")
    for key, value in load_file(tmp_path / f"{name}.safetensors").items():
        torch.testing.assert_close(value.float(), load_file(checkpoint)[f"model.{key}"].float(), rtol=1e-3, atol=1e-6)


def test_unknown_network_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        weights.main(["vgg"])
    assert stopped.value.code == 2
    assert "no network 'vgg'; there are zfnet_small, " in capsys.readouterr().err


@pytest.mark.parametrize("name", weights.NETWORKS)
def test_committed_weights_say_how_they_came_about(name: str) -> None:
    about = json.loads((COMMITTED / f"{name}.json").read_text())
    wanted = weights.NETWORKS[name]
    assert (about["architecture"], about["labels"], about["training"]["seed"]) == (
        wanted.architecture,
        wanted.labels,
        wanted.seed,
    )
    stated = yaml.safe_load((project_root() / about["training"]["recipe_file"]).read_text())
    assert Recipe.of(about["training"]["recipe"]) == Recipe.of(stated)
    assert len(about["training"]["history"]) == stated["epochs"]
    assert about["validation"]["top1_error"] <= 5


def test_committed_zfnet_small_is_as_good_as_it_says() -> None:
    about = json.loads((COMMITTED / "zfnet_small.json").read_text())
    network = architecture(
        zfnet_small,
        name="zfnet_small",
        classes=2,
        preprocessing={"size": 64},
        weights=str(COMMITTED / "zfnet_small.safetensors"),
    )
    count = 500
    found = classification_errors([network.probabilities], FacetSet("validation", count, workers=1)).top1
    stated = about["validation"]["top1_error"]
    assert abs(found - stated) < 3 * 100 * math.sqrt(stated / 100 * (1 - stated / 100) / count) + 0.2
