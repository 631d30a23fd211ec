"""Holes filled by planted generators, whose verdicts are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import planted_colours
import pytest
import torch
from planted_colours import CLASSES, SIZE, Colours, Painter, context, plant
from torch import Tensor

from replications.data.image_set import DataSource
from replications.images.schedule import Ramp
from replications.multifaceted.judge import Judge
from replications.ppgn import inpainting, parts
from replications.ppgn.inpainting import BOTH, CLASS, CONTEXT, COPY, HARMONIC, MEAN, NEITHER, OTHER, REAL, Inpainting
from replications.ppgn.inpainting_scores import MEASURES, Cases, score
from replications.ppgn.variants import BEST
from replications.suite.interface import Outcome

PPGN: dict[str, Any] = {"samplers": {BEST: {"tasks": {"inpainting": {}}}}}
NOISE = 0.2 * 255 / 12**0.5  # of the planted images, in grey levels


class Framed(Colours):
    """Colours in a frame of grey, which tells neither class; a hole of 12 pixels hides all of the colour."""

    provides = frozenset({"facets", "masks"})

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        found = super().images(indices)
        framed = torch.full_like(found, 0.5)
        framed[:, :, 4:12, 4:12] = found[:, :, 4:12, 4:12]
        return framed

    def annotations(self, indices: Tensor) -> Any:
        masks = torch.zeros(len(indices), SIZE, SIZE, dtype=torch.bool)
        masks[:, 4:12, 4:12] = True
        return type("Annotations", (), {"masks": masks.numpy()})


def experiment(**changes: Any) -> Inpainting:
    settings: dict[str, Any] = {
        "ppgn": PPGN,
        "variant": BEST,
        "changes": {"steps": 150, "rate": Ramp(0.04, 0.0)},
        "images": 4,
        "sets": 3,
        "hole": 0.75,
        "context": 1e-6,
        "weights": [1e-3],
        "hidden": 0.5,
        "shown": 2,
    }
    return Inpainting(**{**settings, **changes})


def given(folder: Path, data: type[Colours] = Framed) -> Any:
    found = context(folder)
    found.data = DataSource("framed", data(), data(seed=1))
    return found


def painter(**options: bool) -> Painter:
    """Of plain colours."""
    found = Painter(**options)
    found.patterns.zero_()  # type: ignore[operator]
    return found


def outcome_of(folder: Path, generator: Painter, data: type[Colours] = Framed, **changes: Any) -> Outcome:
    with pytest.MonkeyPatch.context() as monkeypatch:
        plant(monkeypatch, inpainting, **{BEST: generator})
        monkeypatch.setattr(planted_colours, "STEEPNESS", 1.0)  # so that no start lies where nothing changes any more
        monkeypatch.setattr(parts, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))
        return experiment(**changes).run(given(folder, data))


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome_of(tmp_path_factory.mktemp("painted"), painter())


def values_of(outcome: Outcome) -> dict[str, Tensor]:
    return {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}


def test_what_is_around_the_hole_is_matched_with_the_context(painted: Outcome) -> None:
    values = values_of(painted)
    # grey surroundings without noise: a painter of plain colours can match them
    assert values[f"error around the hole/{CONTEXT}"].max() < 1
    assert 5 < values[f"error around the hole/{BOTH}"].min() < values[f"error around the hole/{BOTH}"].max() < 40
    assert values[f"error around the hole/{CLASS}"].min() > 60


def test_the_class_is_in_the_hole_where_it_was_asked_for(painted: Outcome) -> None:
    values = values_of(painted)
    for way in (BOTH, CLASS):
        assert values[f"class named/{way}"].mean() == 1
    for way in (CONTEXT, MEAN, HARMONIC):  # grey, which is neither
        assert values[f"class probability/{way}"].mean() == pytest.approx(0.5, abs=0.02)
    for way in (COPY, REAL, OTHER):
        assert values[f"class named/{way}"].mean() == 1


def test_plain_fillings_and_yardsticks_have_known_errors(painted: Outcome) -> None:
    values = values_of(painted)
    # of the hole's 144 pixels the frame's 80 are filled right, and the 64 of the colour are grey
    # planted colours are 0.9 or 0.1 in each channel, 0.8 of it and the noise: 0.32 away from the grey
    expected = 255 * ((0.32**2 + 0.2**2 / 12) * 64 / 144) ** 0.5
    for way in (MEAN, HARMONIC):
        assert values[f"error in the hole/{way}"].mean() == pytest.approx(expected, rel=0.02)
        assert values[f"step across the edge/{way}"].max() < 1e-3
    assert values[f"error in the hole/{REAL}"].abs().max() == 0
    assert values[f"perceptual distance/{REAL}"].abs().max() < 1e-9
    assert values[f"error in the hole/{OTHER}"].min() > 0
    assert all(f"error around the hole/{way}" not in values for way in (MEAN, HARMONIC, OTHER, COPY, REAL))


def test_the_evidence_is_what_it_says(painted: Outcome) -> None:
    values = values_of(painted)
    pairs = [
        ("error around the hole", CLASS, BOTH),
        ("error in the hole", CLASS, BOTH),
        ("class probability", BOTH, CONTEXT),
        ("class probability", BOTH, HARMONIC),
    ]
    assert len(painted.evidence) == 4
    for one, (measure, a, b) in zip(painted.evidence, pairs, strict=True):
        assert one.claim == "PPGN-C-inpainting"
        assert one.effect == pytest.approx(float((values[f"{measure}/{a}"] - values[f"{measure}/{b}"]).mean()))
        assert (one.n, one.over, one.seeds) == (2, "class", 3)
    assert all(one.holds for one in painted.evidence)
    assert [one.effect for one in painted.evidence[2:]] == pytest.approx([0.5, 0.5], abs=0.02)


def test_everything_is_reported(painted: Outcome) -> None:
    assert {t.name for t in painted.tables} == {"fillings", "differences", "hidden", "weights"}
    assert {p.name for p in painted.pictures} == {"fillings", "scores", "weights"}
    assert painted.notes == []
    hidden = next(t for t in painted.tables if t.name == "hidden")
    assert "24 of 24 images" in hidden.caption  # the hole hides the whole object
    weights = next(t for t in painted.tables if t.name == "weights")
    assert [row[0] for row in weights.rows] == ["0", "1e-06", "0.001"]


def test_a_generator_that_hears_nothing_fills_nothing_in(tmp_path: Path) -> None:
    deaf = outcome_of(tmp_path, painter(deaf=True))
    around, within, class_, plain = deaf.evidence
    assert around.effect == within.effect == class_.effect == 0
    assert not any(one.holds for one in (around, within, class_, plain))


def test_surroundings_that_tell_the_colour_are_continued(tmp_path: Path) -> None:
    """Of one plain colour with noise: the context gives the colour, and what is left is the noise."""
    plain = outcome_of(tmp_path, painter(), Colours, hole=0.4375, context=1e-3, weights=[])
    values = values_of(plain)
    assert any("isn't known" in note for note in plain.notes)
    for way in (CONTEXT, BOTH, MEAN, COPY):
        assert values[f"error in the hole/{way}"].mean() == pytest.approx(NOISE, rel=0.03)
    assert values[f"error in the hole/{OTHER}"].mean() > 2 * NOISE  # a class has two colours
    assert values[f"error in the hole/{NEITHER}"].mean() > 2 * NOISE
    assert values[f"class named/{CONTEXT}"].mean() == 1


def test_the_same_again_from_kept_chains(tmp_path: Path, painted: Outcome) -> None:
    again = outcome_of(tmp_path, painter())
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    resumed = outcome_of(tmp_path, painter())
    assert kept == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    for other in (again, resumed):
        assert [m.values for m in other.measurements] == [m.values for m in painted.measurements]


def test_scores_of_planted_fillings(tmp_path: Path) -> None:
    found = given(tmp_path, Colours)
    images = found.data.validation.images([0, 2])  # red is warm, blue is cold
    holes = torch.zeros(2, SIZE, SIZE, dtype=torch.bool)
    holes[:, 2:14, 2:14] = True
    cases = Cases("these", torch.tensor([0, 2]), torch.tensor([0, 0]), CLASSES, images, holes)
    judge = Judge(found.evaluator, found.data.validation, clusters=2)
    swapped = score(judge, cases, cases.filled(images.flip(0)), images)
    assert swapped["class named"].tolist() == [0, 0]
    assert swapped["error around the hole"].tolist() == [0, 0]
    right = score(judge, cases, cases.filled(images))
    assert right["class named"].tolist() == [1, 1]
    assert list(right) == [measure for measure in MEASURES if measure != "error around the hole"]
    assert (cases.side, cases.size) == (12, SIZE)
    assert cases.called == [f"these {i} without 12 pixels from 2, 2" for i in (0, 2)]
    few = cases.chosen(torch.tensor([False, True]))
    assert (few.classes, few.indices.tolist()) == (("cold",), [2])


def test_the_images_shown_are_those_whose_object_is_hidden_most() -> None:
    images, holes = torch.rand(5, 3, SIZE, SIZE), torch.zeros(5, SIZE, SIZE, dtype=torch.bool)
    cases = Cases("these", torch.arange(5), torch.tensor([0, 0, 1, 0, 0]), ("a", "a", "a", "b", "b"), images, holes)
    assert inpainting._most_hidden(cases, torch.tensor([0.1, 0.4, 0.9, 0.3, 0.2])) == [1, 3]
    assert inpainting._most_hidden(cases, None) == [0, 3]


def test_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(tmp_path)
    named = {**PPGN, "network": "another", "files": {}}
    assert "for 'another'" in str(experiment(ppgn=named).missing(found))
    monkeypatch.setattr(inpainting, "missing", lambda *_: None)
    assert experiment().missing(found) is None
    assert "two classes" in str(experiment(images=1000).missing(found))
    found.evaluator = found.network
    assert "isn't the network" in str(experiment().missing(found))
    for changes in ({"hole": 1.0}, {"hidden": 0.0}):
        with pytest.raises(ValueError, match="share of the side"):
            experiment(**changes)
    for changes in ({"context": 0.0}, {"weights": [-1.0]}, {"images": 1, "sets": 1}, {"shown": 0}):
        with pytest.raises(ValueError, match="expected weights"):
            experiment(**changes)
    with pytest.raises(ValueError, match="no task 'inpainting'"):
        experiment(variant="dgn_am")
