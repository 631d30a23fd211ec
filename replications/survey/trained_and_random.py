"""What the units of a network's layer detect, as trained and with random weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from metrics.statistics import Interval
from replications.suite.interface import Context, Experiment
from replications.survey.concept_choice import concept_set
from replications.survey.detector_counts import (
    RULES,
    Counts,
    as_they_are,
    counts,
    over_repetitions_and_images,
    resampled,
)
from replications.survey.dissection.bootstrap import bias_corrected
from replications.survey.dissection.cache import cached
from replications.survey.dissection.rules import THRESHOLD, Rule
from replications.survey.known_networks import (
    absent,
    content_of_concepts,
    lacking_concepts,
    load,
    with_random_weights,
)

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Compared:
    """One network's layer: what it detects as trained, and with each draw of random weights.

    Of each of the numbers in `Counts` the first is of all images, the others of resamples.
    """

    name: str
    layer: str
    units: int
    blocks: int
    trained: Mapping[Rule, Counts]
    random: Mapping[Rule, Sequence[Counts]]

    def drawn(self, rule: Rule) -> list[float]:
        """Unique detectors with each draw of random weights."""
        return [float(one.total[0]) for one in self.random[rule]]

    def own(self, rule: Rule) -> Interval:
        """Unique detectors as trained, with the interval over images."""
        total = self.trained[rule].total.astype(np.float64)
        return bias_corrected(float(total[0]), total[1:], CONFIDENCE)

    def others(self, rule: Rule) -> Interval:
        """Their mean with random weights, with the interval over draws and images."""
        resamples = np.mean([one.total[1:] for one in self.random[rule]], axis=0)
        return over_repetitions_and_images(self.drawn(rule), resamples, self.blocks, CONFIDENCE)

    def difference(self, rule: Rule) -> Interval:
        """As trained minus the mean with random weights, with the interval over draws and images."""
        total = self.trained[rule].total
        resamples = np.mean([total[1:] - one.total[1:] for one in self.random[rule]], axis=0)
        differences = [float(total[0]) - value for value in self.drawn(rule)]
        return over_repetitions_and_images(differences, resamples, self.blocks, CONFIDENCE)


@dataclasses.dataclass(frozen=True)
class TrainedAndRandom(Experiment):
    """networks: configurations of conf/network, by name, of trained networks; null where a profile has none.

    layer: the number of the paper's layer whose units are dissected. concepts: a configuration of conf/concepts.
    draws: of random weights for each network, at least two. batch: images at a time.
    """

    paper: ClassVar[str] = "survey"
    needs: ClassVar = ()

    networks: Mapping[str, Mapping[str, Any]] | None
    layer: int
    concepts: Mapping[str, Any] | None
    draws: int
    batch: int

    def __post_init__(self) -> None:
        if self.draws < 2:
            raise ValueError(f"an interval over random weights needs at least 2 draws, found {self.draws}")

    def missing(self, context: Context) -> str | None:
        return absent(self.networks, self.layer) or lacking_concepts(self.concepts, self.networks or {})

    def reads(self, context: Context) -> dict[str, str]:
        return content_of_concepts(self.concepts, self.networks)

    def compared(self, context: Context) -> list[Compared]:
        """Each of the networks, in their order."""
        assert self.networks is not None
        return [
            compare(context, name, config, layer=self.layer, concepts=self.concepts, draws=self.draws, batch=self.batch)
            for name, config in self.networks.items()
        ]


def compare(
    context: Context,
    name: str,
    config: Mapping[str, Any],
    *,
    layer: int,
    concepts: Mapping[str, Any] | None,
    draws: int,
    batch: int,
) -> Compared:
    """Dissects a layer of the network that a configuration describes, and of `draws` of it with random weights.

    layer: the number of the paper's layer. concepts: a configuration of conf/concepts. batch: images at a time.
    Raises MissingInput where the network's weights aren't there.
    """
    trained = load(config, context.device)
    labelled, node = concept_set(concepts, trained), trained.feature_map_layer(layer)
    numbers = context.progress(range(draws + 1), f"dissecting {name}, trained and random")
    networks = (with_random_weights(trained, context.seed, number - 1) if number else trained for number in numbers)
    first, *others = [cached(network, [node], labelled, batch=batch)[node] for network in networks]
    weights = np.concatenate([as_they_are(first.blocks), resampled(first.blocks, RESAMPLES, context.seed)])
    drawn = [counts(one, THRESHOLD, weights) for one in others]
    of_rule = {rule: [found[rule] for found in drawn] for rule in RULES}
    return Compared(name, node, first.units, first.blocks, counts(first, THRESHOLD, weights), of_rule)
