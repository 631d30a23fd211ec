"""What a network to be trained is: architecture, images, labels, recipe, seed."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from replications.identity import code_fingerprint
from replications.training.loop import precision_name
from replications.training.preprocessing import STANDARD, Preprocessing
from replications.training.recipe import Recipe

if TYPE_CHECKING:
    from replications.data.image_set import ImageSet

ARCHITECTURES = {
    "zfnet": "replications.networks.zfnet",
    "zfnet_small": "replications.networks.zfnet",
    "alexnet": "replications.networks.alexnet",
    "alexnet_small": "replications.networks.alexnet",
    "facet_evaluator": "replications.networks.residual",
}


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingJob:
    """One network to train.

    architecture: a key of ARCHITECTURES; arguments: its keyword arguments beyond the number of classes and the seed.
    data: the training images; indices: which of them (None: all).
    labels: (len(data),) int64, one for each image of `data`, those not among `indices` ignored (None: its classes).
    num_classes: how many classes `labels` has (None: as many as `data` has).
    seed: of initial weights, order, augmentation and dropout.
    keep_epochs: epochs whose weights `Trained.checkpoints` holds, besides the last; 0 is the network before training.
    """

    architecture: str
    data: ImageSet
    recipe: Recipe
    seed: int = 0
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    indices: Sequence[int] | Tensor | None = None
    labels: Tensor | None = None
    num_classes: int | None = None
    keep_epochs: tuple[int, ...] = ()
    preprocessing: Preprocessing = STANDARD

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"no architecture '{self.architecture}'; there are {', '.join(ARCHITECTURES)}")
        if wrong := [epoch for epoch in self.keep_epochs if not 0 <= epoch <= self.recipe.epochs]:
            raise ValueError(f"'keep_epochs' must lie in 0..{self.recipe.epochs}, found {wrong}")
        if self.labels is not None and len(self.labels) != len(self.data):
            raise ValueError(f"expected a label for each of the {len(self.data)} images, found {len(self.labels)}")
        if not len(self.chosen):
            raise ValueError("expected at least one image to train on, found none")
        low, high = int(self.chosen_labels.min()), int(self.chosen_labels.max())
        if low < 0 or high >= self.classes:
            raise ValueError(f"expected labels in 0..{self.classes - 1}, found {low}..{high}")

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.data.classes) if self.num_classes is None else self.num_classes

    @functools.cached_property
    def chosen(self) -> Tensor:
        """(n,) int64, the indices of the training images."""
        return torch.arange(len(self.data)) if self.indices is None else torch.as_tensor(self.indices).long()

    @functools.cached_property
    def chosen_labels(self) -> Tensor:
        """(n,) int64, the labels of the training images."""
        return (self.data.labels if self.labels is None else self.labels)[self.chosen].long()

    def build(self) -> nn.Module:
        """The network with its initial weights."""
        module = importlib.import_module(ARCHITECTURES[self.architecture])
        network: nn.Module = getattr(module, self.architecture)(self.classes, seed=self.seed, **self.arguments)
        return network

    def description(self, device: torch.device) -> dict[str, Any]:
        """All that determines the weights, as plain values."""
        return {
            "architecture": self.architecture,
            "arguments": plain(self.arguments),
            "classes": self.classes,
            "data": self.data.fingerprint,
            "images": len(self.chosen),
            "indices": _digest(self.chosen),
            "labels": _digest(self.chosen_labels),
            "preprocessing": plain(dataclasses.asdict(self.preprocessing)),
            "recipe": plain(dataclasses.asdict(self.recipe)),
            "seed": self.seed,
            "device": device.type,
            "precision": precision_name(self.recipe, device),
            "code": code_fingerprint("replications.training.loop", ARCHITECTURES[self.architecture]),
            "torch": torch.__version__.partition("+")[0],
        }


def plain(value: Any) -> Any:
    """`value` with mappings as dictionaries and sequences as lists, as JSON would give it back."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def _digest(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()[:16]
