"""Network Dissection of layers: one forward pass an image, exact thresholds, and counts in blocks of images.

    found = dissect(network, ["relu4", "relu5"], concepts)
    found["relu5"].detectors("top")              # [Detector(unit=3, category="object", concept="dog", iou=0.21), ...]
    found["relu5"].unique("per category")        # how many concepts have a detector

Source: Bau, Zhou, Khosla, Oliva & Torralba 2017, "Network Dissection: Quantifying Interpretability of Deep Visual
Representations", Sec. 2. Thresholds, interpolation and counting: thresholds.py, upsampling.py, tally.py. What counts as
a detector: rules.py.

Memory: of each layer only the cells that may exceed the threshold are kept, up to `memory` bytes of them, the rest in a
temporary file; the streaming threshold holds about 2 * quantile of all activations, and where that is more than
`memory` the units are dissected in parts, each with a forward pass of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from replications.data.concepts.concept_set import ConceptSet
from replications.networks.network import Network
from replications.survey.dissection.label_counts import LabelCounts
from replications.survey.dissection.passes import Part, Passes, Progress, View, unannounced
from replications.survey.dissection.result import Dissection
from replications.survey.dissection.tally import UnitCounts
from replications.survey.dissection.upsampling import Grid

QUANTILE = 0.005  # Sec. 2.2
FEWEST_IMAGES = 10  # Sec. 2.1: labels with fewer samples are left out
BLOCKS = 50
MEMORY = 512 * 2**20


def dissect(
    network: Network,
    layers: Sequence[str],
    concepts: ConceptSet,
    *,
    quantile: float = QUANTILE,
    batch: int | None = None,
    indices: Sequence[int] | Tensor | None = None,
    progress: Progress | None = None,
    transform: Mapping[str, Tensor] | None = None,
    blocks: int = BLOCKS,
    fewest_images: int = FEWEST_IMAGES,
    memory: int = MEMORY,
) -> dict[str, Dissection]:
    """The dissection of each layer, all from one pass over the images.

    Args:
        layers: with positions. transform: for some of them a (K, C) matrix that makes K units of the C channels.
        indices: which images; all by default. batch: images at a time; `usual_batch` by default.
        quantile: the share of positions at which a unit is above its threshold.
        blocks: in how many disjoint, random blocks of images to count, so that intervals can be had by resampling.
        fewest_images: a concept that fewer images show is not counted as detected.
        memory: bytes for what waits between the pass over the images and that over the labels; see above.

    Raises:
        NoExtent: a layer without positions. UnknownLayer: no such layer.
        ValueError: the images are not of the network's input size, so labels and receptive fields don't fit; there
            are no images; or a transform doesn't fit its layer.
    """
    matrices = dict(transform or {})
    if unknown := sorted(set(matrices) - set(layers)):
        raise ValueError(f"a transform is given for {', '.join(unknown)}, but the layers are {', '.join(layers)}")
    views = {layer: View(layer, matrices.get(layer)) for layer in layers}
    return dissect_views(
        network,
        views,
        concepts,
        quantile=quantile,
        batch=batch,
        indices=indices,
        progress=progress,
        blocks=blocks,
        fewest_images=fewest_images,
        memory=memory,
    )


def dissect_views(
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
    """As `dissect`, of any number of views by name: of one layer under many rotations with one pass, for instance."""
    if concepts.size != network.input_size:
        raise ValueError(
            f"network '{network.name}' reads {network.input_size} x {network.input_size} pixels, but the images of "
            f"{concepts.name} have {concepts.size}; make the set at the network's input size, so that its labels lie "
            f"where the network sees them"
        )
    chosen = torch.arange(len(concepts)) if indices is None else torch.as_tensor(indices, dtype=torch.int64).flatten()
    batch = usual_batch(network) if batch is None else batch
    if not views or not len(chosen) or blocks < 1 or batch < 1:
        raise ValueError(
            f"expected at least one layer, one image, one block and a batch of one, found {len(views)} layers, "
            f"{len(chosen)} images, blocks={blocks}, batch={batch}"
        )
    # in an order drawn once for every number of images, blocks are made at random and of equal size but for one image
    passes = Passes(
        network,
        concepts,
        chosen[torch.randperm(len(chosen), generator=torch.Generator().manual_seed(0))],
        torch.arange(len(chosen)) * min(blocks, len(chosen)) // len(chosen),
        batch,
        quantile,
        memory,
        progress or unannounced,
    )
    whole = {name: Part(view, Grid.of(network, view.layer), 0, view.units(network)) for name, view in views.items()}
    found: dict[str, list[tuple[Tensor, UnitCounts]]] = {name: [] for name in views}
    for parts in _together(whole, passes, memory):
        thresholds, units, labels = passes.run(parts)
        for name in parts:
            found[name].append((thresholds[name], units[name]))
    return {name: _result(view.layer, found[name], labels, passes, fewest_images) for name, view in views.items()}


def usual_batch(network: Network) -> int:
    """Images at a time: about a million pixels, which takes little memory and wastes no time on calls."""
    return max(16, min(256, 2**20 // network.input_size**2))


def _together(whole: Mapping[str, Part], passes: Passes, memory: int) -> Iterator[dict[str, Part]]:
    """Units that go through the network together, so that their streaming thresholds take `memory` bytes at most."""
    parts: dict[str, Part] = {}
    free = memory
    for name, part in whole.items():
        each = 2 * 4 * passes.rank(part.grid)
        first = 0
        while first < part.last:
            taken = min(part.last - first, free // each)
            if not taken and not parts:
                taken = 1
            if taken:
                parts[name] = dataclasses.replace(part, first=first, last=first + taken)
                first, free = first + taken, free - taken * each
            if first < part.last:
                yield parts
                parts, free = {}, memory
    yield parts


def _result(
    layer: str,
    found: Sequence[tuple[Tensor, UnitCounts]],
    labels: LabelCounts,
    passes: Passes,
    fewest_images: int,
) -> Dissection:
    concepts = passes.concepts.concepts
    shown = {category: labels.concept_images[category].numpy() for category in concepts}
    return Dissection(
        layer=layer,
        concepts=dict(concepts),
        images=len(passes.chosen),
        quantile=passes.quantile,
        thresholds=torch.cat([thresholds for thresholds, _ in found]).cpu().numpy(),
        intersections={c: _intersections([units for _, units in found], c) for c in concepts},
        unit_areas={c: torch.cat([u.unit_areas[c] for _, u in found], 1).cpu().numpy() for c in concepts},
        concept_areas={c: labels.concept_areas[c].numpy() for c in concepts},
        concept_images=shown,
        counted={c: (np.arange(len(names)) > 0) & (shown[c].sum(0) >= fewest_images) for c, names in concepts.items()},
    )


def _intersections(found: Sequence[UnitCounts], category: str) -> NDArray[np.int64]:
    joined = torch.cat([units.intersections[category] for units in found], 1)
    joined[:, :, 0] = 0  # pixels without a label
    return joined.cpu().numpy()
