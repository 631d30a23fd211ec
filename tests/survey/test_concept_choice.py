"""An experiment's configuration names a set of labelled images, which is made when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_method
from omegaconf import OmegaConf
from PIL import Image

from replications.data.concepts.facetworld import FacetworldConcepts
from replications.paths import project_root
from replications.survey.concept_choice import concept_set, lacking

CONF = project_root() / "conf"
NAMES = sorted(path.stem for path in (CONF / "concepts").glob("*.yaml"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path_factory.mktemp("cache")))


def configured(name: str) -> dict[str, Any]:
    """As an experiment's file has it for one profile."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(overrides=[f"+concepts@by_profile.natural.concepts={name}"])
    found = OmegaConf.to_container(config, resolve=True)
    assert isinstance(found, dict)
    chosen: dict[str, Any] = found["by_profile"]["natural"]["concepts"]
    return chosen


def targets(config: dict[str, Any]) -> list[str]:
    inner = [found for value in config.values() if isinstance(value, dict) for found in targets(value)]
    return [config["_target_"], *inner] if "_target_" in config else inner


@pytest.mark.parametrize("name", NAMES)
def test_every_file_names_functions_that_are_there(name: str) -> None:
    found = targets(configured(name))
    assert len(found) == (4 if name == "natural" else 1)
    for target in found:
        get_method(target)


def test_facetworld_is_drawn_at_the_size_of_the_network() -> None:
    config = {**configured("facetworld"), "images": 4}
    concepts = concept_set(config, 32)
    assert isinstance(concepts, FacetworldConcepts)
    assert concepts.size == 32
    assert len(concepts) == 4
    assert concept_set(config, 32) is concepts
    assert concept_set({**config, "size": 40}, 32).size == 40
    assert lacking(config, 32) is None


def test_the_size_reaches_every_part_of_a_united_set(tmp_path: Path) -> None:
    for part in ("first", "second"):
        (tmp_path / part / "banded").mkdir(parents=True)
        Image.new("RGB", (30, 40)).save(tmp_path / part / "banded" / "0.png")
    natural = configured("natural")
    sets = {part: {**natural["sets"]["dtd"], "root": str(tmp_path / part)} for part in ("first", "second")}
    concepts = concept_set({**natural, "sets": sets}, 24)
    assert concepts.size == 24
    assert concepts.concepts["texture"] == ("none", "banded")
    assert len(concepts) == 2


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"facetworld"}))
def test_what_is_lacking_is_said(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REPLICATIONS_DATA", raising=False)
    said = lacking(configured(name), 24)
    assert said is not None
    assert said.startswith("needs images whose concepts are labelled: this needs data of yours, but the environment")
    monkeypatch.setenv("REPLICATIONS_DATA", str(tmp_path))
    assert str(tmp_path) in str(lacking(configured(name), 24))


def test_no_choice_and_a_wrong_one_are_refused() -> None:
    assert "choose one of conf/concepts as 'concepts'" in str(lacking(None, 24))
    with pytest.raises(ValueError, match="no set of labelled images is named"):
        concept_set(None, 24)
    with pytest.raises(ValueError, match=r"a set of concepts is made by .*facetworld.*; found 'os\.getcwd'"):
        concept_set({"_target_": "os.getcwd"}, 24)
    text = {"_target_": "replications.data.concepts.mask_folder._without", "name": "sky", "suffixes": []}
    with pytest.raises(ValueError, match="expected the configuration of a set of concepts, found that of a str"):
        concept_set(text, 24)
