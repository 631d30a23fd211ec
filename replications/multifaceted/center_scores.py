"""What is measured of pictures of one class: is what they show in the centre, how many times, and is it the class?

The tables of it are here, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metrics.activation import activation_quantiles
from metrics.concentration import central_excess, centre_distance, contrast_energy
from metrics.fragments import Peak, counted_peaks
from replications.multifaceted.agreement import over_classes
from replications.multifaceted.evidence_maps import Counting, evidence_maps
from replications.multifaceted.judge import Judge
from replications.networks.network import Network
from replications.networks.unit import Unit, unit_activations
from replications.suite.interface import Table

Strings = NDArray[np.str_]

# what each number is, which direction is better, and its title in a picture
UNITS: Mapping[str, tuple[str, str, str]] = {
    "evidence in the centre": (
        "share of the judge's evidence for the class in the central part, beyond that of an even map",
        "higher",
        "evidence in the centre",
    ),
    "contrast in the centre": (
        "share of the squared differences of neighbouring pixels in the central part, beyond that of an even picture",
        "higher",
        "contrast in the centre",
    ),
    "distance": (
        "distance of the evidence's centre of mass from the middle, in sides of the picture",
        "lower",
        "distance",
    ),
    "instances": ("peaks of the judge's evidence for the class", "lower", "instances of the object"),
    "class": ("the judge's probability of the class, 0 to 1", "higher", "class probability"),
    "quantile": ("quantile among the unit's activations on natural images, 0 to 1", "higher", "quantile of activation"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class CentreScores:
    """Of n pictures. values: by a name in `UNITS`, (n,) each. maps: (n, h, w), the judge's evidence; counted: its peaks
    that count."""

    values: Mapping[str, Tensor]
    maps: Tensor
    counted: Sequence[Sequence[Peak]]

    def __getitem__(self, measure: str) -> Tensor:
        return self.values[measure]


class CentreScorer:
    """part: side of the central part, relative to the picture's. layer: of the judge, whose maps are read."""

    def __init__(self, network: Network, judge: Judge, layer: str, counting: Counting, part: float) -> None:
        self.network, self.judge, self.layer, self.counting, self.part = network, judge, layer, counting, part

    def natural_activations(self, units: Sequence[Unit]) -> dict[Unit, Tensor]:
        """(N, 1) each: of units of one layer on all of the judge's natural images, of every class."""
        wanted = list(dict.fromkeys(units))
        channels = [unit.channel for unit in wanted]
        batches = (images for _, images, _ in self.judge.images.batches(64))
        found = torch.cat([unit_activations(self.network, wanted[0].layer, images, channels) for images in batches])
        return {unit: found[:, i : i + 1] for i, unit in enumerate(wanted)}

    def scores(self, name: str, unit: Unit, images: Tensor, natural: Tensor) -> CentreScores:
        """name: the class, as the images call it. unit: the network's for it, and natural: (N, 1) its activations on
        natural images. images: (n, 3, H, W) in [0, 1]."""
        maps = evidence_maps(self.judge, name, images, [self.layer], self.counting)[self.layer]
        counted = [counted_peaks(one.numpy(), self.counting.height, self.counting.prominence) for one in maps]
        activations = unit_activations(self.network, unit.layer, images, [unit.channel])
        values = {
            "evidence in the centre": central_excess(maps, self.part),
            "contrast in the centre": central_excess(contrast_energy(images), self.part),
            "distance": centre_distance(maps),
            "instances": torch.tensor([len(own) for own in counted], dtype=torch.float64),
            "class": self.judge.class_probability(self.judge.see(images), name),
            "quantile": activation_quantiles(activations, natural)[:, 0],
        }
        return CentreScores(values, maps, counted)


def joined(parts: Sequence[CentreScores]) -> CentreScores:
    """The scores of all pictures in one."""
    values = {measure: torch.cat([part[measure] for part in parts]) for measure in UNITS}
    return CentreScores(
        values, torch.cat([part.maps for part in parts]), [own for part in parts for own in part.counted]
    )


def table(scores: Mapping[str, CentreScores], classes: Sequence[str], starts: Strings) -> Table:
    """By method and start the mean of each measure. classes, starts: (n,) of each picture."""
    rows: list[list[str | float | None]] = []
    for title, own in scores.items():
        for kind in dict.fromkeys(starts.tolist()):
            chosen = np.flatnonzero(starts == kind)
            among = np.array(classes)[chosen].tolist()
            rows.append([title, kind, *(over_classes(own[m].numpy()[chosen].tolist(), among) for m in UNITS)])
    caption = "Means over the pictures with 95 % intervals from a bootstrap over the classes. " + " ".join(
        f"{measure}: {unit}, {better} is better." for measure, (unit, better, _) in UNITS.items()
    )
    return Table("pictures", "What the pictures show, and where", ["schedule", "start", *UNITS], rows, caption)


def table_of_differences(
    scores: Mapping[str, CentreScores], first: str, classes: Sequence[str], starts: Strings
) -> Table:
    """What each measure is by the method `first` minus by each other, over pairs; classes, starts: (n,)."""
    rows: list[list[str | float | None]] = []
    kinds = dict.fromkeys(starts.tolist())
    for title in [title for title in scores if title != first]:
        for kind in (None, *kinds) if len(kinds) > 1 else kinds:
            chosen = np.flatnonzero(starts == kind) if kind else np.arange(len(starts))
            among = np.array(classes)[chosen].tolist()
            differences = {m: (scores[first][m] - scores[title][m]).numpy()[chosen] for m in UNITS}
            cells = [over_classes(values.tolist(), among) for values in differences.values()]
            rows.append([f"{first} minus {title}", kind or "all", *cells])
    caption = "Pairs of one class, set of images and start; 95 % intervals from a bootstrap over the classes."
    return Table("differences", "What the centre bias changes", ["difference", "start", *UNITS], rows, caption)
