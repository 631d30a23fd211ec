"""Natural images in place of pictures: the most exciting, some that a unit likes, any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from cell_toys import RULES, context, own_cache  # noqa: F401 - a fixture
from torch import Tensor

from replications.compare.material import Material
from replications.compare.methods.natural import AnyImages, Drawn, Exemplars
from replications.compare.protocol import Protocol
from replications.compare.subjects import choose

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def material(tmp_path: Path) -> Material:
    rules = Protocol(**{**RULES, "pictures": 4})
    given = context()
    return Material(given, rules, choose(given, rules).subjects, 0, tmp_path / "parts")


def shown(method: Any, material: Material) -> Tensor:
    """(subjects, 4): which training image each picture is."""
    made = method("natural images").visualize(material, None)
    made.check(len(material.subjects), 4, material.network.input_size)
    assert made.passes == 0
    flat = made.images.flatten(0, 1).flatten(1)
    own = material.images.images(material.indices).flatten(1)
    distances = torch.cdist(flat, own, compute_mode="donot_use_mm_for_euclid_dist")
    assert float(distances.min(1).values.max()) < 1e-3
    return material.indices[distances.argmin(1)].unflatten(0, made.images.shape[:2])


def test_exemplars_are_the_images_that_excite_a_unit_most(material: Material) -> None:
    for subject, own in zip(material.subjects, shown(Exemplars, material), strict=True):
        order = material.activations(subject).argsort(descending=True, stable=True)
        assert torch.equal(own, material.indices[order[:4]])


def test_drawn_ones_are_among_what_a_unit_likes(material: Material) -> None:
    found = shown(Drawn, material)
    for subject, own in zip(material.subjects, found, strict=True):
        assert len(own.unique()) == 4
        if subject.kind == "class":
            assert {material.images.classes[label] for label in material.images.labels[own].tolist()} == {subject.name}
        else:
            assert torch.isin(own, material.exciting(subject, RULES["liked"])).all()
    assert not torch.equal(found, shown(Exemplars, material))
    assert torch.equal(found, shown(Drawn, material))


def test_any_images_have_nothing_to_do_with_the_unit(material: Material) -> None:
    found = shown(AnyImages, material)
    assert all(len(own.unique()) == 4 for own in found)
    assert not torch.equal(found[0], found[1])
    assert AnyImages("x").visualize(material, None).looked_at == 0
    assert Exemplars("x").visualize(material, None).looked_at == len(material.indices)
