"""The facets of classes in one go are those of the steps one by one."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import torch
from planted_context import CLUSTERING, context
from planted_facets import Coloured

from replications.data.image_set import DataSource
from replications.multifaceted.class_facets import class_facets, class_unit, draw_samples, known_classes
from replications.multifaceted.facets import Clustering, TooFewImages, find_facets
from replications.multifaceted.images import NoImages, image_features
from replications.multifaceted.mean_images import mean_images, nearest_images
from replications.multifaceted.samples import samples
from replications.networks.network import UnknownLayer
from replications.networks.unit import Unit

SETTINGS: dict[str, Any] = {"layer": 7, "clustering": CLUSTERING, "nearest": 5, "largest_map": None}


def with_classes(*classes: str, per_class: int = 30) -> Any:
    """A context with so many images of each class, in three colours."""
    given = context()
    labels = [i // per_class for i in range(per_class * len(classes))]
    images = Coloured(labels, [i % 3 for i in range(len(labels))], classes)
    given.data = DataSource("coloured", images, images)
    return given


def test_the_steps_one_by_one_give_the_same() -> None:
    given = context()
    drawn, units, notes = draw_samples(given, 30, 2)
    found = class_facets(given, drawn, units, **SETTINGS)
    train = given.data.train
    expected, lacking = samples(train, 30, 2, functools.partial(given.generator, "images"))
    assert (notes, lacking, len(found)) == ([], [], 4)
    assert [(one.name, one.title, one.sample.number, one.unit) for one in found] == [
        ("a", "a", 0, Unit("fc8", 0)),
        ("a", "a", 1, Unit("fc8", 0)),
        ("b", "b", 0, Unit("fc8", 1)),
        ("b", "b", 1, Unit("fc8", 1)),
    ]
    for one, sample in zip(found, expected, strict=True):
        assert torch.equal(one.sample.indices, sample.indices)
        features = image_features(given.network, ["relu7"], train, sample.indices)["relu7"]
        seed = given.generator("clusters", sample.number).initial_seed() % 2**32
        facets = find_facets(features, Clustering(**SETTINGS["clustering"]), seed)
        np.testing.assert_array_equal(one.facets.labels, facets.labels)
        np.testing.assert_array_equal(one.facets.points, facets.points)
        close = nearest_images(facets, 5)
        assert [rows.tolist() for rows in one.nearest] == [rows.tolist() for rows in close]
        torch.testing.assert_close(one.means, mean_images(train, sample.indices, close), rtol=0, atol=0)
        by_hand = torch.stack([train.images(sample.indices[rows]).mean(0) for rows in close])
        torch.testing.assert_close(one.means, by_hand)
        assert all((one.facets.labels[rows] == k).all() for k, rows in enumerate(one.nearest))
        assert (np.diff(one.facets.sizes) <= 0).all()


def test_the_same_again_and_the_sets_whatever_is_done_with_them() -> None:
    first, second = context(), context()
    drawn, units, _ = draw_samples(first, 30, 2)
    whole = class_facets(first, drawn, units, **SETTINGS)
    again = class_facets(second, *draw_samples(second, 30, 2)[:2], **SETTINGS)
    for one, other in zip(whole, again, strict=True):
        assert torch.equal(one.means, other.means)
    # each set by itself, and by another layer
    alone = class_facets(first, drawn[2:3], units[2:3], **SETTINGS)
    assert torch.equal(alone[0].means, whole[2].means)
    np.testing.assert_array_equal(alone[0].facets.labels, whole[2].facets.labels)
    other_layer = class_facets(first, drawn, units, **{**SETTINGS, "layer": 1, "largest_map": 3})
    assert [one.sample for one in other_layer] == list(drawn)


def test_each_mean_of_planted_colours_is_of_one_colour() -> None:
    given = context()
    drawn, units, _ = draw_samples(given, 30, 1)
    settings = {**SETTINGS, "clustering": {**CLUSTERING, "clusters": 3}}
    (one, _) = class_facets(given, drawn, units, **settings)
    means = one.means.mean((2, 3))
    colours = Coloured.colours[:3] * 0.9 + 0.05
    assert sorted((means[:, None] - colours).abs().amax(2).argmin(1).tolist()) == [0, 1, 2]
    assert float((means[:, None] - colours).abs().amax(2).amin(1).max()) < 0.02


def test_what_is_left_out_is_told_and_nothing_else() -> None:
    given = context(classes=("a", "b", "rare", "rarer"))
    drawn, units, notes = draw_samples(given, 30, 1)
    assert [sample.title for sample in drawn] == ["a", "b"]
    assert [unit.channel for unit in units] == [0, 1]
    assert notes == ["Fewer than 30 images, so left out: rare, rarer."]

    given = with_classes("b", "stranger", "a")
    drawn, units, notes = draw_samples(given, 30, 1)
    assert [(sample.title, sample.label) for sample in drawn] == [("b", 0), ("a", 2)]
    assert units == [Unit("fc8", 1), Unit("fc8", 0)]
    assert notes == ["Network 'small' has no unit for stranger, so left out."]
    assert known_classes(given) == 2
    assert class_unit(given.network, "stranger") is None
    assert [one.name for one in class_facets(given, drawn, units, **SETTINGS)] == ["b", "a"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"nearest": 0}, ValueError, "a mean needs at least 1 image, found nearest=0"),
        ({"layer": 4}, UnknownLayer, "4"),
        ({"clustering": {**CLUSTERING, "clusters": [2, 3]}}, ValueError, "must be one number here"),
        ({"clustering": {**CLUSTERING, "clusters": 31}}, TooFewImages, "31 clusters were asked for, .* only 30 images"),
        ({"clustering": {**CLUSTERING, "perplexity": 30}}, TooFewImages, "perplexity of 30 needs at least 31 images"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_looked_at(
    changes: dict[str, Any], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = context()
    drawn, units, _ = draw_samples(given, 30, 1)
    monkeypatch.setattr(Coloured, "images", None)
    with pytest.raises(error, match=message):
        class_facets(given, drawn, units, **{**SETTINGS, **changes})


def test_no_image_no_set_or_no_class_is_refused() -> None:
    given = with_classes("stranger", "foreigner")
    for images, sets, classes in ((0, 1, None), (30, 0, None), (30, 1, 0)):
        with pytest.raises(ValueError, match=f"found images={images}, sets={sets}, classes={classes}"):
            draw_samples(given, images, sets, classes)
    drawn, units, _ = draw_samples(given, 30, 1)
    with pytest.raises(NoImages, match="no class of coloured images has enough and is known to the network"):
        class_facets(given, drawn, units, **SETTINGS)
