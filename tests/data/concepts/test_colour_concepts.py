"""Colours are named as people name them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from labelled_images import stripes_folder

from replications.data.concepts.colours import COLOURS, Coloured, colour_numbers, name_colours
from replications.data.concepts.mask_folder import mask_folder
from replications.data.errors import DataError
from replications.data.facetworld.palette import COLOURS as PALETTE


def named(rgb: np.ndarray) -> list[str]:
    return [COLOURS[number] for number in name_colours(rgb).flatten()]


def test_facetworlds_colours_keep_their_names() -> None:
    """In the light of the palette; the same eleven names, chosen independently of the rule."""
    assert set(PALETTE) == set(COLOURS)
    assert named(np.array(list(PALETTE.values())) / 255) == list(PALETTE)


def test_colours_that_people_named_are_named_alike() -> None:
    """The survey of xkcd.com: names that end with one of the eleven and hold no other ("light green", "blood red")."""
    from matplotlib.colors import XKCD_COLORS, to_rgb

    said = {}
    for name, value in XKCD_COLORS.items():
        words = name.removeprefix("xkcd:")
        held = [colour for colour in COLOURS if colour in words]
        if len(held) == 1 and words.split()[-1] == held[0]:
            said[words] = (held[0], to_rgb(value))
    assert len(said) > 250
    found = named(np.array([rgb for _, rgb in said.values()]))
    assert np.mean([a == b for a, (b, _) in zip(found, said.values(), strict=True)]) > 0.85


def test_every_colour_has_a_name_and_a_cell_the_name_of_its_centre() -> None:
    random = np.random.default_rng(0)
    bytes_ = random.integers(0, 256, (5, 4, 3, 6)).astype(np.uint8)  # n, H, 3, W, to catch a wrong axis
    images = torch.from_numpy(bytes_).permute(0, 2, 1, 3).float() / 255
    found = colour_numbers(images)
    assert found.shape == (5, 4, 6)
    assert found.dtype == torch.int16
    centres = (bytes_ // 8 * 8 + 4) / 256
    assert np.array_equal(found.numpy() - 1, name_colours(centres.transpose(0, 1, 3, 2)))
    assert int(found.min()) >= 1


def test_grey_levels_go_from_black_to_white() -> None:
    levels = np.repeat(np.linspace(0, 1, 64)[:, None], 3, 1)
    assert list(dict.fromkeys(named(levels))) == ["black", "grey", "white"]


def test_colours_are_added_to_other_concepts(tmp_path: object) -> None:
    root = stripes_folder(tmp_path)
    plain = mask_folder(str(root), size=16)
    coloured = mask_folder(str(root), size=16, colours=True)
    assert isinstance(coloured, Coloured)
    assert list(coloured.concepts) == ["object", "colour"]
    assert coloured.concepts["colour"] == ("none", *COLOURS)
    labels = coloured.labels([2, 0])
    assert torch.equal(labels["object"], plain.labels([2, 0])["object"])
    assert labels["colour"].shape == (2, 1, 16, 16)
    assert torch.equal(labels["colour"][:, 0], colour_numbers(coloured.images.images([2, 0])))
    (indices, images, found), _ = coloured.batches(2)
    assert torch.equal(found["colour"], coloured.labels(indices)["colour"])
    assert torch.equal(images, coloured.images.images(indices))
    assert coloured.fingerprint != plain.fingerprint
    with pytest.raises(DataError, match="has labels of colours: they can't be computed from the pixels as well"):
        Coloured(coloured)
