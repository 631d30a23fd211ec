"""What the deconvnet's projections show: parts of the object that is there, and the image itself.

Two things that hold for right projections of a network that recognizes its classes:
- the strongest units of a high layer project to where the object is: more of the projection's energy lies on the object
  than the object has of the area that the projection could cover;
- all units of a low layer together, taken down with the stored switches, give a picture that resembles the image.
A switch that points one place too far, filters that aren't turned round, or a rectification left out still give
pictures with edges in them; they resemble the image less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from replications.regress.probe import Found, Probe, Quantity, drawn
from replications.suite.interface import Context
from replications.zeiler import deconvnet

ON_OBJECT, RESEMBLANCE, EDGES = "energy on the object", "resemblance", "share at edges"


@dataclass(frozen=True)
class Projections(Probe):
    """images: validation images drawn for a seed. high: the paper's number of the layer whose `maps` strongest feature
    maps of each image are projected, each from its strongest position. low: of the layer that is taken down whole.
    """

    name: ClassVar[str] = "projections"
    title: ClassVar[str] = "What the deconvnet's projections show"
    needs: ClassVar[tuple[Literal["network", "data"], ...]] = ("network", "data")
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity(
            ON_OBJECT, "share of the projection's energy on the object, less its share of the area", "higher", 0.01
        ),
        Quantity(RESEMBLANCE, "correlation of the image with what the layer projects to, -1 to 1", "higher", 0.01),
        Quantity(
            EDGES, "correlation of the projection's energy with the image's local contrast, -1 to 1", "higher", 0.01
        ),
    )

    protocol: Mapping[str, Any]
    images: int
    high: int
    maps: int
    low: int

    def look(self, context: Context, seed: int, prepared: None) -> Iterator[Found]:
        network, images = context.network, context.data.validation
        indices = drawn(self.images, len(images), context.generator("images", seed))
        pictures = images.images(indices)
        masks = torch.from_numpy(images.annotations(indices).masks)  # type: ignore[attr-defined]
        yield Found("strongest units", "hidden", self._strongest(context, pictures, masks), str(self.high))
        record = deconvnet.record(network, pictures, network.feature_map_layer(self.low))
        whole = deconvnet.project_signals(record, record.activations, torch.arange(len(pictures))).cpu()
        alike = float(correlation(whole.flatten(1), pictures.flatten(1)).mean())
        yield Found("all units", "layer", {RESEMBLANCE: alike}, str(self.low))

    def _strongest(self, context: Context, pictures: Tensor, masks: Tensor) -> dict[str, float]:
        layer = context.network.feature_map_layer(self.high)
        record = deconvnet.record(context.network, pictures, layer)
        strongest = record.activations.flatten(2).amax(2).topk(self.maps, 1).indices
        all_units = deconvnet.strongest(record)
        channels = record.activations.shape[1]
        places = torch.arange(len(pictures), device=strongest.device)[:, None] * channels + strongest
        units = all_units[places.flatten()]
        energy = deconvnet.project(record, units).full().square().sum(1).cpu()
        image = units.image.cpu()
        reached = energy > 0
        on_object, area = (self._share(one, masks[image]) for one in (energy, reached.double()))
        contrast = _contrast(pictures)[image]
        return {
            ON_OBJECT: float((on_object - area).nanmean()),
            EDGES: float(correlation(energy.sqrt().flatten(1), contrast.flatten(1)).nanmean()),
        }

    def _share(self, energy: Tensor, masks: Tensor) -> Tensor:
        """(U,) of the energy (U, H, W) that lies within the masks."""
        total = energy.double().sum((1, 2))
        return (energy.double() * masks).sum((1, 2)) / total


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """(n,) float64 in [-1, 1]: Pearson's of the rows of (n, d) and (n, d); nan where one is even."""
    a, b = (x.double() - x.double().mean(1, keepdim=True) for x in (first, second))
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))


def _contrast(images: Tensor) -> Tensor:
    """(n, H, W): how far each pixel is from the mean of the 3 x 3 around it, root mean square over the colours."""
    around = torch.nn.functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    return (images - around).square().mean(1).sqrt()
