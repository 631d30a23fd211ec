"""Settings whose effect is known: planted chains, and what their scores and verdicts must be."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from planted_colours import COLOURS, SIZE, Colours, PlantedVariant, context, judge_network, plant
from torch import Tensor

from metrics.feature_space import Features
from metrics.realism import plausibility
from replications.multifaceted.judge import Judge
from replications.ppgn import epsilons
from replications.ppgn.chains import Chains
from replications.ppgn.epsilons import ABSTRACT, IGNORES, PUBLISHED, REAL, Epsilons
from replications.ppgn.epsilons_scores import (
    CLASS,
    CODE,
    DETAIL,
    FAR,
    MOVED,
    NAMED,
    OWN,
    detail,
    natural_images,
    scores,
)
from replications.ppgn.settings import Settings
from replications.ppgn.variants import BEST, TITLES
from replications.suite.interface import Outcome

SETS = 3
MORE, MOST, NONE, NOISE = "epsilon 1 = 0.001", "epsilon 1 = 0.1", "epsilon 2 = 0", "epsilon 3 = 0.01"


def experiment(**changes: Any) -> Epsilons:
    settings: dict[str, Any] = {
        "ppgn": {},
        "variant": BEST,
        "changes": {},
        "task": "chain",
        "epsilon1": [0.001, 0.1],
        "epsilon2": [0],
        "epsilon3": [0.01],
        "classes": None,
        "sets": SETS,
        "natural": 20,
        "parts": 1,
    }
    return Epsilons(**{**settings, **changes})


def planted_images(settings: Settings) -> list[Tensor]:
    """What chains of warm and cold, three each, end with, by what the claims say of their epsilons."""
    images = Colours(seed=7).images(range(24))
    warm, cold = images[[0, 1, 4]], images[[2, 3, 6]]
    plain = torch.tensor([COLOURS["warm/red"]] * 3 + [COLOURS["cold/blue"]] * 3)[:, :, None, None]
    if settings.at("epsilon1", 0) == 0.1 or settings.at("epsilon2", 0) == 0:
        return list(torch.cat([warm, warm]))  # whatever is asked
    if settings.at("epsilon1", 0) == 0.001:  # neither detail nor anything else of a photograph
        return list((0.6 * plain + 0.1 * torch.tensor([0.0, 0.9, 0.0])[:, None, None]).expand(6, 3, SIZE, SIZE))
    if settings.at("epsilon3", 0) > 0.001:
        return list(torch.cat([warm, cold]) + 0.05)
    return list(torch.cat([warm, cold]))


def planted(sampler: Any, wanted: Any, **options: Any) -> Chains:
    """In the place of `sample`; codes are images."""
    codes = torch.stack(planted_images(sampler.settings))
    sizes = torch.tensor([0.1, 2.0, 1e-17]).reshape(1, 3, 1).expand(4, 3, 6)
    values = torch.full((5, 6), 0.25).log()
    return Chains(tuple(one.name for one in wanted), (), codes, (0,), codes[None], values, sizes, {})


def get(name: str, task: str | None = None, **changes: Any) -> Any:
    given = {"steps": 4, "epsilon1": 1e-5, "epsilon3": 1e-17, **changes}
    sampler = SimpleNamespace(settings=Settings("planted", "joint", rate=1.0, **given))
    return SimpleNamespace(title=TITLES[name], sampler=sampler, made=lambda codes: codes, encode=lambda images: images)


@pytest.fixture(scope="module")
def as_released(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epsilons, "Variants", SimpleNamespace(of=lambda *_: SimpleNamespace(get=get)))
        patch.setattr(epsilons, "sample", planted)
        return experiment().run(context(tmp_path_factory.mktemp("planted")))


def values_of(outcome: Outcome) -> dict[str, Tensor]:
    return {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}


def test_planted_samples_get_the_scores_that_they_deserve(as_released: Outcome) -> None:
    values = values_of(as_released)
    for title in (PUBLISHED, NOISE, REAL):
        assert values[f"{NAMED}/{title}"].tolist() == [1] * 6
        assert values[f"{DETAIL}/{title}"] == pytest.approx(torch.ones(6), abs=0.1)
    for title in (MOST, NONE):
        assert values[f"{NAMED}/{title}"].tolist() == [1, 1, 1, 0, 0, 0]
    assert values[f"{DETAIL}/{MORE}"].tolist() == [0] * 6
    assert values[f"{FAR}/{PUBLISHED}"].mean() < 2 < values[f"{FAR}/{MORE}"].mean()
    assert values[f"{MOVED}/{NOISE}"].tolist() == pytest.approx([0.05] * 6, rel=1e-5)
    assert values[f"{MOVED}/{MOST}"][:3].tolist() == [0] * 3
    assert f"{MOVED}/{PUBLISHED}" not in values
    assert f"{OWN}/{REAL}" not in values
    assert values[f"{OWN}/{PUBLISHED}"].tolist() == pytest.approx([0.25] * 6)
    assert values[f"MS-SSIM/{MORE}"].tolist() == pytest.approx([1, 1], abs=1e-3)


def test_the_evidence_is_what_it_says(as_released: Outcome) -> None:
    values, evidence = values_of(as_released), as_released.evidence
    assert [one.claim for one in evidence] == [ABSTRACT, ABSTRACT, IGNORES, IGNORES]
    assert {(one.n, one.over, one.seeds) for one in evidence} == {(2, "class", SETS)}
    probability = {title: values[f"{CLASS}/{title}"] for title in (PUBLISHED, MOST, NONE)}
    effects = (
        values[f"{FAR}/{MORE}"] - values[f"{FAR}/{PUBLISHED}"],
        values[f"{DETAIL}/{PUBLISHED}"] - values[f"{DETAIL}/{MORE}"],
        (probability[PUBLISHED] + probability[NONE]) / 2 - probability[MOST],
        probability[PUBLISHED] - probability[MOST],
    )
    for one, effect in zip(evidence, effects, strict=True):
        assert one.effect == pytest.approx(float(effect.mean()))
    assert evidence[0].holds
    assert evidence[1].holds
    # of two classes one is shown whatever is asked, so a bootstrap of two can't exclude 0
    assert [round(one.effect, 2) for one in evidence[2:]] == [0.25, 0.5]


def test_the_terms_are_those_of_the_chains(as_released: Outcome) -> None:
    [terms] = [table for table in as_released.tables if table.name == "terms"]
    assert terms.columns[1:4] == ["prior", "condition", "noise"]
    assert [row[0] for row in terms.rows] == [PUBLISHED, MORE, MOST, NONE, NOISE, REAL]
    assert terms.rows[0][1:4] == ["0.100", "2", "1.00e-17"]
    assert terms.rows[-1][1:4] == [None] * 3


def test_scores_against_the_metrics_themselves() -> None:
    images = Colours(seed=1)
    judge = Judge(judge_network(), images, clusters=2)
    variant = PlantedVariant("planted", "planted", judge.network, None, SimpleNamespace())  # type: ignore[arg-type]
    stream = torch.Generator().manual_seed(0)
    natural = {name: natural_images(judge, variant, name, 15, stream) for name in ("warm", "cold")}
    assert {len(own.features) for own in natural.values()} == {len(own.codes) for own in natural.values()} == {15}
    pictures = Colours(seed=2).images([0, 2, 1])  # red, blue, yellow
    found = scores(judge, ["warm", "cold", "cold"], natural, pictures, variant)
    assert found[NAMED].tolist() == [1, 1, 0]
    seen = judge.see(pictures)
    for row, name in ((0, "warm"), (2, "cold")):
        own = Features(seen.features.values[[row]], seen.features.space)
        assert found[FAR][row] == pytest.approx(float(plausibility(own, natural[name].features)))
        codes = Features(variant.encode(pictures)[[row]], "codes")
        assert found[CODE][row] == pytest.approx(float(plausibility(codes, natural[name].codes)))
        assert found[DETAIL][row] == pytest.approx(float(detail(pictures)[row]) / natural[name].detail)


def test_detail_of_stripes() -> None:
    stripes = torch.zeros(2, 3, 8, 8)
    stripes[0, :, ::2] = 1  # every step down is 1, every step across 0
    assert detail(stripes).tolist() == [0.5, 0]


def test_real_samplers_start_alike_and_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, epsilons)
    small = {"epsilon1": [0.001, 0.1], "epsilon2": [0, 0.5], "epsilon3": []}
    # the planted sampler has no prior, so what would be its epsilon is left out
    monkeypatch.setattr(Settings, "__post_init__", _without_epsilon1(Settings.__post_init__))
    outcome = experiment(**small).run(context(tmp_path))
    values = values_of(outcome)
    # normalized steps along one term alone don't depend on its epsilon
    assert values[f"{MOVED}/epsilon 2 = 0.5"].max() < 1e-4
    assert values[f"{MOVED}/{NONE}"].min() > 0.01
    assert values[f"{OWN}/{PUBLISHED}"].min() > 0.9
    kept = {path.name.rpartition("-")[0] for path in tmp_path.iterdir()}
    assert kept == {"published", "epsilon1_0.001", "epsilon1_0.1", "epsilon2_0", "epsilon2_0.5"}
    again = experiment(**small).run(context(tmp_path))
    assert [m.values for m in again.measurements] == [m.values for m in outcome.measurements]


def _without_epsilon1(check: Any) -> Any:
    def checked(settings: Settings) -> None:
        object.__setattr__(settings, "epsilon1", 0.0)
        check(settings)

    return checked


def test_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"network": "vgg", "files": {}}
    assert "those of the project are for 'vgg'" in str(experiment(ppgn=other).missing(context(tmp_path)))
    plant(monkeypatch, epsilons)
    assert experiment().missing(context(tmp_path)) is None
    assert "needs two classes" in str(experiment(classes=1).missing(context(tmp_path)))
    with pytest.raises(ValueError, match="there is no variant 'ppgn_y'"):
        experiment(variant="ppgn_y")
    for wrong in ({"epsilon1": [0.1]}, {"epsilon2": [1]}):
        with pytest.raises(ValueError, match=r"epsilon 1 = 0.001 and 0.1, and compare with epsilon 2 = 0"):
            experiment(**wrong)
    for wrong in ({"sets": 1}, {"natural": 5}, {"parts": 0}):
        with pytest.raises(ValueError, match="2 sets or more, to compare samples of a class"):
            experiment(**wrong)
