"""Dissections that have been made, kept under the cache folder so that experiments share them.

A dissection is found again by all that determines it: the project's code, the network's weights, the layer, the images
and labels, the transform, and the options that its numbers depend on.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from replications.data.concepts.concept_set import ConceptSet
from replications.identity import code_fingerprint
from replications.networks.network import Network
from replications.paths import atomic_write, cache_root
from replications.survey.dissection.dissection import (
    BLOCKS,
    FEWEST_IMAGES,
    MEMORY,
    QUANTILE,
    dissect_views,
    usual_batch,
)
from replications.survey.dissection.passes import Progress, View
from replications.survey.dissection.result import Dissection

_BY_CATEGORY = ("intersections", "unit_areas", "concept_areas", "concept_images", "counted")


def cached(
    network: Network,
    layers: Sequence[str],
    concepts: ConceptSet,
    *,
    transform: Mapping[str, Tensor] | None = None,
    **options: Any,
) -> dict[str, Dissection]:
    """As `dissect`, with its options; only layers that haven't been dissected so are."""
    matrices = transform or {}
    return cached_views(network, {layer: View(layer, matrices.get(layer)) for layer in layers}, concepts, **options)


def cached_views(
    network: Network,
    views: Mapping[str, View],
    concepts: ConceptSet,
    *,
    quantile: float = QUANTILE,
    batch: int | None = None,
    indices: Sequence[int] | Tensor | None = None,
    progress: Progress | None = None,
    blocks: int = BLOCKS,
    fewest_images: int = FEWEST_IMAGES,
    memory: int = MEMORY,
) -> dict[str, Dissection]:
    """As `dissect_views`; only views that haven't been dissected so are."""
    chosen = None if indices is None else torch.as_tensor(indices, dtype=torch.int64).flatten()
    # the batch and the device decide how a convolution rounds
    batch = usual_batch(network) if batch is None else batch
    options = [quantile, batch, blocks, fewest_images, network.device.type, _hash(chosen)]
    paths = {
        name: _path([network.fingerprint, view.layer, _hash(view.matrix), concepts.fingerprint, *options])
        for name, view in views.items()
    }
    found = {name: read for name, path in paths.items() if (read := _read(path)) is not None}
    if wanting := {name: view for name, view in views.items() if name not in found}:
        made = dissect_views(
            network,
            wanting,
            concepts,
            quantile=quantile,
            batch=batch,
            indices=indices,
            progress=progress,
            blocks=blocks,
            fewest_images=fewest_images,
            memory=memory,
        )
        for name, dissection in made.items():
            _write(paths[name], dissection)
        found |= made
    return {name: found[name] for name in views}


@functools.cache
def _code() -> str:
    return code_fingerprint("replications.survey.dissection.dissection")


def _path(determined_by: Sequence[object]) -> Path:
    key = hashlib.sha256(repr([_code(), *determined_by]).encode()).hexdigest()
    return cache_root() / "dissections" / f"{key[:32]}.npz"


def _hash(tensor: Tensor | None) -> str:
    if tensor is None:
        return "none"
    held = tensor.detach().cpu().contiguous()
    return hashlib.sha256(f"{held.dtype} {tuple(held.shape)}".encode() + held.numpy().tobytes()).hexdigest()


def _write(path: Path, dissection: Dissection) -> None:
    arrays: dict[str, Any] = {"thresholds": dissection.thresholds}
    for name in _BY_CATEGORY:
        for number, values in enumerate(getattr(dissection, name).values()):
            arrays[f"{name} {number}"] = values
    facts = {
        "layer": dissection.layer,
        "concepts": {category: list(names) for category, names in dissection.concepts.items()},
        "images": dissection.images,
        "quantile": dissection.quantile,
    }
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)


def _read(path: Path) -> Dissection | None:
    """What is kept there; None where nothing is, or it can't be read and must be made again."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            facts = json.loads(arrays["facts"].tobytes())
            concepts = {category: tuple(names) for category, names in facts.pop("concepts").items()}
            by_category: dict[str, Any] = {
                name: {category: arrays[f"{name} {number}"] for number, category in enumerate(concepts)}
                for name in _BY_CATEGORY
            }
            return Dissection(concepts=concepts, thresholds=arrays["thresholds"], **by_category, **facts)
    except (FileNotFoundError, zipfile.BadZipFile, KeyError, ValueError, EOFError):
        return None
