from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from replications.data import image_files
from replications.data.errors import DataError
from replications.data.image_folder import ImageFolder

Picture = Callable[..., Image.Image]


def test_classes_labels_and_shapes(folder: Path) -> None:
    images = ImageFolder(folder, 32)
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.names([4]) == ["dog/dog_1.jpg"]
    batch = images.images([5, 0])
    assert batch.shape == (2, 3, 32, 32)
    assert batch.dtype == torch.float32
    assert 0 <= batch.min() < batch.max() <= 1
    assert images.note is None
    assert len(images) == 6


@pytest.mark.parametrize(("resize", "size"), [(32, 32), (37, 32), (64, 51), (29, 20)])
def test_pixels_are_those_of_torchvision(folder: Path, resize: int, size: int) -> None:
    transform = v2.Compose([v2.Resize(resize, antialias=True), v2.CenterCrop(size), v2.PILToTensor()])
    images = ImageFolder(folder, size, resize=resize)
    for i, name in enumerate(images.names(range(6))):
        assert torch.equal(images.bytes([i])[0], transform(Image.open(folder / name)))


@pytest.mark.parametrize("keep_bytes", [0, 2**29])
def test_any_order_and_repetition_gives_the_same_images(folder: Path, keep_bytes: int) -> None:
    images = ImageFolder(folder, 24, keep_bytes=keep_bytes, workers=3)
    alone = torch.cat([images.images([i]) for i in range(6)])
    chosen = torch.tensor([3, 1, 1, 5, 0])
    assert torch.equal(images.images(chosen), alone[chosen])
    assert images.images([]).shape == (0, 3, 24, 24)
    assert torch.equal(images.images([-1])[0], alone[5])


def test_what_is_no_image_is_skipped_with_a_count(folder: Path) -> None:
    whole = (folder / "cat" / "cat_1.jpg").read_bytes()
    (folder / "cat" / "cat_1.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "dog" / "readme.txt").write_text("these are dogs")
    (folder / "dog" / "empty.jpg").write_bytes(b"")
    (folder / "dog" / ".hidden").write_text("left alone")
    for thorough in (True, False):
        images = ImageFolder(folder, 16, thorough=thorough)
        assert images.note == "3 files skipped: 2 not an image, 1 truncated"
        assert sorted((s.path.name, s.reason) for s in images.skipped) == [
            ("cat_1.jpg", "truncated"),
            ("empty.jpg", "not an image"),
            ("readme.txt", "not an image"),
        ]
        assert images.labels.tolist() == [0, 0, 1, 1, 1]
        assert images.images(range(5)).isfinite().all()


def test_a_truncated_png_is_found_by_decoding(folder: Path, picture: Picture) -> None:
    picture(40, 40).save(folder / "cat" / "x.png")
    content = (folder / "cat" / "x.png").read_bytes()
    (folder / "cat" / "x.png").write_bytes(content[: len(content) * 2 // 3])
    assert ImageFolder(folder, 16).note == "1 file skipped: 1 truncated"


def test_files_are_checked_once_and_again_when_they_change(
    folder: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    original = image_files.check_file

    def counting(path: Path, *, thorough: bool = True) -> image_files.Checked:
        checked.append(path.name)
        return original(path, thorough=thorough)

    monkeypatch.setattr(image_files, "check_file", counting)
    before = ImageFolder(folder, 16).fingerprint
    assert len(checked) == 6
    assert ImageFolder(folder, 16).fingerprint == before
    assert len(checked) == 6
    picture(33, 33, seed=9).save(folder / "dog" / "dog_0.jpg")
    assert ImageFolder(folder, 16).fingerprint != before
    assert checked[6:] == ["dog_0.jpg"]


def test_a_damaged_check_cache_is_said_and_made_again(folder: Path) -> None:
    before = ImageFolder(folder, 16).fingerprint
    for file in (image_files.cache_root() / "image_checks").iterdir():
        file.write_text('{"half')
    with pytest.warns(UserWarning, match="damaged"):
        assert ImageFolder(folder, 16).fingerprint == before


def test_fingerprint_follows_pixels_and_labels_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    base = ImageFolder(folder, 16)
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    (moved / "dog" / "notes.txt").write_text("skipped")
    assert ImageFolder(moved, 16).fingerprint == base.fingerprint
    assert ImageFolder(folder, 17).fingerprint != base.fingerprint
    assert ImageFolder(folder, 16, resize=20).fingerprint != base.fingerprint
    assert ImageFolder(folder, 16, classes=["dog", "cat"]).fingerprint != base.fingerprint
    assert base.subset([0, 1]).fingerprint != base.fingerprint
    assert base.subset(range(6)).fingerprint == base.fingerprint


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "RGBA", "I;16", "PA"])
def test_every_mode_becomes_rgb(folder: Path, mode: str) -> None:
    grey = Image.fromarray(np.full((30, 30), 100, np.uint8))
    if mode == "I;16":
        image = Image.fromarray(np.full((30, 30), 100 * 257, np.uint16))
    elif mode == "PA":
        image = grey.convert("P")
        image.info["transparency"] = 0
    else:
        image = grey.convert(mode)
    suffix = "tif" if mode == "CMYK" else "png"
    image.save(folder / "cat" / f"a.{suffix}")
    images = ImageFolder(folder, 16)
    assert images.note is None
    colour = images.images([0])[0].mean((1, 2))
    expected = torch.full((3,), 100 / 255)
    if mode == "1":
        assert colour.max() - colour.min() < 1e-6
    else:
        assert torch.allclose(colour, expected, atol=0.011)


def test_cmyk_jpeg_keeps_its_colours(folder: Path) -> None:
    Image.new("RGB", (30, 30), (200, 40, 90)).convert("CMYK").save(folder / "cat" / "a.jpg", quality=95)
    colour = ImageFolder(folder, 16).images([0])[0].mean((1, 2)) * 255
    assert torch.allclose(colour, torch.tensor([200.0, 40, 90]), atol=4)


def test_transparent_pixels_are_laid_over_white(folder: Path) -> None:
    Image.new("RGBA", (30, 30), (0, 0, 0, 0)).save(folder / "cat" / "a.png")
    assert torch.equal(ImageFolder(folder, 16).images([0]), torch.ones(1, 3, 16, 16))


def test_exif_rotation_is_applied(folder: Path, picture: Picture) -> None:
    upright = picture(48, 32)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    upright.rotate(90, expand=True).save(folder / "cat" / "a.png", exif=exif)
    upright.save(folder / "cat" / "b.png")
    for thorough in (True, False):
        images = ImageFolder(folder, 32, thorough=thorough)
        assert torch.equal(images.bytes([0]), images.bytes([1]))
        item = images._listed[0].checked
        assert (item.height, item.width) == (48, 32)


def test_missing_empty_and_flat_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.*nowhere' is missing"):
        ImageFolder(tmp_path / "nowhere", 16)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds nothing: expected one folder of images a class"):
        ImageFolder(tmp_path / "empty", 16)
    shutil.copy(folder / "cat" / "cat_0.jpg", tmp_path / "empty")
    with pytest.raises(DataError, match="1 files but no class folders"):
        ImageFolder(tmp_path / "empty", 16)


def test_a_class_without_images_is_refused(folder: Path) -> None:
    (folder / "newt").mkdir()
    (folder / "newt" / "todo.txt").write_text("photograph a newt")
    with pytest.raises(DataError, match=r"no image of newt in .*1 file skipped"):
        ImageFolder(folder, 16)


def test_named_classes_fix_the_label_order(folder: Path) -> None:
    images = ImageFolder(folder, 16, classes=["ant", "dog", "cat"], titles={"dog": "good dog"})
    assert images.labels.tolist() == [1, 1, 1, 2, 2, 2]
    assert images.titles == ("ant", "good dog", "cat")
    with pytest.raises(DataError, match="none of the classes"):
        ImageFolder(folder, 16, classes=["ant"])


def test_subsets_and_limits(folder: Path) -> None:
    images = ImageFolder(folder, 16)
    part = images.subset(torch.tensor([4, 2]), name="two")
    assert part.name == "two"
    assert part.labels.tolist() == [1, 0]
    assert torch.equal(part.images([0, 1]), images.images([4, 2]))
    assert torch.equal(part.subset([1]).images([0]), images.images([2]))
    first = images.limited(2)
    assert first.names(range(4)) == ["cat/cat_0.jpg", "cat/cat_1.jpg", "dog/dog_0.jpg", "dog/dog_1.jpg"]
    drawn = [images.limited(1, torch.Generator().manual_seed(s)).names([0, 1]) for s in range(20)]
    assert drawn[3] == images.limited(1, torch.Generator().manual_seed(3)).names([0, 1])
    assert {names[0] for names in drawn} == {f"cat/cat_{i}.jpg" for i in range(3)}


def test_a_subset_is_kept_where_the_whole_does_not_fit(folder: Path) -> None:
    images = ImageFolder(folder, 16, keep_bytes=3 * 3 * 16 * 16)
    part = images.subset([5, 1, 0]).subset([2, 0])
    before = part.images([0, 1])
    assert torch.equal(before, images.images([0, 5]))
    assert part.names([0, 1]) == ["cat/cat_0.jpg", "dog/dog_2.jpg"]
    (folder / "dog" / "dog_2.jpg").unlink()
    assert torch.equal(part.images([0, 1]), before)
    with pytest.raises(DataError, match="could not be decoded"):
        images.images([5])


def test_a_file_that_breaks_later_is_named(folder: Path) -> None:
    images = ImageFolder(folder, 16)
    (folder / "dog" / "dog_2.jpg").write_bytes(b"gone")
    with pytest.raises(DataError, match=r"dog_2\.jpg' could not be decoded"):
        images.images([5])


def test_key_points_follow_resize_and_crop(folder: Path) -> None:
    marked = np.zeros((90, 60, 3), np.uint8)
    marked[51, 36] = 255
    Image.fromarray(marked).save(folder / "cat" / "a.png")
    points = {"cat/a.png": {"nose": [51, 36], "tail": [2, 30]}}
    (folder / "key_points.json").write_text(json.dumps(points))
    images = ImageFolder(folder, 30)
    assert images.provides == {"key points"}
    found = images.key_points([1, 0])
    assert found[0] == {}
    assert set(found[1]) == {"nose"}  # the tail lies outside the crop
    y, x = found[1]["nose"]
    brightness = images.images([0])[0].sum(0)
    rows, columns = torch.arange(30.0)[:, None], torch.arange(30.0)[None]
    centre = ((brightness * rows).sum() / brightness.sum(), (brightness * columns).sum() / brightness.sum())
    assert abs(y - float(centre[0])) < 0.1
    assert abs(x - float(centre[1])) < 0.1
    same_size = ImageFolder(folder, 60, resize=60)
    assert same_size.key_points([0])[0]["nose"] == (51 - 15, 36)


def test_wrong_key_points_are_refused(folder: Path) -> None:
    (folder / "key_points.json").write_text('{"cat/cat_9.jpg": {"nose": [1, 2]}}')
    with pytest.raises(DataError, match=r"not there: cat/cat_9\.jpg"):
        ImageFolder(folder, 30)
    (folder / "key_points.json").write_text('{"cat/cat_0.jpg": {"nose": [1]}}')
    with pytest.raises(DataError, match="doesn't hold key points"):
        ImageFolder(folder, 30)


def test_a_read_only_cache_costs_a_warning(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="not kept for the next start"):
        assert len(ImageFolder(folder, 16)) == 6
