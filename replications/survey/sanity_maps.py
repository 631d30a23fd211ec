"""What the sanity check compares: maps of each method over an image, for networks that know less and less.

One seed is one draw of random weights for all layers. For it every network is made whose layers from the classes down
to some layer (cascading), or of one group alone (independent), have these weights; each method explains the same class
of each image in each; and the map is compared with that of the trained network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from metrics.map_similarity import (
    gradient_similarity,
    in_unit_range,
    magnitudes,
    ranks,
    structural_similarity,
)
from replications.multifaceted.untrained import untrained
from replications.networks.network import Network
from replications.survey.edges import edges
from replications.survey.randomization import with_weights_of
from replications.survey.ways_back import GRADIENT, WAYS, back_to_pixels
from replications.zeiler.deconvnet import Units

TIMES_INPUT = "gradient × input"
METHODS = (GRADIENT, TIMES_INPUT, *(way for way in WAYS if way != GRADIENT))
MODES = ("cascading", "independent")
MEASURES: Mapping[str, str] = {
    "rank correlation": "Spearman's correlation of the magnitudes, -1 to 1",
    "signed rank correlation": "Spearman's correlation of the signed values, -1 to 1",
    "SSIM": "structural similarity of the magnitudes, 0 to 1",
    "HOG": "Pearson's correlation of the magnitudes' histograms of oriented gradients, -1 to 1",
}

Explained = dict[str, Tensor]  # by method, (N, 3, H, W): maps in the network's own input space


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """Maps (N, 3, H, W) made ready to be compared: ranks (N, P) of magnitudes and of signed sums over colours, and
    magnitudes (N, H, W) in [0, 1]."""

    of_magnitudes: Tensor
    of_signed: Tensor
    shown: Tensor

    @classmethod
    def of(cls, maps: Tensor) -> Prepared:
        sizes = magnitudes(maps)
        return cls(ranks(sizes), ranks(maps.sum(1)), in_unit_range(sizes))

    def rolled(self) -> Prepared:
        """For each image the map of the one before it, for the first that of the last."""
        return Prepared(*(tensor.roll(1, 0) for tensor in (self.of_magnitudes, self.of_signed, self.shown)))

    def compared(self, other: Prepared, cell: int) -> dict[str, Tensor]:
        """By measure (N,) float64. cell: pixels a side of the cells of the histograms."""
        return {
            "rank correlation": (self.of_magnitudes * other.of_magnitudes).sum(1),
            "signed rank correlation": (self.of_signed * other.of_signed).sum(1),
            "SSIM": structural_similarity(self.shown, other.shown),
            "HOG": gradient_similarity(self.shown, other.shown, cell),
        }


@dataclasses.dataclass(frozen=True, eq=False)
class OfSeed:
    """What one draw of random weights gives.

    similarity: (modes, groups, methods, measures, N) float64, with the trained network's maps. probability: (modes,
    groups, N), of the class that is explained. edges: (methods, measures, N), of the maps of the wholly random network
    with the image's edges. maps: by method (groups, shown, 3, H, W), cascading, of the first images.
    """

    similarity: Tensor
    probability: Tensor
    edges: Tensor
    maps: dict[str, Tensor]


def explain(network: Network, images: Tensor, classes: Tensor) -> Explained:
    """By method, what in each image speaks for its class. images: (N, 3, H, W) in [0, 1]; classes: (N,) outputs."""
    layer = network.layers[-1]
    units = Units.of(torch.arange(len(images)), classes.cpu())
    if len(network.shape(layer)) == 3:
        raise ValueError(f"the classes of network '{network.name}' are maps; expected one number each")
    found = {way: back_to_pixels(network, images, layer, units, way) for way in WAYS}
    with torch.inference_mode():
        found[TIMES_INPUT] = found[GRADIENT] * network.preprocess(images).cpu()
    return {method: found[method] for method in METHODS}


def check_seed(
    network: Network,
    images: Tensor,
    classes: Tensor,
    original: Mapping[str, Prepared],
    groups: Sequence[tuple[str, ...]],
    seed: int,
    shown: int,
    cell: int,
) -> OfSeed:
    """Everything that is measured with one draw of random weights. groups: of layers, the top one first."""
    random = untrained(network, torch.Generator().manual_seed(seed))
    similarity = torch.zeros(len(MODES), len(groups), len(METHODS), len(MEASURES), len(images), dtype=torch.float64)
    probability = torch.zeros(len(MODES), len(groups), len(images), dtype=torch.float64)
    maps: dict[str, list[Tensor]] = {method: [] for method in METHODS}
    last: dict[str, Prepared] = {}
    for m, mode in enumerate(MODES):
        for g in range(len(groups)):
            lost = [name for group in (groups[: g + 1] if mode == "cascading" else [groups[g]]) for name in group]
            ignorant = with_weights_of(network, random, lost)
            with torch.inference_mode():
                said = ignorant.probabilities(images).cpu()
            probability[m, g] = said[torch.arange(len(images)), classes.cpu()].double()
            explained = explain(ignorant, images, classes)
            for k, method in enumerate(METHODS):
                prepared = Prepared.of(explained[method])
                similarity[m, g, k] = torch.stack([*prepared.compared(original[method], cell).values()])
                if mode == "cascading":
                    maps[method].append(explained[method][:shown])
                    last[method] = prepared
    drawn = Prepared.of(edges(images))
    of_edges = torch.stack([torch.stack([*last[method].compared(drawn, cell).values()]) for method in METHODS])
    return OfSeed(similarity, probability, of_edges, {method: torch.stack(found) for method, found in maps.items()})


def check_seed_by_one_thread(*job: object) -> OfSeed:
    """The same by one thread, so that numbers don't depend on how many cores there are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return check_seed(*job)  # type: ignore[arg-type]
    finally:
        torch.set_num_threads(threads)
