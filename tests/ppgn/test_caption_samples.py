"""Images for captions: what the readings and their controls come to where the right answer is planted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from contexts import given
from ppgn_toys import ToyGenerator
from sklearn.linear_model import Ridge as Reference
from torch import Tensor, nn

from replications.data.facetworld.dataset import FacetSet
from replications.data.facetworld.palette import COLOURS
from replications.data.image_set import DataSource
from replications.multifaceted.judge import Judge
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.ppgn import caption_samples, parts
from replications.ppgn.caption_reading import PROBED, Reader, Ridge, _looked_at, colour_names, right, right_elsewhere
from replications.ppgn.caption_samples import (
    CAPTIONER,
    ELSEWHERE,
    MEASURES,
    OWN,
    REAL,
    TESTED,
    CaptionSamples,
)
from replications.ppgn.captioner import LSTMCaptioner
from replications.ppgn.captioner_training import CaptionedImages
from replications.ppgn.captioning_network import CaptioningNetwork
from replications.ppgn.priors import NoPrior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import Settings
from replications.ppgn.told import SLOTS, plain_captions, told_of
from replications.ppgn.variants import BEST, TITLES, Variant
from replications.suite.interface import Outcome

SIZE, SETS = 32, 3
TRAIN, VALIDATION = FacetSet("train", 120, size=SIZE), FacetSet("validation", 48, size=SIZE)
PPGN: dict[str, Any] = {
    "network": "toy",
    "samplers": {BEST: {"tasks": {"caption": {}}}},
    "files": {BEST: {}},
}


def teller(classes: Sequence[str], name: str) -> Network:
    torch.manual_seed(0)
    layers = OrderedDict(
        conv1=nn.Conv2d(3, 4, 3, 2, 1),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(4, 6, 3, 2, 1),
        relu2=nn.ReLU(),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=nn.Linear(6, len(classes)),
    )
    return Network(nn.Sequential(layers), name=name, classes=tuple(classes), preprocessing=Preprocessing(SIZE))


def captioner() -> LSTMCaptioner:
    torch.manual_seed(0)
    words = CaptionedImages(TRAIN).words
    network = CaptioningNetwork(len(words), SIZE, widths=(4,) * 6, features=8, embedding=4, hidden=8).eval()
    return LSTMCaptioner("toy", words, network.requires_grad_(False), Preprocessing(SIZE))


class PlantedVariants:
    """In the place of `Variants`: a smooth generator, and chains of a few steps."""

    @classmethod
    def of(cls, config: Mapping[str, Any], context: Any) -> PlantedVariants:
        return cls()

    def get(self, name: str, task: str, **changes: Any) -> Variant:
        assert task == "caption"
        settings = Settings(name, **{"prior": "none", "steps": 3, "rate": 0.1, **changes})
        sampler = Sampler(ToyGenerator(size=SIZE), settings, NoPrior())
        return Variant(name, TITLES[name], teller(SLOTS["class"], "toy"), "relu6", sampler)


class PlantedReader:
    """Reads of the chains' images what `answers` says, and of real ones what the first of all values is."""

    answers: Mapping[str, list[str]] = {}

    def __init__(self, judge: Judge, real: FacetSet, images: int) -> None:
        pass

    def read(self, images: Tensor) -> Mapping[str, list[str]]:
        if len(images) == SETS * len(SLOTS["class"]):
            return self.answers
        return {slot: [values[0]] * len(images) for slot, values in SLOTS.items()}


def context(folder: Path) -> Any:
    data = DataSource("facetworld", TRAIN, VALIDATION)
    return given(folder, network=teller(SLOTS["class"], "toy"), evaluator=teller(SLOTS["facet"], "judge"), data=data)


def experiment(**changes: Any) -> CaptionSamples:
    settings: dict[str, Any] = {
        "ppgn": PPGN,
        "variant": BEST,
        "changes": {},
        "captioner": "weights/captioner.safetensors",
        "sets": SETS,
        "probe_images": 60,
        "real": 2,
    }
    return CaptionSamples(**{**settings, **changes})


def outcome_of(folder: Path, reader: type | None = None) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caption_samples, "Variants", PlantedVariants)
        patch.setattr(caption_samples, "load_captioner", lambda path, device: captioner())
        patch.setattr(parts, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))
        if reader is not None:
            patch.setattr(caption_samples, "Reader", reader)
        return experiment().run(context(folder))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome_of(tmp_path_factory.mktemp("captions"))


def values_of(outcome: Outcome) -> dict[str, Tensor]:
    return {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}


def test_where_images_show_what_captions_tell_the_claim_holds(tmp_path: Path) -> None:
    asked = plain_captions(context(tmp_path).generator("captions")) * SETS
    PlantedReader.answers = {slot: [one.value(slot) for one in asked] for slot in SLOTS}
    found = outcome_of(tmp_path, PlantedReader)
    values = values_of(found)
    for slot in SLOTS:
        assert values[f"{slot}/{OWN}"].tolist() == [1] * len(asked)
        assert values[f"{slot}/{ELSEWHERE}"].tolist() == [0] * len(asked)
    assert [one.effect for one in found.evidence] == [1, 1, 1]
    assert all(one.holds for one in found.evidence)
    # the first of all classes is read of every real image
    assert values[f"class/{REAL}"].mean() == pytest.approx(1 / 12)


def test_where_images_have_nothing_to_do_with_captions_it_does_not(tmp_path: Path) -> None:
    count = SETS * len(SLOTS["class"])
    PlantedReader.answers = {slot: [values[0]] * count for slot, values in SLOTS.items()}
    found = outcome_of(tmp_path, PlantedReader)
    values = values_of(found)
    for slot in SLOTS:  # right by chance as often in images for other captions
        torch.testing.assert_close(values[f"{slot}/{OWN}"], values[f"{slot}/{ELSEWHERE}"])
    assert [one.effect for one in found.evidence] == [0, 0, 0]
    assert not any(one.holds for one in found.evidence)


def test_the_evidence_is_what_it_says(outcome: Outcome) -> None:
    values = values_of(outcome)
    assert len(outcome.evidence) == len(TESTED)
    for one, slot in zip(outcome.evidence, TESTED, strict=True):
        assert one.claim == "PPGN-C-captions"
        assert slot in one.statistic
        difference = values[f"{slot}/{OWN}"] - values[f"{slot}/{ELSEWHERE}"]
        assert one.effect == pytest.approx(float(difference.mean()))
        assert (one.n, one.over, one.seeds) == (12, "class", SETS)


def test_the_captioners_probabilities_are_those_of_single_pairs(outcome: Outcome, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caption_samples, "Variants", PlantedVariants)
        patch.setattr(parts, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))
        told = plain_captions(context(tmp_path).generator("captions"))
        images = experiment()._images(context(tmp_path), captioner(), told * SETS, Outcome())
    teller, captions, values = captioner(), [one.caption for one in told], values_of(outcome)

    def words(image: int, caption: int) -> Tensor:
        said = teller.indices([captions[caption]])
        return teller.log_probabilities(images[image : image + 1], said)[0].double()

    for i in (0, 5, 12 + 7):
        own, others = i % 12, [12 * (i // 12) + j for j in range(12) if j != i % 12]
        assert values[f"log-probability/{OWN}"][i] == pytest.approx(float(words(i, own).mean()), rel=1e-5)
        assert values[f"word probability/{OWN}"][i] == pytest.approx(float(words(i, own).exp().mean()), rel=1e-5)
        elsewhere = torch.stack([words(j, own).mean() for j in others]).mean()
        assert values[f"log-probability/{ELSEWHERE}"][i] == pytest.approx(float(elsewhere), rel=1e-5)
        totals = [float(words(i, caption).sum()) for caption in range(12)]
        assert values[f"likeliest/{OWN}"][i] == float(max(totals) == totals[own])


def test_everything_is_reported(outcome: Outcome) -> None:
    names = set(values_of(outcome))
    assert {f"{slot}/{way}" for slot in SLOTS for way in (OWN, ELSEWHERE, REAL, CAPTIONER)} <= names
    assert {f"{measure}/{OWN}" for measure in MEASURES} <= names
    assert {table.name for table in outcome.tables} == {"readings", "differences", "captions"}
    assert {picture.name for picture in outcome.pictures} == {"scores", "samples", "matrix"}
    captions = next(table for table in outcome.tables if table.name == "captions")
    assert len(captions.rows) == 12
    assert all(len(row) == len(captions.columns) for row in captions.rows)
    for picture in outcome.pictures:
        picture.figure.canvas.draw_idle()


def test_the_same_again_and_from_kept_chains(tmp_path: Path, outcome: Outcome) -> None:
    again = outcome_of(tmp_path)
    assert list(tmp_path.iterdir())
    resumed = outcome_of(tmp_path)
    for other in (again, resumed):
        assert [m.values for m in other.measurements] == [m.values for m in outcome.measurements]


def test_what_it_needs(tmp_path: Path) -> None:
    assert experiment().missing(context(tmp_path)) is None
    unmade = experiment(captioner="results/weights/no_such_captioner.safetensors")
    assert "replications.ppgn.weights captioner" in str(unmade.missing(context(tmp_path)))
    other = context(tmp_path)
    other.network = teller(SLOTS["class"], "another")
    assert "needs a generator for codes of 'another'" in str(experiment().missing(other))
    without = context(tmp_path)
    without.evaluator = teller(SLOTS["class"], "classes")
    assert "tells the facets" in str(experiment().missing(without))
    for changes in ({"sets": 0}, {"real": 0}, {"probe_images": 1}):
        with pytest.raises(ValueError, match="expected at least 1 set"):
            experiment(**changes)
    with pytest.raises(
        ValueError, match="'dgn_am' has no task 'caption' in conf/sampler; these have it: noiseless_joint_ppgn_h"
    ):
        experiment(variant="dgn_am")


def test_ridge_regression_is_the_references() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(40, 5, generator=generator) * torch.tensor([1.0, 10.0, 0.1, 3.0, 0.0]) + 2
    targets = torch.randn(40, 2, generator=generator)
    found = Ridge.fit(features, targets, penalty=0.3)
    standard = (features - features.mean(0)) / features.std(0, correction=0).clamp_min(1e-9)
    reference = Reference(alpha=0.3 * 40).fit(standard.double().numpy(), targets.double().numpy())
    expected = torch.from_numpy(reference.predict(standard.double().numpy()))
    torch.testing.assert_close(found(features), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="penalty above 0"):
        Ridge.fit(features, targets, penalty=0)


def test_probes_read_what_they_learned_and_the_evaluator_its_first_choice() -> None:
    judge = Judge(teller(SLOTS["facet"], "judge"), VALIDATION, clusters=2)
    reader = Reader(judge, TRAIN, 60)
    images, told = TRAIN.images(range(60)), told_of(TRAIN, range(60))
    read = reader.read(images)
    for slot in (slot for slots in PROBED for slot in slots):
        assert float(right(read[slot], told, slot).mean()) > 0.9
    choices = judge.network.logits(images).argmax(1).tolist()
    assert read["facet"] == [SLOTS["facet"][i] for i in choices]
    assert read["class"] == [facet.partition("/")[0] for facet in read["facet"]]


def test_readings_in_images_for_other_captions() -> None:
    told = plain_captions(torch.Generator().manual_seed(0))[:4]
    values = ["red", "red", "blue", "green"]
    changed = [one.but("colour", value) for one, value in zip(told, values, strict=True)]
    found = right_elsewhere(["red", "blue", "red", "red"], changed, [0] * 4, "colour")
    # red was asked of the first two: of the other two both are read so; blue: of three, one; green: of three, none
    assert found.tolist() == pytest.approx([1, 1, 1 / 3, 0])
    apart = right_elsewhere(["red", "red", "blue", "blue"], [changed[0], changed[2]] * 2, [0, 0, 1, 1], "colour")
    assert apart.tolist() == [1, 0, 0, 1]
    with pytest.raises(ValueError, match="tell the same colour"):
        right_elsewhere(["red", "red"], changed[:2], [0, 0], "colour")


def test_pixels_of_named_colours_have_their_names() -> None:
    palette = torch.tensor(list(COLOURS.values())).float()[:, :, None, None] / 255
    found = colour_names(palette.expand(-1, -1, 2, 2))
    assert found[:, :, 0, 0].argmax(1).tolist() == list(range(len(COLOURS)))
    torch.testing.assert_close(found.sum(1), torch.ones(len(COLOURS), 2, 2))
    assert float(found[:, :, 1, 1].diagonal().min()) > 0.8


def test_a_place_counts_as_the_evidence_says() -> None:
    evidence = torch.zeros(1, 4, 4)
    evidence[0, 1, 2] = 1
    weights = _looked_at(evidence, 32)
    assert float(weights.sum()) == pytest.approx(1)
    assert divmod(int(weights.argmax()), 32)[0] // 8 == 1
    assert divmod(int(weights.argmax()), 32)[1] // 8 == 2
