"""Batches: each image once an epoch, and augmentation against slicing by hand."""

from __future__ import annotations

import pytest
import torch
from synthetic_squares import Squares
from torch.nn import functional as F

from replications.training import batches
from replications.training.batches import TrainingImages, epoch_batches
from replications.training.recipe import Recipe


def one_epoch(recipe: Recipe, seed: int = 0, count: int = 20) -> tuple[torch.Tensor, torch.Tensor, Squares]:
    """The images and the positions that one epoch gives, in its order."""
    data = Squares(count, size=16)
    images = TrainingImages(data, torch.arange(count))
    found = list(epoch_batches(images, torch.arange(count), 16, recipe, torch.Generator().manual_seed(seed)))
    return torch.cat([batch for batch, _ in found]), torch.cat([positions for _, positions in found]), data


def test_plain_epoch_gives_each_image_once_in_another_order() -> None:
    images, positions, data = one_epoch(Recipe(epochs=1, batch_size=7, flip=False))
    assert positions.sort().values.tolist() == list(range(20))
    assert positions.tolist() != list(range(20))
    assert torch.equal(images, (data.pixels[positions] * 255).round().to(torch.uint8))


def test_shifts_and_mirrors_are_slices_of_the_mirrored_border() -> None:
    images, positions, data = one_epoch(Recipe(epochs=1, flip=True, shift=2))
    wide = F.pad((data.pixels * 255).round(), (2, 2, 2, 2), mode="reflect").to(torch.uint8)
    seen = set()
    for image, position in zip(images, positions.tolist(), strict=True):
        matches = [
            (dy, dx, mirrored)
            for dy in range(5)
            for dx in range(5)
            for mirrored in (False, True)
            if torch.equal(image, wide[position, :, dy : dy + 16, dx : dx + 16].flip((2,) if mirrored else ()))
        ]
        assert len(matches) == 1
        seen.add(matches[0])
    assert len({dy for dy, _, _ in seen}) > 2
    assert {mirrored for _, _, mirrored in seen} == {False, True}


def test_crops_are_the_papers_five() -> None:
    images, positions, data = one_epoch(Recipe(epochs=1, flip=False, crop=10), count=60)
    stored = (data.pixels * 255).round().to(torch.uint8)
    used = set()
    for image, position in zip(images, positions.tolist(), strict=True):
        places = [(0, 0), (0, 6), (6, 0), (6, 6), (3, 3)]
        used |= {p for p in places if torch.equal(image, stored[position, :, p[0] : p[0] + 10, p[1] : p[1] + 10])}
    assert len(used) == 5


def test_a_set_too_large_for_memory_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(epochs=1, flip=True, shift=3, batch_size=6)
    held, _, _ = one_epoch(recipe, seed=5)
    monkeypatch.setattr(batches, "MEMORY_LIMIT", 0)
    streamed, _, _ = one_epoch(recipe, seed=5)
    assert torch.equal(held, streamed)


def test_crop_larger_than_the_images_is_refused() -> None:
    with pytest.raises(ValueError, match="crops of 32 pixels, but the images have 16"):
        one_epoch(Recipe(epochs=1, crop=32))
