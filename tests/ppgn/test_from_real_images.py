"""Copies of real images, and chains from them, by planted decoders whose scores are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import planted_colours
import pytest
import torch
from planted_colours import CLASSES, FACETS, PATTERNS, Colours, Painter, PlantedVariant, context, plant
from torch import Tensor

from replications.data.image_set import DataSource
from replications.ppgn import from_real_images, parts
from replications.ppgn.dae import DAE
from replications.ppgn.from_real_images import OTHER, OTHER_CLASS, OWN_CLASS, START, FromRealImages, there_and_back
from replications.ppgn.from_real_scores import Originals
from replications.ppgn.priors import DenoisingPrior, NoPrior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import Settings
from replications.ppgn.variants import BEST, TITLES, Variant, _unchanged
from replications.suite.interface import Outcome

DEAF, LISTENS = TITLES["dgn_am"], TITLES[BEST]


class OneFacet(Colours):
    """Each class of one colour alone: red and blue."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(12, seed)
        self.facet_labels = 2 * self.labels


def experiment(**changes: Any) -> FromRealImages:
    settings: dict[str, Any] = {
        "ppgn": {},
        "variants": ["dgn_am", BEST],
        "changes": {"steps": 30, "rate": 0.02},
        "images": 8,
        "rounds": [1, 3],
        "chains_of": BEST,
        "started": 3,
        "every": 10,
        "shown": 2,
    }
    return FromRealImages(**{**settings, **changes})


def given(folder: Path, data: Any = Colours) -> Any:
    found = context(folder)
    found.data = DataSource("colours", data(), data(seed=1))
    return found


def outcome_of(folder: Path, data: Any = Colours, **changes: Any) -> Outcome:
    """DGN-AM's decoder hears nothing, and the other one paints the colour that the code says, without the noise."""
    listens = Painter()
    listens.patterns.zero_()  # type: ignore[operator]
    with pytest.MonkeyPatch.context() as monkeypatch:
        plant(monkeypatch, from_real_images, dgn_am=Painter(deaf=True), **{BEST: listens})
        monkeypatch.setattr(planted_colours, "STEEPNESS", 1.0)
        monkeypatch.setattr(parts, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))
        return experiment(**changes).run(given(folder, data))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome_of(tmp_path_factory.mktemp("colours"))


def values_of(outcome: Outcome) -> dict[str, Tensor]:
    return {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}


def test_a_decoder_that_paints_the_colour_loses_the_noise_alone(outcome: Outcome) -> None:
    values = values_of(outcome)
    # in each channel noise of variance 0.2^2 / 12, beside colours 0.32 around the mean
    share = (0.2**2 / 12) / (0.2**2 / 12 + 0.32**2)
    for way in (LISTENS, f"{LISTENS}, 3 times"):
        assert values[f"image error/{way}"].mean() == pytest.approx(share, rel=0.1)
        assert values[f"code error/{way}"].max() < 1e-6
        for kept in ("class kept, encoder", "class kept, evaluator", "facet kept"):
            assert values[f"{kept}/{way}"].min() == 1


def test_a_decoder_that_hears_nothing_keeps_what_chance_keeps(outcome: Outcome) -> None:
    values = values_of(outcome)
    # its grey is the mean of the planted colours, in all channels, to the few images drawn
    assert values[f"image error/{DEAF}"].mean() == pytest.approx(1, abs=0.1)
    assert values[f"code error/{DEAF}"].mean() == pytest.approx(1, abs=0.1)
    assert values[f"class kept, encoder/{DEAF}"].mean() == 0.5
    assert values[f"class kept, evaluator/{DEAF}"].mean() == 0.5
    assert values[f"facet kept/{DEAF}"].mean() < 0.6
    assert torch.equal(values[f"image error/{DEAF}"], values[f"image error/{DEAF}, 3 times"])


def test_another_image_of_the_class_has_its_class_but_not_always_its_facet(outcome: Outcome, tmp_path: Path) -> None:
    values = values_of(outcome)
    assert values[f"class kept, evaluator/{OTHER}"].min() == 1
    assert 0 < values[f"facet kept/{OTHER}"].mean() < 1
    single = values_of(outcome_of(tmp_path, OneFacet))
    assert single[f"facet kept/{OTHER}"].min() == 1
    # the same colour and other noise: twice the noise's variance
    share = (0.2**2 / 12) / (0.2**2 / 12 + 0.32**2 * 2 / 3)  # no image is greener than another
    assert single[f"image error/{OTHER}"].mean() == pytest.approx(2 * share, rel=0.1)


def test_chains_come_to_what_is_asked_and_stay_where_nothing_has_to_change(outcome: Outcome) -> None:
    values = values_of(outcome)
    assert values[f"class named/{START}"].min() == values[f"facet kept/{START}"].min() == 1
    assert values[f"distance from the start/{START}"].max() == 0
    for way in (OWN_CLASS, OTHER_CLASS):
        assert len(values[f"class probability/{way}"]) == 6
        assert values[f"class probability/{way}"].min() > 0.9
        assert values[f"class named/{way}"].min() == 1
    # warm and cold differ in red and blue, and a facet in green
    assert values[f"facet kept/{OWN_CLASS}"].min() == 1
    assert f"facet kept/{OTHER_CLASS}" not in values


def test_everything_is_reported(outcome: Outcome) -> None:
    assert {t.name for t in outcome.tables} == {"copies", "differences", "chains"}
    assert {p.name for p in outcome.pictures} == {"copies", "scores", "chains", "steps"}
    assert outcome.evidence == []
    assert outcome.notes == []
    copies = next(t for t in outcome.tables if t.name == "copies")
    assert [row[0] for row in copies.rows] == [DEAF, LISTENS, f"{DEAF}, 3 times", f"{LISTENS}, 3 times", OTHER]
    differences = next(t for t in outcome.tables if t.name == "differences")
    assert [row[0] for row in differences.rows] == [f"{LISTENS} minus {DEAF}"]


def test_the_same_again_from_kept_chains(tmp_path: Path, outcome: Outcome) -> None:
    again = outcome_of(tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert kept
    resumed = outcome_of(tmp_path)
    assert kept == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    for other in (again, resumed):
        assert [m.values for m in other.measurements] == [m.values for m in outcome.measurements]


class Halving(DAE):
    """R(h) = h / 2, but for the first number, which it makes ever larger."""

    kind, arguments = "halving", {}  # type: ignore[assignment]

    def forward(self, noisy: Tensor) -> Tensor:
        return torch.cat([noisy[:, :1] + 9, noisy[:, 1:] / 2], 1)


def test_there_and_back_goes_through_the_autoencoder_of_the_prior(tmp_path: Path) -> None:
    network, painter = given(tmp_path).network, Painter()
    images = Colours().images([0, 1, 2])
    plain = Sampler(painter, Settings("planted", "none", steps=1, rate=1.0), NoPrior())
    prior = DenoisingPrior(Halving((3 + PATTERNS,), 0.1).eval())
    denoising = Sampler(painter, Settings("planted", "dae", steps=1, rate=1.0), prior)
    variants = [PlantedVariant("planted", "planted", network, None, sampler) for sampler in (plain, denoising)]
    codes = variants[0].encode(images)
    torch.testing.assert_close(there_and_back(variants[0], images), painter(codes))
    codes = torch.cat([codes[:, :1] + 9, codes[:, 1:] / 2], 1)
    torch.testing.assert_close(there_and_back(variants[1], images), painter(codes))
    # where the code is the image, what comes out is made an image again
    pixels = Sampler(
        _unchanged, Settings("planted", "dae", steps=1, rate=1.0), DenoisingPrior(Halving((3, 16, 16), 0.1).eval())
    )
    found = there_and_back(Variant("planted", "planted", network, None, pixels), images)
    assert torch.equal(found[:, 0], torch.ones(3, 16, 16))
    torch.testing.assert_close(found[:, 1:], images[:, 1:] / 2)


def test_originals() -> None:
    images = torch.arange(6.0)[:, None, None, None].expand(6, 3, 2, 2)
    originals = Originals(("a", "a", "a", "b", "b", "b"), images, 3)

    def numbers(found: Tensor) -> Sequence[float]:
        return found[:, 0, 0, 0].tolist()

    assert numbers(originals.others) == [1, 2, 0, 4, 5, 3]
    assert numbers(originals.first(2).images) == [0, 1, 3, 4]
    assert originals.first(2).classes == ("a", "a", "b", "b")
    twice = originals.first(1).repeated(2)
    assert (twice.classes, numbers(twice.images)) == (("a", "b", "a", "b"), [0, 3, 0, 3])


def test_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(tmp_path)
    assert "for 'another'" in str(experiment(ppgn={"network": "another", "files": {}}).missing(found))
    monkeypatch.setattr(from_real_images, "missing", lambda *_: None)
    assert experiment().missing(found) is None
    assert "two classes" in str(experiment(images=1000).missing(found))
    found.evaluator = found.network
    assert "isn't the network" in str(experiment().missing(found))
    for changes in ({"variants": []}, {"chains_of": "ppgn_x"}):
        with pytest.raises(ValueError, match="one with a generator"):
            experiment(**changes)
    for rounds in ([], [2, 3], [1, 3, 2]):
        with pytest.raises(ValueError, match="rise from 1"):
            experiment(rounds=rounds)
    for changes in ({"images": 1}, {"started": 9}, {"started": 0}, {"every": 0}, {"shown": 0}):
        with pytest.raises(ValueError, match="two images of a class"):
            experiment(**changes)


def test_the_planted_world_is_as_the_tests_think() -> None:
    assert (len(CLASSES), len(FACETS)) == (2, 4)
    assert OneFacet().facet_labels.unique().tolist() == [0, 2]
