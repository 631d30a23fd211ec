"""The form of up-convolutional networks: sizes, first weights, what they refuse."""

from __future__ import annotations

import pytest
import torch

from replications.survey.upconvolution import SLOPE, UpConvolution


def built(code_shape: tuple[int, ...], image_size: int = 64, **changes: int) -> UpConvolution:
    return UpConvolution(
        code_shape=code_shape, image_size=image_size, layer="some", **{"width": 8, "hidden": 12, **changes}
    )


@pytest.mark.parametrize(
    ("shape", "size"),
    [((5, 15, 15), 64), ((5, 7, 7), 64), ((5, 3, 3), 64), ((12,), 64), ((5, 13, 13), 227), ((5, 56, 56), 227)],
)
def test_codes_of_any_layer_become_images(shape: tuple[int, ...], size: int) -> None:
    images = built(shape, size)(torch.rand(2, *shape))
    assert images.shape == (2, 3, size, size)
    assert images.min() > 0
    assert images.max() < 1


def test_where_the_layers_give_nothing_the_mean_image_is_given() -> None:
    mean = torch.rand(3, 64, 64) * 0.8 + 0.1
    network = built((5, 7, 7))
    network.take_statistics(mean, 2.0)
    for parameter in network.parameters():
        parameter.requires_grad_(False).zero_()
    assert torch.allclose(network(torch.rand(2, 5, 7, 7)), mean.expand(2, -1, -1, -1), atol=1e-6)


def test_codes_count_in_units_of_their_scale() -> None:
    network, other = built((4,)), built((4,))
    network.take_statistics(torch.full((3, 64, 64), 0.5), 1.0)
    other.take_statistics(torch.full((3, 64, 64), 0.5), 10.0)
    codes = torch.rand(3, 4)
    assert torch.allclose(network(codes), other(10 * codes), atol=1e-6)


def test_a_place_of_the_maps_changes_its_place_of_the_image() -> None:
    """Of 8x8 maps read by two 3x3 convolutions and enlarged thrice, a corner reaches 5 of 8 cells at most."""
    network = built((5, 8, 8)).double()
    codes = torch.rand(1, 5, 8, 8, dtype=torch.float64)
    changed = codes.clone()
    changed[..., 0, 0] += 1
    difference = (network(changed) - network(codes)).abs().sum(1)[0]
    assert difference[:16, :16].min() > 0
    assert difference[40:].max() == 0
    assert difference[:, 40:].max() == 0


def test_signals_keep_their_variance_at_the_start() -> None:
    torch.manual_seed(0)
    network = built((64, 16, 16), width=64)
    signals = torch.randn(4, 64, 16, 16)
    gain = (1 + SLOPE**2) / 2
    for name, layer in network.layers.named_children():
        before, signals = signals, layer(signals)
        if name.startswith("conv") and name != "conv1":
            inside = signals[..., 2:-2, 2:-2]
            ratio = float(inside.square().mean() / before.square().mean())
            assert ratio * gain == pytest.approx(1, rel=0.15)


def test_the_seed_is_all_that_the_weights_depend_on() -> None:
    first, same, other = built((4,), seed=1), built((4,), seed=1), built((4,), seed=2)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), same.parameters(), strict=True))
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


def test_what_can_not_be_enlarged_is_refused() -> None:
    with pytest.raises(ValueError, match="have 64 positions a side, the image 64 pixels"):
        built((5, 64, 64))
    with pytest.raises(ValueError, match="expected a layer of square maps"):
        built((5, 4, 7))
    with pytest.raises(ValueError, match=r"whose codes are \(n, 4\); found \(2, 5\)"):
        built((4,))(torch.rand(2, 5))
