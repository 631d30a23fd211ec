"""What Network Dissection finds in a layer: how much of it is above its thresholds, and what that detects.

Bau et al. 2017: a unit is above its threshold at a share of 0.005 of all positions of all images. A share that is ten
times as large still gives thresholds, labels and IoUs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from replications.data.concepts.facetworld import FacetworldConcepts
from replications.data.facetworld.dataset import FacetSet
from replications.regress.probe import Found, Probe, Quantity, drawn
from replications.suite.interface import Context
from replications.survey.dissection.dissection import dissect

ABOVE, DETECTORS, CONCEPTS, IOU = "share above the threshold", "detectors", "concepts", "IoU"


@dataclass(frozen=True)
class DissectedLayer(Probe):
    """layer: the paper's number. images: validation images drawn for a seed from the first `among`. quantile, batch,
    blocks, fewest_images: as for `dissect`."""

    name: ClassVar[str] = "dissection"
    title: ClassVar[str] = "What Network Dissection finds"
    needs: ClassVar[tuple[Literal["network", "data"], ...]] = ("network", "data")
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity(ABOVE, "share of all positions at which a unit is above its threshold", "none", 0.0005),
        Quantity(DETECTORS, "share of the units that detect a concept, 0 to 1", "higher", 0.02),
        Quantity(CONCEPTS, "concepts that have a detector", "higher", 1.0),
        Quantity(IOU, "mean of the units' largest IoU with a concept, 0 to 1", "higher", 0.003),
    )

    protocol: Mapping[str, Any]
    layer: int
    images: int
    among: int
    quantile: float
    batch: int
    blocks: int
    fewest_images: int

    def missing(self, context: Context) -> str | None:
        if not isinstance(context.data.validation, FacetSet):
            return f"needs images whose concepts are known by pixel, and those of {context.data.name} aren't"
        return None

    def prepared(self, context: Context) -> FacetworldConcepts:
        images = context.data.validation
        assert isinstance(images, FacetSet)
        # of the first images alone, so that no more of them have to be labelled
        return FacetworldConcepts(FacetSet(images.part, min(self.among, len(images)), images.size, images.seed))

    def look(self, context: Context, seed: int, prepared: FacetworldConcepts) -> Iterator[Found]:
        network, concepts, images = context.network, prepared, prepared.images
        indices = drawn(self.images, len(images), context.generator("images", seed))
        layer = network.feature_map_layer(self.layer)
        found = dissect(
            network,
            [layer],
            concepts,
            quantile=self.quantile,
            batch=self.batch,
            indices=indices,
            blocks=self.blocks,
            fewest_images=self.fewest_images,
        )[layer]
        with torch.inference_mode():
            parts = [network.forward_to(layer, images.images(part)).cpu() for part in indices.split(self.batch)]
        above = torch.cat(parts) > torch.from_numpy(found.thresholds)[:, None, None]
        largest = np.stack([found.iou(category).max(1) for category in found.categories]).max(0)
        values = {
            ABOVE: float(above.double().mean()),
            DETECTORS: len(found.detector_units()) / found.units,
            CONCEPTS: float(found.unique("top")),
            IOU: float(largest.mean()),
        }
        yield Found(layer, "layer", values, str(self.layer))
