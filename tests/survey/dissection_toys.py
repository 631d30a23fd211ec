"""Small networks and labelled pictures for the tests of dissection."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from replications.data.concepts.concept_set import ConceptSet
from replications.data.image_set import ImageSet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing


class Pictures(ImageSet):
    """Given pictures."""

    name, classes = "pictures", ("any",)

    def __init__(self, pictures: Tensor) -> None:
        self.pictures, self.size = pictures, pictures.shape[-1]
        self.labels = torch.zeros(len(pictures), dtype=torch.int64)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.pictures.numpy().tobytes()).hexdigest()

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self.pictures[torch.as_tensor(indices)]


class Labelled(ConceptSet):
    """Given pictures and labels."""

    name = "labelled pictures"

    def __init__(self, pictures: Tensor, labels: Mapping[str, Tensor], concepts: Mapping[str, Sequence[str]]) -> None:
        self.images, self._labels = Pictures(pictures), dict(labels)
        self.concepts = {category: ("none", *names) for category, names in concepts.items()}

    @property
    def fingerprint(self) -> str:
        drawn = b"".join(labels.numpy().tobytes() for labels in self._labels.values())
        return hashlib.sha256(drawn + self.images.fingerprint.encode()).hexdigest()

    def labels(self, indices: Sequence[int] | Tensor) -> dict[str, Tensor]:
        return {category: labels[torch.as_tensor(indices)] for category, labels in self._labels.items()}


def wrapped(module: nn.Module, size: int) -> Network:
    """The module as a network that reads `size` pixels in [0, 1]; its last output's channels are its classes."""
    with torch.inference_mode():
        outputs = module.eval()(torch.zeros(1, 3, size, size)).shape[1]
    return Network(module, name="toy", classes=[f"c{i}" for i in range(outputs)], preprocessing=Preprocessing(size))


def convolutions(seed: int = 0, stride: int = 2) -> nn.Sequential:
    """Three layers with positions ("0", "2", "4" and the ReLUs between) and a linear one, randomly weighted."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=stride, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )


def random_labels(images: int, size: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Patches of three objects, two overlapping layers of parts on some images only, and one place an image."""
    patches = torch.randint(0, 4, (images, 1, size // 4, size // 4), generator=generator)
    objects = patches.repeat_interleave(4, 2).repeat_interleave(4, 3)
    first = torch.randint(0, 3, (images, 1, size, size), generator=generator)
    second = torch.where(first == 1, 0, torch.randint(0, 2, (images, 1, size, size), generator=generator))
    parts = torch.cat([first, second], 1)
    parts[::3] = 0
    scenes = torch.randint(0, 3, (images, 1, 1, 1), generator=generator)
    return {name: labels.to(torch.int16) for name, labels in (("object", objects), ("part", parts), ("scene", scenes))}


CONCEPTS = {"object": ("cat", "dog", "cup"), "part": ("ear", "tail"), "scene": ("garden", "street")}
