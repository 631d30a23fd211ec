"""Broden's layout, written small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from replications.data.concepts.broden import broden
from replications.data.errors import DataError

INDEX = """image,split,ih,iw,sh,sw,color,object,material,part,scene,texture
ade/a.png,train,16,16,8,8,ade/a_color.png,ade/a_object.png,,ade/a_part_1.png;ade/a_part_2.png,7,
dtd/b.png,val,16,16,8,8,dtd/b_color.png,,,,,9;10
ade/c.png,train,16,16,8,8,,,,,,
ade/d.png,val,16,16,8,8,,300,ade/d_material.png,,7,
"""
LABELS = {
    "color": {1: "red-c", 2: "blue-c"},
    "object": {300: "sky", 4: "cat"},
    "material": {4: "cat", 5: "wood"},  # a number that stands in two categories
    "part": {6: "head", 8: "ear"},
    "scene": {7: "street-s"},
    "texture": {9: "banded", 10: "lined"},
}


def mask(numbers: np.ndarray, path: Path) -> None:
    Image.fromarray(np.stack([numbers % 256, numbers // 256, 0 * numbers], -1).astype(np.uint8)).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("ade", "dtd"):
        (tmp_path / "images" / folder).mkdir(parents=True)
    (tmp_path / "index.csv").write_text(INDEX)
    every = {number: name for labels in LABELS.values() for number, name in labels.items()}
    rows = [f"{number},{name},any(3),3,0.5,\n" for number, name in every.items()]
    (tmp_path / "label.csv").write_text("number,name,category,frequency,coverage,syns\n" + "".join(rows))
    (tmp_path / "category.csv").write_text(
        "name,first,last,count,frequency\n" + "".join(f"{name},1,10,2,3\n" for name in LABELS)
    )
    for category, labels in LABELS.items():
        coded = [f"{code},{number},{name},3,0.5\n" for code, (number, name) in enumerate(labels.items(), start=1)]
        (tmp_path / f"c_{category}.csv").write_text("code,number,name,frequency,coverage\n" + "".join(coded))
    random = np.random.default_rng(0)
    images = tmp_path / "images"
    for name in ("ade/a", "dtd/b", "ade/c", "ade/d"):
        Image.fromarray(random.integers(0, 256, (16, 16, 3)).astype(np.uint8)).save(images / f"{name}.png")
    numbers = np.zeros((8, 8), dtype=np.int64)
    mask(numbers + 1, images / "ade/a_color.png")
    mask(numbers + 2, images / "dtd/b_color.png")
    numbers[:4], numbers[4:, :4] = 300, 4
    mask(numbers, images / "ade/a_object.png")
    numbers = np.zeros((8, 8), dtype=np.int64)
    numbers[2:6] = 6
    mask(numbers, images / "ade/a_part_1.png")
    numbers[2:6, 4:], numbers[:2] = 8, 6
    mask(numbers, images / "ade/a_part_2.png")
    mask(np.full((8, 8), 300), images / "ade/d_material.png")  # no material
    return tmp_path


def test_labels_are_those_of_the_layout(root: Path) -> None:
    concepts = broden(str(root), size=8)
    assert concepts.concepts == {
        "colour": ("none", "red-c", "blue-c"),
        "object": ("none", "sky", "cat"),
        "material": ("none", "cat", "wood"),
        "part": ("none", "head", "ear"),
        "scene": ("none", "street-s"),
        "texture": ("none", "banded", "lined"),
    }
    assert [path.name for path in concepts.images.paths] == ["a.png", "b.png", "d.png"]  # c has no label
    labels = concepts.labels([0, 1, 2])
    assert labels["colour"][:, 0, 0, 0].tolist() == [1, 2, 0]
    objects = labels["object"]
    assert objects.shape == (3, 1, 8, 8)
    assert objects[0, 0, :, 0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert objects[0, 0, :, 7].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert objects[2, 0].unique().tolist() == [1]  # a number, of the whole image
    assert not bool(labels["material"].any())
    assert labels["scene"].flatten().tolist() == [1, 0, 1]
    assert labels["scene"].shape == (3, 1, 1, 1)
    assert labels["texture"].shape == (3, 2, 1, 1)
    assert labels["texture"][:, :, 0, 0].tolist() == [[0, 0], [1, 2], [0, 0]]


def test_a_pixel_has_a_part_once_though_two_masks_name_it(root: Path) -> None:
    parts = broden(str(root), size=8).labels([0])["part"][0]
    assert parts.shape == (2, 8, 8)
    assert parts[0, :, 0].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert parts[1, :, 0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]  # the head is in the first layer already
    assert parts[1, :, 7].tolist() == [1, 1, 2, 2, 2, 2, 0, 0]


def test_masks_are_brought_to_the_size_of_the_images(root: Path) -> None:
    small, large = broden(str(root), size=8), broden(str(root), size=16)
    assert large.images.images([0]).shape == (1, 3, 16, 16)
    spread = small.labels([0])["object"].repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.equal(large.labels([0])["object"], spread)


def test_categories_and_splits_are_chosen(root: Path) -> None:
    scenes = broden(str(root), categories=["scene"], size=8)
    assert list(scenes.concepts) == ["scene"]
    assert len(scenes) == 2
    held_out = broden(str(root), splits=["val"], size=8)
    assert [path.name for path in held_out.images.paths] == ["b.png", "d.png"]
    assert len({scenes.fingerprint, held_out.fingerprint, broden(str(root), size=8).fingerprint}) == 3


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / "label.csv").unlink(), r"is not laid out as Broden: 'label\.csv' is missing"),
        (lambda root: (root / "c_part.csv").unlink(), r"is not laid out as Broden: 'c_part\.csv' is missing"),
        (lambda root: edit(root / "index.csv", ",sw,", ",width,"), r"index\.csv' lacks the columns sw; it has"),
        (lambda root: edit(root / "index.csv", "a.png,train,16,16", "a.png,train,16,x"), r"'ade/a\.png' in index\.csv"),
        (lambda root: edit(root / "index.csv", "a.png,train,16,16", "a.png,train,16,20"), r"index\.csv says 16 x 20"),
        (lambda root: edit(root / "index.csv", "16,16,8,8,ade", "16,16,8,5,ade"), r"are of 8 x 5 pixels, the image of"),
        (
            lambda root: edit(root / "index.csv", "16,16,8,8,ade", "16,16,4,4,ade"),
            r"is of 8 x 8 pixels, index\.csv says",
        ),
        (lambda root: edit(root / "index.csv", ",9;10", ",9;77"), r"at 'dtd/b\.png', holds numbers that label\.csv"),
        (lambda root: edit(root / "c_scene.csv", "1,7", "2,7"), r"codes in '.*c_scene\.csv' must be 1 to 1"),
        (lambda root: edit(root / "c_scene.csv", "1,7,street-s,3,0.5\n", ""), "category 'scene' of .* has no pixel"),
        (lambda root: (root / "images/ade/a_part_2.png").unlink(), r"a_part_2\.png' of 'ade/a\.png' is missing"),
        (lambda root: mask(np.full((8, 8), 555), root / "images/ade/a_object.png"), r"a_object\.png' holds .*: 555"),
        (lambda root: Image.new("L", (8, 8)).save(root / "images/ade/a_object.png"), r"of mode L: expected RGB"),
    ],
)
def test_what_is_wrong_is_said(root: Path, change: object, message: str) -> None:
    change(root)  # type: ignore[operator]
    with pytest.raises(DataError, match=message):
        broden(str(root), size=8).labels([0, 1, 2])


def test_unknown_choices_are_refused(root: Path) -> None:
    with pytest.raises(DataError, match="has no category smell: it has color, object, material, part, scene, texture"):
        broden(str(root), categories=["smell"], size=8)
    with pytest.raises(DataError, match=r"lists no image of the splits \['test'\]; it has train, val"):
        broden(str(root), splits=["test"], size=8)
