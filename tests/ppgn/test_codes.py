"""Codes of real images are the encoder's, and their statistics those of all of them however they come."""

from __future__ import annotations

import pytest
import torch
from ppgn_toys import encoder

from replications.ppgn.codes import RealCodes, encode


def test_statistics_are_those_of_all_codes_in_whatever_parts_they_come() -> None:
    codes = torch.randn(500, 7, generator=torch.Generator().manual_seed(0)) * 3 + torch.arange(7) * 1000
    whole, parts = RealCodes.of(codes), RealCodes.of(iter(codes.split(64)))
    for found in (whole, parts):
        torch.testing.assert_close(found.mean, codes.double().mean(0).float(), rtol=1e-6, atol=1e-5)
        torch.testing.assert_close(found.deviation, codes.double().std(0, correction=0).float(), rtol=1e-5, atol=0)
        assert torch.equal(found.low, codes.amin(0))
        assert torch.equal(found.high, codes.amax(0))
    assert whole.shape == (7,)
    expected = float(codes.double().var(0, correction=0).mean().sqrt())
    assert whole.spread == pytest.approx(expected, rel=1e-5)


def test_images_have_statistics_too() -> None:
    images = torch.rand(10, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert RealCodes.of(images).shape == (3, 4, 4)


@pytest.mark.parametrize("count", [0, 1])
def test_one_code_has_no_range(count: int) -> None:
    with pytest.raises(ValueError, match=f"two of them or more, found {count}"):
        RealCodes.of(torch.zeros(count, 3))


def test_codes_are_the_layer_of_each_image_as_a_vector() -> None:
    network = encoder()
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = encode(network, "relu1", images, batch=2)
    expected = torch.stack([network.forward_to("relu1", image[None])[0].flatten() for image in images])
    torch.testing.assert_close(found, expected)
    assert found.shape == (5, 4 * 8 * 8)
    assert not found.is_inference()
