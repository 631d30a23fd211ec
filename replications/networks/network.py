"""A frozen network whose layers are addressed by name and which never computes more than is asked for."""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from replications.networks import graph
from replications.networks.graph import INPUT, Node
from replications.networks.preprocessing import Preprocessing
from replications.networks.receptive_field import ReceptiveField, receptive_fields


class UnknownLayer(KeyError):
    """The network has no layer of that name or number. The message lists those it has, close ones first."""

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownClass(KeyError):
    """The network tells no class of that name or id apart."""

    def __str__(self) -> str:
        return str(self.args[0])


class _Step(NamedTuple):
    node: Node
    finished: tuple[str, ...]  # what no later step reads


class Network:
    """A classifier with its preprocessing; weights frozen, evaluation mode.

    name: for people and for files.
    nodes: the operations in topological order; the last one's output are the logits.
    classes: class names, in the order of the logits. class_ids: another name for each, such as ImageNet's wnids.
    paper_layers: the paper's layer number -> the node whose output the next layer reads.
    unit_layers: the paper's layer number -> the node whose channels are the paper's feature maps (after the ReLU).
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str,
        classes: Sequence[str],
        preprocessing: Preprocessing,
        paper_layers: Mapping[int, str] | None = None,
        unit_layers: Mapping[int, str] | None = None,
        layer_names: Mapping[str, str] | None = None,
        class_ids: Sequence[str] = (),
    ) -> None:
        """Takes over `module`: freezes its weights and puts it in evaluation mode.

        layer_names: other names for layers, by the name that `graph.trace` gives.

        Raises:
            UnsupportedOperation: the module does what a graph of the known operations can't say.
            UnknownLayer: `paper_layers` or `unit_layers` name a layer that isn't there.
            ValueError: the number of classes isn't the number of outputs.
        """
        module.eval().requires_grad_(False)
        parameter = next(module.parameters(), None)
        self.name = name
        self.device = torch.device("cpu") if parameter is None else parameter.device
        self.preprocessing = preprocessing
        self.nodes: tuple[Node, ...] = graph.trace(module, layer_names)
        self.layers: tuple[str, ...] = tuple(node.name for node in self.nodes)
        self.classes: tuple[str, ...] = tuple(classes)
        self.class_ids: tuple[str, ...] = tuple(class_ids)
        self._module = module.to(memory_format=torch.channels_last)
        self._by_name = {node.name: node for node in self.nodes}
        self._steps: dict[tuple[str, ...], tuple[_Step, ...]] = {}
        self.paper_layers = self._checked(paper_layers or {})
        self.unit_layers = self._checked(unit_layers or {})
        outputs = self.shape(self.layers[-1])[0]
        if len(self.classes) != outputs or len(self.class_ids) not in (0, outputs):
            raise ValueError(
                f"network '{name}' has {outputs} outputs, but {len(self.classes)} class names and "
                f"{len(self.class_ids)} class ids were given"
            )

    def __repr__(self) -> str:
        return f"Network({self.name!r}, {len(self.nodes)} nodes, {len(self.classes)} classes, {self.device})"

    # ---------------------------------------------------------------------------------------------- what it is

    @property
    def input_size(self) -> int:
        """Height and width in pixels of what the network reads."""
        return self.preprocessing.size

    @property
    def provides(self) -> frozenset[str]:
        """What an experiment may ask for: "paper layer 5", "unit layer 5", ..., "class ids"."""
        found = {f"paper layer {n}" for n in self.paper_layers} | {f"unit layer {n}" for n in self.unit_layers}
        return frozenset(found | ({"class ids"} if self.class_ids else set()))

    @functools.cached_property
    def fingerprint(self) -> str:
        """Changes with the operations, their names, the weights, the preprocessing, the classes or the layer numbers.

        The device doesn't matter.
        """
        digest = hashlib.sha256()
        for node in self.nodes:
            digest.update(f"{node.name} {node.kind} {node.inputs} {node.module!r}\n".encode())
            for key, value in sorted(node.module.state_dict().items()):
                digest.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
                digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        numbers = sorted(self.paper_layers.items()), sorted(self.unit_layers.items())
        digest.update(repr((self.preprocessing, self.classes, self.class_ids, numbers)).encode())
        return digest.hexdigest()

    def to(self, device: torch.device | str) -> Network:
        """Moves this network, and returns it."""
        self._module.to(device)
        self.device = torch.device(device)
        return self

    # ------------------------------------------------------------------------------------------- layers by name

    def node(self, name: str) -> Node:
        """The node of that name. Raises UnknownLayer."""
        if name not in self._by_name:
            raise UnknownLayer(_not_found(f"network '{self.name}' has no layer '{name}'", name, "layers", self.layers))
        return self._by_name[name]

    def paper_layer(self, number: int) -> str:
        """The node whose output is the paper's layer `number`. Raises UnknownLayer."""
        return self._numbered(self.paper_layers, number)

    def feature_map_layer(self, number: int) -> str:
        """The node whose channels are the feature maps of the paper's layer `number`. Raises UnknownLayer."""
        return self._numbered(self.unit_layers, number)

    def ancestors(self, layer: str) -> tuple[Node, ...]:
        """The nodes that `layer` depends on, in topological order, itself last."""
        return graph.ancestors(self.nodes, [self.node(layer).name])

    def shape(self, layer: str) -> tuple[int, ...]:
        """(C, H, W) or (C,) of the layer's output for one image; also of "input"."""
        return self._shapes[layer if layer == INPUT else self.node(layer).name]

    def receptive_field(self, layer: str) -> ReceptiveField:
        """What each unit of the layer sees of the input, exactly."""
        return self._fields[self.node(layer).name]

    def class_index(self, name: str) -> int:
        """The output for a class id or a class name (case, and underscores for spaces, don't matter).

        Raises UnknownClass for one that isn't there and for a name that two classes share.
        """
        if name in self.class_ids:
            return self.class_ids.index(name)
        same = [i for i, known in enumerate(self.classes) if _folded(known) == _folded(name)]
        if len(same) > 1 and self.class_ids:
            ids = ", ".join(self.class_ids[i] for i in same)
            raise UnknownClass(f"network '{self.name}' has {len(same)} classes named '{name}'; use an id: {ids}")
        if len(same) != 1:
            message = f"network '{self.name}' has no class '{name}'"
            raise UnknownClass(_not_found(message, name, "classes", [*self.classes, *self.class_ids]))
        return same[0]

    # -------------------------------------------------------------------------------------------------- running

    def preprocess(self, images: Tensor) -> Tensor:
        """images: (N, 3, H, W) in [0, 1] -> what the network reads, on its device (see `Preprocessing`)."""
        return self.preprocessing(images.to(self.device))

    def forward_to(self, layer: str, images: Tensor, *, preprocessed: bool = False) -> Tensor:
        """The layer's output; runs what it depends on and nothing else. Differentiable with respect to the images.

        images: (N, 3, H, W) in [0, 1], or the result of `preprocess` (of any height and width that the layer can take).
        """
        return self.activations([layer], images, preprocessed=preprocessed)[layer]

    def activations(self, layers: Iterable[str], images: Tensor, *, preprocessed: bool = False) -> dict[str, Tensor]:
        """The outputs of several layers from one pass; everything else is freed as soon as nothing needs it."""
        wanted = tuple(layers)
        steps = self._plan(wanted)
        x = images.to(self.device) if preprocessed else self.preprocess(images)
        values = {INPUT: x.contiguous(memory_format=torch.channels_last)}
        for step in steps:
            values[step.node.name] = step.node.module(*[values[name] for name in step.node.inputs])
            for name in step.finished:
                del values[name]
        return {name: values[name] for name in wanted}

    def logits(self, images: Tensor, *, preprocessed: bool = False) -> Tensor:
        """images: (N, 3, H, W) in [0, 1] -> (N, classes)."""
        return self.forward_to(self.layers[-1], images, preprocessed=preprocessed).flatten(1)

    def probabilities(self, images: Tensor, *, preprocessed: bool = False) -> Tensor:
        """images: (N, 3, H, W) in [0, 1] -> (N, classes), the softmax of the logits."""
        return self.logits(images, preprocessed=preprocessed).softmax(1)

    # ------------------------------------------------------------------------------------------------ internals

    def _plan(self, wanted: tuple[str, ...]) -> tuple[_Step, ...]:
        if wanted not in self._steps:
            nodes = graph.ancestors(self.nodes, [self.node(name).name for name in wanted])
            last_reader = {name: i for i, node in enumerate(nodes) for name in node.inputs}
            finished: list[list[str]] = [[] for _ in nodes]
            for name, i in last_reader.items():
                if name not in wanted:
                    finished[i].append(name)
            self._steps[wanted] = tuple(_Step(n, tuple(f)) for n, f in zip(nodes, finished, strict=True))
        return self._steps[wanted]

    @functools.cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        with torch.inference_mode():
            image = torch.zeros(1, 3, self.input_size, self.input_size, device=self.device)
            found = {INPUT: image}
            parameter = next(self._module.parameters(), None)
            if parameter is not None:
                found[INPUT] = image.to(parameter.dtype)
            for step in self._plan(self.layers):
                found[step.node.name] = step.node.module(*[found[name] for name in step.node.inputs])
        return {name: tuple(value.shape[1:]) for name, value in found.items()}

    @functools.cached_property
    def _fields(self) -> dict[str, ReceptiveField]:
        return receptive_fields(self.nodes, self._shapes)

    def _checked(self, layers: Mapping[int, str]) -> dict[int, str]:
        return {int(number): self.node(name).name for number, name in layers.items()}

    def _numbered(self, layers: Mapping[int, str], number: int) -> str:
        if number not in layers:
            raise UnknownLayer(
                f"network '{self.name}' names no layer for the paper's layer {number}; "
                f"it does for {', '.join(map(str, sorted(layers))) or 'none'}"
            )
        return layers[number]


def _folded(name: str) -> str:
    return name.replace("_", " ").casefold().strip()


def _not_found(message: str, name: str, what: str, known: Sequence[str], show: int = 60) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(close)}?" if close else "."
    more = f", ... ({len(known)} in all)" if len(known) > show else ""
    return f"{message}{hint} Its {what}: {', '.join(known[:show])}{more}"
