"""A picture of each facet: planted colours are shown, judged and counted as what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from colour_judge import colour_judge
from omegaconf import OmegaConf
from planted_context import CLUSTERING, context
from planted_facets import Coloured

from replications.data.image_set import DataSource
from replications.multifaceted.gallery import MEASURES, Gallery
from replications.multifaceted.gallery_pictures import shortened
from replications.networks.unit import unit_activations
from replications.paths import project_root

MEAN, CENTRE = "layer 7, nguyen2016_mean", "layer 7, nguyen2016_centre"


def config(name: str) -> Any:
    return OmegaConf.to_container(OmegaConf.load(project_root() / f"conf/method/{name}.yaml"))


def experiment(**changes: Any) -> Gallery:
    settings: dict[str, Any] = {
        "layers": [7, 1],
        "images": 40,
        "classes": None,
        "clusters": 2,
        "clustering": CLUSTERING,
        "nearest": 5,
        "mean": config("nguyen2016_mean"),
        "centre": config("nguyen2016_centre"),
        "share": 0.005,
        "natural": 100,
        "units": {1: 2},
        "liked": 20,
        "unit_clusters": 2,
        "a_picture": 1,
        "largest_map": None,
    }
    return Gallery(**{**settings, **changes})


def given(folder: Path, known: bool = True) -> Any:
    """Two classes of two colours each, which the judge tells apart."""
    found = context()
    images = Coloured([0] * 60 + [1] * 60, [i % 2 for i in range(60)] + [2 + i % 2 for i in range(60)])
    found.evaluator = colour_judge(images)
    if not known:
        images.provides = frozenset()
    found.data = DataSource("coloured", images, images)
    found.workspace = folder
    return found


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return experiment().run(given(tmp_path_factory.mktemp("gallery")))


def test_pictures_from_planted_facets_show_each(outcome: Any) -> None:
    values = {m.name: m.values for m in outcome.measurements}
    for name in ("a", "b"):
        # so few small steps hardly move a picture away from the colour that it starts from
        assert values[f"shows its cluster/{name}/{MEAN}"] == (1, 1)
        assert min(values[f"class probability/{name}/{MEAN}"]) > 0.9
        assert min(values[f"purity/{name}/{MEAN}"]) > 0.9
    facets = {row[0]: row for row in outcome.tables[1].rows if row[1] == "layer 7"}
    for name, colours in (("a", {"0", "1"}), ("b", {"2", "3"})):
        assert set(str(facets[name][3]).split(", ")) == colours
        assert facets[name][2] == ", ".join(f"{colour} 100 %" for colour in str(facets[name][3]).split(", "))


def test_each_method_and_layer_is_measured_and_drawn(outcome: Any) -> None:
    sets = (MEAN, CENTRE, "layer 1, nguyen2016_mean")
    names = {m.name for m in outcome.measurements if not m.name.startswith("quantile/layer")}
    assert names == {f"{measure}/{name}/{one}" for measure in MEASURES for name in "ab" for one in sets}
    assert all(len(m.values) == 2 and m.over == "facet" for m in outcome.measurements)
    assert [row[0] for row in outcome.tables[0].rows] == list(sets)
    assert [p.name for p in outcome.pictures] == ["classes_1", "classes_2", "units"]
    assert not outcome.evidence
    units = [m for m in outcome.measurements if m.name.startswith("quantile/layer")]
    assert len(units) == 2
    assert all(0 <= value <= 1 for m in units for value in m.values)


def test_quantiles_are_those_of_the_pictures(tmp_path: Path, outcome: Any) -> None:
    from safetensors.torch import load_file

    found = given(tmp_path)
    experiment(layers=[7], units={}).run(found)
    images = found.data.validation.images(torch.randperm(120, generator=found.generator("natural"))[:100].sort().values)
    natural = unit_activations(found.network, "fc8", images, [0])[:, 0]
    kept = [load_file(path) for path in sorted(tmp_path.iterdir())]
    slow = [
        float((natural < value).double().mean() + (natural == value).double().mean() / 2)
        for held in kept
        for value in held["activations"][:2].tolist()
    ]
    values = {m.name: m.values for m in outcome.measurements}
    found = [value for one in (MEAN, CENTRE) for value in values[f"quantile/a/{one}"]]
    assert sorted(slow) == pytest.approx(sorted(found))


def test_without_known_facets_nothing_is_said_of_them(tmp_path: Path) -> None:
    found = given(tmp_path, known=False)
    outcome = experiment(layers=[7], units={}, classes=1).run(found)
    assert {m.name.split("/")[0] for m in outcome.measurements} == {"class probability", "purity", "quantile"}
    assert outcome.tables[1].rows[0][2] == "20 images, 20 images"
    assert [p.name for p in outcome.pictures] == ["classes_1"]


def test_units_that_fire_too_rarely_are_left_out(tmp_path: Path) -> None:
    outcome = experiment(layers=[7], units={1: 9}, classes=1).run(given(tmp_path))
    (note,) = [note for note in outcome.notes if "channels fire" in note]
    assert note.startswith("Layer 1: only ")


def test_what_it_needs(tmp_path: Path) -> None:
    found = given(tmp_path)
    assert experiment().missing(found) is None
    assert "layers [2]" in str(experiment(layers=[7, 2]).missing(found))
    assert "layers [7] of the paper with feature maps" in str(experiment(units={7: 1}).missing(found))
    few = str(experiment(images=61).missing(found))
    assert "needs a class of 61 images" in few
    assert "its largest class has 60 images" in few
    found.evaluator = found.network
    found.evaluator.classes = ("c", "d")
    assert "needs a judge that knows the classes" in str(experiment().missing(given_with(found)))
    for name, value in (("layers", []), ("liked", 0)):
        with pytest.raises(ValueError, match="expected at least 1 layer and 1 image that a unit likes"):
            experiment(**{name: value})
    with pytest.raises(ValueError, match="share"):
        experiment(share=0)


def given_with(found: Any) -> Any:
    """Its network knows the classes, its judge others."""
    found.network = context().network
    return found


def test_long_names_are_cut() -> None:
    assert shortened("dog/standing") == "dog/standing"
    assert shortened("a very long name of a class", 12) == "a very long…"
