"""Equal to captum's Deconvolution, the reference package, on chains of ReLUs and max pools; and on traced networks."""

from __future__ import annotations

import warnings

import pytest
import torch
import torchvision
from torch import Tensor, nn

from replications.networks.network import Network, UnknownLayer
from replications.networks.preprocessing import Preprocessing
from replications.zeiler import deconvnet
from replications.zeiler.deconvnet import Units


def network_of(module: nn.Module, size: int, classes: int) -> Network:
    return Network(
        module, name="test", classes=[f"class {c}" for c in range(classes)], preprocessing=Preprocessing(size)
    )


def alexnet() -> tuple[nn.Module, Network]:
    torch.manual_seed(0)
    module = torchvision.models.alexnet(weights=None, num_classes=20)
    return module, network_of(module, 224, 20)


def vgg_like() -> tuple[nn.Module, Network]:
    torch.manual_seed(1)
    layers: list[nn.Module] = []
    widths = [3, 8, 8, "pool", 16, 16, "pool", 24, 24, "pool"]
    maps = [w for w in widths if isinstance(w, int)]
    for width in widths[1:]:
        if width == "pool":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(maps.pop(0), maps[0], 3, padding=1), nn.ReLU()]
    head = [nn.Flatten(), nn.Linear(24 * 16, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, 7)]
    module = nn.Sequential(*layers, *head)
    return module, network_of(module, 32, 7)


def captum_projections(module: nn.Module, images: Tensor, units: Units, vector: bool) -> Tensor:
    captum = pytest.importorskip("captum.attr")
    for child in module.modules():
        if isinstance(child, nn.ReLU):
            child.inplace = False
    method = captum.Deconvolution(module)
    results = []
    for i, c, y, x in torch.stack([units.image, units.channel, units.y, units.x], 1).tolist():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that it sets hooks, and asks for the image's gradient
            results.append(method.attribute(images[i : i + 1], target=c if vector else (c, y, x)))
    return torch.cat(results)


def assert_equal_within(found: Tensor, expected: Tensor, relative: float = 1e-5) -> None:
    scale = expected.abs().amax((1, 2, 3), keepdim=True)
    shown = scale.flatten() > 0
    assert shown.any()
    assert (found[~shown] == 0).all()
    assert ((found - expected).abs() / scale)[shown].max() < relative


@pytest.mark.parametrize("index", [0, 2, 3, 5, 6, 8, 12])
def test_equals_captum_in_alexnet(index: int) -> None:
    module, network = alexnet()
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(index))
    record = deconvnet.record(network, images, f"features_{index}")
    channels, height, width = record.layer_shape
    corner, far = (0, 0), (height - 1, width - 1)
    strongest = deconvnet.strongest(record, range(3))
    units = Units.of(
        [*strongest.image.tolist(), 0, 1],
        [*strongest.channel.tolist(), channels - 1, 1],
        [*strongest.y.tolist(), corner[0], far[0]],
        [*strongest.x.tolist(), corner[1], far[1]],
    )
    expected = captum_projections(module.features[: index + 1], images, units, vector=False)
    assert_equal_within(deconvnet.project(record, units, start="one").full(), expected)


def test_equals_captum_at_every_layer_of_a_vgg_like_network() -> None:
    module, network = vgg_like()
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    for layer in network.layers[:15]:
        record = deconvnet.record(network, images, layer)
        units = deconvnet.strongest(record, range(4))
        border = Units.of([0, 1], [1, 2], [0, record.layer_shape[1] - 1], [record.layer_shape[2] - 1, 0])
        for chosen in (units, border):
            expected = captum_projections(module[: int(layer) + 1], images, chosen, vector=False)
            assert_equal_within(deconvnet.project(record, chosen, start="one").full(), expected)


@pytest.mark.parametrize("build", [alexnet, vgg_like])
def test_equals_captum_for_logits(build: type) -> None:
    module, network = build()
    images = torch.rand(2, 3, network.input_size, network.input_size, generator=torch.Generator().manual_seed(4))
    record = deconvnet.record(network, images, network.layers[-1])
    units = Units.of([0, 0, 1], [0, 5, 3])
    expected = captum_projections(module, images, units, vector=True)
    assert_equal_within(deconvnet.project(record, units, start="one").images, expected)


def test_starting_from_the_activation_scales_by_it() -> None:
    module, network = vgg_like()
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    record = deconvnet.record(network, images, network.layers[7])
    units = deconvnet.strongest(record)
    values = record.activations[units.image, units.channel, units.y, units.x]
    assert (values > 0).sum() > 3
    expected = captum_projections(module[:8], images, units, vector=False) * values[:, None, None, None]
    found = deconvnet.project(record, units).full()
    # a unit that isn't active starts from a negative value, and the first rectification below it hides another part
    assert_equal_within(found[values > 0], expected[values > 0])


def branching(name: str) -> Network:
    torch.manual_seed(2)
    return network_of(torchvision.models.get_model(name, weights=None, num_classes=10), 64, 10)


@pytest.mark.parametrize(("name", "layers"), [("squeezenet1_1", 3), ("resnet18", 4), ("googlenet", 3)])
def test_crops_equal_whole_maps_in_torchvisions_branching_networks(name: str, layers: int) -> None:
    if name == "googlenet":
        torch.manual_seed(2)
        module = torchvision.models.googlenet(weights=None, num_classes=10, aux_logits=False, init_weights=False)
        network = network_of(module, 64, 10)
    else:
        network = branching(name)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(6))
    for layer in [node.name for node in network.nodes if node.kind in ("cat", "add")][:layers]:
        record = deconvnet.record(network, images, layer)
        units = deconvnet.strongest(record, [0, 5, 2])
        cropped, full = deconvnet.project(record, units), deconvnet.project(record, units, crop=False)
        assert_equal_within(cropped.full(), full.images)


@pytest.mark.parametrize("build", [alexnet, vgg_like])
def test_boxes_are_the_networks_receptive_fields(build: type) -> None:
    _, network = build()
    images = torch.rand(1, 3, network.input_size, network.input_size, generator=torch.Generator().manual_seed(7))
    checked = 0
    for layer in network.layers:
        field = network.receptive_field(layer)
        if max(field.size) >= network.input_size or len(network.shape(layer)) == 1:
            continue
        record = deconvnet.record(network, images, layer)
        units = deconvnet.strongest(record, range(5))
        boxes = deconvnet.project(record, units).boxes.tolist()
        places = zip(units.y.tolist(), units.x.tolist(), strict=True)
        assert boxes == [list(field.box(y, x, clipped=False)) for y, x in places]
        checked += 1
    assert checked >= 10


def test_record_has_the_networks_activations_and_refuses_its_unknown_layers() -> None:
    _, network = vgg_like()
    images = torch.rand(2, 3, 40, 32, generator=torch.Generator().manual_seed(8))
    record = deconvnet.record(network, images, "6")
    torch.testing.assert_close(record.activations, network.forward_to("6", images))
    again = deconvnet.record(network, network.preprocess(images), "6", preprocessed=True)
    assert torch.equal(again.activations, record.activations)
    with pytest.raises(UnknownLayer, match="no layer 'conv9'"):
        deconvnet.record(network, images, "conv9")
