"""The deconvnet of one unit, restated from its definition in plain loops and float64; the tests compare with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

Array = np.ndarray


def slow_projection(nodes: Sequence[Any], image: Array, layer: str, unit: tuple[int, ...]) -> Array:
    """The projection of one unit (c, y, x), or (c,), of `layer`, to pixels. image: (C, H, W) float64."""
    values, memory = {"input": image}, {}
    for node in nodes:
        values[node.name], memory[node.name] = _up(node, [values[name] for name in node.inputs])
        if node.name == layer:
            break
    signals = {name: np.zeros_like(value) for name, value in values.items()}
    signals[layer][unit] = values[layer][unit]
    for node in reversed(nodes):
        if node.name in signals:
            inputs = [values[name] for name in node.inputs]
            for name, part in zip(node.inputs, _down(node, signals[node.name], inputs, memory[node.name]), strict=True):
                signals[name] = signals[name] + part
    return signals["input"]


def _numbers(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _taps(module: Any, shape: tuple[int, ...], y: int, x: int) -> list[tuple[int, int, int, int]]:
    """(ky, kx, iy, ix) of the places inside the map that one output position reads."""
    kernel, stride, padding = _numbers(module.kernel_size), _numbers(module.stride), _numbers(module.padding)
    dilation = _numbers(getattr(module, "dilation", 1))
    found = []
    for ky in range(kernel[0]):
        for kx in range(kernel[1]):
            iy = y * stride[0] - padding[0] + ky * dilation[0]
            ix = x * stride[1] - padding[1] + kx * dilation[1]
            if 0 <= iy < shape[1] and 0 <= ix < shape[2]:
                found.append((ky, kx, iy, ix))
    return found


def _lengths(module: Any, shape: tuple[int, ...]) -> list[int]:
    kernel, stride, padding = _numbers(module.kernel_size), _numbers(module.stride), _numbers(module.padding)
    dilation = _numbers(getattr(module, "dilation", 1))
    lengths = []
    for axis in range(2):
        room = shape[1 + axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1
        length = room // stride[axis] + 1
        if getattr(module, "ceil_mode", False):
            length = -(-room // stride[axis]) + 1
            if (length - 1) * stride[axis] >= shape[1 + axis] + padding[axis]:
                length -= 1
        lengths.append(length)
    return lengths


def _up(node: Any, inputs: list[Array]) -> tuple[Array, Any]:
    x, module = inputs[0], node.module
    if node.kind == "conv":
        weight = module.weight.detach().numpy()
        bias = np.zeros(len(weight)) if module.bias is None else module.bias.detach().numpy()
        height, width = _lengths(module, x.shape)
        per_in, per_out = weight.shape[1], len(weight) // module.groups
        out = np.zeros((len(weight), height, width))
        for c in range(len(weight)):
            first = c // per_out * per_in
            for y in range(height):
                for x_ in range(width):
                    out[c, y, x_] = bias[c] + sum(
                        float(weight[c, :, ky, kx] @ x[first : first + per_in, iy, ix])
                        for ky, kx, iy, ix in _taps(module, x.shape, y, x_)
                    )
        return out, None
    if node.kind == "max_pool":
        height, width = _lengths(module, x.shape)
        out, switches = np.zeros((len(x), height, width)), {}
        for c in range(len(x)):
            for y in range(height):
                for x_ in range(width):
                    places = [(iy, ix) for _, _, iy, ix in _taps(module, x.shape, y, x_)]
                    best = max(places, key=lambda place: x[c, place[0], place[1]])
                    out[c, y, x_], switches[c, y, x_] = x[c, best[0], best[1]], best
        return out, switches
    if node.kind == "avg_pool":
        height, width = _lengths(module, x.shape)
        out = np.zeros((len(x), height, width))
        for y in range(height):
            for x_ in range(width):
                taps = _taps(module, x.shape, y, x_)
                out[:, y, x_] = sum(x[:, iy, ix] for _, _, iy, ix in taps) / _divisor(module, taps)
        return out, None
    if node.kind == "lrn":
        scale = np.zeros_like(x)
        for c in range(len(x)):
            low, high = max(0, c - module.size // 2), min(len(x), c + (module.size - 1) // 2 + 1)
            scale[c] = (module.k + module.alpha / module.size * (x[low:high] ** 2).sum(0)) ** module.beta
        return x / scale, scale
    if node.kind == "batch_norm":
        scale = (module.weight / (module.running_var + module.eps).sqrt()).detach().numpy()[:, None, None]
        shift = module.bias.detach().numpy()[:, None, None]
        return (x - module.running_mean.numpy()[:, None, None]) * scale + shift, scale
    if node.kind == "linear":
        return module.weight.detach().numpy() @ x + module.bias.detach().numpy(), None
    simple = {
        "relu": lambda: np.maximum(x, 0),
        "leaky_relu": lambda: np.where(x > 0, x, module.negative_slope * x),
        "cat": lambda: np.concatenate(inputs),
        "add": lambda: np.sum(inputs, axis=0),
        "flatten": lambda: x.reshape(-1),
        "global_avg_pool": lambda: x.mean((1, 2), keepdims=True),
        "dropout": lambda: x,
        "identity": lambda: x,
    }
    return simple[node.kind](), None


def _divisor(module: nn.AvgPool2d, taps: list[tuple[int, int, int, int]]) -> int:
    """Padding counts or doesn't; only the default sizes of the tests (no ceil mode) are restated here."""
    kernel = _numbers(module.kernel_size)
    return kernel[0] * kernel[1] if module.count_include_pad else len(taps)


def _down(node: Any, signal: Array, inputs: list[Array], memory: Any) -> list[Array]:
    x, module = inputs[0], node.module
    out = np.zeros_like(x)
    if node.kind == "conv":
        weight = module.weight.detach().numpy()
        per_in, per_out = weight.shape[1], len(weight) // module.groups
        for c, y, x_ in zip(*np.nonzero(signal), strict=True):
            first = c // per_out * per_in
            for ky, kx, iy, ix in _taps(module, x.shape, y, x_):
                out[first : first + per_in, iy, ix] += signal[c, y, x_] * weight[c, :, ky, kx]
        return [out]
    if node.kind == "max_pool":
        for (c, y, x_), (iy, ix) in memory.items():
            out[c, iy, ix] += signal[c, y, x_]
        return [out]
    if node.kind == "avg_pool":
        for y in range(signal.shape[1]):
            for x_ in range(signal.shape[2]):
                taps = _taps(module, x.shape, y, x_)
                for _, _, iy, ix in taps:
                    out[:, iy, ix] += signal[:, y, x_] / _divisor(module, taps)
        return [out]
    if node.kind == "cat":
        ends = np.cumsum([len(part) for part in inputs])
        return [signal[end - len(part) : end] for end, part in zip(ends, inputs, strict=True)]
    simple = {
        "relu": lambda: np.maximum(signal, 0),
        "leaky_relu": lambda: np.where(signal > 0, signal, module.negative_slope * signal),
        "lrn": lambda: signal / memory,
        "batch_norm": lambda: signal * memory,
        "linear": lambda: module.weight.detach().numpy().T @ signal,
        "flatten": lambda: signal.reshape(x.shape),
        "global_avg_pool": lambda: np.broadcast_to(signal, x.shape) / (x.shape[1] * x.shape[2]),
        "dropout": lambda: signal,
        "identity": lambda: signal,
    }
    if node.kind == "add":
        return [signal] * len(inputs)
    return [simple[node.kind]()]
