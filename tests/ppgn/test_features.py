"""Features of real images held, computed anew, and their statistics against numpy's definitions."""

from __future__ import annotations

import pytest
import torch
from tiny_generators import Stripes, tiny_network

from replications.ppgn import features
from replications.ppgn.encoder import Encoder
from replications.ppgn.features import RealFeatures


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(tiny_network(), "relu6", "pool5")


def test_batches_are_the_images_in_8_bits_with_their_features(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, indices = Stripes(), torch.tensor([7, 3, 30, 11])
    held = RealFeatures(data, indices, encoder)
    monkeypatch.setattr(features, "MEMORY_LIMIT", 0)
    anew = RealFeatures(data, indices, encoder)
    positions = torch.tensor([2, 0])
    images = (data.images(indices[positions]) * 255).round() / 255
    h1, code = encoder.features(images)
    for real in (held, anew):
        batch = real.batch(positions)
        assert torch.equal(batch.images, images)
        torch.testing.assert_close(batch.comparator, h1)
        torch.testing.assert_close(batch.code, code)
        assert len(real) == 4
    assert held.variances == anew.variances


def test_statistics_are_those_of_all_images_at_once(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "BATCH", 7)
    data = Stripes()
    real = RealFeatures(data, torch.arange(40), encoder)
    images = (data.pixels * 255).round() / 255
    for values, found in zip((images, *encoder.features(images)), real.variances, strict=True):
        rows = values.double().flatten(1)
        assert found == pytest.approx(float(rows.var(0, correction=0).sum()), rel=1e-5)
    torch.testing.assert_close(real.mean_image, images.mean(0))
    codes = encoder.code(images).double()
    assert real.code_scale == pytest.approx(float(codes.square().mean().sqrt()), rel=1e-5)
    assert (real.low, real.high) == pytest.approx((float(codes.min()), float(codes.max())), rel=1e-5)


def test_images_that_are_all_alike_are_refused(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="whose image has a variance of 0"):
        RealFeatures(Stripes(), torch.tensor([4, 4, 4]), encoder)
    with pytest.raises(ValueError, match="at least one image"):
        RealFeatures(Stripes(), torch.tensor([], dtype=torch.long), encoder)
