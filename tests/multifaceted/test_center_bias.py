"""With and without centre bias: pairs that differ in nothing else, and numbers that are what they say."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from planted_context import CLUSTERING, context
from planted_facets import Coloured, network
from red_judge import RedSquares, red_judge

from replications.data.image_set import DataSource
from replications.images.pictures import make_pictures
from replications.images.presets import load
from replications.images.transforms import Crop
from replications.multifaceted.center_bias import (
    CENTRED,
    CONTROLS,
    FEWER,
    OTHER,
    WITH,
    WITHOUT,
    CenterBias,
    without_centre_bias,
)
from replications.multifaceted.center_scores import UNITS, CentreScorer
from replications.multifaceted.evidence_maps import Counting, mosaics
from replications.multifaceted.judge import Judge
from replications.networks.network import Network
from replications.networks.unit import Unit
from replications.paths import project_root

COUNTING: dict[str, Any] = {"enlarged": 1.5, "cells": 6, "height": 0.3, "prominence": 0.1}


def configured(name: str) -> Any:
    return OmegaConf.to_container(OmegaConf.load(project_root() / f"conf/method/{name}.yaml"))


def experiment(**changes: Any) -> CenterBias:
    settings: dict[str, Any] = {
        "layer": 7,
        "images": 30,
        "sets": 2,
        "classes": None,
        "clustering": {**CLUSTERING, "clusters": 3},
        "nearest": 5,
        "facets": 2,
        "noise": 1,
        "method": configured("nguyen2016_centre"),
        "other": configured("nguyen2016_mean"),
        "share": 0.01,
        "part": 0.5,
        "counting": COUNTING,
        "controls": 4,
        "shown": 1,
        "largest_map": None,
    }
    return CenterBias(**{**settings, **changes})


def named(found: Network) -> Network:
    found.classes = ("red", "blue")
    return found


def given(tmp_path: Path, **options: Any) -> Any:
    found = context(**options)
    colours = [3 * (i % 2) for i in range(60)] + [2] * 60
    images = Coloured([0] * 60 + [1] * 60, colours, ("red", "blue"))
    found.data = DataSource("coloured", images, images)
    found.network, found.evaluator, found.workspace = named(network()), red_judge(), tmp_path
    return found


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return experiment().run(given(tmp_path_factory.mktemp("pictures")))


def test_without_centre_bias_nothing_else_is_different() -> None:
    method = load("nguyen2016_centre")
    found = without_centre_bias(method)
    for octave, plain in zip(method.schedule, found.schedule, strict=True):
        assert (plain.margin, plain.transforms) == (0, (Crop(None),))
        back = dataclasses.replace(plain, margin=octave.margin, transforms=octave.transforms)
        assert back == octave
    assert [octave.margin for octave in method.schedule] == [0, 0, 0, 50 / 227, 0]
    back_again = dataclasses.replace(found, name=method.name, schedule=method.schedule)
    assert dataclasses.asdict(back_again) == dataclasses.asdict(method)


def test_pairs_are_the_same_until_the_picture_is_larger_than_what_is_read() -> None:
    method = load("nguyen2016_centre").shortened(0.01)
    images = {}
    for octaves in (1, 2):
        part = dataclasses.replace(method, schedule=method.schedule[:octaves])
        images[octaves] = [
            make_pictures(network(), one, [Unit("fc8", 0)], seed=0).images for one in (part, without_centre_bias(part))
        ]
    assert torch.equal(*images[1])
    assert not torch.equal(*images[2])


def test_the_evidence_is_what_it_says(outcome: Any) -> None:
    values = {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}
    assert {name for name in values if "/" in name and not name.startswith("control")} == {
        f"{measure}/{title}" for measure in UNITS for title in (WITH, WITHOUT, OTHER)
    }
    assert {len(values[f"{measure}/{WITH}"]) for measure in UNITS} == {2 * 2 * 3}

    def difference(measure: str) -> torch.Tensor:
        return values[f"{measure}/{WITH}"] - values[f"{measure}/{WITHOUT}"]

    centred = [e for e in outcome.evidence if e.claim == CENTRED]
    assert [e.effect for e in centred] == pytest.approx(
        [
            float(difference("evidence in the centre").mean()),
            float(values[f"evidence in the centre/{WITH}"].mean()),
            float(difference("quantile").mean()),
        ]
    )
    fewer = [e for e in outcome.evidence if e.claim == FEWER]
    counts = [values[f"instances/{title}"] for title in (WITH, WITHOUT)]
    both = (counts[0] > 0) & (counts[1] > 0)
    assert fewer[0].effect == pytest.approx(float((counts[0] - counts[1])[both].mean()))
    assert fewer[1].effect == pytest.approx(float(((counts[1] - 1) / 2 - (counts[0] - 1))[both].mean()))
    assert fewer[0].expected[1] == 0
    assert {(e.n, e.over, e.seeds) for e in outcome.evidence} == {(2, "class", 2)}
    assert centred[2].expected[0] == fewer[2].expected[0] == -0.05


def test_all_is_reported(outcome: Any) -> None:
    tables = {table.name: table for table in outcome.tables}
    assert set(tables) == {"layers", "controls", "pictures", "differences"}
    assert [row[3] for row in tables["layers"].rows].count("chosen") == 1
    assert [row[:2] for row in tables["controls"].rows] == [list(item) for item in CONTROLS.items()]
    assert len(tables["pictures"].rows) == 3 * 2  # methods and starts
    assert {picture.name for picture in outcome.pictures} == {"centres", "numbers"}


def test_the_same_again_and_from_kept_pictures(tmp_path: Path, outcome: Any) -> None:
    again = experiment().run(given(tmp_path))
    assert list(tmp_path.iterdir())
    resumed = experiment().run(given(tmp_path))
    for other in (again, resumed):
        assert [m.values for m in other.measurements] == [m.values for m in outcome.measurements]


def test_scores_of_a_square_and_of_four() -> None:
    squares = RedSquares([0, 1])
    judge = Judge(red_judge(), squares, clusters=2)
    scorer = CentreScorer(named(network()), judge, "2", Counting(**COUNTING), 0.5)
    unit = Unit("fc8", 0)
    natural = scorer.natural_activations([unit, unit])
    assert natural[unit].shape == (2, 1)
    one = squares.images([0])
    found = scorer.scores("red", unit, torch.cat([one, mosaics(one)]), natural[unit])
    assert found["instances"].tolist() == [1, 4]
    assert [len(own) for own in found.counted] == [1, 4]
    # all of the square lies in the central half, and a quarter of the mosaic's contrast and evidence does
    assert float(found["evidence in the centre"][0]) > 0.6
    assert float(found["evidence in the centre"][1]) == pytest.approx(0, abs=0.15)
    assert float(found["contrast in the centre"][0]) == pytest.approx(0.75)
    assert found["distance"].tolist() == pytest.approx([0, 0], abs=1e-3)
    assert float(found["class"][0]) > 0.5
    assert ((found["quantile"] >= 0) & (found["quantile"] <= 1)).all()


def test_what_it_needs(tmp_path: Path) -> None:
    assert experiment().missing(given(tmp_path)) is None
    assert "layer 2" in str(experiment(layer=2).missing(given(tmp_path)))
    assert "two classes" in str(experiment(images=1000).missing(given(tmp_path)))
    flat = given(tmp_path)
    flat.evaluator = network()
    assert "needs a judge that reads images of any size" in str(experiment().missing(flat))
    with pytest.raises(ValueError, match="facets=4 and noise=1"):
        experiment(facets=4)
    with pytest.raises(ValueError, match="facets=0 and noise=0"):
        experiment(facets=0, noise=0)
    with pytest.raises(ValueError, match="share"):
        experiment(share=0)
    with pytest.raises(ValueError, match="controls"):
        experiment(controls=0)
