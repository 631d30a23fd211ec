"""Chains whose mixing is known: planted ones, and what their scores must be."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from planted_colours import CLASSES, COLOURS, SIZE, Colours, context, judge_network, plant
from torch import Tensor

from replications.data.image_set import DataSource
from replications.multifaceted.judge import Judge
from replications.ppgn import mixing
from replications.ppgn.chains import Chains
from replications.ppgn.mixing import DGN, HALF, JOINT, NOISELESS, REAL, SLOWER, H, Mixing, X
from replications.ppgn.mixing_drawing import _waited
from replications.ppgn.mixing_scores import (
    ALL,
    SHOWN,
    VARIETY,
    WAIT,
    Walk,
    scores,
    steps_to,
    steps_to_another,
    variety,
    walks,
)
from replications.ppgn.sampler import named
from replications.ppgn.variants import TITLES
from replications.suite.interface import Outcome

STEPS, EVERY, BURN_IN = 60, 5, 20
OF_CLASS = {"warm": ("warm/red", "warm/yellow"), "cold": ("cold/blue", "cold/cyan")}


def test_variety_is_that_of_natural_images() -> None:
    random = torch.Generator().manual_seed(0)
    natural = torch.randn(4000, 3, generator=random) * torch.tensor([1.0, 2.0, 0.5]) + 5
    assert variety(natural[:1000], natural) == pytest.approx(1, abs=0.1)
    assert variety(natural[:1000] * 0.5, natural) == pytest.approx(0.25, abs=0.03)
    assert variety(natural[:1].repeat(9, 1), natural) == 0
    assert variety(natural[:1], natural) == variety(natural[:0], natural) == 0
    with pytest.raises(ValueError, match="all alike"):
        variety(natural, natural[:1].repeat(9, 1))


def test_steps_to_another_count_from_the_first_sample() -> None:
    steps = [20, 25, 30, 35, 40]
    assert steps_to_another([1, 1, 2, 1, 2], steps) == 10
    assert steps_to_another([-1, 1, -1, -1, 0], steps) == 20
    assert steps_to_another([1, -1, 1, 1, 1], steps) == 20  # all that was looked at
    assert steps_to_another([-1] * 5, steps) == 20
    assert steps_to([False, False, True, False, True], steps) == 30
    assert steps_to([False] * 5, steps) == 40


def test_the_share_that_has_waited_takes_no_last_change_for_none() -> None:
    features, shows = torch.zeros(3, 2), torch.ones(3, dtype=torch.bool)
    changes = [[0, 1, 1], [0, 0, 1], [0, 0, 0], [-1, 1, 0]]
    own = [Walk(features, shows, torch.tensor(facets)) for facets in changes]
    assert _waited(own, every=5).tolist() == [0, 0.25, 0.75]


def test_samples_that_show_something_else_count_for_nothing() -> None:
    images = Colours()
    judge = Judge(judge_network(), images, clusters=2)
    natural = judge.natural("warm")[1].features.values
    blue, grey = painted("cold/blue"), torch.tensor([0.45, 0.5, 0.55])[:, None, None].expand(3, SIZE, SIZE)
    chain = torch.stack([painted("warm/red"), blue, painted("warm/red"), grey, blue, painted("warm/red")])[:, None]
    [walk] = walks(judge, ["warm"], chain)
    assert walk.shows.tolist() == [True, False, True, False, False, True]
    assert walk.facets.tolist() == [0, -1, 0, -1, -1, 0]
    found = scores(walk, natural, EVERY)
    assert (found[VARIETY], found[SHOWN], found[WAIT]) == (pytest.approx(0, abs=1e-9), 0.5, 25)
    assert found[ALL] > 1  # that drifting off is no mixing is what the other one is for
    [other] = walks(judge, ["cold"], chain)
    assert scores(other, natural, EVERY)[SHOWN] == 3 / 6
    with pytest.raises(ValueError, match="doesn't tell the facets of lukewarm"):
        walks(judge, ["lukewarm"], chain)


def painted(facet: str) -> Tensor:
    """The mean of the facet's natural images."""
    return (0.8 * torch.tensor(COLOURS[facet]) + 0.1)[:, None, None].expand(3, SIZE, SIZE).clone()


def stuck(own: tuple[str, ...], stream: torch.Generator, step: int) -> str:
    return own[0]


def anywhere(own: tuple[str, ...], stream: torch.Generator, step: int) -> str:
    return own[int(torch.randint(2, (), generator=stream))]


def once(own: tuple[str, ...], stream: torch.Generator, step: int) -> str:
    """Changes its facet once, late."""
    return own[step >= 50]


def elsewhere(own: tuple[str, ...], stream: torch.Generator, step: int) -> str:
    """Moves a lot, among another class's images."""
    other = OF_CLASS["cold" if own == OF_CLASS["warm"] else "warm"]
    return anywhere(other, stream, step)


Rule = Callable[[tuple[str, ...], torch.Generator, int], str]
PAPER: dict[str, Rule] = {
    "ppgn_x": stuck,
    "dgn_am": elsewhere,
    "ppgn_h": anywhere,
    "joint_ppgn_h": anywhere,
    "noiseless_joint_ppgn_h": once,
}


def planted(rules: dict[str, Rule]) -> Any:
    """In the place of `sample`: chains that show what a variant's rule says; codes are images."""

    def sample(sampler: Any, wanted: Any, **options: Any) -> Chains:
        rule, length = rules[sampler.name], sampler.steps
        plans = [one if isinstance(one, list) else [one] for one in wanted]
        kept = []
        for number, plan in enumerate(plans):
            stream = torch.Generator().manual_seed(number)
            own = [OF_CLASS[CLASSES[condition.objective.unit.channel]] for condition in plan]
            steps = range(0, len(plan) * length + 1, EVERY)
            # a sample shows what was asked for in the step before it
            facets = [rule(own[max(0, step - 1) // length], stream, step) for step in steps]
            kept.append(torch.stack([painted(facet) for facet in facets]))
        codes = torch.stack(kept, 1)
        names = tuple(named(one) for one in wanted)
        nothing = torch.zeros(0)
        return Chains(names, (), codes[-1], tuple(range(0, len(codes) * EVERY, EVERY)), codes, nothing, nothing, {})

    return sample


def experiment(**changes: Any) -> Mixing:
    settings: dict[str, Any] = {
        "ppgn": {},
        "changes": {},
        "classes": None,
        "sets": 3,
        "every": EVERY,
        "steps": STEPS,
        "burn_in": BURN_IN,
        "passing_classes": 2,
        "passing_steps": 20,
        "shown": 1,
        "parts": 1,
    }
    return Mixing(**{**settings, **changes})


@pytest.fixture(scope="module")
def as_in_the_paper(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    def get(name: str, task: str | None = None, **changes: Any) -> Any:
        settings = SimpleNamespace(rate=0.125)
        if name == "dgn_am":
            assert changes["rate"] == 0.125  # as Joint PPGN-h's
        else:
            assert "rate" not in changes
        sampler = SimpleNamespace(name=name, steps=changes.get("steps"), settings=settings)
        return SimpleNamespace(title=TITLES[name], sampler=sampler, made=lambda codes: codes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixing, "Variants", SimpleNamespace(of=lambda *_: SimpleNamespace(get=get)))
        patch.setattr(mixing, "sample", planted(PAPER))
        return experiment().run(context(tmp_path_factory.mktemp("planted")))


def values_of(outcome: Outcome) -> dict[str, Tensor]:
    return {m.name: torch.tensor(m.values, dtype=torch.float64) for m in outcome.measurements}


def test_planted_chains_get_the_scores_that_they_deserve(as_in_the_paper: Outcome) -> None:
    values = values_of(as_in_the_paper)
    assert values[f"variety/{X}"].tolist() == pytest.approx([0] * 6, abs=1e-9)
    assert values[f"variety/{DGN}"].tolist() == [0] * 6
    assert values[f"variety of all samples/{DGN}"].min() > 0.5
    assert values[f"class shown/{DGN}"].max() == 0
    for title in (X, H, JOINT, NOISELESS, REAL):
        assert values[f"class shown/{title}"].min() == 1
    for title in (H, JOINT, REAL):
        assert values[f"variety/{title}"].mean() == pytest.approx(1, abs=0.25)
    # in squared distances of the facets: 3 of 9 samples show the second one, and 12 of 24 natural images
    own, natural = 9 / 8 * (3 / 9) * (6 / 9), 24 / 23 * (12 / 24) * (12 / 24)
    assert values[f"variety/{NOISELESS}"].tolist() == pytest.approx([own / natural] * 6, rel=0.02)
    wait = STEPS - BURN_IN
    assert set(values[f"{WAIT}/{X}"].tolist()) == set(values[f"{WAIT}/{DGN}"].tolist()) == {wait}
    assert values[f"{WAIT}/{NOISELESS}"].tolist() == [50 - BURN_IN] * 6
    assert values[f"{WAIT}/{JOINT}"].mean() < 25
    times = {title: values[f"autocorrelation time/{title}"].mean() for title in TITLES.values()}
    assert times[JOINT] < 2 * EVERY
    assert times[NOISELESS] > 2 * EVERY
    assert times[X] == pytest.approx(EVERY * (2 * 9 - 1))


def test_the_evidence_is_what_it_says(as_in_the_paper: Outcome) -> None:
    values, evidence = values_of(as_in_the_paper), as_in_the_paper.evidence
    assert [one.claim for one in evidence] == [*SLOWER, list(SLOWER)[-1]]
    for one, (slower, faster) in zip(evidence, [*SLOWER.values()], strict=False):
        difference = values[f"variety/{faster}"] - values[f"variety/{slower}"]
        assert one.effect == pytest.approx(float(difference.mean()))
        assert (one.n, one.over, one.seeds, one.expected[0]) == (2, "class", 3, 0)
    slow, dgn, faster, _, slightly = evidence
    assert slow.holds
    assert dgn.holds
    assert faster.holds
    left = values[f"variety/{NOISELESS}"] - HALF * values[f"variety/{JOINT}"]
    assert slightly.effect == pytest.approx(float(left.mean()))


def test_passing_chains_arrive_when_they_show_the_new_class(as_in_the_paper: Outcome) -> None:
    values = values_of(as_in_the_paper)
    for title in (X, H, JOINT):
        assert values[f"steps to the new class/{title}"].tolist() == [EVERY] * 3
    assert values[f"steps to the new class/{DGN}"].tolist() == [20] * 3


def test_what_is_shown(as_in_the_paper: Outcome) -> None:
    assert {p.name for p in as_in_the_paper.pictures} == {"scores", "staying", "passing", "curves"}
    [passing] = [p for p in as_in_the_paper.pictures if p.name == "passing"]
    assert passing.animation is not None
    with Image.open(io.BytesIO(passing.animation)) as moving:
        assert moving.size == (5 * (SIZE + 6) - 6, SIZE)  # variants beside each other
    assert {t.name for t in as_in_the_paper.tables} == {"staying", "memory", "differences", "passing"}


def test_real_samplers_and_the_same_again_from_kept_chains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, mixing)
    small = {"steps": 20, "burn_in": 5, "passing_steps": 10}
    first = experiment(**small).run(context(tmp_path))
    assert len(list(tmp_path.glob("joint_ppgn_h-*.safetensors"))) == 2
    again = experiment(**small).run(context(tmp_path))
    assert [m.values for m in again.measurements] == [m.values for m in first.measurements]
    values = values_of(first)
    assert values[f"class shown/{JOINT}"].min() > 0.5
    assert set(values[f"steps to the new class/{JOINT}"].tolist()) <= {5.0, 10.0}
    assert torch.equal(values[f"variety/{H}"], values[f"variety/{JOINT}"])  # both sample alike here


def test_every_set_passes_through_every_class_in_an_order_of_its_own(tmp_path: Path) -> None:
    names = [f"class {i}" for i in range(6)]
    routes = experiment(passing_classes=3)._routes(context(tmp_path), names)
    assert len(routes) == 2 * 3
    assert all(sorted(routes[i] + routes[i + 1]) == names for i in (0, 2, 4))
    assert routes[:2] != routes[2:4] != routes[4:]


def test_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = context(tmp_path)
    other = {"network": "vgg", "files": {}}
    assert "those of the project are for 'vgg'" in str(experiment(ppgn=other).missing(given))
    plant(monkeypatch, mixing)
    assert experiment().missing(given) is None
    assert "needs 3 classes to pass through, and there are 2" in str(experiment(passing_classes=3).missing(given))
    images = Colours()
    images.classes = ("warm", "cold", "lukewarm")
    given.network.classes = images.classes
    given.data = DataSource("colours", images, images)
    assert "colour judge doesn't tell those of lukewarm" in str(experiment().missing(given))
    for wrong in ({"every": 0}, {"burn_in": 7}, {"burn_in": 50}):
        with pytest.raises(ValueError, match="four or more of them"):
            experiment(**wrong)
    with pytest.raises(ValueError, match="2 classes to pass through"):
        experiment(passing_classes=1)
