"""The concepts of facetworld are those that were drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from replications.data.concepts import facetworld as module
from replications.data.concepts.facetworld import facetworld
from replications.data.facetworld.dataset import FacetSet


def test_labels_are_those_of_the_drawing_also_when_a_set_is_extended() -> None:
    drawn = FacetSet("validation", 9, 32, workers=1).annotations(range(9))
    for images in (5, 9):
        concepts = facetworld(images, size=32, workers=1)
        indices = torch.tensor([4, 0, 3])
        labels = concepts.labels(indices)
        assert list(labels) == list(concepts.concepts) == ["object", "part", "texture", "colour", "scene"]
        for category in ("object", "part", "texture", "colour"):
            assert labels[category].dtype == torch.int16
            assert np.array_equal(labels[category][:, 0].numpy(), drawn.labels[category][indices.numpy()])
            assert concepts.concepts[category] == drawn.names[category]
        assert labels["scene"].shape == (3, 1, 1, 1)
        assert labels["scene"].flatten().tolist() == drawn.labels["scene"][indices.numpy(), 0, 0].tolist()


def test_batches_go_with_the_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARD", 3)  # of the labels, so that a batch meets two shards
    concepts = facetworld(7, size=32, workers=1)
    assert concepts.batch_count(4) == 2
    seen = list(concepts.batches(4))
    assert torch.cat([indices for indices, _, _ in seen]).tolist() == list(range(7))
    assert torch.equal(torch.cat([images for _, images, _ in seen]), concepts.images.images(range(7)))
    whole = concepts.labels(range(7))
    for category, labels in whole.items():
        assert torch.equal(torch.cat([found[category] for _, _, found in seen]), labels)
    drawn = concepts.images.annotations(range(7)).labels["part"]
    assert np.array_equal(whole["part"][:, 0].numpy(), drawn)


def test_kept_labels_are_read_and_damaged_ones_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = facetworld(4, size=32, workers=1).labels(range(4))
    again = facetworld(4, size=32, workers=1)
    path = again._folder / "00000.npy"
    with monkeypatch.context() as patched:
        patched.setattr(FacetSet, "annotations", None)  # drawing would fail
        assert torch.equal(again.labels(range(4))["object"], first["object"])
    path.write_bytes(path.read_bytes()[:300])
    assert torch.equal(facetworld(4, size=32, workers=1).labels(range(4))["object"], first["object"])


def test_the_fingerprint_is_of_the_pictures() -> None:
    one = facetworld(4, size=32)
    assert one.fingerprint == facetworld(4, size=32, workers=1).fingerprint != one.images.fingerprint
    assert len({c.fingerprint for c in (one, facetworld(5, size=32), facetworld(4, size=32, seed=1))}) == 3


def test_an_index_outside_is_refused() -> None:
    with pytest.raises(IndexError, match=r"facetworld validation concepts has the images 0 to 3; found 4"):
        facetworld(4, size=32, workers=1).labels([4])
