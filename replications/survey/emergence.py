"""When in training units begin to detect concepts.

Bau et al. 2017 (arXiv 1704.05796), Sec. 3.5 and Fig. 10: conv5 of an AlexNet dissected at checkpoints of its training.
Detectors of objects and parts begin at about 10,000 iterations, where the baseline is trained for 300,000.

Here the trainings of Zeiler & Fergus' Fig. 4, a small ZFNet from several seeds, dissected at the epochs whose weights
were kept. Fixed before any of them was dissected:

- the number is that of unique detectors of objects and parts in layer 5, counted in every category as in the authors'
  released statistics.
- they have begun at the first epoch looked at from which on that number stays above the untrained network's; 100 % of
  training where that never is. What begins between two epochs is so taken to begin at the later.
- an iteration of a small training has no counterpart in the paper, so what is tested is the share of the training, of
  which the paper's 10,000 are a thirtieth; "within the first tenth" leaves room for the coarse epochs.

Tests, over seeds with Student's interval: that there are more such detectors at the end than before training, and that
they begin within the first tenth. A claim needs both.

Beside that, without a test: the same for the other categories; and what the units that detect an object or a part at
the end detected when they first detected anything, by their best concept.

Deviations: an epoch has a few thousand images; networks learn facetworld's facets, not places (see `zeiler.variants`).
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from metrics.statistics import plus_minus, seed_interval
from replications.suite.interface import Context, Evidence, Experiment, Measurement, Outcome, Table
from replications.survey import concept_choice
from replications.survey.detector_numbers import IN_THE_TEXT, UNIQUE, by_category, detector_numbers, unit_of
from replications.survey.dissection.cache import cached
from replications.survey.emergence_drawing import emergence_picture
from replications.training.evaluate import classification_errors
from replications.zeiler.variants import Variants, as_network, lacking, seeds_from, task

if TYPE_CHECKING:
    from replications.survey.dissection.result import Dissection
    from replications.training.job import TrainingJob
    from replications.training.zoo import Trained

LAYER = 5
EMERGING = ("object", "part")
TOGETHER = " and ".join(f"{category}s" for category in EMERGING)
BEGUN_WITHIN = 10.0  # % of training
PAPERS_SHARE = 100 * 10_000 / 300_000

Curves = dict[str, list[list[float]]]  # what is counted -> for each seed its value at each epoch


@dataclasses.dataclass(frozen=True)
class Emergence(Experiment):
    """networks: see `zeiler.variants.Variants`; null where the profile can't train them. seeds: trainings. epochs:
    those that are dissected; 0 is the untrained network. concepts: a file of conf/concepts. images: validation images
    that accuracy is taken over, at most."""

    name: ClassVar[str] = "emergence"
    title: ClassVar[str] = "Emergence of detectors during training"
    paper: ClassVar[str] = "survey"
    trains: ClassVar[bool] = True
    needs: ClassVar = ("data",)
    answers: ClassVar[tuple[str, ...]] = ("ND-R4", "ND-C-emergence")

    networks: Mapping[str, Any] | None
    seeds: int
    epochs: Sequence[int]
    concepts: Mapping[str, Any] | None
    images: int

    def __post_init__(self) -> None:
        if self.seeds < 2 or 0 not in self.epochs:
            raise ValueError(
                f"expected at least 2 seeds and epoch 0, which the others are compared with; found seeds={self.seeds}, "
                f"epochs={list(self.epochs)}"
            )

    def missing(self, context: Context) -> str | None:
        reason = lacking(self.networks, self.seeds, context)
        if reason is not None or self.networks is None:
            return reason
        size = Variants.of(self.networks).input_size(context.data.train)
        return concept_choice.lacking(self.concepts, size)

    def reads(self, context: Context) -> dict[str, str]:
        if self.networks is None:
            return {}
        return concept_choice.content(self.concepts, Variants.of(self.networks).input_size(context.data.train))

    def run(self, context: Context) -> Outcome:
        assert self.networks is not None
        variants = Variants.of(self.networks)
        epochs = self._looked_at(variants)
        trained = context.zoo.train_all(self.jobs(variants, context), "networks")
        dissected = self._dissected(trained, epochs, variants, context)
        curves: Curves = {}
        for found in dissected:
            for name, values in _curves(found).items():
                curves.setdefault(name, []).append(values)
        accuracy = self._accuracy(trained, epochs, variants, context)
        categories = [TOGETHER, *dissected[0][0].categories]
        begun = {name: [begins(epochs, one) for one in curves[_counted(name)]] for name in categories}
        first = [first_labels(found) for found in dissected]
        return Outcome(
            measurements=_measurements(epochs, curves, begun, accuracy),
            evidence=evidence(curves[_counted(TOGETHER)], begun[TOGETHER]),
            pictures=[
                emergence_picture(
                    epochs,
                    {name: curves[_counted(name)] for name in categories[1:]},
                    curves[_counted(TOGETHER)],
                    accuracy,
                    PAPERS_SHARE,
                )
            ],
            tables=[_table(epochs, curves, begun, categories), _first_table(first)],
            notes=[
                f"An epoch here has {variants.count(context.data.train)} images; of the {epochs[-1]} epochs, those "
                f"that were dissected are {', '.join(map(str, epochs))}."
            ],
        )

    def jobs(self, variants: Variants, context: Context) -> list[TrainingJob]:
        """The networks to be trained."""
        epochs = tuple(self._looked_at(variants))
        seeds = seeds_from(context.seed, self.seeds)
        return [variants.job("zfnet", context.data.train, seed, keep_epochs=epochs) for seed in seeds]

    def _looked_at(self, variants: Variants) -> list[int]:
        return sorted({*self.epochs, variants.recipe.epochs})

    def _dissected(
        self, trained: Sequence[Trained], epochs: Sequence[int], variants: Variants, context: Context
    ) -> list[list[Dissection]]:
        concepts = concept_choice.concept_set(self.concepts, variants.input_size(context.data.train))
        found: list[list[Dissection]] = [[] for _ in trained]
        each = [(seed, epoch) for seed in range(len(trained)) for epoch in epochs]
        for seed, epoch in context.progress(each, "dissecting"):
            network = as_network(trained[seed], trained[seed].at_epoch(epoch))
            layer = network.feature_map_layer(LAYER)
            found[seed].append(cached(network, [layer], concepts)[layer])
        return found

    def _accuracy(
        self, trained: Sequence[Trained], epochs: Sequence[int], variants: Variants, context: Context
    ) -> list[list[float]]:
        data = context.data.validation
        labels, size = task(data)[0], variants.input_size(context.data.train)
        chosen = torch.randperm(len(data), generator=context.generator("images"))[: self.images].sort().values
        found: list[list[float]] = []
        for one in context.progress(trained, "accuracy"):
            networks = [as_network(one, one.at_epoch(epoch)) for epoch in epochs]
            found.append(
                [
                    100 - classification_errors([n.probabilities], data, chosen, labels=labels, size=size).top1
                    for n in networks
                ]
            )
        return found


def begins(epochs: Sequence[int], counts: Sequence[float]) -> float:
    """The share of training, in %, at the first epoch from which on the count stays above the first one's.

    epochs, counts: of each checkpoint, rising from epoch 0. 100 where the last count is not above the first.
    """
    start = len(counts)
    while start > 1 and counts[start - 1] > counts[0]:
        start -= 1
    return 100.0 if start == len(counts) else 100 * epochs[start] / epochs[-1]


def first_labels(dissected: Sequence[Dissection]) -> Counter[str]:
    """Of the units that detect an object or a part at the end: the category that they first detected anything of.

    dissected: one training's, in the order of its epochs. Units that did so before training are counted too.
    """
    labels = [{d.unit: d.category for d in one.detectors(IN_THE_TEXT)} for one in dissected]
    found: Counter[str] = Counter()
    for unit, category in labels[-1].items():
        if category in EMERGING:
            found[next(one[unit] for one in labels if unit in one)] += 1
    return found


def evidence(counts: Sequence[Sequence[float]], begun: Sequence[float]) -> list[Evidence]:
    """The tests of the claim. counts: for each seed the unique detectors of objects and parts at each epoch; begun: the
    share of training, in %, at which they begin."""
    seeds = len(begun)

    def test(statistic: str, values: Sequence[float], unit: str, expected: tuple[float, float]) -> Evidence:
        return Evidence(
            "ND-C-emergence",
            f"{statistic}; 95 % t interval (Student) over seeds",
            *seed_interval(values),
            unit,
            seeds,
            "seed",
            expected,
            seeds,
        )

    return [
        test(
            f"unique detectors of {TOGETHER} in layer {LAYER}, counted in every category, at the end of training minus "
            "before it",
            [one[-1] - one[0] for one in counts],
            unit_of(UNIQUE),
            (0.0, math.inf),
        ),
        test(
            "share of training at the first epoch from which on there are more of them than before training",
            begun,
            "% of training",
            (-math.inf, BEGUN_WITHIN),
        ),
    ]


def _curves(dissected: Sequence[Dissection]) -> dict[str, list[float]]:
    """What is counted -> its value at each epoch of one training."""
    found: dict[str, list[float]] = {}
    for one in dissected:
        categories = by_category(one)
        together = {TOGETHER: sum(categories.get(category, 0.0) for category in EMERGING)}
        counted = {_counted(category): value for category, value in {**together, **categories}.items()}
        for name, value in {**counted, **detector_numbers(one)}.items():
            found.setdefault(name, []).append(value)
    return found


def _counted(category: str) -> str:
    return f"{UNIQUE}/{category}"


def _measurements(
    epochs: Sequence[int], curves: Curves, begun: Mapping[str, Sequence[float]], accuracy: Sequence[Sequence[float]]
) -> list[Measurement]:
    found = [Measurement(f"begin/{name}", shares, "% of training", "seed") for name, shares in begun.items()]
    for number, epoch in enumerate(epochs):
        for name, seeds in curves.items():
            values = [one[number] for one in seeds]
            found.append(Measurement(f"{name}/epoch {epoch}", values, unit_of(name), "seed"))
        values = [one[number] for one in accuracy]
        found.append(Measurement(f"validation accuracy/epoch {epoch}", values, "% top-1 accuracy", "seed", "higher"))
    return found


def _table(
    epochs: Sequence[int], curves: Curves, begun: Mapping[str, Sequence[float]], categories: Sequence[str]
) -> Table:
    rows = []
    for category in categories:
        seeds = curves[_counted(category)]
        counts = [plus_minus([one[place] for one in seeds]) for place in (0, -1)]
        never = sum(one[-1] <= one[0] for one in seeds)
        rows.append([category, *counts, plus_minus(begun[category]), f"{never} of {len(seeds)}"])
    return Table(
        "emergence",
        "When detectors begin",
        (
            "category",
            "untrained (concepts)",
            "trained (concepts)",
            "begin (% of training)",
            "seeds that end with no more",
        ),
        rows,
        f"Unique detectors in layer {LAYER}, a unit counted in every category in which it detects something; mean ± "
        f"standard deviation over {len(seeds)} seeds. They begin at the first epoch looked at from which on there are "
        f"more than before training, 100 % where they end with no more. In the paper {TOGETHER} begin at "
        f"{PAPERS_SHARE:.1f} %.",
    )


def _first_table(first: Sequence[Counter[str]]) -> Table:
    categories = list(dict.fromkeys(category for one in first for category in one))
    totals = [sum(one.values()) for one in first]
    rows = [
        [
            category,
            plus_minus([one[category] for one in first]),
            f"{100 * sum(o[category] for o in first) / sum(totals):.0f}",
        ]
        for category in sorted(categories, key=lambda name: -sum(one[name] for one in first))
    ]
    return Table(
        "transitions",
        f"What the later detectors of {TOGETHER} detected first",
        ("category of the first label", "units", "% of them"),
        rows,
        f"Of the units of layer {LAYER} whose best concept at the end of training is an object or a part: the category "
        "of the best concept at the first of the epochs looked at at which they detected anything, the untrained "
        f"network's included. Mean ± standard deviation over {len(first)} seeds.",
    )
