"""What a method may look at: images drawn for its set, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from cell_toys import RULES, context, own_cache  # noqa: F401 - a fixture

from replications.compare import material as of_a_set
from replications.compare.material import Material
from replications.compare.protocol import Protocol
from replications.compare.subjects import Subject, choose
from replications.networks.unit import unit_activations

pytestmark = pytest.mark.usefixtures("own_cache")
TRAIN, DRAWN = 160, 60


@pytest.fixture
def given() -> Any:
    return context()


def material(given: Any, tmp_path: Path, number: int = 0, **changes: Any) -> Material:
    rules = Protocol(**{**RULES, **changes})
    return Material(given, rules, choose(given, rules).subjects, number, tmp_path / "parts")


def slowly(given: Any, own: Material, subject: Subject) -> torch.Tensor:
    images = given.data.train.images(own.indices)
    return unit_activations(given.network, subject.unit.layer, images, [subject.unit.channel], "max")[:, 0]


def test_every_set_has_images_of_its_own(given: Any, tmp_path: Path) -> None:
    sets = [material(given, tmp_path, number) for number in (0, 1)]
    for own in sets:
        assert len(own.indices.unique()) == DRAWN
        assert torch.equal(own.indices, own.indices.sort().values)
    assert not torch.equal(sets[0].indices, sets[1].indices)
    assert torch.equal(sets[0].indices, material(given, tmp_path).indices)
    assert not torch.equal(sets[0].indices, material(context(seed=1), tmp_path).indices)
    assert len(material(given, tmp_path, training_images=1000).indices) == TRAIN


def test_what_excites_a_unit_most_among_all_images_of_the_set(given: Any, tmp_path: Path) -> None:
    own = material(given, tmp_path)
    for subject in own.subjects:
        activations = slowly(given, own, subject)
        torch.testing.assert_close(own.activations(subject), activations, rtol=1e-5, atol=1e-5)
        best = own.indices[activations.argsort(descending=True, stable=True)]
        assert torch.equal(own.exciting(subject, 5), best[:5])
    hidden = own.subjects[-1]
    silent = int((own.activations(hidden) == 0).sum())
    assert silent > 0
    assert len(own.exciting(hidden, DRAWN)) == DRAWN - silent


def test_places_are_where_that_is(given: Any, tmp_path: Path) -> None:
    own = material(given, tmp_path)
    hidden = own.subjects[-1]
    maps = given.network.forward_to(hidden.unit.layer, given.data.train.images(own.indices))[:, hidden.unit.channel]
    rows, columns = own.places(hidden).unbind(1)
    torch.testing.assert_close(maps[torch.arange(DRAWN), rows, columns], own.activations(hidden))
    assert not own.places(own.subjects[0]).any()  # a logit has no position


def test_images_of_a_class_are_drawn_and_those_of_a_hidden_unit_ranked(given: Any, tmp_path: Path) -> None:
    own = material(given, tmp_path)
    labels = given.data.train.labels
    for label, subject in enumerate(own.subjects[:2]):
        of_class = own.indices[labels[own.indices] == label]
        assert torch.equal(own.of_class_or_liked(subject, 1000), of_class)
        some = own.of_class_or_liked(subject, 5)
        assert len(some) == 5
        assert torch.isin(some, of_class).all()
        assert not torch.equal(some, of_class[:5])
        assert torch.equal(some, own.of_class_or_liked(subject, 5))
    hidden = own.subjects[-1]
    assert torch.equal(own.of_class_or_liked(hidden, 7), own.exciting(hidden, 7))


def test_other_images_are_refused(given: Any, tmp_path: Path) -> None:
    own = material(given, tmp_path)
    chosen = own.indices[[3, 1]]
    torch.testing.assert_close(own.pictures_of(chosen), given.data.train.images(chosen))
    outside = torch.tensor([i for i in range(TRAIN) if i not in set(own.indices.tolist())][:1])
    with pytest.raises(ValueError, match="only at the training images that were drawn for its set"):
        own.pictures_of(torch.cat([chosen, outside]))


def test_random_numbers_depend_on_seed_set_and_name(given: Any, tmp_path: Path) -> None:
    def draw(own: Material, *name: str | int) -> list[float]:
        return torch.rand(3, generator=own.generator(*name)).tolist()

    first, second = material(given, tmp_path), material(given, tmp_path, 1)
    assert draw(first, "x", 1) == draw(material(given, tmp_path, hidden={}), "x", 1)
    assert len({tuple(draw(*one)) for one in [(first, "x"), (first, "y"), (second, "x"), (first, "x", 1)]}) == 4
    assert (first.restarts(), second.restarts()) == ([0, 1, 2], [3, 4, 5])


def test_the_network_is_asked_once_for_all_methods(given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = material(given, tmp_path)
    before = first.activations(first.subjects[-1])

    def never(*_: Any) -> Any:
        raise AssertionError("looked again")

    monkeypatch.setattr(of_a_set, "responses", never)
    second = material(given, tmp_path)
    assert torch.equal(second.activations(second.subjects[-1]), before)
    other = material(given, tmp_path, 1)
    with pytest.raises(AssertionError, match="looked again"):
        other.activations(other.subjects[0])
