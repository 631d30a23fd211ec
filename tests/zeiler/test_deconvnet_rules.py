"""Every step down is the adjoint of its step up, with what was recorded held fixed: <A x, y> = <x, A' y>."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from replications.networks.graph import MODULE_KINDS, Node
from replications.networks.layers import Add, Concatenate, GlobalMean, Multiply
from replications.networks.normalization import ContrastNormalization
from replications.zeiler import deconvnet_rules as rules
from replications.zeiler.deconvnet_windows import Span, Window

SHAPE = (6, 11, 9)
LINEAR = {
    "conv": nn.Conv2d(6, 4, 3, padding=1),
    "conv, strides": nn.Conv2d(6, 4, (5, 3), stride=(3, 2), padding=(2, 0)),
    "conv, one stride": nn.Conv2d(6, 4, 4, stride=3, padding=1),
    "conv, kernel below stride": nn.Conv2d(6, 4, 1, stride=2),
    "conv, groups and stride": nn.Conv2d(6, 4, 3, stride=2, groups=2, padding=1),
    "conv, depthwise": nn.Conv2d(6, 12, 3, groups=6),
    "conv, dilated": nn.Conv2d(6, 4, 3, stride=2, dilation=2, padding=2),
    "conv, same": nn.Conv2d(6, 4, (3, 5), padding="same"),
    "conv, valid": nn.Conv2d(6, 4, (3, 5), padding="valid"),
    "average": nn.AvgPool2d(3, stride=2, padding=1),
    "average, padding not counted": nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
    "average, ceil": nn.AvgPool2d((2, 3), stride=2, ceil_mode=True),
    "average, ceil and padding": nn.AvgPool2d(4, stride=3, padding=2, ceil_mode=True),
    "average, divisor": nn.AvgPool2d(2, divisor_override=3),
    "adaptive, even": nn.AdaptiveAvgPool2d((11, 3)),
    "adaptive, uneven": nn.AdaptiveAvgPool2d((4, 2)),
    "adaptive, one size kept": nn.AdaptiveAvgPool2d((None, 4)),
    "mean": GlobalMean(),
    "mean, kept": GlobalMean(keepdim=True),
    "batch norm": nn.BatchNorm2d(6),
    "batch norm, not affine": nn.BatchNorm2d(6, affine=False),
    "flatten": nn.Flatten(),
    "identity": nn.Identity(),
    "dropout": nn.Dropout(),
}


def node_of(module: nn.Module) -> Node:
    module = module.double().eval().requires_grad_(False)
    kind = getattr(module, "node_kind", None) or MODULE_KINDS[type(module)]
    return Node("step", kind, module, ("input",))


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def down(node: Node, y: Tensor, stored: Tensor | None, shape: tuple[int, ...] = SHAPE) -> Tensor:
    """`backward` over whole maps, cut to the input."""
    (result,) = rules.backward(node, y, stored, [shape])
    spans = rules.spans_of(node, shape)
    if spans is None:
        return result
    for axis, span in enumerate(spans, start=2):
        window = Window(0, 0, y.shape[axis]).below(span)
        assert result.shape[axis] == window.size
        before, after = window.offset, shape[axis - 1] - window.offset - window.size
        padding = (before, after) if axis == 3 else (0, 0, before, after)
        result = nn.functional.pad(result, padding)
    return result


@pytest.mark.parametrize("name", LINEAR)
def test_linear_steps(name: str) -> None:
    torch.manual_seed(0)
    node, x = node_of(LINEAR[name]), random(2, *SHAPE)
    if isinstance(node.module, nn.BatchNorm2d):
        nn.init.uniform_(node.module.running_var, 0.5, 2)
        nn.init.normal_(node.module.running_mean)
    output, stored = rules.forward(node, [x])
    assert torch.equal(output, node.module(x))
    offset, _ = rules.forward(node, [torch.zeros_like(x)])  # bias and shift: not part of the linear step
    y = random(*output.shape)
    torch.testing.assert_close(((output - offset) * y).sum(), (x * down(node, y, stored)).sum(), rtol=1e-11, atol=1e-11)


def test_linear_layer() -> None:
    node, x, y = node_of(nn.Linear(7, 5)), random(3, 7), random(3, 5)
    output, stored = rules.forward(node, [x])
    (back,) = rules.backward(node, y, stored, [(7,)])
    torch.testing.assert_close(((output - node.module.bias) * y).sum(), (x * back).sum())


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(3, stride=2),
        nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
        nn.MaxPool2d((2, 3), stride=1, padding=(1, 0)),
        nn.MaxPool2d(2, dilation=(1, 3), stride=(2, 1)),
        nn.MaxPool2d(2, stride=3),
    ],
    ids=str,
)
def test_max_pool_with_its_switches_held(pool: nn.MaxPool2d) -> None:
    node, x = node_of(pool), random(2, *SHAPE)
    output, switches = rules.forward(node, [x])
    assert torch.equal(output, pool(x))
    assert switches is not None
    _, places = nn.functional.max_pool2d(
        x, pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode, return_indices=True
    )
    other, y = random(2, *SHAPE) + 1, random(*output.shape)
    held = other.flatten(2).gather(2, places.flatten(2)).view_as(output)
    torch.testing.assert_close((held * y).sum(), (other * down(node, y, switches)).sum(), rtol=1e-12, atol=1e-12)


def test_both_ways_of_unpooling_are_equal() -> None:
    y, spans = random(2, 3, 4, 5), (Span(3, 2, 1, 1), Span(2, 1, 0, 2))
    switches = torch.randint(0, 6, y.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    results = [
        unpool(y, switches, *spans, torch.zeros(2, 3, 9, 7, dtype=torch.float64))
        for unpool in (rules.unpool_by_place, rules.unpool_by_scattering)
    ]
    torch.testing.assert_close(results[0], results[1], rtol=1e-12, atol=1e-12)
    assert results[0].count_nonzero() > 100


def test_a_pool_of_more_places_than_a_byte_holds() -> None:
    node, x = node_of(nn.MaxPool2d(17, stride=1)), random(1, 2, 20, 20)
    output, switches = rules.forward(node, [x])
    assert switches is not None
    found = down(node, output, switches, (2, 20, 20))
    torch.testing.assert_close(found.sum((2, 3)), output.sum((2, 3)))
    assert torch.equal(found != 0, torch.isin(x, output))


@pytest.mark.parametrize("norm", [ContrastNormalization(3, 1.3, 0.75, 0.7), nn.LocalResponseNorm(4, 1.3, 0.6, 0.7)])
def test_contrast_normalization_with_its_denominators_held(norm: nn.Module) -> None:
    node, x = node_of(norm), random(2, *SHAPE)
    output, denominators = rules.forward(node, [x])
    assert denominators is not None
    torch.testing.assert_close(output, norm(x), rtol=1e-12, atol=1e-12)
    other, y = random(2, *SHAPE), random(*output.shape)
    torch.testing.assert_close((other / denominators * y).sum(), (other * down(node, y, denominators)).sum())


def test_joins() -> None:
    first, second = random(2, 2, 3, 3), random(2, 4, 3, 3)
    cat = Node("cat", "cat", Concatenate(), ("a", "b"))
    output, _ = rules.forward(cat, [first, second])
    y = random(*output.shape)
    a, b = rules.backward(cat, y, None, [(2, 3, 3), (4, 3, 3)])
    torch.testing.assert_close((output * y).sum(), (first * a).sum() + (second * b).sum())

    add, third = Node("add", "add", Add(), ("a", "b")), random(2, 2, 3, 3) + 1
    output, _ = rules.forward(add, [first, third])
    y = random(*output.shape)
    a, b = rules.backward(add, y, None, [(2, 3, 3)] * 2)
    torch.testing.assert_close((output * y).sum(), (first * a).sum() + (third * b).sum())


def test_rectification_is_of_the_reconstruction_and_not_of_the_forward_sign() -> None:
    signal = torch.tensor([[-2.0, 0.0, 3.0]], dtype=torch.float64)
    relu, leaky = node_of(nn.ReLU()), node_of(nn.LeakyReLU(0.25))
    assert rules.backward(relu, signal, None, [(3,)])[0].tolist() == [[0, 0, 3]]
    assert rules.backward(leaky, signal, None, [(3,)])[0].tolist() == [[-0.5, 0, 3]]


@pytest.mark.parametrize(
    ("node", "inputs", "message"),
    [
        (node_of(nn.SiLU()), [random(1, *SHAPE)], "no rule for a SiLU at 'step'"),
        (Node("gate", "multiply", Multiply(), ("a", "b")), [random(1, *SHAPE)] * 2, "no rule for a Multiply at 'gate'"),
        (Node("sum", "add", Add(), ("a", "b")), [random(1, *SHAPE), random(1, 6, 1, 1)], "repeats the smaller summand"),
    ],
)
def test_what_has_no_rule_is_refused_by_name(node: Node, inputs: list[Tensor], message: str) -> None:
    with pytest.raises(rules.NoRule, match=message):
        rules.forward(node, inputs)


@pytest.mark.parametrize(
    ("conv", "message"),
    [
        (nn.Conv2d(6, 4, 3, padding=1, padding_mode="reflect"), "padding mode 'reflect'"),
        (nn.Conv2d(6, 4, 2, padding="same"), "uneven 'same' padding"),
    ],
)
def test_padding_that_has_no_rule_is_refused(conv: nn.Module, message: str) -> None:
    with pytest.raises(rules.NoRule, match=message):
        rules.spans_of(node_of(conv), SHAPE)


def test_batch_norm_of_the_batch_itself_is_refused() -> None:
    node = node_of(nn.BatchNorm2d(6, track_running_stats=False))
    with pytest.raises(rules.NoRule, match="running statistics"):
        rules.backward(node, random(1, *SHAPE), None, [SHAPE])
