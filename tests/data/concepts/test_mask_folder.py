"""A folder of images and masks gives the concepts of the pixels that are seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from labelled_images import stripes_folder
from PIL import Image
from torchvision.transforms import functional  # type: ignore[import-untyped]

from replications.data.concepts.mask_files import fit_numbers
from replications.data.concepts.mask_folder import MaskFolder, mask_folder
from replications.data.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return stripes_folder(tmp_path)


def test_labels_lie_where_the_mask_says(root: Path) -> None:
    concepts = mask_folder(str(root), size=16, suffixes=["-merged", "-other"])
    assert concepts.concepts == {"object": ("none", "grass", "sky", "cat")}
    expected = torch.zeros(16, 16, dtype=torch.int16)
    expected[:8], expected[8:12] = 2, 1
    labels = concepts.labels([0, 2])["object"]
    assert labels.shape == (2, 1, 16, 16)
    assert labels.dtype == torch.int16
    assert torch.equal(labels[0, 0], expected)
    expected[2:10, :4] = 3
    assert torch.equal(labels[1, 0], expected)
    assert len(concepts) == 3


@pytest.mark.parametrize(("height", "width"), [(40, 61), (97, 50), (33, 33), (12, 17)])
def test_masks_are_resized_and_cropped_as_their_images(height: int, width: int) -> None:
    """Blocks of distinct numbers: torchvision's nearest-exact resize and centre crop give the same pixels."""
    numbers = np.arange(height * width).reshape(height, width)
    resized = functional.resize(
        torch.from_numpy(numbers)[None].double(), 24, interpolation=functional.InterpolationMode.NEAREST_EXACT
    )
    expected = functional.center_crop(resized, [20, 20])[0].long().numpy()
    assert np.array_equal(fit_numbers(numbers, 24, 20), expected)


def test_what_does_not_fit_in_memory_is_read_again(root: Path) -> None:
    classes = {0: "unlabelled", 1: "grass", 7: "sky", 9: "cat"}
    kept = MaskFolder(root, classes, 16, name="small", least_images=3)
    read = MaskFolder(root, classes, 16, name="small", least_images=3, keep_bytes=0)
    assert kept._kept is not None
    assert read._kept is None
    assert torch.equal(kept.labels([1, 0])["object"], read.labels([1, 0])["object"])
    assert kept.fingerprint == read.fingerprint


def test_concepts_of_too_few_images_count_as_none(root: Path) -> None:
    concepts = MaskFolder(root, {1: "grass", 7: "sky", 9: "cat"}, 16, name="small", least_images=3)
    assert concepts.concepts == {"object": ("none", "grass", "sky")}
    assert concepts.left_out == {"cat": 2}
    assert not bool(concepts.labels([1])["object"][0, 0, 2:10, :4].any())
    assert concepts.labels([1])["object"].unique().tolist() == [0, 1, 2]


def test_a_concept_that_the_crop_leaves_out_is_seen_in_no_image(root: Path) -> None:
    mask = np.asarray(Image.open(root / "masks" / "0.png")).copy()
    mask[:, :8] = 9  # beside the square that is seen
    for number in range(3):
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    concepts = MaskFolder(root, {1: "grass", 7: "sky", 9: "cat"}, 16, name="small")
    assert concepts.left_out == {"cat": 0}


def test_classes_of_one_name_are_one_concept(root: Path) -> None:
    concepts = mask_folder(str(root), classes={1: "ground", 7: "sky", 9: "ground"}, size=16)
    assert concepts.concepts == {"object": ("none", "ground", "sky")}
    assert set(concepts.labels([1])["object"][0, 0, 2:10, :4].flatten().tolist()) == {1}


def test_the_fingerprint_follows_pixels_labels_and_names(root: Path) -> None:
    def found(**changes: object) -> str:
        return mask_folder(str(root), size=16, **changes).fingerprint  # type: ignore[arg-type]

    first = found()
    assert first == found()
    others = {found(suffixes=["-merged"]), found(category="thing"), found(least_images=3)}
    mask = np.asarray(Image.open(root / "masks" / "1.png")).copy()
    mask[:2, 20:22] = 1
    Image.fromarray(mask).save(root / "masks" / "1.png")
    assert len(others | {first, found()}) == 5


def test_images_that_cannot_be_read_are_left_out_with_their_masks(root: Path) -> None:
    (root / "images" / "1.png").write_bytes(b"no image")
    Image.new("L", (3, 3)).save(root / "masks" / "stray.png")
    concepts = mask_folder(str(root), size=16)
    assert len(concepts) == 2
    assert concepts.note == "1 file skipped: 1 not an image; 1 masks belong to no image"
    assert bool((concepts.labels([1])["object"] == 3).any())  # the third image's cat


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("no mask", r"1 of 3 images in '.*' have no mask: 2\.png; expected 'masks/2\.png'"),
        ("other size", r"2\.png' is of 32 x 40 pixels, its image of 32 x 48: they must agree"),
        ("unknown", r"2\.png' holds numbers that no class has: 4, 200; name them in the list of classes"),
        ("colours", r"2\.png' of '2\.png' has pixels of mode RGB: expected one number a pixel"),
        ("broken", r"2\.png' of '2\.png' could not be decoded"),
        ("empty", r"category 'object' of '.*' has no pixel of any concept: leave it out, or label some"),
        ("no classes", r"has no list of classes: expected 'classes\.yaml' there"),
        ("bad classes", r"classes\.yaml' doesn't name classes: expected 'classes:' with lines such as '1: person'"),
        ("no folder", r"is not a folder of labelled images: expected masks/ in it, which is missing"),
        ("twice", r"holds several images of one name: images/2|holds several images of one name: 2; rename"),
    ],
)
def test_what_is_wrong_is_said(root: Path, change: str, message: str) -> None:
    mask = root / "masks" / "2.png"
    numbers = np.asarray(Image.open(mask)).copy()
    if change == "no mask":
        mask.unlink()
    elif change == "other size":
        Image.fromarray(numbers[:, :40]).save(mask)
    elif change == "unknown":
        numbers[0, :2] = 4, 200
        Image.fromarray(numbers).save(mask)
    elif change == "colours":
        Image.fromarray(numbers).convert("RGB").save(mask)
    elif change == "broken":
        mask.write_bytes(mask.read_bytes()[:40])
    elif change == "empty":
        for path in (root / "masks").iterdir():
            Image.fromarray(numbers * 0).save(path)
    elif change == "no classes":
        (root / "classes.yaml").unlink()
    elif change == "bad classes":
        (root / "classes.yaml").write_text("- person\n")
    elif change == "no folder":
        (root / "masks").rename(root / "labels")
    elif change == "twice":
        (root / "images" / "2.jpg").write_bytes((root / "images" / "2.png").read_bytes())
    with pytest.raises(DataError, match=message):
        mask_folder(str(root), size=16)


@pytest.mark.parametrize("mode", ["P", "I;16"])
def test_masks_of_other_modes_are_their_numbers(root: Path, mode: str) -> None:
    expected = mask_folder(str(root), size=16).labels([2])["object"]
    path = root / "masks" / "2.png"
    numbers = np.asarray(Image.open(path)).copy()
    if mode == "P":
        image = Image.fromarray(numbers).convert("P")
        image.putpalette([255 - i // 3 for i in range(768)])
    else:
        image = Image.fromarray(numbers.astype(np.uint16))
    image.save(path)
    assert torch.equal(mask_folder(str(root), size=16).labels([2])["object"], expected)
