"""How many pixels each concept has, and how many images show it: what is counted of the labels alone.

The same for every network and layer, so it is counted once for each choice of images and kept under the cache folder.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from replications.data.concepts.concept_set import ConceptSet
from replications.identity import code_fingerprint
from replications.paths import atomic_write, cache_root
from replications.survey.dissection.labels import Labels

_KINDS = ("concept_areas", "concept_images")


class LabelCounts:
    """Counts in `blocks` of images, for each category.

    concept_areas: (blocks, concepts) pixels. concept_images: (blocks, concepts) images that show the concept.
    """

    def __init__(self, blocks: int, concepts: Mapping[str, int]) -> None:
        """concepts: how many numbers each category has, 0 for none included."""
        self.concept_areas = {c: torch.zeros(blocks, count, dtype=torch.int64) for c, count in concepts.items()}
        self.concept_images = {c: torch.zeros_like(counts) for c, counts in self.concept_areas.items()}

    def add(self, labels: Labels, block: Tensor) -> None:
        """block: (n,) of each image, on the labels' device."""
        found: dict[str, Tensor] = {}
        numbers = torch.arange(labels.images, dtype=torch.int32, device=block.device)[:, None]
        for packed in labels.packed:
            keys = packed.codes.view(labels.images, -1).to(torch.int32) + numbers * packed.count
            counts = torch.bincount(keys.flatten(), minlength=labels.images * packed.count)
            for category, more in packed.by_concept(counts.view(labels.images, -1)).items():
                found[category] = found[category] + more if category in found else more
        for category, values in labels.whole.items():
            empty = torch.zeros(labels.images, self.concept_areas[category].shape[1], dtype=torch.int64)
            found[category] = empty.to(block.device).scatter_(1, values, labels.size**2)
        where = block.cpu()
        for category, counts in found.items():
            shown = counts.cpu()
            shown[:, 0] = 0
            self.concept_areas[category].index_add_(0, where, shown)
            self.concept_images[category].index_add_(0, where, (shown > 0).long())


def read(path: Path, blocks: int, concepts: Mapping[str, int]) -> LabelCounts | None:
    """What is kept there; None where nothing is, or it can't be read and must be counted again."""
    found = LabelCounts(blocks, concepts)
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            for kind in _KINDS:
                for number, counts in enumerate(getattr(found, kind).values()):
                    counts += torch.from_numpy(arrays[f"{kind} {number}"])
    except (FileNotFoundError, zipfile.BadZipFile, KeyError, ValueError, EOFError, RuntimeError):
        return None
    return found


def write(path: Path, counted: LabelCounts) -> None:
    """Keeps the counts there."""
    arrays = {
        f"{kind} {number}": counts.numpy()
        for kind in _KINDS
        for number, counts in enumerate(getattr(counted, kind).values())
    }
    with atomic_write(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def place(concepts: ConceptSet, chosen: Tensor, blocks: int) -> Path:
    """Where the counts of these images, in this order, in so many blocks are kept."""
    named = f"{_code()} {concepts.fingerprint} {blocks} ".encode() + chosen.numpy().tobytes()
    return cache_root() / "dissections" / f"labels-{hashlib.sha256(named).hexdigest()[:32]}.npz"


@functools.cache
def _code() -> str:
    return code_fingerprint("replications.survey.dissection.label_counts")
