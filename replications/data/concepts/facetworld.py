"""The concepts of facetworld: the right answer for every pixel, in five categories.

Objects (classes and clutter), parts, textures and colours of surfaces are known for every pixel; the scene is of the
whole picture. Labels are looked up in the drawing that gives the picture; drawn once, they are kept under the cache.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from replications.data.concepts.concept_set import ConceptSet, Indices, Labels, check_concepts, checked_indices
from replications.data.facetworld.annotations import NAMES
from replications.data.facetworld.dataset import FacetSet
from replications.data.facetworld.shards import SHARD, renderer_fingerprint
from replications.identity import code_fingerprint
from replications.paths import atomic_write, cache_root, file_lock

WHOLE = "scene"  # the category that is of whole images
_CATEGORIES = tuple(NAMES)
_SHOW_PROGRESS_FROM = 500
_DRAWN_AT_ONCE = 50


class FacetworldConcepts(ConceptSet):
    """A set of rendered pictures with the concepts of every pixel.

    concepts: "object", "part", "texture", "colour", "scene", with the names of `Annotations.names`.
    """

    def __init__(self, images: FacetSet) -> None:
        self.images: FacetSet = images
        self.name = f"{images.name} concepts"
        self.concepts = check_concepts(NAMES, self.name)
        self._open: dict[int, np.ndarray] = {}

    def __getstate__(self) -> dict[str, object]:
        """What another process is given: all but the opened labels, which it opens itself."""
        return {**self.__dict__, "_open": {}}

    @functools.cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"concepts {_annotator()} {self.images.fingerprint}".encode()).hexdigest()

    def labels(self, indices: Indices) -> Labels:
        wanted = checked_indices(indices, len(self), self.name)
        size = self.size
        planes = np.empty((len(wanted), len(_CATEGORIES), size, size), dtype=np.int16)
        numbers, rows = wanted // SHARD, wanted % SHARD
        for number in np.unique(numbers).tolist():
            here = numbers == number
            planes[here] = self._shard(number)[rows[here]]
        found = {category: torch.from_numpy(planes[:, i : i + 1]) for i, category in enumerate(_CATEGORIES)}
        found[WHOLE] = found[WHOLE][..., :1, :1]
        return {category: labels.contiguous() for category, labels in found.items()}

    def _shard(self, number: int) -> np.ndarray:
        """(rows, categories, size, size) uint8, drawn where they are not in the cache."""
        if number not in self._open:
            rows = min(SHARD, len(self) - number * SHARD)
            path = self._folder / f"{number:05d}.npy"
            with file_lock(path.with_suffix(".lock")):
                begun = _load(path, self.size)
                if begun is None or len(begun) < rows:
                    begun = self._drawn(number, rows, begun)
                    with atomic_write(path) as file:
                        np.save(file, begun)
            self._open[number] = begun
        return self._open[number]

    @property
    def _folder(self) -> Path:
        images = self.images
        name = f"seed{images.seed}-{images.part}-size{images.size}"
        return cache_root() / "concepts" / "facetworld" / _annotator()[:16] / name

    def _drawn(self, number: int, rows: int, begun: np.ndarray | None) -> np.ndarray:
        planes = np.empty((rows, len(_CATEGORIES), self.size, self.size), dtype=np.uint8)
        have = 0 if begun is None else len(begun)
        if begun is not None:
            planes[:have] = begun
        quiet = rows - have < _SHOW_PROGRESS_FROM
        with tqdm(total=rows - have, unit="img", desc=f"labelling {self.images.name}", disable=quiet) as bar:
            for first in range(have, rows, _DRAWN_AT_ONCE):
                last = min(rows, first + _DRAWN_AT_ONCE)
                drawn = self.images.annotations(range(number * SHARD + first, number * SHARD + last)).labels
                planes[first:last] = np.stack([drawn[category] for category in _CATEGORIES], 1)
                bar.update(last - first)
        return planes


def _load(path: Path, size: int) -> np.ndarray | None:
    """The labels as a read-only map of their file, or None where it is missing or damaged."""
    try:
        planes: np.ndarray = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return planes if planes.dtype == np.uint8 and planes.shape[1:] == (len(_CATEGORIES), size, size) else None


@functools.cache
def _annotator() -> str:
    """Of the code that draws and labels."""
    code = code_fingerprint("replications.data.facetworld.annotations")
    return hashlib.sha256(f"{renderer_fingerprint()} {code}".encode()).hexdigest()


def facetworld(
    images: int = 2000, *, size: int = 64, part: str = "validation", seed: int = 0, workers: int | None = None
) -> FacetworldConcepts:
    """The first `images` pictures of a part of facetworld and their concepts. Raises ValueError as `FacetSet` does."""
    return FacetworldConcepts(FacetSet(part, images, size, seed, workers))
