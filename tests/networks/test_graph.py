"""Traced graphs compute what the traced modules compute, and say so when they can't."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from replications.networks.alexnet import alexnet_small
from replications.networks.graph import Node, UnsupportedOperation, trace
from replications.networks.normalization import ContrastNormalization
from replications.networks.residual import facet_evaluator
from replications.networks.zfnet import zfnet_small


def run(nodes: tuple[Node, ...], images: Tensor) -> dict[str, Tensor]:
    values = {"input": images}
    for node in nodes:
        values[node.name] = node.module(*[values[name] for name in node.inputs])
    return values


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "zfnet_small": (lambda: zfnet_small(12), 64),
    "alexnet_small": (lambda: alexnet_small(12), 64),
    "facet_evaluator": (lambda: facet_evaluator(12), 64),
    "alexnet": (models.alexnet, 96),
    "vgg11": (models.vgg11, 64),
    "resnet18": (models.resnet18, 64),
    "squeezenet1_0": (models.squeezenet1_0, 96),
    "mobilenet_v2": (models.mobilenet_v2, 64),
    "mobilenet_v3_small": (models.mobilenet_v3_small, 64),
    "googlenet": (lambda: models.googlenet(init_weights=False), 96),
    "densenet121": (models.densenet121, 64),
    "mnasnet0_5": (models.mnasnet0_5, 64),
    "regnet_y_400mf": (models.regnet_y_400mf, 64),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_nodes_compute_what_the_module_computes(name: str) -> None:
    build, size = NETWORKS[name]
    torch.manual_seed(0)
    module = build().eval()
    for batch_norm in module.modules():
        if isinstance(batch_norm, nn.BatchNorm2d):
            batch_norm.running_mean.normal_()
            batch_norm.running_var.uniform_(0.5, 2)
    nodes = trace(module)
    images = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        values = run(nodes, images)
        expected = module(images)
    assert torch.equal(values[nodes[-1].name], expected)
    seen = {"input"}
    for node in nodes:
        assert set(node.inputs) <= seen
        seen.add(node.name)


def test_names_and_kinds_of_a_named_sequential() -> None:
    nodes = trace(zfnet_small(12))
    assert " ".join(node.name for node in nodes) == (
        "conv1 relu1 pool1 norm1 conv2 relu2 pool2 norm2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 flatten "
        "fc6 relu6 drop6 fc7 relu7 drop7 fc8"
    )
    kinds = {node.name: node.kind for node in nodes}
    assert kinds["norm1"] == "lrn"
    assert kinds["pool5"] == "max_pool"
    assert kinds["drop6"] == "dropout"
    assert nodes[3].inputs == ("pool1",)


class Functional(nn.Module):
    """Everything that may be written as a call."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x), inplace=True)
        y = F.leaky_relu(self.conv2(x), 0.3)
        y += x
        z = torch.cat([F.max_pool2d(y, 3, stride=2, padding=1), F.avg_pool2d(y, 2)], dim=1)
        z = F.dropout(F.local_response_norm(z, 3), training=self.training)
        z = (z + torch.add(z, z)) * z
        z = z.mean([2, 3], keepdim=True) + F.adaptive_avg_pool2d(z, (1, 1))
        return self.fc(z.view(z.size(0), -1))


def test_calls_become_modules() -> None:
    module = Functional().eval()
    nodes = trace(module)
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(run(nodes, images)["fc"], module(images))
    kinds = {node.name: node.kind for node in nodes}
    assert kinds["relu"] == "relu"
    assert kinds["leaky_relu"] == "leaky_relu"
    assert kinds["cat"] == "cat"
    assert kinds["add"] == "add"
    assert kinds["view"] == "flatten"
    assert kinds["mean"] == kinds["adaptive_avg_pool2d"] == "global_avg_pool"


def test_nothing_is_changed_in_place() -> None:
    nodes = trace(models.squeezenet1_1().eval())
    values = run(nodes, torch.randn(1, 3, 64, 64))
    assert values["features_0"].min() < 0 <= values["features_1"].min()


def test_training_mode_is_left_as_it_was() -> None:
    module = zfnet_small(12).train()
    module.drop6.eval()
    trace(module)
    assert module.training
    assert module.conv1.training
    assert not module.drop6.training


def test_names_can_be_changed_whole_or_by_their_beginning() -> None:
    nodes = trace(models.squeezenet1_0(), {"features_0": "conv1", "features_3": "fire2"})
    names = [node.name for node in nodes]
    assert names[:4] == ["conv1", "features_1", "features_2", "fire2_squeeze"]
    assert next(node for node in nodes if node.name == "fire2_cat").inputs == (
        "fire2_expand1x1_activation",
        "fire2_expand3x3_activation",
    )
    with pytest.raises(UnsupportedOperation, match="no layer 'features_99'"):
        trace(models.squeezenet1_0(), {"features_99": "conv1"})
    with pytest.raises(UnsupportedOperation, match="two layers would be named 'features_1'"):
        trace(models.squeezenet1_0(), {"features_0": "features_1"})


class DeclaredNorm(nn.Module):
    node_kind = "lrn"

    def forward(self, x: Tensor) -> Tensor:
        return x / float(x.abs().sum())  # can't be traced


def test_a_module_may_declare_its_kind() -> None:
    nodes = trace(nn.Sequential(nn.Conv2d(3, 4, 3), DeclaredNorm(), ContrastNormalization(3)))
    assert [node.kind for node in nodes] == ["conv", "lrn", "lrn"]
    DeclaredNorm.node_kind = "softmax"
    try:
        with pytest.raises(UnsupportedOperation, match="module '0' \\(kind 'softmax'\\)"):
            trace(nn.Sequential(DeclaredNorm()))
    finally:
        DeclaredNorm.node_kind = "lrn"


class Decides(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Overwrites(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x * x
        return F.relu(y, inplace=True) + y


class Calls(nn.Module):
    def __init__(self, call: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(x)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Decides(), "without decisions"),
        (Overwrites(), "changes its input in place"),
        (nn.Sequential(nn.ConvTranspose2d(3, 3, 2)), "'0' \\(ConvTranspose2d\\) is not supported; supported are"),
        (Calls(lambda x: torch.cat([x, x], dim=2)), "'cat' in Calls"),
        (Calls(lambda x: x + 1), "'add' in Calls"),
        (Calls(lambda x: x.transpose(1, 2)), "'transpose' in Calls"),
        (Calls(lambda x: x.mean((1, 2))), "'mean' in Calls"),
        (Calls(lambda x: torch.flatten(x)), "flattening of dimensions 0 to -1"),
        (Calls(lambda x: F.dropout(x)), "'dropout' in Calls"),
        (Calls(lambda x: x.view(1, -1)), "'view' in Calls"),
        (models.vit_b_16(), "is not supported|can't be traced"),
    ],
)
def test_what_is_not_supported_is_named(module: nn.Module, message: str) -> None:
    with pytest.raises(UnsupportedOperation, match=message):
        trace(module)
