"""Activation maximization among the compared methods: a preset's own pictures, within the passes that all are given."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from ascent_toys import context, material, network, protocol
from omegaconf import OmegaConf
from torch import Tensor

from replications.compare.methods.ascent import built, passes_of, suited, within
from replications.compare.methods.maximization import Maximization
from replications.images import presets
from replications.networks.unit import Unit, unit_activations
from replications.paths import project_root

PASSES = {  # as published, and at 64
    "deepdream2015": (4 * 10, 40),
    "erhan2009": (200, 64),
    "maco2023": (256 * 6, 60),
    "maco2023_small": (256 * 2, 64),
    "mahendran2016_tv": (100 + 200 + 100, 64),
    "nguyen2016_centre": (190 + 150 + 150 + 30 + 10, 64),
    "nguyen2016_mean": (190 + 150 + 20 + 10, 64),
    "olah2017": (512, 64),
    "simonyan2014": (200, 64),
    "vital2025": (2000, 64),
    "yosinski2015": (1000, 64),
    "yosinski2015_decay": (750, 64),
    "yosinski2015_small_contribution": (1000, 64),
    "yosinski2015_small_norm": (500, 64),
}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path / "cache"))


def preset(name: str) -> dict[str, Any]:
    config = OmegaConf.to_container(OmegaConf.load(project_root() / f"conf/method/{name}.yaml"), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def maximization(name: str, **changes: Any) -> Maximization:
    return Maximization(title=name, preset=preset(name), spectrum_images=8, reference_images=6, **changes)


# ------------------------------------------------------------------------------------------------------- the pictures


@pytest.mark.parametrize("name", presets.names())
def test_pictures_are_those_that_the_preset_makes_itself(name: str, tmp_path: Path) -> None:
    given = material(tmp_path, number=3, seed=5)
    made = maximization(name).visualize(given, 12)
    assert made.images.shape == (4, 2, 3, 16, 16)
    drawn = torch.randperm(len(given.indices), generator=given.generator("spectrum"))[:8].sort().values
    natural = given.images.images(given.indices[drawn])
    references = {s.asked: given.images.images(given.of_class_or_liked(s, 6)) for s in given.subjects}
    method = dataclasses.replace(within(presets.load(name), 12), canvas="whole")
    for rows, units in (((0, 1), (0, 1)), ((2, 3), (5, 1))):
        hidden = rows[0] == 2
        wanted = [Unit("conv2", c, (4, 4)) if hidden else Unit("fc8", c) for c in units for _ in range(2)]
        if hidden:
            octaves = tuple(dataclasses.replace(octave, value="activation") for octave in method.schedule)
            method = dataclasses.replace(method, schedule=octaves)
        found = method.maximize(
            given.network, wanted, seed=5, restarts=[6, 7, 6, 7], natural=natural, references=references
        )
        expected = method.kept(found)
        if expected.shape[2] != 16:
            expected = torch.nn.functional.interpolate(expected, (16, 16), mode="bilinear", antialias=True).clamp(0, 1)
        torch.testing.assert_close(made.images[list(rows)].flatten(0, 1), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["olah2017", "vital2025", "nguyen2016_centre"])
def test_pictures_depend_on_the_seed_and_the_set_and_not_on_the_order_of_subjects(name: str, tmp_path: Path) -> None:
    method = maximization(name)

    def made(**changes: Any) -> Tensor:
        return method.visualize(material(tmp_path, **changes), 8).images

    first = made()
    order = [3, 0, 2, 1]
    assert torch.equal(made(chosen=order), first[order])
    alone = made(chosen=[2])
    torch.testing.assert_close(alone[0], first[2], rtol=0, atol=2e-3)
    for other in (made(number=1), made(seed=1)):
        assert not torch.allclose(other, first, atol=1e-2)


@pytest.mark.parametrize(
    "name", ["erhan2009", "deepdream2015", "olah2017", "maco2023_small", "nguyen2016_mean", "nguyen2016_centre"]
)
def test_more_passes_drive_units_more(name: str, tmp_path: Path) -> None:
    given, method = material(tmp_path), maximization(name)
    few, many = (method.visualize(given, passes) for passes in (5, 48))
    assert few.passes <= 5 < many.passes
    for subject, *pictures in zip(given.subjects, few.images, many.images, strict=True):
        layer, channel = subject.asked.layer, subject.asked.channel
        before, after = (unit_activations(given.network, layer, own, [channel], "centre") for own in pictures)
        assert after.mean() > before.mean(), subject.title


def test_steps_of_so_many_times_the_size_are_those_of_the_preset(tmp_path: Path) -> None:
    short = maximization("simonyan2014", stepped=10.0)
    longer = maximization("simonyan2014")
    octave = longer.preset["schedule"][0]
    written = dataclasses.replace(longer, preset={**longer.preset, "schedule": [{**octave, "step": 0.5}]})
    given = material(tmp_path, chosen=[0, 2])
    pictures = [method.visualize(given, 6).images for method in (short, written, longer)]
    assert torch.equal(pictures[0], pictures[1])
    assert not torch.allclose(pictures[0], pictures[2], atol=1e-3)


def test_the_schedule_with_centre_bias_asks_for_probabilities_of_classes_alone() -> None:
    method = built(preset("nguyen2016_centre"), 1.0)
    shown = network()
    values = {
        unit: [octave.value for octave in suited(method, shown, unit).schedule]
        for unit in (Unit("fc8", 1), Unit("conv2", 1, (4, 4)), Unit("fc7", 3))
    }
    assert values[Unit("fc8", 1)] == ["probability", "probability", "activation", "activation", "activation"]
    assert values[Unit("conv2", 1, (4, 4))] == values[Unit("fc7", 3)] == ["activation"] * 5


# ---------------------------------------------------------------------------------------------------- equal compute


def test_every_preset_has_a_number_of_passes() -> None:
    assert set(PASSES) == set(presets.names())


@pytest.mark.parametrize(("name", "published", "at_64"), [(name, *two) for name, two in PASSES.items()])
def test_passes_are_the_views_of_all_iterations(name: str, published: int, at_64: int) -> None:
    method = built(preset(name), 1.0)
    assert passes_of(within(method, None)) == published
    assert within(method, None) is method
    assert within(method, published) is method
    assert passes_of(within(method, 64)) == at_64


def test_octaves_are_shortened_in_proportion() -> None:
    def octaves(name: str, passes: int) -> list[int]:
        return [octave.iterations for octave in within(built(preset(name), 1.0), passes).schedule]

    assert octaves("nguyen2016_mean", 64) == [33, 26, 3, 2]
    assert octaves("nguyen2016_centre", 64) == [23, 18, 18, 4, 1]
    assert octaves("mahendran2016_tv", 64) == [16, 32, 16]
    assert octaves("maco2023", 64) == [10]
    assert octaves("nguyen2016_centre", 5) == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("name", presets.names())
def test_no_preset_exceeds_the_passes_that_it_is_given(name: str) -> None:
    method = built(preset(name), 1.0)
    views = max(octave.views for octave in method.schedule)
    for passes in (6, 7, 11, 24, 25, 39, 64, 100, 333):
        found = passes_of(within(method, passes))
        assert found <= passes
        assert found > min(passes_of(method), passes) - views * len(method.schedule)


def test_fewer_passes_than_octaves_are_refused() -> None:
    with pytest.raises(ValueError, match="nguyen2016_centre has 5 passes with one iteration of each octave"):
        within(built(preset("nguyen2016_centre"), 1.0), 4)


def test_what_is_made_says_its_passes_and_the_published_setting_is_whole(tmp_path: Path) -> None:
    method = maximization("deepdream2015")
    given = material(tmp_path, chosen=[2])
    equal, published = method.visualize(given, 64), method.visualize(given, None)
    assert equal.passes == published.passes == 40
    assert torch.equal(equal.images, published.images)
    assert method.visualize(given, 12).passes == 12
    assert equal.looked_at == equal.generator_passes == 0


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_is_compared_in_both_settings(name: str) -> None:
    folder = project_root() / "conf/experiment/compare"
    files = {path.stem: OmegaConf.load(path) for path in folder.glob("*.yaml")}
    using = [own for own, config in files.items() if any(name in dict(one).values() for one in _chosen(config))]
    assert using
    for own in using:
        assert files[f"published_{own}"].defaults[0] == own
        assert files[f"published_{own}"].setting == "published"


def _chosen(config: Any) -> list[Any]:
    return [one for one in config.get("defaults", []) if not isinstance(one, str)]


# ------------------------------------------------------------------------------------------------------ natural images


def test_vital_looks_at_images_of_a_class_and_at_all_for_a_hidden_unit(tmp_path: Path) -> None:
    method = maximization("vital2025")
    assert method.visualize(material(tmp_path, chosen=[0]), 4).looked_at == 6
    assert method.visualize(material(tmp_path, chosen=[0, 2]), 4).looked_at == (6 + 120) / 2


def test_vital_needs_layers_of_feature_maps() -> None:
    unnumbered = context(network(numbered=False))
    assert maximization("vital2025").missing(context(), protocol()) is None
    assert "network 'small' names none" in str(maximization("vital2025").missing(unnumbered, protocol()))
    assert maximization("olah2017").missing(unnumbered, protocol()) is None


@pytest.mark.parametrize("changes", [{"stepped": 0.0}, {"spectrum_images": 0}, {"reference_images": 0}])
def test_settings_that_make_no_picture_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected at least 1 image of each kind and a factor"):
        Maximization(**{"title": "no", "preset": preset("olah2017"), **changes})
