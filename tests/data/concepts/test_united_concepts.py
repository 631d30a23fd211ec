"""Sets of labelled images as one: the same labels under common numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from labelled_images import stripes_folder
from PIL import Image

from replications.data.concepts.concept_set import ConceptSet, check_concepts, stacked
from replications.data.concepts.labelled_folder import labelled_folder
from replications.data.concepts.mask_folder import mask_folder
from replications.data.concepts.united import United, united
from replications.data.errors import DataError


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, ConceptSet]:
    """Masks of grass, sky and cat; masks of a cat and a dog; whole images that are banded or dotted."""
    textures = tmp_path / "textures"
    for i, name in enumerate(["banded", "dotted"]):
        (textures / name).mkdir(parents=True)
        for j in range(2):
            Image.new("RGB", (20, 18), (40 * i, 90 * j, 120)).save(textures / name / f"{j}.png")
    first = stripes_folder(tmp_path / "first")
    second = stripes_folder(tmp_path / "second", 2)
    return {
        "first": mask_folder(str(first), classes={1: "grass", 7: "sky", 9: "cat"}, size=16),
        "textures": labelled_folder(str(textures), "texture", name="textures", size=16),
        "second": mask_folder(str(second), classes={1: "dog", 7: "none of these", 9: "cat"}, unlabelled=[0], size=16),
    }


def test_one_name_is_one_concept_wherever_it_is_from(sets: dict[str, ConceptSet]) -> None:
    whole = united(sets, name="all")
    assert whole.concepts == {
        "object": ("none", "grass", "sky", "cat", "dog", "none of these"),
        "texture": ("none", "banded", "dotted"),
    }
    assert len(whole) == 9
    labels = whole.labels(range(9))
    names = np.array(whole.concepts["object"])
    for first, part in ((0, "first"), (7, "second")):
        own = sets[part].labels(range(len(sets[part])))["object"][:, 0].numpy()
        found = labels["object"][first : first + len(own), 0].numpy()
        assert np.array_equal(names[found], np.array(sets[part].concepts["object"])[own])
    assert labels["object"][3:7].unique().tolist() == [0]
    assert labels["texture"].shape == (9, 1, 1, 1)
    assert labels["texture"].flatten().tolist() == [0, 0, 0, 1, 1, 2, 2, 0, 0]


def test_any_order_and_any_part_gives_the_same(sets: dict[str, ConceptSet]) -> None:
    whole = united(sets, name="all", colours=True)
    every, pictures = whole.labels(range(9)), whole.images.images(range(9))
    order = [8, 0, 5, 5, 2, 7, 3]
    assert torch.equal(whole.images.images(order), pictures[order])
    for category, labels in whole.labels(order).items():
        assert torch.equal(labels, every[category][order])
    only_textures = whole.labels([3, 6])
    assert only_textures["object"].shape == (2, 1, 1, 1)
    assert list(only_textures) == ["object", "texture", "colour"]
    assert {category: tuple(labels.shape) for category, labels in whole.labels([]).items()} == {
        "object": (0, 1, 1, 1),
        "texture": (0, 1, 1, 1),
        "colour": (0, 1, 16, 16),
    }
    with pytest.raises(IndexError, match="all has the images 0 to 8; found 9"):
        whole.labels([9])


def test_labels_of_whole_images_are_spread_beside_those_of_pixels() -> None:
    whole = torch.tensor([3, 4], dtype=torch.int16)[:, None, None, None]
    pixels = torch.arange(8, dtype=torch.int16).reshape(1, 2, 2, 2)
    found = stacked([whole, pixels], 2)
    assert found.shape == (3, 2, 2, 2)
    assert torch.equal(found[:2, 0], torch.tensor([3, 4], dtype=torch.int16)[:, None, None].expand(2, 2, 2))
    assert not bool(found[:2, 1].any())
    assert torch.equal(found[2:], pixels)


def test_the_fingerprint_is_of_the_parts_in_order(sets: dict[str, ConceptSet]) -> None:
    first, second = sets["first"], sets["second"]
    found = {
        united(chosen, name="all").fingerprint
        for chosen in ({"a": first}, {"a": first, "b": second}, {"a": second, "b": first}, {"b": first, "a": second})
    }
    assert len(found) == 3  # names of parts don't count


def test_what_cannot_be_united_is_said(sets: dict[str, ConceptSet], tmp_path: Path) -> None:
    larger = mask_folder(str(tmp_path / "first"), size=20)
    with pytest.raises(DataError, match=r"all needs sets of labelled images of one size, found {'a': 16, 'b': 20}"):
        United({"a": sets["first"], "b": larger}, "all")
    with pytest.raises(ValueError, match="all was asked for at 20 pixels, its sets are of 16"):
        united(sets, name="all", size=20)


@pytest.mark.parametrize(
    ("concepts", "message"),
    [
        ({}, "set has no category of concepts"),
        ({"object": ("cat",)}, r"category 'object' of set must begin with 'none', found \['cat'\]"),
        ({"object": ("none",)}, "category 'object' of set has no pixel of any concept"),
        ({"object": ("none", "cat", "cat")}, "category 'object' of set names cat more than once"),
    ],
)
def test_concepts_that_make_no_set_are_refused(concepts: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_concepts(concepts, "set")
