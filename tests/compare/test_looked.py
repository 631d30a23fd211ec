"""That looking at pictures is the same whatever else is looked at, and asks nothing twice."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from facet_world import CLASSES, SIZE, Clouds, drawn, eyes, facet_judge, seeing_network

from metrics.activation import activation_quantiles
from metrics.manifold import density_coverage, expected_coverage, precision_recall
from metrics.spectrum import spectrum_distance
from metrics.transferability import NotHeldOut
from replications.compare.looked import Eyes, Looked
from replications.compare.measures.driving import Activation, Quantile
from replications.compare.measures.looks import Spectrum
from replications.compare.measures.realism import Coverage, Precision
from replications.compare.measures.recognition import Transferred
from replications.multifaceted.judge import Judge
from replications.networks.network import Network


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path))


def first(looking: Eyes, number: int = 0) -> Looked:
    return next(looking.look({number: drawn(number)}))[2]


def test_a_set_is_seen_the_same_whatever_stands_beside_it() -> None:
    alone = {s.title: one for _, s, one in eyes().look({3: drawn(3)})}
    among = {s.title: one for n, s, one in eyes().look({n: drawn(n) for n in (5, 3, 1)}) if n == 3}
    for title, one in alone.items():
        other = among[title]
        assert torch.equal(one.activations, other.activations)
        assert torch.equal(one.seen.features.values, other.seen.features.values)
        assert torch.equal(one.distances.values, other.distances.values)
        assert one.right(None) == other.right(None)


def test_it_comes_set_by_set_and_subject_by_subject() -> None:
    looking = eyes()
    found = [(number, subject.title) for number, subject, _ in looking.look({4: drawn(4), 2: drawn(2)})]
    assert found == [(4, "a"), (4, "b"), (4, "red"), (2, "a"), (2, "b"), (2, "red")]


def test_natural_images_are_looked_at_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    see = Judge.see

    def counted(self: Judge, images: torch.Tensor) -> Any:
        seen.append(len(images))
        return see(self, images)

    monkeypatch.setattr(Judge, "see", counted)
    kept = first(eyes()).natural
    assert sum(seen) == 240
    seen.clear()
    again = first(eyes())
    assert not seen
    for field in dataclasses.fields(kept):
        before, now = getattr(kept, field.name), getattr(again.natural, field.name)
        if isinstance(before, torch.Tensor):
            assert torch.equal(before, now)
    assert torch.equal(kept.features.values, again.natural.features.values)
    assert again.natural.features.space == again.seen.features.space
    assert kept.clusters is not None
    assert again.natural.clusters is not None
    assert torch.equal(kept.clusters.radii, again.natural.clusters.radii)
    seen.clear()  # those of another judge are others
    _ = first(eyes(judge=facet_judge(CLASSES, "another"), known=False)).natural
    assert sum(seen) == 240


def test_a_unit_is_compared_with_what_it_likes() -> None:
    looking = eyes()
    pictures = {subject.title: one for _, subject, one in looking.look({0: drawn(0)})}
    pool = looking.naturally.pool.values
    for subject in looking.subjects:
        own = pictures[subject.title].natural.features.values
        liked = pool[subject.liked]
        assert len(own) == min(100, len(subject.liked))
        assert bool((own[:, None] == liked).all(2).any(1).all())


def test_a_hidden_unit_is_asked_where_it_fires_most() -> None:
    corner = torch.zeros(3, 4, 3, SIZE, SIZE)
    corner[:, :, 0, 0, 0] = 0.75
    _, subject, looked = list(eyes().look({0: corner}))[2]
    assert subject.kind == "hidden"
    assert looked.activations.tolist() == [0.75] * 4
    expected = activation_quantiles(torch.full((4, 1), 0.75), subject.natural[:, None]).mean()
    assert Quantile().checked(looked) == float(expected)


def test_activation_is_one_at_the_matched_level_and_zero_at_the_median() -> None:
    looked = first(eyes())
    natural = looked.subject.natural.double()
    for quantile, expected in ((0.5, 0.0), (0.95, 1.0)):
        at = dataclasses.replace(looked)
        at.__dict__["activations"] = torch.quantile(natural, quantile).repeat(4)
        assert Activation().checked(at) == pytest.approx(expected, abs=1e-6)


def test_manifold_and_spectrum_are_those_of_metrics() -> None:
    looked = first(eyes())
    pictures, natural = looked.seen.features, looked.natural.features
    assert Precision().checked(looked) == pytest.approx(precision_recall(pictures, natural, k=3).quality.value)
    expected = density_coverage(pictures, natural, k=5).reach.value / expected_coverage(4, len(natural), 5)
    assert Coverage().checked(looked) == pytest.approx(expected)
    likes = looked.eyes.judge.images.images(looked.subject.liked)  # more than a hundred, so not all are drawn
    every = float(spectrum_distance(looked.images, likes).mean())
    assert Spectrum().checked(looked) == pytest.approx(every, abs=0.05)


def test_transfer_is_the_mean_over_judge_and_others_that_know_the_class() -> None:
    def fixed(name: str) -> Network:
        return facet_judge(CLASSES, name)

    stranger = facet_judge(("x", "y"), "stranger")
    looked = first(eyes(others={"other": fixed("other"), "stranger": stranger}))
    judged = looked.probabilities[:, :2].double().sum(1)
    other = fixed("other").probabilities(looked.images)[:, 0].double()
    assert Transferred().checked(looked) == pytest.approx(float(((judged + other) / 2).mean()))
    with pytest.raises(NotHeldOut, match="seeing"):
        Transferred().checked(first(eyes(others={"seeing": seeing_network()})))


def test_the_trials_of_a_set_are_the_same_for_every_method(monkeypatch: pytest.MonkeyPatch) -> None:
    from replications.compare import looked as module

    drawn_trials: list[Any] = []
    draw = module.draw_trials

    def noted(*given: Any, **settings: Any) -> Any:
        drawn_trials.append(draw(*given, **settings))
        return drawn_trials[-1]

    one, other = first(eyes()), next(eyes().look({0: drawn(9)}))[2]
    monkeypatch.setattr(module, "draw_trials", noted)
    assert one.right(None) == 1.0
    other.right(None)
    second = first(eyes(), 1)
    drawn_trials_of_sets = drawn_trials[:2]
    second.right(None)
    a, b = drawn_trials_of_sets
    assert torch.equal(a.maximal, b.maximal)
    assert torch.equal(a.minimal, b.minimal)
    assert not torch.equal(a.maximal, drawn_trials[-1].maximal)
    natural = one.subject.natural
    assert bool((natural[a.maximal] > natural[a.minimal]).all())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (drawn(0)[:2], "expected pictures \\(3, n, 3, 24, 24\\)"),
        (drawn(0)[..., :12], "expected pictures \\(3, n, 3, 24, 24\\)"),
        (drawn(0) + 0.5, "expected pictures in \\[0, 1\\], found others in set 7"),
        (drawn(0) * float("nan"), "expected pictures in \\[0, 1\\]"),
    ],
)
def test_what_is_not_pictures_is_refused(images: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        next(eyes().look({7: images}))


def test_the_world_is_as_the_tests_take_it() -> None:
    images = Clouds(40)
    judge, network = facet_judge(), seeing_network()
    assert torch.equal(judge.probabilities(images.pixels).argmax(1), images.facet_labels)
    assert torch.equal(network.logits(images.pixels).argmax(1), images.labels)
