"""What a method may look at for one set of pictures: the network, the units, and training images drawn for this set."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from replications.compare.kept import digest_of, held, keep
from replications.compare.protocol import Protocol
from replications.compare.randomness import generator_of
from replications.compare.subjects import Subject
from replications.data.image_set import ImageSet
from replications.multifaceted.images import class_images, preferred_images
from replications.multifaceted.unit_fields import responses
from replications.networks.network import Network
from replications.suite.interface import Context

T = TypeVar("T")


class Material:
    """Of one set. Validation images, the evaluator and the facets are not among it.

    network, device: where pictures are made. seed: the run's. number: of the set. pictures: of each of `subjects`.
    images: the training set; indices: (n,) int64, ascending, those drawn for this set, which are all that may be looked
    at. workspace: a folder for finished parts, which lasts until the set is done.
    """

    def __init__(
        self, context: Context, protocol: Protocol, subjects: Sequence[Subject], number: int, workspace: Path
    ) -> None:
        self.network: Network = context.network
        self.device: torch.device = context.network.device
        self.seed, self.number = context.seed, number
        self.subjects, self.pictures, self.protocol = tuple(subjects), protocol.pictures, protocol
        self.images: ImageSet = context.data.train
        order = torch.randperm(len(self.images), generator=self.generator("training images"))
        self.indices = order[: protocol.training_images].sort().values
        self._context, self._workspace = context, workspace
        self._of = {subject.unit.name: i for i, subject in enumerate(self.subjects)}

    @property
    def workspace(self) -> Path:
        self._workspace.mkdir(parents=True, exist_ok=True)
        return self._workspace

    def generator(self, *name: str | int) -> torch.Generator:
        """A CPU generator seeded by the run's seed, the number of the set and the name; the same for all methods."""
        return generator_of(self.seed, self.number, *name)

    def progress(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """`items` with a progress bar."""
        return self._context.progress(items, description, total)

    def restarts(self) -> list[int]:
        """For `make_pictures`: the attempt of every picture, set by set, in the order of one subject's pictures."""
        return [self.number * self.pictures + i for i in range(self.pictures)]

    def activations(self, subject: Subject) -> Tensor:
        """(n,) of its unit on each of `indices`, the highest over its map; a class's logit."""
        return self._responses[0][:, self._of[subject.unit.name]]

    def places(self, subject: Subject) -> Tensor:
        """(n, 2) int64: row and column of that activation in the map, (0, 0) where the layer has no positions."""
        return self._responses[1][:, self._of[subject.unit.name]]

    def exciting(self, subject: Subject, count: int) -> Tensor:
        """Up to `count` training images that excite it most, among all drawn, strongest first; none that it is silent
        on. A class is asked by its logit. Raises DeadFeatures."""
        return self.indices[preferred_images(self.activations(subject), count, subject.unit.name)]

    def of_class_or_liked(self, subject: Subject, count: int) -> Tensor:
        """Up to `count` images of a class, at random, ascending; of a hidden unit the most exciting, strongest first.

        Raises NoImages, DeadFeatures.
        """
        if subject.name is None:
            return self.exciting(subject, count)
        own = class_images(self.images, subject.name)
        own = own[torch.isin(own, self.indices)]
        order = torch.randperm(len(own), generator=self.generator("of the class", subject.name))
        return own[order[:count]].sort().values

    def pictures_of(self, indices: Tensor) -> Tensor:
        """(n, 3, S, S) in [0, 1]: training images as the network reads them, S its input size.

        Raises ValueError for an image that wasn't drawn for this set.
        """
        if not bool(torch.isin(indices, self.indices).all()):
            raise ValueError("a method looks only at the training images that were drawn for its set (`indices`)")
        shown = self.network.preprocessing.denormalize(self.network.preprocess(self.images.images(indices)))
        return shown.clamp(0, 1).cpu()

    @functools.cached_property
    def _responses(self) -> tuple[Tensor, Tensor]:
        """(n, subjects) and (n, subjects, 2); found once for all methods."""
        units = [subject.unit for subject in self.subjects]
        key = digest_of(
            {
                "network": self.network.fingerprint,
                "device": self.network.device.type,
                "images": self.images.fingerprint,
                "drawn": [self.seed, self.number, len(self.indices)],
                "units": [[unit.layer, unit.channel] for unit in units],
            },
            "replications.compare.randomness",
            "replications.multifaceted.unit_fields",
        )
        if (kept := held("responses", key)) is not None:
            return kept[0]["strongest"], kept[0]["places"]
        layers = list(dict.fromkeys(unit.layer for unit in units))
        found = responses(self.network, layers, self.images, self.indices, self._context)
        strongest = torch.stack([found[unit.layer].strongest[:, unit.channel] for unit in units], 1)
        places = torch.stack([found[unit.layer].places[:, unit.channel] for unit in units], 1)
        keep("responses", key, {"strongest": strongest, "places": places}, {})
        return strongest, places
