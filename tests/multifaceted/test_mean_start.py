"""Where pictures start: planted facets are found from their mean images, and the numbers are what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from colour_judge import colour_judge
from omegaconf import OmegaConf
from planted_context import CLUSTERING, context
from planted_facets import Coloured

from metrics.colour import colour_distance
from metrics.facets import facet_recall
from replications.data.image_set import DataSource
from replications.multifaceted.judge import Judge
from replications.multifaceted.mean_start import NATURAL, NOISE, OF_CLASS, MeanStart
from replications.multifaceted.scores import UNITS, Scorer
from replications.networks.unit import Unit
from replications.paths import project_root

METHOD: Any = OmegaConf.to_container(OmegaConf.load(project_root() / "conf/method/nguyen2016_mean.yaml"))
PUBLISHED = "facets of layer 7"


def experiment(**changes: Any) -> MeanStart:
    settings: dict[str, Any] = {
        "layers": [7, 1],
        "images": 30,
        "sets": 2,
        "classes": None,
        "clustering": {**CLUSTERING, "clusters": 3},
        "nearest": 5,
        "method": METHOD,
        "share": 0.01,
        "natural_clusters": 3,
        "shown": 1,
        "largest_map": None,
    }
    return MeanStart(**{**settings, **changes})


def given(tmp_path: Path, **options: Any) -> Any:
    """Two classes of two colours each, which the judge tells apart."""
    found = context(**options)
    images = Coloured([0] * 60 + [1] * 60, [i % 2 for i in range(60)] + [2 + i % 2 for i in range(60)])
    found.data = DataSource("coloured", images, images)
    found.evaluator = colour_judge(found.data.train)
    found.workspace = tmp_path
    return found


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return experiment().run(given(tmp_path_factory.mktemp("pictures")))


def test_mean_images_of_planted_facets_show_each_facet(outcome: Any) -> None:
    values = {m.name: m.values for m in outcome.measurements}
    # so few steps hardly move a picture away from the colour that it starts from
    for title in (PUBLISHED, f"{PUBLISHED}, not optimized", NATURAL, NOISE, OF_CLASS):
        assert len(values[f"recall/{title}"]) == 4
    assert values[f"recall/{PUBLISHED}"] == values[f"recall/{PUBLISHED}, not optimized"] == (1, 1, 1, 1)
    assert values[f"purity/{PUBLISHED}"] > values[f"purity/{OF_CLASS}"]  # whose means mix the colours
    assert max(values[f"recall/{NOISE}"]) <= 0.5  # all of one grey


def test_the_evidence_is_what_it_says(outcome: Any) -> None:
    values = {m.name: torch.tensor(m.values) for m in outcome.measurements}
    more, half = outcome.evidence
    assert more.claim == half.claim == "MFV-C-every-facet"
    assert (more.n, more.over, more.seeds) == (2, "class", 2)
    recall = values[f"recall/{PUBLISHED}"]
    assert more.effect == pytest.approx(float((recall - values[f"recall/{NOISE}"]).mean()))
    assert half.effect == pytest.approx(float((recall - values[f"recall/{NATURAL}"] / 2).mean()))


def test_all_starts_have_all_scores(outcome: Any) -> None:
    starts = [PUBLISHED, "facets of layer 1", OF_CLASS]
    titles = {*starts, *(f"{start}, not optimized" for start in starts), NOISE, NATURAL}
    assert {m.name for m in outcome.measurements} == {f"{measure}/{title}" for measure in UNITS for title in titles}
    assert {p.name for p in outcome.pictures} == {"pictures", "scores"}
    assert {t.name for t in outcome.tables} == {"starts", "differences"}


def test_the_same_again_and_from_kept_pictures(tmp_path: Path, outcome: Any) -> None:
    again = experiment().run(given(tmp_path))
    assert list(tmp_path.iterdir())
    resumed = experiment().run(given(tmp_path))
    for other in (again, resumed):
        assert [m.values for m in other.measurements] == [m.values for m in outcome.measurements]


def test_scores_of_a_set_of_pictures(tmp_path: Path) -> None:
    found = given(tmp_path)
    judge = Judge(found.evaluator, found.data.validation, clusters=3)
    images = found.data.train.images([0, 1, 2, 60])  # the colours of the class a, one again, and one of b
    scores = Scorer(found.network, judge).scores("a", Unit("fc8", 0), images)
    seen = judge.see(images)
    assert scores.recall == facet_recall(seen.probabilities, judge.facets_of("a"), evaluator=judge.name).value
    assert scores.found.at(1).value <= scores.recall
    assert scores.class_ == pytest.approx(float(judge.class_probability(seen, "a").mean()))
    assert scores.activation == pytest.approx(float(found.network.logits(images)[:, 0].mean()))
    assert 0 <= scores.quantile <= 1
    assert scores.colour == pytest.approx(float(colour_distance(images, judge.natural("a")[0]).mean()))
    copies = Scorer(found.network, judge).scores("a", Unit("fc8", 0), images[:1].repeat(3, 1, 1, 1))
    assert copies.diversity == pytest.approx(0, abs=1e-9)


def test_what_it_needs(tmp_path: Path) -> None:
    assert experiment().missing(given(tmp_path)) is None
    assert "layers [2]" in str(experiment(layers=[7, 2]).missing(given(tmp_path)))
    assert "two classes" in str(experiment(images=1000).missing(given(tmp_path)))
    with pytest.raises(ValueError, match="at least 2"):
        experiment(clustering={**CLUSTERING, "clusters": 1})
    with pytest.raises(ValueError, match="share"):
        experiment(share=0)
    for name, value in (("layers", []), ("shown", 0)):
        with pytest.raises(ValueError, match="expected at least 1 layer and 1 class shown"):
            experiment(**{name: value})
