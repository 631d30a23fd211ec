"""Is interpretability a matter of the basis? Detectors under rotations of a layer's representation.

Bau et al. 2017 (Sec. 3.2, Fig. 4) rotate the last convolutional layer of AlexNet by a Q drawn uniformly from SO(n), and
by Q^alpha for shares alpha of the way; Q f(x) tells the same things apart as f(x), and yet has 80 % fewer unique
detectors, the fewer the larger alpha is. Here the same is done for several Q, each at every alpha, with thresholds
taken anew for the rotated units.

Unique detectors are counted by the paper's text, the best label of a unit ("top"); the count of the released statistics
("per category") stands beside. Fixed before the first dissection:

- fewer: unique detectors of f(x) minus those of Q f(x), above 0.
- falls with alpha: the slope of a straight line, by least squares, through the unique detectors of Q^alpha f(x) over
  alpha, from 0 (not rotated) to 1, below 0.

Each is one number a Q; the interval (t, 95 %) is over the Q and over images, whose variances are added. Images are
resampled in 50 blocks. The share by which detectors become fewer stands beside the paper's 80 %.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from metrics.statistics import Interval, spearman
from replications.networks.network import Network
from replications.suite.interface import Context, Evidence, Experiment, Measurement, Outcome, Table
from replications.survey.concept_choice import concept_set, content, lacking
from replications.survey.detector_counts import (
    RULES,
    Counts,
    as_they_are,
    counts,
    over_repetitions_and_images,
    resampled,
)
from replications.survey.dissection.cache import cached_views
from replications.survey.dissection.passes import View
from replications.survey.dissection.rules import THRESHOLD, Rule
from replications.survey.rotation_drawing import picture_of_rotations
from replications.survey.rotations import fractional_power, random_rotation

FEWER, FALLS = "ND-C-rotation-fewer", "ND-C-rotation-angle"
TESTED: Rule = "top"
RESAMPLES = 1000
CONFIDENCE = 0.95

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Rotated:
    """What a layer's units detect under rotations; first on all images, then in resamples of them.

    alphas: in ascending order, the first 0. found: for each rotation what is counted at each alpha.
    """

    layer: str
    units: int
    blocks: int
    alphas: tuple[float, ...]
    found: Mapping[Rule, Sequence[Sequence[Counts]]]

    def totals(self, rule: Rule) -> Floats:
        """Unique detectors: (rotations, alphas, 1 + resamples)."""
        return np.array([[one.total for one in of_rotation] for of_rotation in self.found[rule]], dtype=np.float64)

    def interval(self, values: Floats) -> Interval:
        """Of (rotations, 1 + resamples): the mean over rotations, with the interval over these and images."""
        return over_repetitions_and_images(values[:, 0], values[:, 1:].mean(0), self.blocks, CONFIDENCE)

    def fewer(self, rule: Rule) -> Floats:
        """Unique detectors not rotated minus fully rotated: (rotations, 1 + resamples)."""
        totals = self.totals(rule)
        return totals[:, 0] - totals[:, -1]

    def slopes(self, rule: Rule) -> Floats:
        """Unique detectors by unit of alpha: (rotations, 1 + resamples)."""
        centred = np.array(self.alphas) - np.mean(self.alphas)
        return np.einsum("a,qar->qr", centred, self.totals(rule)) / (centred**2).sum()

    def reductions(self, rule: Rule) -> Floats | None:
        """Percent of the unique detectors that a full rotation takes away, of each; None where there are none."""
        totals = self.totals(rule)[:, :, 0]
        return None if not totals[0, 0] else 100 * (1 - totals[:, -1] / totals[:, 0])


@dataclasses.dataclass(frozen=True)
class Rotation(Experiment):
    """layer: the number of the paper's layer whose units are rotated. concepts: a configuration of conf/concepts.

    rotations: how many Q are drawn, at least two. alphas: shares of the way, ascending, the last 1; 0 is added.
    views: representations that go through the network together, which bounds the memory. batch: images at a time.
    """

    name: ClassVar[str] = "rotation"
    title: ClassVar[str] = "Detectors under rotations of the representation"
    paper: ClassVar[str] = "survey"
    answers: ClassVar[tuple[str, ...]] = ("ND-R1", FEWER, FALLS)
    needs: ClassVar[tuple[Literal["network"], ...]] = ("network",)

    layer: int
    concepts: Mapping[str, Any] | None
    rotations: int
    alphas: Sequence[float]
    views: int
    batch: int

    def __post_init__(self) -> None:
        alphas = list(self.alphas)
        if self.rotations < 2 or self.views < 1:
            raise ValueError(
                "expected at least 2 rotations and 1 view at a time, found "
                f"rotations={self.rotations}, views={self.views}"
            )
        if not alphas or alphas != sorted(set(alphas)) or alphas[0] <= 0 or alphas[-1] != 1:
            raise ValueError(f"expected alphas above 0 in ascending order up to 1, found {alphas}")

    def missing(self, context: Context) -> str | None:
        if self.layer not in context.network.unit_layers:
            return f"needs the paper's layer {self.layer}, which network '{context.network.name}' doesn't name"
        return lacking(self.concepts, context.network)

    def reads(self, context: Context) -> dict[str, str]:
        return content(self.concepts, context.network)

    def run(self, context: Context) -> Outcome:
        rotated = self._dissect(context)
        outcome = Outcome(
            tables=[_table(rotated)],
            pictures=[picture_of_rotations(rotated, TESTED)],
            evidence=_evidence(rotated),
        )
        for rule in RULES:
            outcome.measurements += _measurements(rotated, rule)
            if rotated.reductions(rule) is None:
                outcome.notes.append(f"Nothing is detected without a rotation ({rule}), so there is no share to lose.")
        return outcome

    def _dissect(self, context: Context) -> Rotated:
        network = context.network
        layer, concepts = network.feature_map_layer(self.layer), concept_set(self.concepts, network)
        alphas = (0.0, *self.alphas)
        views = self._views(network, layer, context)
        found: dict[str, dict[Rule, Counts]] = {}
        weights, blocks = np.empty((0, 0)), 0
        names, step = list(views), self.views
        parts = [names[first : first + step] for first in range(0, len(names), step)]
        for part in context.progress(parts, "dissecting rotations"):
            for name, one in cached_views(
                network, {name: views[name] for name in part}, concepts, batch=self.batch
            ).items():
                if not blocks:
                    blocks = one.blocks
                    weights = np.concatenate([as_they_are(blocks), resampled(blocks, RESAMPLES, context.seed)])
                found[name] = counts(one, THRESHOLD, weights)
        by_rule = {
            rule: [[found[_name(alpha, i)][rule] for alpha in alphas] for i in range(self.rotations)] for rule in RULES
        }
        return Rotated(layer, network.shape(layer)[0], blocks, alphas, by_rule)

    def _views(self, network: Network, layer: str, context: Context) -> dict[str, View]:
        channels = network.shape(layer)[0]
        views = {_name(0.0, 0): View(layer)}
        for i in range(self.rotations):
            rotation = random_rotation(channels, context.generator("rotation", i))
            for alpha in self.alphas:
                views[_name(alpha, i)] = View(layer, fractional_power(rotation, alpha).float())
        return views


def _name(alpha: float, rotation: int) -> str:
    return f"{alpha:g} of rotation {rotation}" if alpha else "not rotated"


def _measurements(rotated: Rotated, rule: Rule) -> list[Measurement]:
    totals = rotated.totals(rule)[:, :, 0]
    found = [Measurement(f"unique detectors/not rotated/{rule}", [totals[0, 0]], "concepts", "network")]
    found += [
        Measurement(f"unique detectors/alpha {alpha:g}/{rule}", totals[:, i].tolist(), "concepts", "rotation")
        for i, alpha in enumerate(rotated.alphas)
        if alpha
    ]
    if (reductions := rotated.reductions(rule)) is not None:
        reported = "ND-R1" if rule == TESTED else None
        found.append(
            Measurement(f"fewer/{rule}", reductions.tolist(), "% fewer unique detectors", "rotation", reported=reported)
        )
    orders = [spearman(rotated.alphas, row) for row in totals]
    found.append(Measurement(f"order/{rule}", orders, "rank correlation of alpha and unique detectors", "rotation"))
    return found


def _evidence(rotated: Rotated) -> list[Evidence]:
    rotations = len(rotated.found[TESTED])
    how = f"{rotated.layer}, {TESTED}; 95 % t interval over rotations and images"
    fewer, slope = rotated.interval(rotated.fewer(TESTED)), rotated.interval(rotated.slopes(TESTED))
    return [
        Evidence(
            FEWER,
            f"unique detectors as learnt minus under a full random rotation, {how}",
            *fewer,
            "concepts",
            rotations,
            "rotation",
            seeds=rotations,
        ),
        Evidence(
            FALLS,
            f"slope of the unique detectors over alpha from 0 to 1, {how}",
            *slope,
            "concepts for all of the way",
            rotations,
            "rotation",
            (-math.inf, 0.0),
            seeds=rotations,
        ),
    ]


def _table(rotated: Rotated) -> Table:
    rows: list[list[str | float | None]] = []
    for rule in RULES:
        totals = rotated.totals(rule)
        categories = list(rotated.found[rule][0][0].unique)
        for i, alpha in enumerate(rotated.alphas):
            less = 100 * (1 - totals[:, i, 0] / totals[:, 0, 0]) if totals[0, 0, 0] else None
            difference = "{:.1f} ({:.1f} to {:.1f})".format(*rotated.interval(totals[:, 0] - totals[:, i]))
            means = [np.mean([q[i].unique[category][0] for q in rotated.found[rule]]) for category in categories]
            rows.append(
                [
                    rule,
                    alpha,
                    round(float(totals[:, i, 0].mean()), 1),
                    difference if alpha else None,
                    None if less is None or not alpha else round(float(less.mean()), 1),
                    *(round(float(mean), 1) for mean in means),
                ]
            )
    caption = (
        f"Means over {len(rotated.found[TESTED])} rotations of the {rotated.units} units of {rotated.layer}. "
        "Difference: not rotated minus rotated, with the 95 % interval over rotations and images. 'top': a unit "
        "detects its best concept alone, as in the paper's text; 'per category': its best of every category, as in the "
        "released statistics."
    )
    columns = ["rule", "alpha", "unique detectors", "difference", "% fewer", *categories]
    return Table("rotations", "Unique detectors by angle", columns, rows, caption)
