"""Guided backpropagation and gradients against captum and by hand; the deconvnet is that of Zeiler & Fergus."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor, nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.survey.ways_back import DECONVNET, GRADIENT, GUIDED, WAYS, back_to_pixels, lacking_rule
from replications.zeiler import deconvnet
from replications.zeiler.deconvnet import Units
from replications.zeiler.deconvnet_rules import NoRule

SIZE = 16


def chain(rectification: type[nn.Module] = nn.ReLU) -> tuple[nn.Sequential, Network]:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        rectification(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1),
        rectification(),
        nn.Flatten(),
        nn.Linear(8 * 64, 10),
        rectification(),
        nn.Linear(10, 4),
    )
    network = Network(module, name="chain", classes=list("abcd"), preprocessing=Preprocessing(SIZE, std=(0.5,) * 3))
    return module, network


def images(count: int = 3) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def of_captum(name: str, module: nn.Module, inputs: Tensor, targets: list) -> Tensor:
    captum = pytest.importorskip("captum.attr")
    method, found = getattr(captum, name)(module), []
    for row, target in zip(inputs, targets, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that it sets hooks, and asks for the image's gradient
            options = {"abs": False} if name == "Saliency" else {}
            found.append(method.attribute(row[None].clone(), target=target, **options))
    return torch.cat(found)


@pytest.mark.parametrize(("way", "name"), [(GUIDED, "GuidedBackprop"), (GRADIENT, "Saliency")])
@pytest.mark.parametrize("layer", [1, 3, 4, 8])
def test_it_is_captums(way: str, name: str, layer: int) -> None:
    module, network = chain()
    pictures = images()
    maps = network.forward_to(str(layer), pictures)
    if maps.dim() == 4:
        strongest = deconvnet.strongest(deconvnet.record(network, pictures, str(layer)), [0, 2])
        units = Units.of(
            *(torch.cat([t, t[:1] * 0]) for t in (strongest.image, strongest.channel, *_places(strongest)))
        )
        targets = list(zip(units.channel.tolist(), units.y.tolist(), units.x.tolist(), strict=True))
    else:
        units = Units.of([0, 1, 2, 0], [0, 3, 2, 1])
        targets = units.channel.tolist()
    expected = of_captum(name, module[: layer + 1], network.preprocess(pictures)[units.image], targets)
    found = back_to_pixels(network, pictures, str(layer), units, way)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))
    assert float(expected.abs().max()) > 0


def _places(units: Units) -> tuple[Tensor, Tensor]:
    return units.y, units.x


@pytest.mark.parametrize("layer", ["3", "8"])
def test_the_deconvnet_is_zeilers_and_lies_where_it_belongs(layer: str) -> None:
    _, network = chain()
    units = Units.of([0, 1], [2, 3], [4, 0] if layer == "3" else 0, [7, 1] if layer == "3" else 0)
    record = deconvnet.record(network, images(), layer)
    expected = deconvnet.project(record, units, crop=False, start="one").images
    torch.testing.assert_close(back_to_pixels(network, images(), layer, units, DECONVNET), expected)


@pytest.mark.parametrize("slope", [0.0, 0.25])
def test_what_passes_a_rectification(slope: float) -> None:
    """One unit of weights (1, -1, 1, -1) over rectified values of both signs: what each rule lets through."""
    first, second = nn.Conv2d(3, 4, 1, bias=False), nn.Conv2d(4, 1, 1, bias=False)
    first.weight.data = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-2, 0, 0], [0, -2, 0]])[:, :, None, None]
    second.weight.data = torch.tensor([1.0, -1, 1, -1])[None, :, None, None]
    between = nn.LeakyReLU(slope) if slope else nn.ReLU()
    module = nn.Sequential(first, between, second, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(module, name="two", classes=("a",), preprocessing=Preprocessing(8))
    white = torch.ones(1, 3, 8, 8)
    # the values are 1, 1, -2, -2 and the signals 1, -1, 1, -1, which reach red, green, -2 red, -2 green
    passed = {
        GRADIENT: (1, -1, slope, -slope),
        DECONVNET: (1, -slope, 1, -slope),
        GUIDED: (1, -slope, slope, -slope * slope),
    }
    for way, (a, b, c, d) in passed.items():
        found = back_to_pixels(network, white, "2", Units.of(0, 0, 3, 5), way)
        assert found[0, :, 3, 5].tolist() == pytest.approx([a - 2 * c, b - 2 * d, 0])
        assert int((found != 0).any(1).sum()) == 1


def test_many_units_are_what_each_is_alone() -> None:
    _, network = chain(nn.LeakyReLU)
    units = Units.of([i % 3 for i in range(20)], [i % 8 for i in range(20)], [i % 5 for i in range(20)], 6)
    for way in WAYS:
        together = back_to_pixels(network, images(), "4", units, way)
        alone = [back_to_pixels(network, images(), "4", units[i : i + 1], way) for i in (0, 7, 19)]
        torch.testing.assert_close(together[[0, 7, 19]], torch.cat(alone), rtol=1e-4, atol=1e-6)
        assert len(back_to_pixels(network, images(), "4", units[:0], way)) == 0


def test_what_has_no_rule_is_said() -> None:
    _, network = chain(nn.SiLU)
    unit = Units.of(0, 0, 1, 1)
    with pytest.raises(ValueError, match="the ways back are deconvnet"):
        back_to_pixels(network, images(), "4", unit, "smoothgrad")
    with pytest.raises(NoRule, match="guided backpropagation has no rule for a SiLU at '1'"):
        back_to_pixels(network, images(), "4", unit, GUIDED)
    assert float(back_to_pixels(network, images(), "4", unit, GRADIENT).abs().max()) > 0
    assert "'1' of network 'chain' (activation) has none" in str(lacking_rule(network, "4"))
    assert lacking_rule(chain()[1], "8") is None
