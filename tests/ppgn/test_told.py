"""What captions tell: the same as those of the drawn pictures, and changed in one slot alone."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from replications.data.facetworld.dataset import FacetSet
from replications.ppgn.told import SLOTS, plain_captions, told_of

IMAGES = FacetSet("validation", 60, size=32)


def test_captions_are_those_of_the_drawn_pictures() -> None:
    indices = [3, 17, 40]
    told = told_of(IMAGES, indices)
    drawn = IMAGES.annotations(indices)
    assert [one.caption for one in told] == drawn.captions
    assert [one.value("class") for one in told] == [IMAGES.classes[int(IMAGES.labels[i])] for i in indices]
    assert [one.value("facet") for one in told] == [IMAGES.facets[int(IMAGES.facet_labels[i])] for i in indices]
    scenes = [drawn.names["scene"][int(plane[0, 0])] for plane in drawn.labels["scene"]]
    assert [one.value("place") for one in told] == scenes


def test_values_are_among_those_that_slots_have_and_stand_in_the_caption() -> None:
    for one in told_of(IMAGES):
        assert all(one.value(slot) in values for slot, values in SLOTS.items())
        assert f" {one.value('colour')} " in one.caption
        assert f" {one.value('class')} " in one.caption


def test_changing_a_slot_changes_no_other() -> None:
    for one in told_of(IMAGES, range(20)):
        for slot in ("facet", "colour", "side", "place", "time"):
            for value in SLOTS[slot]:
                other = one.but(slot, value)
                assert other.value(slot) == value
                kept = set(SLOTS) - {slot} - ({"class"} if slot == "facet" else set())
                assert all(other.value(name) == one.value(name) for name in kept)
                assert (other.caption == one.caption) == (value == one.value(slot))
    with pytest.raises(ValueError, match="not in its 'class'"):
        told_of(IMAGES, [0])[0].but("class", "dog")


def test_the_mirror_image_is_on_the_other_side() -> None:
    told = told_of(IMAGES)
    for one in told:
        there = {"left": "right", "middle": "middle", "right": "left"}[one.value("side")]
        assert one.mirrored().caption == one.but("side", there).caption
    assert {one.value("facet") for one in told if not one.mirrors} <= {"market/front", "clock/digital"}
    assert not all(one.mirrors for one in told)


def test_plain_captions_name_each_class_once_and_the_rest_evenly() -> None:
    told = plain_captions(torch.Generator().manual_seed(0))
    assert [one.value("class") for one in told] == list(SLOTS["class"])
    for slot in ("colour", "side", "place", "time"):
        counts = Counter(one.value(slot) for one in told)
        assert max(counts.values()) - min(counts.get(value, 0) for value in SLOTS[slot]) <= 1
    for one in told:
        words = one.caption.split(" ")
        assert words[1] == one.value("colour")  # without a size
        assert words[2] == one.value("class")  # without a texture
        assert ", with " not in one.caption
    again = plain_captions(torch.Generator().manual_seed(0))
    assert [one.caption for one in again] == [one.caption for one in told]
    other = plain_captions(torch.Generator().manual_seed(1))
    assert [one.caption for one in other] != [one.caption for one in told]
