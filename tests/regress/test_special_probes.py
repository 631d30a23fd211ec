"""The probes as they are configured, on a few images: their numbers are where right code puts them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate

from replications.data.facetworld.dataset import facetworld
from replications.regress.measuring import settings_for
from replications.regress.probe import Probe
from replications.suite.context import RunContext
from replications.suite.inputs import Inputs
from replications.suite.settings import for_profile

SPECIAL: dict[str, dict[str, Any]] = {
    "recognition": {"images": 48},
    "projections": {"images": 8},
    "facets": {"classes": 1, "images": 24, "clustering": {"perplexity": 8}},
    "chain": {"classes": 1, "natural": 7, "changes": {"steps": 8}},
    "dissection": {"images": 64, "fewest_images": 2},
    "jitter": {"classes": 1, "natural": 48},
    "variation": {"classes": 1, "natural": 48},
    "centre": {"classes": 1, "natural": 48},
    "blur": {"classes": 1, "natural": 48},
}


@functools.cache
def inputs() -> tuple[Inputs, Any]:
    settings, _ = settings_for(["profile=laptop"])
    found = Inputs(settings.parts, torch.device("cpu"))
    found.data = facetworld(train=300, validation=96)
    return found, settings


def means(name: str, folder: Path, seeds: list[int]) -> dict[str, list[float]]:
    """By the measure the values of all units and seeds."""
    given, settings = inputs()
    config = for_profile(settings.configs[name], "laptop")
    for key, value in SPECIAL[name].items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    config["protocol"] = {**config["protocol"], "seeds": seeds}
    probe = instantiate(config, _convert_="all")
    assert isinstance(probe, Probe)
    assert probe.name == name
    context = RunContext(probe, given, profile="laptop", seed=0, workspace=folder, outcomes=lambda experiment: None)
    assert probe.missing(context) is None
    table = probe.run(context).tables[0]
    columns = {column: [row[i] for row in table.rows] for i, column in enumerate(table.columns) if i >= 4}
    return {measure: [value for value in values if value is not None] for measure, values in columns.items()}  # type: ignore[misc]


def test_the_networks_recognize_images(tmp_path: Path) -> None:
    found = means("recognition", tmp_path, [0, 1])
    assert len(found["top-1"]) == 8
    assert min(found["top-1"]) > 0.85
    assert all(0.8 < value <= 1 for value in found["probability"])


def test_projections_lie_on_the_object_and_resemble_the_image(tmp_path: Path) -> None:
    found = means("projections", tmp_path, [0])
    assert found["energy on the object"][0] > 0.2
    assert found["share at edges"][0] > 0.1
    assert found["resemblance"][0] > 0.2


def test_facets_are_parted_into_as_many_clusters_as_asked(tmp_path: Path) -> None:
    found = means("facets", tmp_path, [0])
    assert found["clusters"] == [4]
    assert 0.25 <= found["largest cluster"][0] < 0.7
    assert -0.2 < found["adjusted Rand index"][0] <= 1
    assert 0 < found["silhouette"][0] <= 1


def test_a_chain_leaves_noise_for_real_codes(tmp_path: Path) -> None:
    (distance,) = means("chain", tmp_path, [0])["distance to real codes"]
    assert 0.5 < distance < 3


def test_units_are_above_their_thresholds_at_the_quantile(tmp_path: Path) -> None:
    found = means("dissection", tmp_path, [0])
    # 64 images of 7 x 7 positions: 15 of 3136 may be above
    assert found["share above the threshold"][0] == pytest.approx(15 / 3136, abs=2e-4)
    assert 0 < found["IoU"][0] < 1
    assert 0 < found["detectors"][0] <= 1


def test_pictures_are_what_their_method_makes_them(tmp_path: Path) -> None:
    found = {name: means(name, tmp_path, [0]) for name in ("jitter", "variation", "centre", "blur")}
    assert all(own["activation"][0] > 0 for own in found.values())
    # jitter makes pictures that bear a shift, the centre bias those that don't
    assert found["jitter"]["change when shifted"][0] > found["centre"]["change when shifted"][0] + 3
    assert found["centre"]["contrast in the centre"][0] == max(
        own["contrast in the centre"][0] for own in found.values()
    )
    assert found["blur"]["fine detail"][0] == min(own["fine detail"][0] for own in found.values())
    assert all(own["variety"][0] > 0.03 for own in found.values())


def test_another_seed_gives_other_values_and_the_same_one_the_same(tmp_path: Path) -> None:
    first, other, again = (means("variation", tmp_path, [seed]) for seed in (0, 1, 0))
    assert first == again
    assert all(first[measure] != other[measure] for measure in first)
