"""Methods side by side: what is compared is what is said, on images whose facets are plain colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from colour_judge import colour_judge
from omegaconf import OmegaConf
from planted_context import CLUSTERING, context
from planted_facets import SIZE, Coloured, network

from metrics.facets import facet_purity
from replications.data.image_set import DataSource
from replications.images import presets
from replications.multifaceted.judge import Judge
from replications.multifaceted.method_choice import Choices
from replications.multifaceted.method_scores import MEASURES, MethodScorer
from replications.multifaceted.methods import OWN, Methods, passes_of, shortened
from replications.multifaceted.methods_report import (
    EARLIER,
    MIXTURES,
    MULTIFACETED,
    NATURAL,
    NOISE,
    OTHERS,
    STARTS,
    YARDSTICKS,
    Found,
    evidence,
)
from replications.networks.unit import Unit
from replications.paths import project_root

COMPARED = ("erhan2009", "maco2023_small", "vital2025")
CONFIGS: Any = {
    name: OmegaConf.to_container(OmegaConf.load(project_root() / f"conf/method/{name}.yaml"))
    for name in (*COMPARED, OWN)
}
CONFIGS["vital2025"]["layers"] = ["relu1", "relu7"]


def experiment(**changes: Any) -> Methods:
    settings: dict[str, Any] = {
        "compared": COMPARED,
        "methods": CONFIGS,
        "stepped": {},
        "layer": 7,
        "images": 30,
        "sets": 2,
        "classes": None,
        "clustering": {**CLUSTERING, "clusters": 3},
        "nearest": 5,
        "most_passes": 4,
        "spectrum_images": 10,
        "reference_images": 10,
        "natural_clusters": 3,
        "trials": 5,
        "hard_queries": None,
        "shown": 1,
        "largest_map": None,
    }
    return Methods(**{**settings, **changes})


def given(tmp_path: Path) -> Any:
    """Two classes of two colours each, which the judge tells apart."""
    found = context()
    images = Coloured([0] * 60 + [1] * 60, [i % 2 for i in range(60)] + [2 + i % 2 for i in range(60)])
    found.data = DataSource("coloured", images, images)
    found.evaluator = colour_judge(images)
    found.workspace = tmp_path
    return found


def scorer(found: Any, count: int = 4) -> MethodScorer:
    judge = Judge(found.evaluator, found.data.validation, clusters=3)
    units = [Unit("fc8", 0), Unit("fc8", 0), Unit("fc8", 1), Unit("fc8", 1)]
    return MethodScorer(found.network, judge, ["a", "a", "b", "b"], units, count, found.generator)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return experiment().run(given(tmp_path_factory.mktemp("pictures")))


def values_of(outcome: Any) -> dict[str, np.ndarray]:
    return {m.name: np.array(m.values) for m in outcome.measurements}


def test_every_method_and_yardstick_has_every_score(outcome: Any) -> None:
    titles = {"Erhan 2009", "MACO 2023", "VITAL 2025", NOISE, MULTIFACETED, *YARDSTICKS}
    missing = {"hard choice", "dissimilarity"}  # no trials were asked for; pictures of 8 pixels have no such window
    assert {m.name for m in outcome.measurements} == {f"{m}/{t}" for m in MEASURES if m not in missing for t in titles}
    assert {len(m.values) for m in outcome.measurements} == {4}
    order = [row[0] for row in outcome.tables[0].rows]
    assert order == ["Erhan 2009", NOISE, MULTIFACETED, "MACO 2023", "VITAL 2025", NATURAL, STARTS, MIXTURES, OTHERS]
    assert [row[1] for row in outcome.tables[0].rows] == [
        4,
        6,
        6,
        4,
        4,
        *[None] * 4,
    ]  # an iteration of each octave at least
    assert {p.name for p in outcome.pictures} == {"pictures", "scores"}


def test_yardsticks_stand_where_they_should(outcome: Any) -> None:
    values = values_of(outcome)
    assert values[f"purity/{NATURAL}"].min() > 0.9
    assert values[f"purity/{MIXTURES}"].max() < 0.5
    assert values[f"purity/{OTHERS}"].max() == 0
    assert values[f"class/{NATURAL}"].min() > 0.9
    assert values[f"class/{OTHERS}"].max() < 0.1
    for lower in ("colour", "plausibility"):
        assert (values[f"{lower}/{NATURAL}"] < values[f"{lower}/{OTHERS}"]).all()


def test_the_evidence_is_what_it_says(outcome: Any) -> None:
    values = values_of(outcome)
    tests = {(e.claim, e.statistic.split(", ")[1].split(";")[0]): e for e in outcome.evidence}
    signs = {
        "MFV-C-others-mix": ("purity", 1),
        "MFV-C-natural-colours": ("colour", -1),
        "MFV-C-interpretable": ("choice", 1),
    }
    assert len(outcome.evidence) == 6
    for claim, (measure, sign) in signs.items():
        for earlier in ("Erhan 2009", NOISE):
            words = f"{MULTIFACETED} minus {earlier}" if sign > 0 else f"{earlier} minus {MULTIFACETED}"
            test = tests[claim, words]
            difference = values[f"{measure}/{MULTIFACETED}"] - values[f"{measure}/{earlier}"]
            assert test.effect == pytest.approx(sign * difference.mean())
            assert (test.n, test.over, test.seeds) == (2, "class", 2)


def test_later_methods_decide_nothing() -> None:
    made = {
        title: {"purity": np.array([value, value])}
        for title, value in ((MULTIFACETED, 0.6), (NOISE, 0.2), ("MACO 2023", 1.0))
    }
    (only,) = evidence(Found(made, {}, {}, ["a", "b"], 3, "judge"))
    assert NOISE in EARLIER
    assert NOISE in only.statistic
    assert only.holds


def test_scores_are_those_of_the_sets(tmp_path: Path) -> None:
    found = given(tmp_path)
    of = scorer(found)
    pictures = torch.rand(16, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    pictures[:4] = of.liked("a")[:1]
    pictures[4:8] = found.data.train.images([0, 1, 2, 3])
    values = of.scores({"x": pictures, "y": pictures.flip(0)}, lambda items, *_: iter(items))
    seen = of.judge.see(pictures)
    slow = [
        float(facet_purity(seen.probabilities[i : i + 4], of.judge.facets_of(name)).mean())
        for i, name in zip((0, 4, 8, 12), "aabb", strict=True)
    ]
    assert values["x"]["purity"] == pytest.approx(slow)
    logits = found.network.logits(pictures)
    assert values["x"]["activation"] == pytest.approx(
        [float(logits[i : i + 4, c].mean()) for i, c in ((0, 0), (4, 0), (8, 1), (12, 1))], rel=1e-4
    )
    assert values["x"]["top1"][1] == 1
    # copies aren't varied
    assert values["x"]["diversity"][0] == pytest.approx(0, abs=1e-9)
    assert values["x"]["vendi"][0] == pytest.approx(1)


def test_exemplars_tell_and_those_of_another_class_do_not(tmp_path: Path) -> None:
    found = given(tmp_path)
    of = scorer(found)
    names = ["a", "a", "b", "b"]
    colours = found.data.validation.facet_labels
    one = (colours == 0).double() - (colours == 2).double()  # likes red, dislikes blue
    choices = Choices(of.judge, {"a": one, "b": -one}, names, 4, found.generator, trials=5)
    assert choices.of_another_class().tolist() == [2, 3, 0, 1]
    assert choices.right(None).min() == 1
    assert choices.right(None, of_others=True).max() == 0  # the other class's unit likes the opposite
    red, blue = (found.data.train.images([row] * 8) for row in (0, 60))
    pictures = torch.cat([red, blue])
    assert choices.right(pictures).min() == choices.right(pictures, aggregate="nearest").min() == 1
    assert choices.right(pictures, of_others=True).max() == choices.right(pictures.flip(0)).max() == 0
    with pytest.raises(ValueError, match="trials"):
        Choices(of.judge, {"a": one, "b": -one}, names, 4, found.generator, trials=50)


def test_too_few_images_for_trials_are_said(tmp_path: Path) -> None:
    outcome = experiment(compared=["erhan2009"], sets=1, trials=40).run(given(tmp_path))
    assert any("No choice by forced choice" in note for note in outcome.notes)
    assert {e.claim for e in outcome.evidence} == {"MFV-C-others-mix", "MFV-C-natural-colours"}


def test_without_told_facets_purity_is_left_out(tmp_path: Path) -> None:
    found = given(tmp_path)
    found.evaluator = named(network(seed=1), "other")
    found.data.validation.provides = frozenset()
    outcome = experiment(compared=["erhan2009"], sets=1).run(found)
    assert any("doesn't tell facets" in note for note in outcome.notes)
    assert not {"purity", "purity within"} & {m.name.split("/")[0] for m in outcome.measurements}
    assert f"recall/{MULTIFACETED}" in values_of(outcome)
    assert {e.claim for e in outcome.evidence} == {"MFV-C-natural-colours", "MFV-C-interpretable"}


def named(judge: Any, name: str) -> Any:
    judge.name = name
    return judge


def test_methods_are_cut_to_the_same_number_of_passes() -> None:
    maco = presets.build(CONFIGS["maco2023_small"])
    assert passes_of(maco) == 512
    assert passes_of(shortened(maco, 64)) == 64
    assert passes_of(shortened(maco, 10_000)) == 512
    mean = shortened(presets.build(CONFIGS[OWN]), 74)
    assert [octave.iterations for octave in mean.schedule] == [38, 30, 4, 2]


def test_what_it_needs(tmp_path: Path) -> None:
    assert experiment().missing(given(tmp_path)) is None
    assert "layer 2" in str(experiment(layer=2).missing(given(tmp_path)))
    assert "two classes" in str(experiment(images=1000).missing(given(tmp_path)))
    same = given(tmp_path)
    same.evaluator = same.network
    assert "isn't the network" in str(experiment().missing(same))
    with pytest.raises(ValueError, match="at least 3"):
        experiment(clustering={**CLUSTERING, "clusters": 2})
    with pytest.raises(ValueError, match="no configuration of olah2017"):
        experiment(compared=["olah2017"])
    with pytest.raises(ValueError, match="stepped names olah2017"):
        experiment(stepped={"olah2017": 2})
