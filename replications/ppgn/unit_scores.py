"""What a set of pictures shows of a hidden unit: which of the facets it likes, how purely, how strongly they drive it.

The facets that a unit likes are those that are common among the natural images that excite it most. A held-out network
that tells facets says which of them the pictures show (`metrics.facets`), at matched activation: a picture that drives
the unit less than the `MATCHED_QUANTILE` of natural images do shows nothing and stays in the count, as for the
diversity of pictures (`metrics.diversity`). So neither a pretty picture of something else nor noise scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from metrics.activation import activation_quantiles
from metrics.facets import facet_purity, found_facets, recall_of
from metrics.statistics import Interval, cluster_bootstrap
from replications.suite.interface import Direction

MATCHED_QUANTILE = 0.95


class Measure(NamedTuple):
    """unit: in words, with the bounds. better: which direction."""

    unit: str
    better: Direction


MEASURES: Mapping[str, Measure] = {
    "recall": Measure("share of the unit's facets found at matched activation, 0 to 1", "higher"),
    "purity": Measure("facet purity at matched activation, 0 to 1", "higher"),
    "driving": Measure("share of pictures at matched activation, 0 to 1", "higher"),
    "recall of all": Measure("share of the unit's facets found, 0 to 1", "higher"),
    "purity of all": Measure("facet purity, 0 to 1", "higher"),
    "activation": Measure("activation; 1: the matched one", "none"),
}


@dataclass(frozen=True, eq=False)
class UnitScores:
    """Of one set of n pictures of a unit.

    values: one number for each of `MEASURES`. shows: (n,) the column among the members that each picture shows, or -1.
    driving: (n,) bool, whether it drives the unit as strongly as is asked.
    """

    values: Mapping[str, float]
    shows: Tensor
    driving: Tensor


def liked_facets(labels: Tensor, names: Sequence[str], least: float) -> dict[str, float]:
    """The facets that are at least the share `least` of a unit's images, with their shares, the commonest first.

    labels: (n,) the facet of each image that excites the unit most, position in `names`.
    """
    shares = torch.bincount(labels, minlength=len(names)).double() / len(labels)
    order = shares.argsort(descending=True, stable=True)
    return {names[i]: float(shares[i]) for i in order.tolist() if shares[i] >= least}


def score(probabilities: Tensor, members: Sequence[int], activations: Tensor, natural: Tensor) -> UnitScores:
    """probabilities: (n, F) the judge's, over all facets of all classes. members: those of the facets that the unit
    likes. activations: (n,) of the unit on the pictures. natural: (N,) on natural images, not all the same.

    Raises ValueError where the activation that is asked isn't above 0, as for a unit that hardly fires.
    """
    level = float(torch.quantile(natural.double(), MATCHED_QUANTILE))
    if not level > 0:
        raise ValueError(
            f"the unit's {MATCHED_QUANTILE} quantile on natural images is {level:g}; expected a unit that fires for "
            "more of them"
        )
    driving = activation_quantiles(activations[:, None], natural[:, None])[:, 0] >= MATCHED_QUANTILE
    found = found_facets(probabilities, members)
    purity = facet_purity(probabilities, members)
    matched = found & driving[:, None].to(found.device)
    values = {
        "recall": recall_of(matched, "matched").value,
        "purity": float((purity * driving).mean()),
        "driving": float(driving.double().mean()),
        "recall of all": recall_of(found, "all").value,
        "purity of all": float(purity.mean()),
        "activation": float(activations.double().mean()) / level,
    }
    shows = torch.where(found.any(1), found.int().argmax(1), -1)
    return UnitScores(values, shows, driving)


def over_units(found: Sequence[UnitScores], units: Sequence[str], measure: str) -> Interval:
    """The mean of a measure over units and sets of pictures, 95 % interval from a bootstrap over the units.

    units: the unit behind each.
    """
    return cluster_bootstrap([one.values[measure] for one in found], units)


def difference(a: Sequence[UnitScores], b: Sequence[UnitScores], units: Sequence[str], measure: str) -> Interval:
    """a minus b, in pairs; otherwise as `over_units`."""
    pairs = zip(a, b, strict=True)
    return cluster_bootstrap([one.values[measure] - other.values[measure] for one, other in pairs], units)
