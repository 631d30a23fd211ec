"""Dissection against its slow restatement, and a network whose concepts are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from dissection_toys import CONCEPTS, Labelled, convolutions, random_labels, wrapped
from planted_detectors import COLOURS, STRIPES, detectors
from torch import Tensor

from replications.data.concepts.facetworld import facetworld
from replications.networks.network import Network, UnknownLayer
from replications.survey.dissection import cells, slow
from replications.survey.dissection.cache import cached, cached_views
from replications.survey.dissection.dissection import dissect, dissect_views
from replications.survey.dissection.passes import View
from replications.survey.dissection.result import Dissection
from replications.survey.dissection.upsampling import NoExtent

IMAGES, SIZE = 13, 24


def labelled(seed: int = 0) -> Labelled:
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.rand(IMAGES, 3, SIZE, SIZE, generator=generator)
    return Labelled(pictures, random_labels(IMAGES, SIZE, generator), CONCEPTS)


def assert_equals_slow(
    found: Dissection,
    network: Network,
    concepts: Labelled,
    quantile: float,
    *,
    batch: int = 64,
    matrix: Tensor | None = None,
    images: Tensor | None = None,
) -> None:
    chosen = torch.arange(IMAGES) if images is None else images
    # a convolution rounds by what is in a batch, so the slow loop is given the same batches
    chosen = chosen[torch.randperm(len(chosen), generator=torch.Generator().manual_seed(0))]
    with torch.inference_mode():
        parts = [network.forward_to(found.layer, concepts.images.images(part)) for part in chosen.split(batch)]
        if matrix is not None:
            parts = [(maps.movedim(1, -1).contiguous() @ matrix.T).movedim(-1, 1) for maps in parts]
    maps = torch.cat(parts).double().numpy()
    thresholds = np.array([slow.threshold(maps[:, unit].ravel(), quantile) for unit in range(maps.shape[1])])
    np.testing.assert_array_equal(found.thresholds, thresholds)
    labels = {name: values.expand(-1, -1, SIZE, SIZE).numpy() for name, values in concepts.labels(chosen).items()}
    sizes = {category: len(names) for category, names in concepts.concepts.items()}
    both, of_unit, of_concept = slow.tally(maps, thresholds, network.receptive_field(found.layer), labels, sizes)
    for category in sizes:
        np.testing.assert_array_equal(found.intersections[category].sum(0), both[category].sum(0))
        np.testing.assert_array_equal(found.unit_areas[category].sum(0), of_unit[category].sum(0))
        np.testing.assert_array_equal(found.concept_areas[category].sum(0), of_concept[category].sum(0))
        np.testing.assert_array_equal(found.concept_images[category].sum(0), (of_concept[category] > 0).sum(0))


@pytest.mark.parametrize(("seed", "quantile", "batch"), [(0, 0.005, 64), (1, 0.05, 5), (2, 0.3, 13), (3, 0.01, 1)])
def test_counts_equal_the_slow_loop(seed: int, quantile: float, batch: int) -> None:
    network, concepts = wrapped(convolutions(seed, stride=1 + seed % 2), SIZE), labelled(seed)
    layers = network.layers[:4] if seed % 2 else network.layers[1:5:3]
    found = dissect(network, layers, concepts, quantile=quantile, batch=batch)
    assert list(found) == list(layers)
    for dissection in found.values():
        assert_equals_slow(dissection, network, concepts, quantile, batch=batch)


def test_sums_of_channels_and_chosen_images_equal_the_slow_loop() -> None:
    network, concepts = wrapped(convolutions(), SIZE), labelled()
    layer = network.layers[4]
    matrix = torch.randn(5, network.shape(layer)[0], generator=torch.Generator().manual_seed(1))
    images = torch.tensor([7, 2, 11, 4])
    views = {"turned": View(layer, matrix), "plain": View(layer)}
    found = dissect_views(network, views, concepts, quantile=0.02, indices=images, batch=4)
    assert_equals_slow(found["turned"], network, concepts, 0.02, matrix=matrix, images=images)
    assert_equals_slow(found["plain"], network, concepts, 0.02, images=images)
    alone = dissect(network, [layer], concepts, quantile=0.02, indices=images, batch=4, transform={layer: matrix})
    np.testing.assert_array_equal(alone[layer].intersections["part"], found["turned"].intersections["part"])


def test_little_memory_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, concepts = wrapped(convolutions(), SIZE), labelled()
    layers = network.layers[:5]
    plenty = dissect(network, layers, concepts, quantile=0.05, batch=4)
    files: list[int] = []
    opened = cells.tempfile.TemporaryFile
    monkeypatch.setattr(cells.tempfile, "TemporaryFile", lambda **given: files.append(1) or opened(**given))
    scarce = dissect(network, layers, concepts, quantile=0.05, batch=4, memory=2000)
    assert len(files) > len(layers)  # units went through the network in several parts, and each used a file
    for layer in layers:
        np.testing.assert_array_equal(scarce[layer].thresholds, plenty[layer].thresholds)
        for category in CONCEPTS:
            np.testing.assert_array_equal(scarce[layer].intersections[category], plenty[layer].intersections[category])
            np.testing.assert_array_equal(scarce[layer].concept_areas[category], plenty[layer].concept_areas[category])


def test_blocks_are_of_equal_size() -> None:
    network, concepts = wrapped(convolutions(), SIZE), labelled()
    found = dissect(network, [network.layers[0]], concepts, blocks=4)[network.layers[0]]
    assert found.blocks == 4
    shown = found.concept_images["scene"].sum(1)  # of at most one a picture
    assert (shown <= 4).all()
    assert found.concept_areas["object"].sum() == int((concepts.labels(range(IMAGES))["object"] > 0).sum())


def test_planted_detectors_are_found_and_nothing_else() -> None:
    network = wrapped(detectors(), 64)
    found = dissect(network, [network.layers[-1]], facetworld(600, size=64, workers=1))[network.layers[-1]]
    planted = {(unit, "colour", name) for unit, name in enumerate(COLOURS)}
    planted |= {(unit, "texture", name) for unit, name in enumerate(STRIPES, len(COLOURS))}
    assert {(d.unit, d.category, d.concept) for d in found.detectors("top")} == planted
    by_category = {(d.unit, d.category, d.concept) for d in found.detectors("per category")}
    assert {d for d in by_category if d[1] in ("colour", "texture")} == planted
    assert found.unique_by_category("top") == {"object": 0, "part": 0, "texture": 3, "colour": 3, "scene": 0}


def test_concepts_of_few_images_are_not_counted() -> None:
    network, concepts = wrapped(convolutions(), SIZE), labelled()
    layer = network.layers[0]
    assert not dissect(network, [layer], concepts, fewest_images=IMAGES + 1)[layer].top("top")
    assert dissect(network, [layer], concepts, fewest_images=1)[layer].top("top")


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path))
    return tmp_path / "dissections"


def test_a_kept_dissection_is_the_same_and_costs_no_pass(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, concepts = wrapped(convolutions(), SIZE), labelled()
    first, second = network.layers[0], network.layers[1]
    made = cached(network, [first], concepts)[first]
    passes: list[tuple[str, ...]] = []
    through = Network.activations

    def noted(self: Network, layers: tuple[str, ...], images: Tensor, **given: bool) -> dict[str, Tensor]:
        passes.append(tuple(layers))
        return through(self, layers, images, **given)

    monkeypatch.setattr(Network, "activations", noted)
    again = cached(network, [first], concepts)[first]
    assert not passes
    assert (again.layer, again.images, again.quantile, again.concepts) == (first, IMAGES, 0.005, made.concepts)
    np.testing.assert_array_equal(again.thresholds, made.thresholds)
    for name in ("intersections", "unit_areas", "concept_areas", "concept_images", "counted"):
        for category in CONCEPTS:
            np.testing.assert_array_equal(getattr(again, name)[category], getattr(made, name)[category])
    cached(network, [first, second], concepts)
    assert passes == [(second,)]


def test_whatever_changes_a_dissection_is_dissected_anew(kept: Path) -> None:
    network, concepts = wrapped(convolutions(), SIZE), labelled()
    layer = network.layers[0]
    matrix = torch.eye(network.shape(layer)[0])
    cached(network, [layer], concepts)
    cached(wrapped(convolutions(seed=1), SIZE), [layer], concepts)
    cached(network, [layer], labelled(seed=1))
    cached(network, [layer], concepts, quantile=0.01)
    cached(network, [layer], concepts, indices=range(IMAGES - 1))
    cached(network, [layer], concepts, transform={layer: matrix})
    cached_views(network, {"twice": View(layer, 2 * matrix)}, concepts)
    cached_views(network, {"other name": View(layer)}, concepts)
    assert len(list(kept.glob("[!l]*"))) == 7
    assert len(list(kept.glob("labels-*"))) == 3  # of two sets, and of a choice of images


def test_a_damaged_file_is_made_again(kept: Path) -> None:
    network, concepts = wrapped(convolutions(), SIZE), labelled()
    layer = network.layers[0]
    made = cached(network, [layer], concepts)[layer]
    files = list(kept.iterdir())
    assert len(files) == 2
    for file in files:
        file.write_bytes(file.read_bytes()[:100])
    again = cached(network, [layer], concepts)[layer]
    np.testing.assert_array_equal(again.intersections["object"], made.intersections["object"])


def test_what_cannot_be_dissected_is_said() -> None:
    network, concepts = wrapped(convolutions(), SIZE), labelled()
    with pytest.raises(NoExtent, match=r"no positions.*choose one of"):
        dissect(network, [network.layers[-1]], concepts)
    with pytest.raises(NoExtent, match="no positions"):
        dissect(network, [network.layers[5]], concepts)  # a map of one place
    with pytest.raises(UnknownLayer):
        dissect(network, ["conv99"], concepts)
    with pytest.raises(ValueError, match="reads 32 x 32 pixels, but the images of labelled pictures have 24"):
        dissect(wrapped(convolutions(), 32), [network.layers[0]], concepts)
    with pytest.raises(ValueError, match="expected a transform of shape"):
        dissect(network, [network.layers[0]], concepts, transform={network.layers[0]: torch.eye(3)})
    with pytest.raises(ValueError, match="a transform is given for 4"):
        dissect(network, [network.layers[0]], concepts, transform={"4": torch.eye(3)})
    with pytest.raises(ValueError, match="one image, one block"):
        dissect(network, [network.layers[0]], concepts, indices=[])
    wrong = Labelled(concepts.images.pictures, {"object": torch.full((IMAGES, 1, SIZE, SIZE), 9)}, {"object": ("cat",)})
    with pytest.raises(ValueError, match="'object' has the numbers 0 to 1, found 9"):
        dissect(network, [network.layers[0]], wrong)
