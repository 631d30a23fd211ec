"""Multifaceted Feature Visualization among the compared methods: clusters, their means, and pictures from these."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from ascent_toys import CLUSTERING, COLOURS, context, material, protocol
from omegaconf import OmegaConf
from torch import Tensor

from replications.compare.methods import clustered
from replications.compare.methods.ascent import within
from replications.compare.methods.multifaceted import FacetMeans, Multifaceted
from replications.images import presets
from replications.multifaceted.facets import Clustering, TooFewImages, find_facets
from replications.multifaceted.images import image_features
from replications.multifaceted.mean_images import mean_images, nearest_images
from replications.networks.unit import Unit
from replications.paths import project_root

SETTINGS: dict[str, Any] = {"layer": 7, "clustering": CLUSTERING, "images": 30, "nearest": 5}
MEANS = FacetMeans(title="means", **SETTINGS)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path / "cache"))


def multifaceted(name: str, **changes: Any) -> Multifaceted:
    config = OmegaConf.to_container(OmegaConf.load(project_root() / f"conf/method/{name}.yaml"), resolve=True)
    assert isinstance(config, dict)
    return Multifaceted(
        title=name, preset={str(key): value for key, value in config.items()}, **{**SETTINGS, **changes}
    )


def test_clusters_of_a_class_are_its_colours(tmp_path: Path) -> None:
    made = MEANS.visualize(material(tmp_path, chosen=[0, 1]), 12)
    assert made.passes == made.generator_passes == 0
    for own, colours in zip(made.images, (COLOURS[:2], COLOURS[2:]), strict=True):
        found = own.mean((2, 3))
        apart = torch.cdist(found, colours * 0.9 + 0.05)
        assert apart.amin(1).max() < 0.05
        assert sorted(apart.argmin(1).tolist()) == [0, 1]


def test_means_are_those_of_the_papers_algorithm(tmp_path: Path) -> None:
    given = material(tmp_path, number=2, chosen=[0, 3])
    made = MEANS.visualize(given, None).images
    for subject, own in zip(given.subjects, made, strict=True):
        indices = given.of_class_or_liked(subject, 30)
        features = image_features(given.network, ["relu7"], given.images, indices)["relu7"]
        seed = given.generator("clusters", subject.unit.name).initial_seed() % 2**32
        facets = find_facets(features, Clustering(**CLUSTERING, clusters=2), seed)
        expected = mean_images(given.images, indices, nearest_images(facets, 5))
        torch.testing.assert_close(own, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["nguyen2016_mean", "nguyen2016_centre"])
def test_pictures_are_those_that_the_preset_makes_from_the_means(name: str, tmp_path: Path) -> None:
    given = material(tmp_path, number=3, seed=5, chosen=[1, 2])
    made = multifaceted(name).visualize(given, 9)
    assert made.passes == 9
    means = MEANS.visualize(given, None).images
    method = dataclasses.replace(within(presets.load(name), 9), canvas="whole")
    for row, unit in enumerate((Unit("fc8", 1), Unit("conv2", 5, (4, 4)))):
        if row:
            octaves = tuple(dataclasses.replace(octave, value="activation") for octave in method.schedule)
            method = dataclasses.replace(method, schedule=octaves)
        found = method.maximize(given.network, [unit, unit], seed=5, restarts=[6, 7], start=means[row])
        expected = torch.nn.functional.interpolate(found.images, (16, 16), mode="bilinear", antialias=True)
        torch.testing.assert_close(made.images[row], expected.clamp(0, 1), rtol=0, atol=1e-4)


def test_three_methods_share_what_was_clustered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = material(tmp_path, chosen=[0, 2])
    first = MEANS.visualize(given, None).images

    def again(*args: Any) -> None:
        raise AssertionError("clustered again")

    monkeypatch.setattr(clustered, "run_jobs", again)
    assert torch.equal(MEANS.visualize(given, None).images, first)
    multifaceted("nguyen2016_centre").visualize(given, 5)
    with pytest.raises(AssertionError, match="clustered again"):
        dataclasses.replace(MEANS, images=20).visualize(given, None)
    with pytest.raises(AssertionError, match="clustered again"):
        MEANS.visualize(material(tmp_path, number=1, chosen=[0, 2]), None)


def test_pictures_depend_on_the_seed_and_the_set_and_not_on_the_order_of_subjects(tmp_path: Path) -> None:
    method = multifaceted("nguyen2016_mean")

    def made(**changes: Any) -> Tensor:
        return method.visualize(material(tmp_path, **changes), 6).images

    first = made()
    order = [3, 0, 2, 1]
    assert torch.equal(made(chosen=order), first[order])
    for other in (made(number=1), made(seed=1)):
        assert not torch.allclose(other, first, atol=1e-2)


def test_images_of_a_class_and_all_for_a_hidden_unit_are_looked_at(tmp_path: Path) -> None:
    assert MEANS.visualize(material(tmp_path, chosen=[0]), None).looked_at == 30
    assert MEANS.visualize(material(tmp_path, chosen=[0, 2]), None).looked_at == (30 + 120) / 2


def test_what_is_lacking_is_said_before_anything_runs() -> None:
    assert MEANS.missing(context(), protocol()) is None
    unnamed = dataclasses.replace(MEANS, layer=5)
    assert "needs the paper's layer 5, which network 'small' doesn't name" in str(
        unnamed.missing(context(), protocol())
    )
    few = MEANS.missing(context(), protocol(training_images=16))
    assert "needs 9 images of each class to part, and about 8 of the smallest" in str(few)


def test_settings_that_make_no_picture_are_refused() -> None:
    with pytest.raises(ValueError, match="a mean needs at least 1 image"):
        dataclasses.replace(MEANS, nearest=0)
    with pytest.raises(TooFewImages, match="needs at least 9 images, found 8"):
        dataclasses.replace(MEANS, images=8)
