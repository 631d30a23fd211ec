"""Pairings and quantities of inversions, where they are known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from inversion_worlds import FACETS, SIDE, Squares, viewer_network

from metrics.statistics import mean_interval
from replications.data.image_set import DataSource
from replications.networks.network import UnknownClass
from replications.survey.inversion_scores import ANY, OF_CLASS, OWN, QUANTITIES, interval, orders, scores
from replications.survey.picture_reading import Viewer, lacking_classes, outputs_of, truth_of
from replications.survey.representation_error import Scale


def squares() -> DataSource:
    return DataSource("squares", Squares(300, 0), Squares(40, 1))


def test_each_image_is_paired_with_another_one_once() -> None:
    classes = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    for seed in range(20):
        found = orders(classes, torch.Generator().manual_seed(seed))
        everyone = torch.arange(7)
        assert torch.equal(found[OWN], everyone)
        for pairing in (OF_CLASS, ANY):
            assert torch.equal(found[pairing].sort().values, everyone)
            assert (found[pairing] != everyone).all()
        assert torch.equal(classes[found[OF_CLASS]], classes)
    with pytest.raises(ValueError, match="class 2 has a single image"):
        orders(torch.tensor([0, 0, 2]), torch.Generator())


def test_a_viewer_reads_real_images_rightly() -> None:
    data = squares()
    viewer = Viewer(viewer_network(), data, torch.arange(300))
    everyone = torch.arange(40)
    truth = truth_of(data.validation, everyone)
    read, maps = viewer.read(data.validation.images(everyone))
    assert viewer.layer == "maps"
    assert torch.equal(read.classes, truth.classes)
    assert read.facets is not None
    assert truth.facets is not None
    assert torch.equal(read.facets, truth.facets)
    assert read.places is not None
    assert truth.places is not None
    assert torch.equal(truth.places, data.validation.corners.double() + SIDE / 2)  # type: ignore[attr-defined]
    assert (read.places - truth.places).norm(dim=1).max() < 2
    learnt = viewer.own.read(maps)
    assert learnt.facets is not None
    assert learnt.places is not None
    assert torch.equal(learnt.places, read.places)
    assert (learnt.classes == truth.classes).double().mean() > 0.9
    assert (learnt.facets == truth.facets).double().mean() > 0.7


def test_a_learner_reads_what_is_strange_to_the_viewer() -> None:
    """Pictures whose colours are exchanged: the viewer takes red for green; one who learnt from such ones doesn't."""
    data = squares()
    viewer = Viewer(viewer_network(), data, torch.arange(300))
    everyone, exchanged = torch.arange(300), [1, 0, 2]
    learner = viewer.learner(data.train.images(everyone)[:, exchanged], truth_of(data.train, everyone))
    truth = truth_of(data.validation, torch.arange(40))
    reading, maps = viewer.read(data.validation.images(torch.arange(40))[:, exchanged])
    assert (reading.classes == truth.classes).double().mean() == 0
    assert (learner.read(maps).classes == truth.classes).double().mean() > 0.9


def test_images_score_as_themselves_and_others_as_others() -> None:
    data = squares()
    everyone = torch.arange(40)
    images, truth = data.validation.images(everyone), truth_of(data.validation, everyone)
    viewer = Viewer(viewer_network(), data, torch.arange(300))
    reading, maps = viewer.read(images)
    scale = Scale.of(images)
    own = scores(images, [reading, viewer.own.read(maps)], images, truth, everyone, scale)
    assert set(own) == set(QUANTITIES)
    assert set(scores(images, [reading], images, truth, everyone, scale)) == {
        n for n in QUANTITIES if "learnt" not in n
    }
    assert own["error"].max() == 0
    assert own["colour"].max() == 0
    assert own["contours"].min() == pytest.approx(1)
    assert own["class"].min() == own["facet"].min() == 100
    other = everyone.roll(2)  # classes come in pairs of facets: two on is the other class
    moved = scores(images, [reading], images, truth, other, scale)
    assert moved["class"].max() == moved["facet"].max() == 0
    first = 100 * float((images[other[0]] - images[0]).double().norm()) / scale.distance
    assert moved["error"][0] == pytest.approx(first)
    assert moved["place"].mean() > 2


def test_classes_are_told_by_facets_or_by_name() -> None:
    viewer = viewer_network()
    assert outputs_of(viewer, "green") == [2, 3]
    assert outputs_of(viewer, FACETS[1]) == [1]
    with pytest.raises(UnknownClass):
        outputs_of(viewer, "blue")
    data = squares()
    assert lacking_classes(viewer, data) is None
    data.validation.classes = ("red", "blue")
    assert "no class 'blue'" in str(lacking_classes(viewer, data))


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    data = squares()
    for part in (data.train, data.validation):
        part.provides = frozenset()
    viewer = Viewer(viewer_network(), data, torch.arange(100))
    everyone = torch.arange(40)
    images = data.validation.images(everyone)
    truth = truth_of(data.validation, everyone)
    reading, maps = viewer.read(images)
    readings = [reading, viewer.own.read(maps)]
    found = scores(images, readings, images, truth, everyone, Scale.of(images))
    assert set(found) == {"error", "colour", "contours", "class", "learnt class"}


def test_intervals_are_over_images_and_over_networks_where_there_are_several() -> None:
    values = torch.randn(3, 50, generator=torch.Generator().manual_seed(0)).numpy()
    assert interval(values[:1]) == mean_interval(values[0])
    whole = interval(values)
    assert whole.low < values.mean() < whole.high
    apart = interval(values + 10 * torch.arange(3).numpy()[:, None])
    assert apart.high - apart.low > 5 * (whole.high - whole.low)
