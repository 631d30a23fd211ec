"""Samples of every class by planted generators, whose verdicts are known."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageSequence
from planted_colours import CLASSES, Painter, context, plant

from replications.ppgn import class_samples
from replications.ppgn.class_samples import ClassSamples
from replications.ppgn.class_samples_report import CONDITIONAL, DIVERSE, REAL, RECONSTRUCTED, SAMPLES, STARTS, smaller
from replications.ppgn.variants import BEST
from replications.suite import ledger
from replications.suite.interface import Outcome


def experiment(**changes: Any) -> ClassSamples:
    settings: dict[str, Any] = {
        "ppgn": {},
        "variant": BEST,
        "changes": {},
        "classes": None,
        "sets": 3,
        "chains": 4,
        "smaller": 12,
        "film_every": 2,
        "natural_clusters": 2,
        "shown": 5,
    }
    return ClassSamples(**{**settings, **changes})


def outcome_of(folder: Path, monkeypatch: pytest.MonkeyPatch, generator: Painter, **changes: Any) -> Outcome:
    plant(monkeypatch, class_samples, **{BEST: generator})
    return experiment(**changes).run(context(folder))


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return outcome_of(tmp_path_factory.mktemp("painted"), monkeypatch, Painter())


def values_of(outcome: Outcome) -> dict[str, torch.Tensor]:
    return {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}


def test_a_generator_that_listens_shows_every_class_and_facet(painted: Outcome) -> None:
    half, chance, alike, facets = painted.evidence
    assert [one.claim for one in painted.evidence] == [CONDITIONAL, CONDITIONAL, DIVERSE, DIVERSE]
    assert (half.effect, half.expected) == (100, (50, math.inf))
    assert half.holds
    assert (chance.effect, chance.n, chance.expected) == (100, 12, (50, math.inf))
    assert chance.holds
    assert (facets.effect, facets.expected) == (1, (0.7, math.inf))
    assert facets.holds
    assert alike.expected == (-math.inf, 0.1)
    assert {one.seeds for one in painted.evidence} == {3}
    values = values_of(painted)
    assert values[f"condition/{SAMPLES}"].min() > 0.7
    # the starts are of either class, as chance has it
    assert 20 < values[f"accuracy/{STARTS}"].mean() < 80
    # the code of a planted image is known, so its colour comes back
    assert values[f"accuracy/{RECONSTRUCTED}"].mean() == values[f"accuracy/{REAL}"].mean() == 100


def test_a_generator_that_hears_nothing_shows_no_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = outcome_of(tmp_path, monkeypatch, Painter(deaf=True))
    half, chance, alike, facets = deaf.evidence
    assert half.effect == 50  # all the same image, of one of both classes at most
    assert not half.holds
    assert chance.effect == 0
    assert not chance.holds
    assert alike.effect > 0.1
    assert not alike.holds
    assert not facets.holds
    assert values_of(deaf)[f"MS-SSIM/{SAMPLES}"] == pytest.approx(1)


def test_copies_of_one_image_are_no_diverse_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = outcome_of(tmp_path, monkeypatch, Painter(copies=True), changes={"steps": 16})
    half, _, alike, facets = copies.evidence
    assert half.effect == 100
    assert half.holds
    assert alike.effect > 0.1
    assert not alike.holds
    assert facets.effect <= 0.5
    assert not facets.holds
    assert values_of(copies)[f"varied classes/{SAMPLES}"].item() == 0


def test_the_evidence_is_of_the_values(painted: Outcome) -> None:
    values = values_of(painted)
    half, _, alike, facets = painted.evidence
    assert half.effect == pytest.approx(float(values[f"accuracy/{SAMPLES}"].mean()))
    gap = values[f"MS-SSIM/{SAMPLES}"] - values[f"MS-SSIM/{REAL}"]
    assert alike.effect == pytest.approx(float(gap.mean()))
    assert facets.effect == pytest.approx(float(values[f"facets found/{SAMPLES}"].mean()))


def test_there_is_a_value_for_each_class_and_set(painted: Outcome) -> None:
    values = values_of(painted)
    for title in (REAL, SAMPLES, smaller(REAL), smaller(SAMPLES), RECONSTRUCTED, STARTS):
        counts = {"accuracy": 6, "class probability": 6, "MS-SSIM": 6, "Inception score": 3, "facets found": 2}
        for name, count in counts.items():
            assert len(values[f"{name}/{title}"]) == count
        assert values[f"Inception score/{title}"].min() >= 1
        assert values[f"Inception score/{title}"].max() <= 2 + 1e-9


def test_numbers_stand_beside_cells_of_the_ledger(painted: Outcome) -> None:
    rows = ledger.load("ppgn")
    beside = [m for m in painted.measurements if m.reported]
    assert {m.reported for m in beside} == {"PPGN-R1", "PPGN-R3", "PPGN-R4"}
    for measurement in beside:
        assert measurement.cell in rows[str(measurement.reported)].cells
    assert {m.name.partition("/")[2] for m in beside if m.reported == "PPGN-R4"} == {smaller(SAMPLES)}
    assert set(ClassSamples.answers) <= {row.id for row in rows.rows}


def test_what_is_shown(painted: Outcome) -> None:
    samples, films, classes = painted.pictures
    assert samples.arrays["samples"].shape == (2, 5, 3, 16, 16)
    assert films.arrays["steps"].tolist() == [0, 2, 4, 6, 8]
    assert films.arrays["frames"].shape == (5, 2, 3, 16, 16)
    assert films.animation is not None
    assert sum(1 for _ in ImageSequence.Iterator(Image.open(io.BytesIO(films.animation)))) == 5
    assert films.arrays["accuracy"][-1].tolist() == [100, 100]
    assert classes.arrays["accuracy_samples"].tolist() == [100, 100]
    assert [table.name for table in painted.tables] == ["real_and_ppgn", "bars", "classes"]
    assert [row[0] for row in painted.tables[2].rows] == list(CLASSES)
    assert all(len(row) == len(table.columns) for table in painted.tables for row in table.rows)


def test_the_same_again_and_from_kept_chains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, painted: Outcome) -> None:
    again = outcome_of(tmp_path, monkeypatch, Painter())
    assert list(tmp_path.iterdir())
    resumed = outcome_of(tmp_path, monkeypatch, Painter())
    for other in (again, resumed):
        assert [m.values for m in other.measurements] == [m.values for m in painted.measurements]


def test_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = context(tmp_path)
    said = experiment(ppgn={"network": "zfnet_small", "files": {}}).missing(given)
    assert "needs a generator for codes of 'warmth'" in str(said)
    plant(monkeypatch, class_samples)
    assert experiment().missing(given) is None
    assert "needs 30 images of each class" in str(experiment(sets=3, chains=10).missing(given))
    for changes in ({"sets": 1}, {"chains": 1}, {"shown": 0}):
        with pytest.raises(ValueError, match="expected 2 sets or more"):
            experiment(**changes)
    for classes in (["dog"], 1):
        with pytest.raises(ValueError, match="'classes' is how many, 2 or more, or null"):
            experiment(classes=classes)
    with pytest.raises(ValueError, match="there is no variant 'ppgn'"):
        experiment(variant="ppgn")
