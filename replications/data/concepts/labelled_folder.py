"""Images that have a concept as a whole, one folder a concept: textures, scenes."""

from __future__ import annotations

import functools
import hashlib

import torch

from replications.data.concepts.colours import Coloured
from replications.data.concepts.concept_set import NONE, ConceptSet, Indices, Labels, check_concepts, checked_indices
from replications.data.image_folder import ImageFolder
from replications.data.natural import located


class LabelledFolder(ConceptSet):
    """The classes of a folder of images as the concepts of one category, each of the whole image."""

    def __init__(self, images: ImageFolder, category: str) -> None:
        self.images: ImageFolder = images
        self.name, self.category = images.name, category
        self.concepts = check_concepts({category: (NONE, *images.titles)}, self.name)

    @functools.cached_property
    def fingerprint(self) -> str:
        content = "\n".join(["labelled", self.images.fingerprint, self.category, *self.concepts[self.category]])
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def labels(self, indices: Indices) -> Labels:
        wanted = checked_indices(indices, len(self), self.name)
        numbers = self.images.labels[torch.from_numpy(wanted)] + 1
        return {self.category: numbers.to(torch.int16)[:, None, None, None]}


def labelled_folder(
    root: str,
    category: str,
    *,
    colours: bool = False,
    name: str | None = None,
    size: int | None = None,
    thorough: bool = True,
    workers: int | None = None,
) -> ConceptSet:
    """A folder of images with one folder a concept, below the data root if relative.

    colours: whether to add the colours of the pixels as concepts.
    """
    if size is None or size < 1:
        raise ValueError(f"the size of the images must be given in pixels (the network's input size), found {size}")
    concepts = LabelledFolder(ImageFolder(located(root), size, name=name, thorough=thorough, workers=workers), category)
    return Coloured(concepts) if colours else concepts
