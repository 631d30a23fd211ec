"""What the deconvnet does at each operation of a network: forward, what to remember; backward, how to pass it.

Zeiler & Fergus 2014, Sec. 2.1: unpool with the switches, rectify, filter with the transposed weights. Everything but
the rectification is the exact adjoint of the forward operation, once that is made linear by what was remembered:

- conv, linear: the transposed weights, without the bias (the paper's "transposed versions of the same filters"; a bias
  adds what the unit didn't respond to).
- max_pool: each value goes back to the place its switch names. Where windows overlap and two switches name the same
  place, the values are summed: the adjoint of the pooling with its switches held. (The paper places and doesn't say
  what happens on a collision; overwriting would depend on the order.)
- relu: the reconstruction is rectified. The forward sign isn't used (that would be the gradient): the paper's
  point is that reconstructions of feature maps must be positive as the maps are.
- leaky_relu: the same leaky ReLU is applied to the reconstruction. The paper has none; this is its rule read
  literally, "we pass the reconstructed signal through a relu", with the network's own nonlinearity.
- lrn (contrast normalization across maps): division by the denominator of the forward pass, which is held fixed as a
  switch is. The paper doesn't undo the normalization in words; dropping the scale would change the balance of maps.
- batch_norm (evaluation mode): its fixed scale of each map, without the shift, as for a bias.
- avg_pool, global_avg_pool: the adjoint: each value is spread evenly over its window.
- cat: split to the branches. add: the whole signal to every summand, since each one produced it as much as another.
- dropout, identity: passed as it is. flatten: the shape is restored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replications.zeiler.deconvnet_windows import Shape, Span, Spans

if TYPE_CHECKING:
    from replications.networks.graph import Node

POINTWISE = ("relu", "leaky_relu", "lrn", "batch_norm", "dropout", "identity", "cat", "add")
KINDS = (*POINTWISE, "conv", "linear", "max_pool", "avg_pool", "global_avg_pool", "flatten")


class NoRule(ValueError):
    """The network has an operation, or an option of one, for which the deconvnet has no rule."""


def _no_rule(node: Node, found: str, supported: str) -> NoRule:
    return NoRule(f"the deconvnet has no rule for {found} at {node.name!r} ({node.kind}); supported: {supported}")


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _slope(node: Node) -> float:
    slope = getattr(node.module, "negative_slope", None)
    if slope is None:
        raise _no_rule(node, f"a {type(node.module).__name__} without a fixed slope", "nn.LeakyReLU")
    return float(slope)


# ----------------------------------------------------------------------------------------------------- forward


def forward(node: Node, inputs: list[Tensor]) -> tuple[Tensor, Tensor | None]:
    """Run one operation in evaluation mode. Returns its output and what the way back needs of it.

    Stored: for max_pool the switches, as each maximum's index within its window (N, C, H, W), one byte each for windows
    of up to 256 places; for lrn the denominators (N, C, H, W); for avg_pool the divisors (1, 1, H, W); else None.
    """
    if node.kind not in KINDS:
        raise _no_rule(node, f"a {type(node.module).__name__}", ", ".join(KINDS))
    x = inputs[0]
    match node.kind:
        case "max_pool":
            return _max_pool(node, x)
        case "lrn":
            denominators = _lrn_denominators(node, x)
            return x / denominators, denominators
        case "avg_pool" if spans_of(node, tuple(x.shape[1:])) is not None:
            output = node.module(x)
            return output, _average_divisors(node, x, output)
        case "add" if any(other.shape != x.shape for other in inputs):
            raise _no_rule(node, "a sum that repeats the smaller summand", "sums of equal shapes")
    return node.module(*inputs), None


def _max_pool(node: Node, x: Tensor) -> tuple[Tensor, Tensor]:
    pool: Any = node.module
    output, flat = F.max_pool2d(
        x, pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode, return_indices=True
    )
    rows, columns = _pool_spans(pool)
    y, x_ = flat // x.shape[3], flat % x.shape[3]
    top = torch.arange(flat.shape[2], device=flat.device)[:, None] * rows.stride - rows.padding
    left = torch.arange(flat.shape[3], device=flat.device) * columns.stride - columns.padding
    switches = (y - top) // rows.dilation * columns.kernel + (x_ - left) // columns.dilation
    return output, switches.to(torch.uint8 if rows.kernel * columns.kernel <= 256 else torch.int32)


def _lrn_denominators(node: Node, x: Tensor) -> Tensor:
    norm: Any = node.module
    size = int(norm.size)
    # torch's window for an even size reaches one map further down than up
    squares = F.pad(x.square(), (0, 0, 0, 0, size // 2, (size - 1) // 2))
    total = squares[:, : x.shape[1]].clone()
    for shift in range(1, size):
        total += squares[:, shift : shift + x.shape[1]]
    return (total * (float(norm.alpha) / size) + float(norm.k)) ** float(norm.beta)


def _average_divisors(node: Node, x: Tensor, output: Tensor) -> Tensor:
    """How many places each average divides by: fewer at the border where padding isn't counted."""
    pool: Any = node.module
    shape = tuple(x.shape[1:])
    spans = spans_of(node, shape)
    assert spans is not None
    counts = []
    for span, extent, outputs in zip(spans, shape[1:], output.shape[2:], strict=True):
        starts = torch.arange(outputs, device=x.device) * span.stride - span.padding
        # the window of torch's ceil mode ends with the padding, also where the padding is counted
        ends = (starts + span.kernel).clamp(max=extent + span.padding)
        if not getattr(pool, "count_include_pad", True):
            starts, ends = starts.clamp(min=0), ends.clamp(max=extent)
        counts.append(ends - starts)
    divisors = (counts[0][:, None] * counts[1][None, :]).to(x.dtype)[None, None]
    override = getattr(pool, "divisor_override", None)
    return torch.full_like(divisors, override) if override else divisors


# ---------------------------------------------------------------------------------------------------- geometry


def spans_of(node: Node, shape: Shape) -> Spans | None:
    """The geometry of an operation on an input of `shape`; None where every output reads all positions."""
    if node.kind in POINTWISE and len(shape) == 3:
        return Span(), Span()
    if node.kind == "conv":
        return _conv_spans(node)
    if node.kind == "max_pool":
        return _pool_spans(node.module)
    if node.kind == "avg_pool":
        pool = node.module
        return _adaptive_spans(pool, shape) if isinstance(pool, nn.AdaptiveAvgPool2d) else _pool_spans(pool)
    return None


def _conv_spans(node: Node) -> Spans:
    conv = node.module
    if not isinstance(conv, nn.Conv2d) or conv.padding_mode != "zeros":
        found = f"{type(conv).__name__} with padding mode {getattr(conv, 'padding_mode', 'unknown')!r}"
        raise _no_rule(node, found, "nn.Conv2d with zero padding")
    reach = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
    if conv.padding == "same" and any(r % 2 for r in reach):
        raise _no_rule(node, "uneven 'same' padding", "the same padding on both sides")
    if isinstance(conv.padding, str):
        padding = (reach[0] // 2, reach[1] // 2) if conv.padding == "same" else (0, 0)
    else:
        padding = _pair(conv.padding)
    rows, columns = (
        Span(*geometry) for geometry in zip(conv.kernel_size, conv.stride, padding, conv.dilation, strict=True)
    )
    return rows, columns


def _pool_spans(pool: Any) -> Spans:
    kernel = _pair(pool.kernel_size)
    stride = _pair(pool.stride) if pool.stride is not None else kernel
    padding, dilation = _pair(pool.padding), _pair(getattr(pool, "dilation", 1))
    rows, columns = (Span(*geometry) for geometry in zip(kernel, stride, padding, dilation, strict=True))
    return rows, columns


def _adaptive_spans(pool: nn.AdaptiveAvgPool2d, shape: Shape) -> Spans | None:
    """An adaptive pool whose windows are all of one size is an ordinary one; 6x6 -> 6x6 of AlexNet does nothing."""
    wanted = pool.output_size if isinstance(pool.output_size, tuple) else (pool.output_size, pool.output_size)
    outputs = [extent if size is None else size for size, extent in zip(wanted, shape[1:], strict=True)]
    if any(extent % size for size, extent in zip(outputs, shape[1:], strict=True)):
        return None
    rows, columns = (extent // size for size, extent in zip(outputs, shape[1:], strict=True))
    return Span(rows, rows), Span(columns, columns)


# ---------------------------------------------------------------------------------------------------- backward


def backward(node: Node, signal: Tensor, stored: Tensor | None, shapes: list[Shape]) -> list[Tensor]:
    """Pass a reconstruction of a node's output down to each of its inputs.

    signal: (U, C, h, w), an area of the output (or all of it), or (U, C) for a vector. stored: what `forward` stored,
    of the same area. shapes: those of the inputs. Where `spans_of` gives a geometry, each returned signal covers the
    area that `Window.below` names, padding included; otherwise it covers the whole input.
    """
    match node.kind:
        case "conv":
            return [_filter(node, signal)]
        case "linear":
            linear: Any = node.module
            return [signal @ linear.weight]
        case "max_pool":
            assert stored is not None
            return [_unpool(signal, stored, *_pool_spans(node.module))]
        case "relu":
            return [F.relu(signal)]
        case "leaky_relu":
            return [F.leaky_relu(signal, _slope(node))]
        case "lrn":
            assert stored is not None
            return [signal / stored]
        case "batch_norm":
            return [signal * _batch_norm_scale(node.module)]
        case "avg_pool" | "global_avg_pool":
            return [_spread(node, signal, stored, shapes[0])]
        case "cat":
            return list(signal.split([shape[0] for shape in shapes], dim=1))
        case "add":
            return [signal] * len(shapes)
        case "flatten":
            return [signal.reshape(-1, *shapes[0])]
        case "dropout" | "identity":
            return [signal]
    raise _no_rule(node, f"the operation {node.kind!r}", "see replications.zeiler.deconvnet_rules")


def _filter(node: Node, signal: Tensor) -> Tensor:
    """The transposed convolution, padding included.

    One with stride is done as one without to stride times stride as many maps, one for each place relative to the
    stride, which are then interleaved: several times faster, because no zeros are multiplied.
    """
    conv: Any = node.module
    (down, across), kernel, maps = conv.stride, conv.kernel_size, conv.in_channels
    if max(down, across) == 1 or down > kernel[0] or across > kernel[1] or max(conv.dilation) > 1:
        return F.conv_transpose2d(signal, conv.weight, stride=conv.stride, groups=conv.groups, dilation=conv.dilation)
    weight = F.pad(conv.weight, (0, -kernel[1] % across, 0, -kernel[0] % down))
    taps = (weight.shape[2] // down, weight.shape[3] // across)
    weight = weight.unflatten(3, (taps[1], across)).unflatten(2, (taps[0], down)).permute(0, 1, 3, 5, 2, 4)
    places = F.conv_transpose2d(signal, weight.flatten(1, 3), groups=conv.groups)
    height, width = ((n - 1) * s + k for n, s, k in zip(signal.shape[2:], conv.stride, kernel, strict=True))
    if down == across:
        return F.pixel_shuffle(places, down)[:, :, :height, :width]
    interleaved = places.unflatten(1, (maps, down, across)).permute(0, 1, 4, 2, 5, 3)
    return interleaved.flatten(4, 5).flatten(2, 3)[:, :, :height, :width]


def _unpool(signal: Tensor, switches: Tensor, rows: Span, columns: Span) -> Tensor:
    height, width = (
        (n - 1) * span.stride + span.dilation * (span.kernel - 1) + 1
        for n, span in zip(signal.shape[2:], (rows, columns), strict=True)
    )
    # scattering is several times faster, but on a GPU it would add colliding values in no fixed order
    unpool = unpool_by_place if signal.is_cuda else unpool_by_scattering
    return unpool(signal, switches, rows, columns, signal.new_zeros(*signal.shape[:2], height, width))


def unpool_by_scattering(signal: Tensor, switches: Tensor, rows: Span, columns: Span, result: Tensor) -> Tensor:
    """Add each value of `signal` to `result` at the place that its switch names."""
    height, width = signal.shape[2:]
    down = torch.arange(height, dtype=torch.int32, device=signal.device)[:, None] * rows.stride
    across = torch.arange(width, dtype=torch.int32, device=signal.device) * columns.stride
    switches = switches.to(torch.int32)
    # (switch // kernel, switch % kernel) are row and column in the window; this avoids the slower remainder
    next_row = rows.dilation * result.shape[3] - columns.kernel * columns.dilation
    index = down * result.shape[3] + across + switches * columns.dilation + switches // columns.kernel * next_row
    index = index.expand(signal.shape).flatten(2).long()
    result.view(*result.shape[:2], -1).scatter_add_(2, index, signal.flatten(2))
    return result


def unpool_by_place(signal: Tensor, switches: Tensor, rows: Span, columns: Span, result: Tensor) -> Tensor:
    """The same in one pass for each place of the pool's window, in which no two values collide."""
    height, width = ((n - 1) * s.stride + 1 for n, s in zip(signal.shape[2:], (rows, columns), strict=True))
    for place in range(rows.kernel * columns.kernel):
        top, left = place // columns.kernel * rows.dilation, place % columns.kernel * columns.dilation
        result[:, :, top : top + height : rows.stride, left : left + width : columns.stride] += signal * (
            switches == place
        )
    return result


def _batch_norm_scale(norm: Any) -> Tensor:
    if norm.running_var is None:
        raise NoRule("a batch norm without running statistics has no fixed scale; train it with track_running_stats")
    scale: Tensor = (norm.running_var + norm.eps).rsqrt()
    return (scale if norm.weight is None else scale * norm.weight)[:, None, None]


def _spread(node: Node, signal: Tensor, divisors: Tensor | None, shape: Shape) -> Tensor:
    spans = spans_of(node, shape)
    if spans is not None:
        assert divisors is not None
        rows, columns = spans
        ones = signal.new_ones(signal.shape[1], 1, rows.kernel, columns.kernel)
        stride = (rows.stride, columns.stride)
        return F.conv_transpose2d(signal / divisors, ones, stride=stride, groups=signal.shape[1])
    if node.kind == "global_avg_pool":
        return signal.reshape(*signal.shape[:2], 1, 1).expand(-1, -1, *shape[1:]) / (shape[1] * shape[2])
    vertical, horizontal = (
        _adaptive_matrix(size, extent, signal) for size, extent in zip(signal.shape[2:], shape[1:], strict=True)
    )
    return vertical.T @ signal @ horizontal


def _adaptive_matrix(outputs: int, extent: int, like: Tensor) -> Tensor:
    """(outputs, extent): the averages of an adaptive pool along one axis, with torch's window bounds."""
    matrix = like.new_zeros(outputs, extent)
    for index in range(outputs):
        start, end = index * extent // outputs, -((index + 1) * extent // -outputs)
        matrix[index, start:end] = 1 / (end - start)
    return matrix
