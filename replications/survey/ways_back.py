"""Three ways from a unit back to pixels: deconvnet, guided backpropagation and the plain gradient.

They differ in what passes a rectification (Springenberg et al. 2014, "Striving for Simplicity", Fig. 1):
- the gradient (Simonyan et al. 2014, "Deep Inside Convolutional Networks", Sec. 3): what was active on the way up;
- the deconvnet (Zeiler & Fergus 2014, Sec. 2.1): what is positive on the way down;
- guided backpropagation: what is both.

The deconvnet is `replications.zeiler.deconvnet`, whose head of rules says what it does at every operation: contrast
normalization is divided by its denominators, held fixed. Elsewhere the other two are the exact derivative, in which
these denominators depend on the image too. All start from 1 at the unit, whatever its activation, so a negative logit
is shown with the sign that raises it.

What the papers leave open: at a leaky rectification guided backpropagation is the derivative applied to what the
deconvnet's leaky rule lets through, which for a slope of 0 is the published rule. It has no rule for other
nonlinearities, as the deconvnet has none.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from replications.networks.graph import INPUT, Node
from replications.networks.network import Network
from replications.zeiler import deconvnet
from replications.zeiler.deconvnet import Units
from replications.zeiler.deconvnet_rules import KINDS, NoRule

DECONVNET, GUIDED, GRADIENT = "deconvnet", "guided backpropagation", "gradient"
WAYS = (DECONVNET, GUIDED, GRADIENT)

# passes at a time on a CPU: more are no faster
_AT_ONCE = {"cpu": 16}
_ON_GPU = 64


def back_to_pixels(network: Network, images: Tensor, layer: str, units: Units, way: str) -> Tensor:
    """Each unit alone, taken back to the whole of the network's input: (U, 3, H, W), on the CPU.

    images: (N, 3, H, W) in [0, 1]; `units.image` says which is each unit's. way: one of WAYS. The result is in the
    network's own input space (its scale and order of colours).

    Raises:
        ValueError: there is no such way. NoRule: the network has an operation that the way has no rule for.
        UnknownLayer, IndexError: there is no such layer or unit.
    """
    if way not in WAYS:
        raise ValueError(f"the ways back are {', '.join(WAYS)}; found '{way}'")
    if way == DECONVNET:
        record = deconvnet.record(network, images, layer)
        return deconvnet.project(record, units, start="one").full().cpu()
    with torch.no_grad():
        inputs = network.preprocess(images)
    at_once = _AT_ONCE.get(network.device.type, _ON_GPU)
    parts = [inputs.new_zeros(0, *inputs.shape[1:]).cpu()]
    for begin in range(0, len(units), at_once):
        chunk = units[begin : begin + at_once].to(inputs.device)
        parts.append(_derivative(network, inputs[chunk.image], layer, chunk, guided=way == GUIDED).cpu())
    return torch.cat(parts)


def lacking_rule(network: Network, layer: str) -> str | None:
    """What stands in the way of taking the layer's units back by all of WAYS, as one sentence, or None. Cheap."""
    for node in network.ancestors(layer):
        if node.kind not in KINDS:
            return (
                f"needs operations that the deconvnet and guided backpropagation have rules for, and '{node.name}' of "
                f"network '{network.name}' ({node.kind}) has none; there are rules for {', '.join(KINDS)}"
            )
    return None


def _derivative(network: Network, inputs: Tensor, layer: str, units: Units, *, guided: bool) -> Tensor:
    """(U, 3, H, W): row i is the derivative of units[i] with respect to inputs[i], or its guided counterpart."""
    # copies, since what was made in inference mode can't be part of a derivative
    with torch.inference_mode(False), torch.enable_grad():
        x = inputs.detach().clone().requires_grad_()
        channel, row, column = units.channel.clone(), units.y.clone(), units.x.clone()
        values = {INPUT: x}
        for node in network.ancestors(layer):
            read = [values[name] for name in node.inputs]
            values[node.name] = _guided(node, read) if guided else node.module(*read)
        output = values[layer]
        each = torch.arange(len(inputs), device=output.device)
        place = (each, channel) if output.dim() == 2 else (each, channel, row, column)
        (found,) = torch.autograd.grad(output[place].sum(), x)
    return found


def _guided(node: Node, inputs: list[Tensor]) -> Tensor:
    if node.kind == "activation":
        raise NoRule(
            f"guided backpropagation has no rule for a {type(node.module).__name__} at {node.name!r}; supported: "
            "rectifications, leaky ones, and what is no nonlinearity of single values"
        )
    if node.kind not in ("relu", "leaky_relu"):
        result: Tensor = node.module(*inputs)
        return result
    slope = float(getattr(node.module, "negative_slope", 0.0))
    guided: Tensor = _GuidedRectification.apply(inputs[0], slope)
    return guided


class _GuidedRectification(torch.autograd.Function):
    """(Leaky) rectification; on the way down first of the signal, then by what was active."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x > 0)
        ctx.slope = slope
        return F.leaky_relu(x, slope) if slope else F.relu(x)

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None]:
        (active,) = ctx.saved_tensors
        signal = F.leaky_relu(signal, ctx.slope) if ctx.slope else F.relu(signal)
        return torch.where(active, signal, signal * ctx.slope), None
