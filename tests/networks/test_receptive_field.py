"""Receptive fields against the support of gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models.squeezenet import Fire

from replications.networks.graph import UnsupportedOperation
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.receptive_field import Box
from replications.networks.residual import ResidualBlock
from replications.networks.zfnet import zfnet, zfnet_small


def network(module: nn.Module, size: int, outputs: int) -> Network:
    return Network(module, name="test", classes=[f"c{i}" for i in range(outputs)], preprocessing=Preprocessing(size))


def averaged(module: nn.Module) -> nn.Module:
    """The module with averages of the same windows for maxima, which hide all but one place of a window."""
    for name, child in module.named_children():
        if isinstance(child, nn.MaxPool2d):
            pool = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, ceil_mode=child.ceil_mode)
            setattr(module, name, pool)
        else:
            averaged(child)
    return module


def positive(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """The module in float64 with positive weights, so that nothing cancels and no ReLU is shut."""
    for parameter in module.double().parameters():
        parameter.data = torch.rand(parameter.shape, generator=generator, dtype=torch.float64) + 0.1
    return module


def support(output: Tensor, images: Tensor, y: int, x: int) -> Box | None:
    """The hull of the pixels that the units at (y, x) have a gradient for, over all channels and images."""
    unit = output[:, :, y, x] if output.dim() == 4 else output
    (gradient,) = torch.autograd.grad(unit.sum(), images, retain_graph=True)
    rows, columns = (gradient.abs().sum((0, 1)) > 0).nonzero(as_tuple=True)
    if not len(rows):
        return None
    return Box(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)


def residual() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 5, stride=2, padding=2), ResidualBlock(4, 6, 2), ResidualBlock(6, 6, 1), ResidualBlock(6, 8, 2)
    )


def fires() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(4, 2, 3, 3), Fire(6, 2, 3, 3),
        nn.MaxPool2d(3, 2, ceil_mode=True), Fire(6, 2, 3, 3),
    )  # fmt: skip


def oddities() -> nn.Module:
    """Unequal kernels, dilation, 'same' padding, strides wider than the kernel, unequal adaptive windows."""
    return nn.Sequential(
        nn.Conv2d(3, 4, (1, 5), padding=(0, 2), stride=(1, 2)),
        nn.Conv2d(4, 4, 3, dilation=2, padding="same"),
        nn.Conv2d(4, 4, 1, stride=2),
        nn.Conv2d(4, 4, (4, 2), padding=(3, 1)),
        nn.AdaptiveAvgPool2d((5, 3)),
        nn.Conv2d(4, 4, 2),
        nn.AvgPool2d(2, 1, padding=1),
    )


CASES: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "zfnet_small": (lambda: zfnet_small(3, widths=(4, 4, 4, 4, 4), fc_widths=(5, 5), dropout=0), 64),
    "fires": (fires, 43),
    "residual": (residual, 32),
    "oddities": (oddities, 25),
}


@pytest.mark.parametrize("name", CASES)
def test_boxes_are_the_support_of_gradients(name: str) -> None:
    build, size = CASES[name]
    generator = torch.Generator().manual_seed(0)
    module = positive(averaged(build()), generator)
    outputs = module.eval()(torch.zeros(1, 3, size, size, dtype=torch.float64)).shape[1]
    averaging = network(module, size, outputs)
    pooling = network(build(), size, outputs)
    images = torch.rand(2, 3, size, size, generator=generator, dtype=torch.float64).requires_grad_()
    activations = averaging.activations(averaging.layers, images)
    for layer in averaging.layers:
        field = averaging.receptive_field(layer)
        assert pooling.receptive_field(layer) == field
        if averaging.node(layer).kind in ("relu", "batch_norm", "identity", "dropout", "lrn"):
            continue
        if averaging.node(layer).kind == "flatten":
            assert field.box() == support(activations[layer], images, 0, 0)
            continue
        height, width = (*averaging.shape(layer), 1, 1)[1:3]
        step = max(1, height // 6)
        for y in sorted({*range(0, height, step), height - 1}):
            x = min(y, width - 1)
            found = support(activations[layer], images, y, x)
            assert field.box(y, x) == (found or Box(0, 0, 0, 0)), (layer, y, x)


def test_zfnet_fields_by_hand() -> None:
    net = network(zfnet(10, fc_widths=(8, 8)), 224, 10)
    expected = {
        "relu1": (7, 2, -1),
        "norm1": (11, 4, -3),
        "conv2": (27, 8, -3),
        "norm2": (43, 16, -11),
        "conv3": (75, 16, -27),
        "conv4": (107, 16, -43),
        "conv5": (139, 16, -59),
        "pool5": (171, 32, -59),
    }
    for layer, (size, stride, offset) in expected.items():
        field = net.receptive_field(layer)
        assert (field.size, field.stride, field.offset) == ((size, size), (stride, stride), (offset, offset))
    field = net.receptive_field("conv3")
    assert field.box(0, 6) == (0, 69, 48, 144)
    assert field.box(0, 6, clipped=False) == (-27, 69, 48, 144)
    assert net.receptive_field("fc8").box() == (0, 0, 224, 224)
    with pytest.raises(IndexError, match="no unit at 13"):
        field.box(13, 0)


def test_global_pools_and_gates_see_all() -> None:
    net = network(models.mobilenet_v3_small().eval(), 64, 1000)
    assert net.receptive_field("features_1_block_1_fc2").box() == (0, 0, 64, 64)
    gated = net.receptive_field("features_1_block_1_mul")
    assert net.shape("features_1_block_1_mul")[1:] == (16, 16)
    assert gated.box(0, 15) == (0, 0, 64, 64)
    assert net.receptive_field(net.layers[-1]).box() == (0, 0, 64, 64)


def test_other_padding_is_refused() -> None:
    net = network(nn.Sequential(nn.Conv2d(3, 2, 3, padding=1, padding_mode="circular")), 8, 2)
    with pytest.raises(UnsupportedOperation, match="circular"):
        net.receptive_field("0")
