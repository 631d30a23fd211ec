"""A network as a graph of primitive operations: what it computes, in which order, from what.

The graph comes from `torch.fx`. Calls of functions (`F.relu`, `torch.cat`, `+`) become modules, operations that change
their input in place become ones that don't, and what does nothing in evaluation mode stays as "dropout" or "identity".
"""

from __future__ import annotations

import copy
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from replications.networks.layers import Add, Concatenate, GlobalMean, Multiply

INPUT = "input"

# "activation" is any other function of each element alone. A global average pool makes one position of the whole map.
MODULE_KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "conv",
    nn.Linear: "linear",
    nn.ReLU: "relu",
    nn.LeakyReLU: "leaky_relu",
    nn.MaxPool2d: "max_pool",
    nn.AvgPool2d: "avg_pool",
    nn.AdaptiveAvgPool2d: "avg_pool",
    GlobalMean: "global_avg_pool",
    nn.LocalResponseNorm: "lrn",
    nn.BatchNorm2d: "batch_norm",
    nn.Dropout: "dropout",
    nn.Dropout2d: "dropout",
    nn.Flatten: "flatten",
    nn.Identity: "identity",
    Concatenate: "cat",
    Add: "add",
    Multiply: "multiply",
    **dict.fromkeys(
        (nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.GELU, nn.ELU, nn.Sigmoid, nn.Tanh, nn.Softplus),
        "activation",
    ),
}
KINDS = tuple(dict.fromkeys([*MODULE_KINDS.values(), "global_avg_pool"]))


class UnsupportedOperation(ValueError):
    """The network does something that a graph of these operations can't say."""


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of a network.

    name: how the suite addresses it ("conv1", "relu1", "layer1_0_conv2").
    kind: one of `KINDS`.
    module: computes it: `module(*inputs)`, never in place.
    inputs: the nodes that it reads; "input" is the preprocessed image.
    """

    name: str
    kind: str
    module: nn.Module
    inputs: tuple[str, ...]


def trace(module: nn.Module, names: Mapping[str, str] | None = None) -> tuple[Node, ...]:
    """The operations of `module` in topological order; the last one makes its output.

    Modules are shared with `module`, not copied. A node is named by the path of its module with dots as underscores
    ("features.0" -> "features_0"); one without a module by the path of the module that calls it and what it does
    ("fire2_cat"). A module of another class takes part if it has a class attribute `node_kind` that says its kind.

    Args:
        module: of one tensor (N, C, H, W) to one tensor; traced as in evaluation mode.
        names: other names for some nodes, by the name that they have otherwise or by its beginning, up to an
            underscore: {"features_3": "fire2"} makes "fire2_squeeze" of "features_3_squeeze".

    Raises:
        UnsupportedOperation: the code can't be traced, or holds an operation that is none of `KINDS`; `names` holds an
            unknown name, or gives two nodes the same one.
    """
    builder = _Builder(module)
    for node in _live_nodes(_fx_graph(module), module):
        builder.add(node)
    return _renamed(tuple(builder.nodes), names or {})


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return hasattr(m, "node_kind") or type(m) in MODULE_KINDS or super().is_leaf_module(m, module_qualified_name)


def _fx_graph(module: nn.Module) -> fx.Graph:
    training = [m for m in module.modules() if m.training]
    module.eval()
    try:
        graph = _Tracer().trace(module)
    except Exception as error:  # fx raises whatever the traced code raises on its stand-ins for tensors
        raise UnsupportedOperation(
            f"the code of {type(module).__name__} can't be traced ({type(error).__name__}: {str(error)[:200]}); "
            "a network must be of one tensor to one tensor, without decisions that depend on the data"
        ) from error
    finally:
        for m in training:
            m.training = True
    return graph


def _live_nodes(graph: fx.Graph, root: nn.Module) -> list[fx.Node]:
    """The nodes that the output depends on. Refuses a change in place that something else would see."""
    nodes = list(graph.nodes)
    place = {node: i for i, node in enumerate(nodes)}
    live = {node for node in nodes if node.op in ("placeholder", "output")}
    for node in reversed(nodes):
        if _in_place(node, root) and any(place[reader] > place[node] for reader in node.all_input_nodes[0].users):
            raise UnsupportedOperation(f"'{node.target}' changes its input in place, and that is read again afterwards")
        if node in live:
            live.update(node.all_input_nodes)
    return [node for node in nodes if node in live]


def _in_place(node: fx.Node, root: nn.Module) -> bool:
    if node.op == "call_module":
        return bool(getattr(root.get_submodule(str(node.target)), "inplace", False))
    called = node.op in ("call_function", "call_method") and bool(node.all_input_nodes)
    return called and (
        node.kwargs.get("inplace") is True
        or node.target in (operator.iadd, operator.imul)
        or (isinstance(node.target, str) and node.target.endswith("_") and not node.target.endswith("__"))
    )


class _Builder:
    """Turns fx nodes, in their order, into ours."""

    def __init__(self, root: nn.Module) -> None:
        self.root = root
        self.nodes: list[Node] = []
        self.output = ""
        self._names: dict[fx.Node, str] = {}
        self._taken: set[str] = {INPUT}

    def add(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            if INPUT in self._names.values():
                raise UnsupportedOperation(f"expected a network of one tensor, found a second argument '{node.target}'")
            self._names[node] = INPUT
        elif node.op == "output":
            result = node.args[0]
            if not isinstance(result, fx.Node) or result not in self._names:
                raise UnsupportedOperation(f"expected a network that returns one tensor, found {result}")
            self.output = self._names[result]
        elif node.op == "call_module":
            self._add_module(node)
        elif node.op in ("call_function", "call_method"):
            self._add_call(node)
        else:
            raise _unsupported(f"the use of the tensor '{node.target}' outside a layer")

    def _add_module(self, node: fx.Node) -> None:
        path = str(node.target)
        module = self.root.get_submodule(path)
        if node.kwargs or not all(isinstance(a, fx.Node) for a in node.args):
            raise _unsupported(f"the call of '{path}' with arguments {node.args}, {dict(node.kwargs)}")
        self._append(node, path, module, list(node.args))

    def _add_call(self, node: fx.Node) -> None:
        if _is_shape(node):
            return  # read by a reshape alone, which checks it
        found = _module_of_call(node)
        if found is None:
            raise _unsupported(f"'{_call_name(node)}' in {_scope(node) or type(self.root).__name__}")
        module, inputs = found
        scope = _scope(node)
        self._append(node, f"{scope}.{_call_name(node)}" if scope else _call_name(node), module, inputs)

    def _append(self, node: fx.Node, path: str, module: nn.Module, inputs: list[Any]) -> None:
        unknown = [i for i in inputs if i not in self._names]
        if unknown:
            raise _unsupported(f"'{path}' reading {unknown}")
        module = _not_in_place(module)
        name = self._unused(re.sub(r"\W", "_", path).strip("_"))
        self._names[node] = name
        self.nodes.append(Node(name, _kind(module, path), module, tuple(self._names[i] for i in inputs)))

    def _unused(self, wanted: str) -> str:
        """`wanted`, or with a number, as a module that is called twice needs."""
        name, number = wanted, 1
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name


def _kind(module: nn.Module, path: str) -> str:
    declared = getattr(module, "node_kind", None)
    kind = declared or MODULE_KINDS.get(type(module))
    if kind not in KINDS:
        what = f"kind '{declared}'" if declared else type(module).__name__
        raise _unsupported(f"the module '{path}' ({what})")
    if isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size in (1, (1, 1)):
        return "global_avg_pool"
    if isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) != (1, -1):
        raise _unsupported(f"flattening of dimensions {module.start_dim} to {module.end_dim} at '{path}'")
    return kind


def _unsupported(what: str) -> UnsupportedOperation:
    modules = ", ".join(sorted(kind.__name__ for kind in MODULE_KINDS))
    return UnsupportedOperation(
        f"{what} is not supported; supported are {modules}, the functions of the same name, and modules whose class "
        f"attribute node_kind is one of {', '.join(KINDS)}"
    )


def _not_in_place(module: nn.Module) -> nn.Module:
    """The module, or a copy that leaves its input as it is: what a node reads is also what others are shown."""
    if not getattr(module, "inplace", False):
        return module
    result = copy.copy(module)
    result.inplace = False  # type: ignore[assignment]
    return result.eval()


# ------------------------------------------------------------------------------------- calls of functions and methods


def _module_of_call(node: fx.Node) -> tuple[nn.Module, list[Any]] | None:
    """The module that does what the call does, and the fx nodes that it reads; None if there's none."""
    if _call_name(node) == "stochastic_depth":  # drops branches in training only
        return nn.Identity(), [node.args[0]]
    if _call_name(node) in ("view", "reshape"):
        return _flattening_reshape(node)
    build = CALLS.get(node.target)
    if build is None:
        return None
    try:
        module = build(*node.args[1:], **{k: v for k, v in node.kwargs.items() if k not in ("input", "tensors")})
    except (TypeError, UnsupportedOperation):
        return None
    first = node.args[0] if node.args else node.kwargs.get("input", node.kwargs.get("tensors"))
    inputs = list(first) if isinstance(first, list | tuple) else [first]
    if isinstance(module, Add | Multiply):
        inputs.append(node.args[1])
    return (module.eval(), inputs) if all(isinstance(i, fx.Node) for i in inputs) else None


def _concatenate(dim: int = 0, axis: int | None = None) -> nn.Module:
    if (dim if axis is None else axis) not in (1, -3):
        raise UnsupportedOperation
    return Concatenate()


def _mean(dim: Any, keepdim: bool = False) -> nn.Module:
    if sorted(d % 4 for d in ([dim] if isinstance(dim, int) else dim)) != [2, 3]:
        raise UnsupportedOperation
    return GlobalMean(keepdim)


def _add(other: Any, *, alpha: float = 1) -> nn.Module:
    if alpha != 1:
        raise UnsupportedOperation
    return Add()


def _multiply(other: Any) -> nn.Module:
    return Multiply()


def _leaky_relu(negative_slope: float = 0.01, inplace: bool = False) -> nn.Module:
    return nn.LeakyReLU(negative_slope)


def _max_pool(
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> nn.Module:
    if return_indices:
        raise UnsupportedOperation
    return nn.MaxPool2d(kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)


def _plain(kind: Callable[[], nn.Module]) -> Callable[..., nn.Module]:
    def build(inplace: bool = False) -> nn.Module:
        return kind()

    return build


def _dropout(p: float = 0.5, training: bool = True, inplace: bool = False) -> nn.Module:
    if training:
        raise UnsupportedOperation
    return nn.Dropout(p)


CALLS: dict[Any, Callable[..., nn.Module]] = {
    **dict.fromkeys((F.relu, torch.relu, "relu", "relu_"), _plain(nn.ReLU)),
    F.leaky_relu: _leaky_relu,
    F.relu6: _plain(nn.ReLU6),
    F.hardswish: _plain(nn.Hardswish),
    F.silu: _plain(nn.SiLU),
    **dict.fromkeys((torch.sigmoid, F.sigmoid, "sigmoid"), _plain(nn.Sigmoid)),
    **dict.fromkeys((torch.tanh, "tanh"), _plain(nn.Tanh)),
    F.gelu: nn.GELU,
    **dict.fromkeys((F.max_pool2d, torch.max_pool2d), _max_pool),
    F.avg_pool2d: nn.AvgPool2d,
    F.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
    F.local_response_norm: nn.LocalResponseNorm,
    F.dropout: _dropout,
    **dict.fromkeys((torch.flatten, "flatten"), lambda start_dim=0, end_dim=-1: nn.Flatten(start_dim, end_dim)),
    **dict.fromkeys((torch.mean, "mean"), _mean),
    **dict.fromkeys((torch.cat, torch.concat), _concatenate),
    **dict.fromkeys((operator.add, operator.iadd, torch.add, "add", "add_"), _add),
    **dict.fromkeys((operator.mul, operator.imul, torch.mul, "mul", "mul_"), _multiply),
    "contiguous": nn.Identity,
}


def _is_shape(node: fx.Node) -> bool:
    """Whether the node asks for a size, as in `x.view(x.size(0), -1)`."""
    if node.target == "size" or (node.target is getattr and node.args[1] == "shape"):
        return True
    return node.target is operator.getitem and isinstance(node.args[0], fx.Node) and _is_shape(node.args[0])


def _flattening_reshape(node: fx.Node) -> tuple[nn.Module, list[Any]] | None:
    """`x.view(x.size(0), -1)` is a flattening; other reshapes have no module."""
    shape = node.args[1:] if len(node.args) > 2 else node.args[1]
    is_flattening = (
        isinstance(shape, list | tuple)
        and len(shape) == 2
        and isinstance(shape[0], fx.Node)
        and _is_shape(shape[0])
        and 0 in shape[0].args
        and shape[1] == -1
    )
    return (nn.Flatten(), [node.args[0]]) if is_flattening else None


def _call_name(node: fx.Node) -> str:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
    name = "max_pool2d" if node.target is F.max_pool2d else name
    return re.sub(r"^i(?=add$|mul$)", "", name.strip("_"))


def _scope(node: fx.Node) -> str:
    """The path of the module whose code makes the call ("" for the whole network)."""
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack)[-1]) if stack else ""


# ------------------------------------------------------------------------------------------------- the whole graph


def _renamed(nodes: tuple[Node, ...], names: Mapping[str, str]) -> tuple[Node, ...]:
    new = {INPUT: INPUT, **{node.name: _new_name(node.name, names) for node in nodes}}
    unused = [old for old in names if all(name != old and not name.startswith(f"{old}_") for name in new)]
    if unused:
        raise UnsupportedOperation(f"no layer '{unused[0]}' to rename; layers: {', '.join(n.name for n in nodes)}")
    twice = [name for name, count in Counter(new.values()).items() if count > 1]
    if twice:
        raise UnsupportedOperation(f"two layers would be named '{twice[0]}'")
    return tuple(Node(new[n.name], n.kind, n.module, tuple(new[i] for i in n.inputs)) for n in nodes)


def _new_name(name: str, names: Mapping[str, str]) -> str:
    if name in names:
        return names[name]
    prefix = max((old for old in names if name.startswith(f"{old}_")), key=len, default=None)
    return name if prefix is None else names[prefix] + name[len(prefix) :]


def ancestors(nodes: Sequence[Node], layers: Iterable[str]) -> tuple[Node, ...]:
    """The nodes that any of `layers` depends on, themselves included, in topological order."""
    needed = set(layers)
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return tuple(node for node in nodes if node.name in needed)
