"""Networks run what is asked for and nothing else, equal to the module's own forward pass."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from replications.networks.network import Network, UnknownClass, UnknownLayer
from replications.networks.preprocessing import Preprocessing
from replications.networks.residual import facet_evaluator
from replications.networks.zfnet import zfnet_small

PREPROCESSING = Preprocessing(64, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
PAPER = {1: "norm1", 2: "norm2", 3: "relu3", 4: "relu4", 5: "pool5", 6: "relu6", 7: "relu7"}
CLASSES = tuple(f"thing {i}" for i in range(12))


def small(module: nn.Module | None = None, **changes: object) -> Network:
    options: dict[str, object] = {
        "name": "zfnet_small",
        "classes": CLASSES,
        "preprocessing": PREPROCESSING,
        "paper_layers": PAPER,
        "unit_layers": {5: "relu5"},
    }
    return Network(module or zfnet_small(12), **{**options, **changes})  # type: ignore[arg-type]


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def hooked(module: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """What every leaf gives in the module's own forward pass, by its name with underscores (the last call counts)."""
    found: dict[str, Tensor] = {}
    for path, child in module.named_modules():
        if not list(child.children()):
            name = path.replace(".", "_")
            child.register_forward_hook(lambda _m, _i, output, name=name: found.__setitem__(name, output.clone()))
    with torch.inference_mode():
        module(inputs)
    return found


@pytest.mark.parametrize("build", [lambda: zfnet_small(12), lambda: facet_evaluator(12)])
def test_layers_equal_the_hooks_of_the_module(build: object, images: Tensor) -> None:
    module = build()  # type: ignore[operator]
    network = Network(copy.deepcopy(module), name="n", classes=CLASSES, preprocessing=PREPROCESSING)
    expected = hooked(module.eval(), network.preprocess(images))
    assert set(expected) <= set(network.layers)
    together = network.activations(expected, images)
    for layer, value in expected.items():
        torch.testing.assert_close(network.forward_to(layer, images), value, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(together[layer], value, rtol=1e-4, atol=1e-4)
        assert tuple(value.shape[1:]) == network.shape(layer)


def test_branches_equal_the_hooks_of_the_module() -> None:
    module = models.squeezenet1_0(num_classes=12).eval()
    network = Network(copy.deepcopy(module), name="n", classes=CLASSES, preprocessing=Preprocessing(64))
    images = torch.rand(2, 3, 64, 64)
    expected = hooked(module, images)
    found = network.activations(["features_4_expand3x3", "features_12_expand1x1"], images)
    for layer, value in found.items():
        torch.testing.assert_close(value, expected[layer], rtol=1e-4, atol=1e-4)


def test_logits_and_probabilities(images: Tensor) -> None:
    network = small()
    logits = network.logits(images)
    assert logits.shape == (3, 12)
    torch.testing.assert_close(logits, network.logits(network.preprocess(images), preprocessed=True))
    torch.testing.assert_close(network.probabilities(images), logits.softmax(1))
    convolutional = Network(
        nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1)),
        name="n",
        classes="abcde",
        preprocessing=Preprocessing(8),
    )
    assert convolutional.logits(images).shape == (3, 5)


def count_calls(network: Network) -> list[str]:
    calls: list[str] = []
    for node in network.nodes:
        node.module.register_forward_hook(lambda *_, name=node.name: calls.append(name))
    return calls


def test_nothing_beyond_what_is_asked_for_is_run(images: Tensor) -> None:
    network = small()
    calls = count_calls(network)
    network.forward_to("relu3", images)
    assert calls == ["conv1", "relu1", "pool1", "norm1", "conv2", "relu2", "pool2", "norm2", "conv3", "relu3"]
    assert [node.name for node in network.ancestors("relu3")] == calls
    calls.clear()
    network.activations(["relu1", "conv2"], images)
    assert calls == ["conv1", "relu1", "pool1", "norm1", "conv2"]


def test_branches_that_a_layer_does_not_need_are_not_run() -> None:
    network = Network(models.squeezenet1_0(num_classes=12), name="n", classes=CLASSES, preprocessing=Preprocessing(64))
    calls = count_calls(network)
    network.forward_to("features_4_expand3x3", torch.rand(1, 3, 64, 64))
    assert "features_3_expand1x1" in calls
    assert "features_4_expand1x1" not in calls
    assert calls == [node.name for node in network.ancestors("features_4_expand3x3")]


def test_activations_are_freed_as_soon_as_nothing_needs_them(images: Tensor) -> None:
    network = small()
    alive: list[int] = []
    references: list[object] = []

    def observe(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        import weakref

        references.append(weakref.ref(output))
        alive.append(sum(r() is not None for r in references))  # type: ignore[operator]

    for node in network.nodes:
        if node.kind != "dropout":
            node.module.register_forward_hook(observe)
    with torch.no_grad():
        network.logits(images)
    assert max(alive) == 2


def test_gradients_reach_the_image_and_no_weight(images: Tensor) -> None:
    network = small()
    images.requires_grad_()
    network.forward_to("relu5", images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    for node in network.nodes:
        assert not node.module.training
        assert all(not p.requires_grad and p.grad is None for p in node.module.parameters())


def test_any_size_for_layers_with_positions(images: Tensor) -> None:
    network = small()
    crop = network.preprocess(images)[:, :, :33, :47]
    whole = network.forward_to("relu1", images)
    part = network.forward_to("relu1", crop, preprocessed=True)
    height, width = part.shape[2:]
    assert (height, width) == (15, 22)
    torch.testing.assert_close(part[:, :, 1:-1, 1:-1], whole[:, :, 1 : height - 1, 1 : width - 1])


def test_unknown_names_list_the_valid_ones_close_matches_first() -> None:
    network = small()
    for call in (network.node, network.shape, network.receptive_field, network.ancestors):
        with pytest.raises(UnknownLayer) as error:
            call("norm5")
        message = str(error.value)
        assert message.startswith("network 'zfnet_small' has no layer 'norm5'; did you mean norm")
        assert message.endswith(", ".join(network.layers))
    with pytest.raises(UnknownLayer):
        network.forward_to("fc9", torch.zeros(1, 3, 64, 64))
    with pytest.raises(UnknownLayer, match="no layer 'relu8'"):
        small(paper_layers={8: "relu8"})


def test_layers_by_the_papers_numbers() -> None:
    network = small()
    assert network.paper_layer(5) == "pool5"
    assert network.feature_map_layer(5) == "relu5"
    with pytest.raises(UnknownLayer, match="the paper's layer 3; it does for 5"):
        network.feature_map_layer(3)
    assert "paper layer 7" in network.provides
    assert "unit layer 1" not in network.provides


def test_classes_by_name_or_id() -> None:
    ids = tuple(f"n{i:02d}" for i in range(12))
    network = small(classes=("crane", "tench", "crane", *CLASSES[3:]), class_ids=ids)
    assert network.class_index("n02") == 2
    assert network.class_index("Thing_7") == 7
    with pytest.raises(UnknownClass, match="2 classes named 'crane'; use an id: n00, n02"):
        network.class_index("crane")
    with pytest.raises(UnknownClass, match="no class 'tensh'; did you mean tench"):
        network.class_index("tensh")
    with pytest.raises(ValueError, match="12 outputs, but 3 class names"):
        small(classes=("a", "b", "c"))


def test_fingerprint_changes_with_what_matters_and_nothing_else() -> None:
    first = small().fingerprint
    assert small().fingerprint == first
    assert small(zfnet_small(12).to(memory_format=torch.channels_last)).fingerprint == first
    touched = zfnet_small(12)
    with torch.no_grad():
        touched.conv3.bias[0] += 1e-6
    norm = zfnet_small(12)
    norm.norm1.alpha *= 2
    others = [
        small(zfnet_small(12, seed=1)),
        small(touched),
        small(norm),
        small(preprocessing=Preprocessing(64)),
        small(layer_names={"fc6": "six"}, paper_layers={}),
        small(paper_layers={**PAPER, 2: "pool2"}),
        small(classes=CLASSES[::-1]),
    ]
    assert len({first, *(network.fingerprint for network in others)}) == len(others) + 1


@pytest.mark.gpu
def test_a_gpu_gives_the_same(images: Tensor) -> None:
    network = small()
    fingerprint, expected = network.fingerprint, network.logits(images)
    assert network.to("cuda") is network
    found = network.logits(images)
    assert found.device.type == "cuda"
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-2, atol=1e-2)
    assert small(zfnet_small(12).cuda()).fingerprint == fingerprint
