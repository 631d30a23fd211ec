"""Samples of hidden units beside MFV's pictures: scores with known answers, and the experiment on plain colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hidden_toys
import pytest
import torch
from omegaconf import OmegaConf

from metrics.comparison import compare_methods
from metrics.statistics import cluster_bootstrap
from replications.networks.unit import Unit, unit_activations
from replications.paths import project_root
from replications.ppgn.conditions import LogSoftmax, Reads
from replications.ppgn.hidden_units import LIKED, MFV, PPGN, STARTS, HiddenUnits, unit_at_centre
from replications.ppgn.unit_pictures import Task, _even_parts, ppgn_pictures
from replications.ppgn.unit_scores import MEASURES, liked_facets, score
from replications.ppgn.variants import BEST, Variants

METHOD: Any = OmegaConf.to_container(OmegaConf.load(project_root() / "conf/method/nguyen2016_mean.yaml"))
SURE = 0.97


def seen(*choices: int | None) -> torch.Tensor:
    """(n, 4) probabilities: sure of one column, or of none."""
    rows = [[0.25] * 4 if i is None else [SURE if j == i else 0.01 for j in range(4)] for i in choices]
    return torch.tensor(rows)


# -------------------------------------------------------------------------------------------------------- the scores


def test_the_facets_a_unit_likes_are_those_that_are_common_among_its_images() -> None:
    labels = torch.tensor([2] * 5 + [0] * 3 + [3] * 1 + [1] * 1)
    assert liked_facets(labels, hidden_toys.FACETS, 0.2) == {"b/blue": 0.5, "a/red": 0.3}
    assert list(liked_facets(labels, hidden_toys.FACETS, 0.1)) == ["b/blue", "a/red", "a/green", "b/yellow"]


def test_pictures_that_do_not_drive_the_unit_show_nothing_and_stay_in_the_count() -> None:
    natural = torch.arange(1.0, 101)  # the 0.95 quantile is 95.05
    probabilities = seen(0, 1, 2, None)
    driven = score(probabilities, [0, 1], torch.tensor([200.0, 99.0, 99.0, 99.0]), natural)
    assert driven.values["recall"] == driven.values["recall of all"] == 1.0
    assert driven.values["purity"] == pytest.approx(2 * (SURE - 0.01) / 4)
    assert driven.values["driving"] == 1.0
    assert driven.values["activation"] == pytest.approx((200 + 3 * 99) / 4 / 95.05)
    assert driven.shows.tolist() == [0, 1, -1, -1]
    half = score(probabilities, [0, 1], torch.tensor([200.0, 50.0, 99.0, 99.0]), natural)
    assert half.values["recall"] == 0.5
    assert half.values["recall of all"] == 1.0
    assert half.values["purity"] == pytest.approx((SURE - 0.01) / 4)
    assert half.values["purity of all"] == driven.values["purity of all"]
    assert half.driving.tolist() == [True, False, True, True]


def test_copies_of_one_facet_find_no_more_than_that_one() -> None:
    natural = torch.arange(1.0, 101)
    copies = score(seen(0, 0, 0, 0), [0, 1], torch.full((4,), 100.0), natural)
    assert copies.values["recall"] == 0.5
    assert copies.values["purity"] == pytest.approx(SURE - 0.01)


def test_a_unit_that_hardly_fires_has_no_level_to_ask_for() -> None:
    natural = torch.cat([torch.zeros(96), torch.ones(4)])
    with pytest.raises(ValueError, match="fires for more"):
        score(seen(0, 1), [0, 1], torch.ones(2), natural)


# ------------------------------------------------------------------------------------------------------ the pictures


def test_samples_are_the_last_codes_before_a_chain_starts_anew(tmp_path: Path) -> None:
    context = hidden_toys.context(tmp_path)
    described = hidden_toys.configured(tmp_path)
    variant = Variants.of(described, context).get(BEST, task="hidden", reset_every=4, keep_every=2)
    unit = unit_at_centre(context.network, 5, 1)
    assert unit == Unit("relu5", 1, (8, 8))
    made = ppgn_pictures(context, variant, [Task(unit, 0), Task(unit, 1)], 3)
    assert made.images.shape == (2, 3, 3, hidden_toys.SIZE, hidden_toys.SIZE)
    # the first sample is the end of a chain of four steps that never starts anew
    alone = Variants.of(described, context).get(BEST, steps=4, keep_every=2)
    asked = Reads(context.network, LogSoftmax(Unit("conv5", 1, (8, 8)), "own_logit"))
    chains = alone.sampler.run([asked] * 2, seed=0)
    assert torch.allclose(made.images[:, 0], alone.made(chains.codes), atol=1e-6)
    assert torch.allclose(made.probabilities[:, 0], chains.values[-1].exp(), atol=1e-6)
    # the probability is that among the maps at the centre, before rectification
    outputs = context.network.forward_to("conv5", made.images.flatten(0, 1))[:, :, 8, 8].softmax(1)[:, 1]
    assert torch.allclose(made.probabilities.flatten(), outputs, atol=1e-4)


def test_parts_are_even() -> None:
    assert [_even_parts(n) for n in (1, 2, 36, 50, 51)] == [1, 1, 18, 25, 13]


def test_chains_that_never_start_anew_give_no_samples(tmp_path: Path) -> None:
    context = hidden_toys.context(tmp_path)
    variant = Variants.of(hidden_toys.configured(tmp_path), context).get(BEST)
    with pytest.raises(ValueError, match="starts anew every 0 steps"):
        ppgn_pictures(context, variant, [Task(Unit("relu6", 0), 0)], 2)


# ---------------------------------------------------------------------------------------------------- the experiment


def experiment(folder: Path, **changes: Any) -> HiddenUnits:
    settings: dict[str, Any] = {
        "ppgn": hidden_toys.configured(folder),
        "changes": {"reset_every": 5},
        "units": {5: 2, 6: 2},
        "images": 100,
        "liked": 5,
        "least_share": 0.1,
        "sets": 2,
        "pictures": 2,
        "clustered": 6,
        "clustering": {"components": 5, "embedding": "none", "perplexity": 2, "clusters": 10},
        "nearest": 2,
        "method": METHOD,
        "share": 0.01,
    }
    return HiddenUnits(**(settings | changes))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("units")
    return experiment(folder, liked=5).run(hidden_toys.context(folder))


def test_every_kind_of_pictures_has_every_score(outcome: Any) -> None:
    kinds = (PPGN, MFV, STARTS, LIKED)
    names = {m.name: m.values for m in outcome.measurements}
    assert set(names) == {f"{measure}/{kind}" for measure in MEASURES for kind in kinds} | {"kept/PPGN"}
    assert {len(values) for values in names.values()} == {8}  # four units, two sets
    assert names[f"driving/{LIKED}"] == (1.0,) * 8  # what a unit likes drives it
    assert {p.name for p in outcome.pictures} == {"units", "scores"}
    assert {t.name for t in outcome.tables} == {"kinds", "units"}


def test_the_evidence_is_the_difference_by_units_of_recall_and_of_purity(outcome: Any) -> None:
    values = {m.name: torch.tensor(m.values) for m in outcome.measurements}
    for evidence, measure in zip(outcome.evidence, ("recall", "purity"), strict=True):
        apart = (values[f"{measure}/{PPGN}"] - values[f"{measure}/{MFV}"]).tolist()
        expected = cluster_bootstrap(apart, [0, 0, 1, 1, 2, 2, 3, 3])
        assert (evidence.effect, evidence.low, evidence.high) == pytest.approx(tuple(expected))
        assert (evidence.claim, evidence.n, evidence.over, evidence.seeds) == ("PPGN-C-beats-mfv", 4, "unit", 2)
        assert evidence.expected == (0.0, float("inf"))
    a, b = (values[f"recall/{kind}"].reshape(4, 2).mean(1).numpy() for kind in (PPGN, MFV))
    p = compare_methods(a, b).p_value
    assert outcome.tables[0].rows[-1][1].endswith(f"p = {p:.2g}")


def test_units_like_the_facets_that_their_weights_answer_to(tmp_path: Path) -> None:
    given = hidden_toys.context(tmp_path)
    found = experiment(tmp_path, liked=50)._chosen(given, type("Notes", (), {"notes": []})())
    assert [one.number for one in found] == [5, 5, 6, 6]
    for one in found:
        weights = ("a/red", "a/green", "b/blue", "b/yellow")
        validation = given.data.validation
        drive = unit_activations(given.network, one.unit.layer, validation.images(range(4)), [one.unit.channel], "max")
        assert set(one.facets) == {weights[i] for i in (drive[:, 0] > 0.3).nonzero().flatten().tolist()}


def test_what_it_needs(tmp_path: Path) -> None:
    given = hidden_toys.context(tmp_path)
    assert experiment(tmp_path).missing(given) is None
    assert "layers [4]" in str(experiment(tmp_path, units={4: 2, 5: 1}).missing(given))
    assert "needs 1000 validation images" in str(experiment(tmp_path, liked=50).missing(given))
    given.evaluator = given.network
    assert "no a/green" in str(experiment(tmp_path).missing(given))
    given.data.validation.provides = frozenset()
    assert "facets are known" in str(experiment(tmp_path).missing(given))
    given.network.name = "another"
    assert "needs a generator for codes of 'another'" in str(experiment(tmp_path).missing(given))
    with pytest.raises(ValueError, match="2 pictures and 2 units"):
        experiment(tmp_path, pictures=1)
    with pytest.raises(ValueError, match="share"):
        experiment(tmp_path, share=0)
