"""Which units a comparison is on: by the rule alone, the same for all methods, found once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cell_toys import RULES, TWO_FACETS, context, network, own_cache  # noqa: F401 - a fixture
from facet_world import FACETS, SIZE, Clouds, facet_judge

from replications.compare import subjects
from replications.compare.protocol import Protocol
from replications.compare.subjects import choose
from replications.data.image_set import DataSource
from replications.networks.unit import Unit, unit_activations
from replications.paths import cache_root

pytestmark = pytest.mark.usefixtures("own_cache")


def rules(**changes: Any) -> Protocol:
    return Protocol(**{**RULES, **changes})


def test_what_drives_units_is_their_own_activation_on_the_images_looked_at() -> None:
    given = context()
    chosen = choose(given, rules())
    assert len(chosen.validation) == 240
    assert not torch.equal(chosen.validation.indices, torch.arange(240))
    images = chosen.validation.images(range(240))
    assert torch.equal(images, given.data.validation.pixels[chosen.validation.indices])
    for one in chosen.subjects:
        natural = unit_activations(given.network, one.unit.layer, images, [one.unit.channel], "max")[:, 0]
        torch.testing.assert_close(one.natural, natural, rtol=1e-5, atol=1e-5)


def test_a_class_is_a_logit_with_all_its_facets_and_likes_its_images() -> None:
    chosen = choose(context(), rules())
    classes = [one for one in chosen.subjects if one.kind == "class"]
    assert [(one.title, one.name, one.unit, one.number) for one in classes] == [
        ("a", "a", Unit("fc", 0), None),
        ("b", "b", Unit("fc", 1), None),
    ]
    for one in classes:
        assert one.asked == one.unit
        labels = chosen.validation.facet_labels[one.liked]
        assert torch.equal(
            one.liked, (chosen.validation.labels == chosen.validation.classes.index(one.title)).nonzero()[:, 0]
        )
        shares = {name: float((labels == i).double().mean()) for i, name in enumerate(FACETS) if name[0] == one.title}
        assert one.facets == pytest.approx(shares)


def test_a_hidden_unit_fires_and_likes_two_facets() -> None:
    chosen = choose(context(), rules(hidden={1: 5}))
    hidden = [one for one in chosen.subjects if one.kind == "hidden"]
    assert sorted(one.unit.channel for one in hidden) == list(TWO_FACETS)
    assert chosen.notes == ("Layer 1: only 3 of the 5 units asked for fire for 10 % of the images and like 2 facets.",)
    for one in hidden:
        assert one.unit == Unit("relu1", one.unit.channel, (SIZE // 2, SIZE // 2))
        assert one.asked == Unit("conv1", one.unit.channel, (SIZE // 2, SIZE // 2))
        assert (one.number, one.name, one.title) == (1, None, f"layer 1, unit {one.unit.channel}")
        best = one.natural.argsort(descending=True, stable=True)[:12]
        assert torch.equal(one.liked, best)
        labels = chosen.validation.facet_labels[best]
        assert one.facets == {
            name: pytest.approx(float((labels == i).double().mean()))
            for i, name in enumerate(FACETS)
            if (labels == i).double().mean() >= 0.1
        }
        assert len(one.facets) >= 2


def test_units_are_drawn_by_the_runs_seed_alone() -> None:
    def drawn(seed: int, **changes: Any) -> list[int]:
        found = choose(context(seed=seed), rules(hidden={1: 2}, **changes)).subjects
        return [one.unit.channel for one in found if one.kind == "hidden"]

    assert drawn(0) == drawn(0, seeds=[7], pictures=5, passes=3)
    assert len({tuple(drawn(seed)) for seed in range(5)}) > 1


@pytest.mark.parametrize("evaluator", [facet_judge(("a", "b"), "another"), None])
def test_where_facets_are_not_told_firing_is_enough(evaluator: Any) -> None:
    parts = {} if evaluator is None else {"evaluator": evaluator}
    chosen = choose(context(known=evaluator is not None, **parts), rules(hidden={1: 5}))
    hidden = [one for one in chosen.subjects if one.kind == "hidden"]
    assert sorted(one.unit.channel for one in hidden) == [*TWO_FACETS, 3]  # the fifth is dead
    assert all(one.facets == {} for one in chosen.subjects)


def test_only_the_first_classes_that_the_network_knows_and_that_have_images() -> None:
    assert [one.title for one in choose(context(), rules(classes=1, hidden={})).subjects] == ["a"]
    unknown = context(network=network(("z", "b")))
    found = choose(unknown, rules(classes=2, hidden={}))
    assert [one.title for one in found.subjects] == ["b"]
    assert "Only 1 of the 2 classes asked for" in found.notes[0]
    train = Clouds(160, seed=5)
    train.labels = torch.zeros(160, dtype=torch.int64)
    few = context(data=DataSource("clouds", train, Clouds(280, seed=6)))
    assert [one.title for one in choose(few, rules(hidden={})).subjects] == ["a"]


def test_they_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = choose(context(), rules())

    def never(*_: Any) -> Any:
        raise AssertionError("looked again")

    monkeypatch.setattr(subjects, "responses", never)
    second = choose(context(), rules(passes=99, seeds=[3]))
    assert [one.title for one in second.subjects] == [one.title for one in first.subjects]
    assert all(torch.equal(a.natural, b.natural) for a, b in zip(first.subjects, second.subjects, strict=True))
    assert [one.facets for one in second.subjects] == [one.facets for one in first.subjects]
    for other in ({"liked": 11}, {"validation_images": 239}, {"least_share": 0.2}):
        with pytest.raises(AssertionError, match="looked again"):
            choose(context(), rules(**other))
    (kept,) = (cache_root() / "compared" / "units").iterdir()
    kept.write_bytes(b"half of it")
    with pytest.raises(AssertionError, match="looked again"):
        choose(context(), rules())


def test_classes_of_one_name_are_told_apart() -> None:
    validation = Clouds(280, seed=6)
    validation.titles = ("crane", "crane")  # type: ignore[attr-defined]
    given = context(data=DataSource("clouds", Clouds(160, seed=5), validation))
    assert [one.title for one in choose(given, rules(hidden={})).subjects] == ["crane (a)", "crane (b)"]


def test_a_class_needs_images_among_those_looked_at() -> None:
    validation = Clouds(280, seed=6)
    validation.labels = (torch.arange(280) < 2).long()  # two of the second class
    given = context(data=DataSource("clouds", Clouds(160, seed=5), validation))
    assert [one.title for one in choose(given, rules(hidden={})).subjects] == ["a"]
