"""What training does to what units detect: batch normalization, dropout, and a wider last convolution.

Bau et al. 2017 (arXiv 1704.05796), Sec. 3.5 and 3.7, train AlexNets on Places. With batch normalization conv5 has 46
unique detectors instead of 79; with three times as many units, global average pooling after them and no other layer
before the classes it has more of them, and about the same accuracy.

Here: a small ZFNet and five changes of it, each trained from several seeds on the same images by the same recipe (but
see below), and conv5 (after its rectification) dissected on images that none was trained on. The paper changes width
and pooling together and compares with the unchanged network; so does the test, and each of the two alone is measured
beside.

Tests, fixed before any of these networks was dissected. The statistic is the number of unique detectors of layer 5,
counted in every category as in the authors' released statistics, on which the claims rest; a difference of means over
seeds, above zero, with Welch's interval:

- batch normalization has fewer: without it minus with it.
- wider has more: wider layer 5 with global average pooling, minus unchanged.

The number by the paper's text (a unit's best concept alone) and the share of units that detect anything stand beside
and decide nothing.

Deviations:
- Networks learn the facets of facetworld (see `zeiler.variants`), not places, from thousands of images.
- Pooled networks have a learning rate of their own (`pooled_learning_rate`), three times the others', since each
  position's share in the average is small. It was chosen by how fast the training error falls in the first epochs, so
  that they learn about as fast as the unchanged network; nothing was dissected for it.
- Contrast normalization stays beside batch normalization (see `networks.zfnet_variants`).
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from metrics.contrasts import seed_contrast
from metrics.statistics import Interval, plus_minus
from replications.networks.zfnet import zfnet, zfnet_small
from replications.networks.zfnet_variants import zfnet_small_variant, zfnet_variant
from replications.suite.interface import Context, Evidence, Experiment, Measurement, Outcome, Table
from replications.survey import concept_choice
from replications.survey.detector_numbers import (
    RELEASED,
    SHARE,
    UNITS,
    by_category,
    detector_numbers,
    over_images,
    unique_name,
    unit_of,
)
from replications.survey.dissection.cache import cached
from replications.survey.training_jobs import SurveyJob
from replications.survey.training_variants_drawing import histories_picture, numbers_picture
from replications.training.evaluate import classification_errors
from replications.zeiler.variants import Variants, as_network, lacking, seeds_from, task

if TYPE_CHECKING:
    from replications.survey.dissection.result import Dissection
    from replications.training.zoo import Trained

LAYER = 5
WIDER = 3  # times as many maps in layer 5: 256 to 768 in the paper
UNCHANGED, BATCH_NORM, NO_DROPOUT = "unchanged", "batch normalization", "no dropout"
WIDE, POOLED, WIDE_POOLED = "wider layer 5", "average pooling", "wider layer 5, average pooling"
CHANGES = (UNCHANGED, BATCH_NORM, NO_DROPOUT, WIDE, POOLED, WIDE_POOLED)
TOP1 = "validation accuracy"
UNIQUE = unique_name(RELEASED)
ACCURACIES = {UNCHANGED: "baseline", NO_DROPOUT: "no dropout", BATCH_NORM: "batch norm"}  # cells of ND-R3
STATISTICS = {UNCHANGED: "ND-U03", BATCH_NORM: "ND-U05", WIDE_POOLED: "ND-U07"}  # rows of the released statistics
CELLS = {UNIQUE: "unique", UNITS: "units", SHARE: "share"}

Numbers = dict[str, dict[str, list[float]]]  # change -> name -> one value a seed


@dataclasses.dataclass(frozen=True)
class TrainingVariants(Experiment):
    """networks: see `zeiler.variants.Variants`; null where the profile can't train them. seeds: of each change, how
    many networks. pooled_learning_rate: of the pooled ones. concepts: a file of conf/concepts. resamples: of the
    images, for the interval over them."""

    name: ClassVar[str] = "training_variants"
    title: ClassVar[str] = "Batch normalization, dropout and width: what units detect"
    paper: ClassVar[str] = "survey"
    trains: ClassVar[bool] = True
    needs: ClassVar = ("data",)
    answers: ClassVar[tuple[str, ...]] = (
        "ND-R3",
        "ND-R6",
        "ND-U03",
        "ND-U05",
        "ND-U06",
        "ND-U07",
        "ND-C-batchnorm-fewer",
        "ND-C-wider-more",
    )

    networks: Mapping[str, Any] | None
    seeds: Mapping[str, int]
    pooled_learning_rate: float
    concepts: Mapping[str, Any] | None
    resamples: int

    def __post_init__(self) -> None:
        if set(self.seeds) != set(CHANGES) or min(self.seeds.values()) < 2:
            raise ValueError(f"expected at least 2 seeds for each of {', '.join(CHANGES)}; found {dict(self.seeds)}")

    def missing(self, context: Context) -> str | None:
        reason = lacking(self.networks, sum(self.seeds.values()), context)
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
        jobs = self.jobs(variants, context)
        networks = context.zoo.train_all([job for _, job in jobs], "networks")
        trained: dict[str, list[Trained]] = {change: [] for change in CHANGES}
        for (change, _), network in zip(jobs, networks, strict=True):
            trained[change].append(network)
        dissected = self._dissected(trained, variants, context)
        numbers: Numbers = {change: _gathered(map(detector_numbers, found)) for change, found in dissected.items()}
        accuracy = self._accuracy(trained, variants, context)
        categories = {change: _gathered(map(by_category, found)) for change, found in dissected.items()}
        histories = {c: [[record.error for record in one.history] for one in each] for c, each in trained.items()}
        images = {
            change: [over_images(one, self.resamples) for one in found]
            for change, found in context.progress(list(dissected.items()), "intervals over images")
        }
        return Outcome(
            measurements=_measurements(numbers, accuracy, categories),
            evidence=evidence(numbers),
            pictures=[
                numbers_picture(numbers, categories, accuracy, LAYER),
                histories_picture(histories),
            ],
            tables=[_table(numbers, accuracy, images), _differences(numbers)],
            notes=[_note(variants, context)],
        )

    def jobs(self, variants: Variants, context: Context) -> list[tuple[str, SurveyJob]]:
        """Every network to be trained, with what is changed in it."""
        return [
            (change, self._job(change, variants, context, seed))
            for change in CHANGES
            for seed in seeds_from(context.seed, self.seeds[change])
        ]

    def _job(self, change: str, variants: Variants, context: Context, seed: int) -> SurveyJob:
        """One network to be trained: the unchanged one's job is that of Table 3 of Zeiler & Fergus."""
        base = variants.job("zfnet", context.data.train, seed)
        changed = (zfnet_small_variant if variants.scale == "small" else zfnet_variant).__name__
        wider: dict[str, Any] = {"widths": wider_widths(variants)}
        if change == BATCH_NORM:
            return SurveyJob.of(base, changed, batch_norm=True)
        if change in (POOLED, WIDE_POOLED):
            recipe = dataclasses.replace(base.recipe, learning_rate=self.pooled_learning_rate)
            widths = wider if change == WIDE_POOLED else {}
            return SurveyJob.of(dataclasses.replace(base, recipe=recipe), changed, pooled=True, **widths)
        arguments = {UNCHANGED: {}, NO_DROPOUT: {"dropout": 0.0}, WIDE: wider}[change]
        return SurveyJob.of(base, base.architecture, **arguments)

    def _dissected(
        self, trained: Mapping[str, Sequence[Trained]], variants: Variants, context: Context
    ) -> dict[str, list[Dissection]]:
        concepts = concept_choice.concept_set(self.concepts, variants.input_size(context.data.train))
        found: dict[str, list[Dissection]] = {change: [] for change in trained}
        each = [(change, one) for change, networks in trained.items() for one in networks]
        for change, one in context.progress(each, "dissecting"):
            network = as_network(one)
            layer = network.feature_map_layer(LAYER)
            found[change].append(cached(network, [layer], concepts)[layer])
        return found

    def _accuracy(
        self, trained: Mapping[str, Sequence[Trained]], variants: Variants, context: Context
    ) -> dict[str, list[float]]:
        data = context.data.validation
        labels, size = task(data)[0], variants.input_size(context.data.train)
        found: dict[str, list[float]] = {change: [] for change in trained}
        each = [(change, one) for change, networks in trained.items() for one in networks]
        for change, one in context.progress(each, "accuracy"):
            found[change].append(100 - classification_errors([one.probabilities], data, labels=labels, size=size).top1)
        return found


def wider_widths(variants: Variants) -> list[int]:
    """The feature maps of layers 1 to 5 with layer 5 three times as wide."""
    default = inspect.signature(zfnet_small if variants.scale == "small" else zfnet).parameters["widths"].default
    *lower, last = variants.arguments.get("widths", default)
    return [*lower, WIDER * last]


def evidence(numbers: Numbers) -> list[Evidence]:
    """The tests of the claims, as the head of this file says."""

    def test(claim: str, what: str, more: str, fewer: str) -> Evidence:
        samples = [numbers[more][UNIQUE], numbers[fewer][UNIQUE]]
        seeds = min(map(len, samples))
        return Evidence(
            f"ND-C-{claim}",
            f"unique detectors of layer {LAYER}, counted in every category, {what}; 95 % t interval (Welch) over seeds",
            *seed_contrast(samples, [1.0, -1.0]),
            unit_of(UNIQUE),
            seeds,
            "seed",
            seeds=seeds,
        )

    return [
        test("batchnorm-fewer", "without batch normalization minus with it", UNCHANGED, BATCH_NORM),
        test(
            "wider-more",
            f"with {WIDER} times as many maps and global average pooling after them minus unchanged",
            WIDE_POOLED,
            UNCHANGED,
        ),
    ]


def _gathered(found: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """Numbers by name, one value a seed."""
    gathered: dict[str, list[float]] = {}
    for numbers in found:
        for name, value in numbers.items():
            gathered.setdefault(name, []).append(value)
    return gathered


def _measurements(numbers: Numbers, accuracy: Mapping[str, Sequence[float]], categories: Numbers) -> list[Measurement]:
    found: list[Measurement] = []
    for change, by_name in numbers.items():
        row = STATISTICS.get(change)
        for name, values in by_name.items():
            cell = None if row is None else CELLS.get(name)
            beside = row if cell is not None else None
            found.append(Measurement(f"{name}/{change}", values, unit_of(name), "seed", reported=beside, cell=cell))
        for category, values in categories[change].items():
            title = f"{UNIQUE}/{category}/{change}"
            known = category if row is not None else None
            found.append(Measurement(title, values, unit_of(UNIQUE), "seed", reported=row, cell=known))
        cell = ACCURACIES.get(change)
        beside = None if cell is None else "ND-R3"
        title = f"{TOP1}/{change}"
        found.append(Measurement(title, accuracy[change], "% top-1 accuracy", "seed", "higher", beside, cell))
    return found


def _table(
    numbers: Numbers, accuracy: Mapping[str, Sequence[float]], images: Mapping[str, Sequence[Interval]]
) -> Table:
    rows: list[list[str | float | None]] = []
    for change, by_name in numbers.items():
        wide = sum((one.high - one.low) / 2 for one in images[change]) / len(images[change])
        values = [plus_minus(by_name[name]) for name in by_name]
        rows.append([change, len(by_name[UNIQUE]), *values, f"± {wide:.1f}", plus_minus(accuracy[change])])
    names = [f"{name} ({unit_of(name)})" for name in next(iter(numbers.values()))]
    return Table(
        "variants",
        f"What layer {LAYER} detects",
        ("network", "seeds", *names, "over images", f"{TOP1} (%)"),
        rows,
        "Mean ± standard deviation over seeds. 'per category' counts a unit in every category where its IoU is above "
        "0.04, as the authors' released statistics do; 'top' counts its best concept alone, as their text says. Over "
        "images: half the width of the 95 % interval of one network's number 'per category', from resampled images.",
    )


def _differences(numbers: Numbers) -> Table:
    names = list(numbers[UNCHANGED])
    rows = []
    for change in CHANGES[1:]:
        intervals = [seed_contrast([numbers[change][name], numbers[UNCHANGED][name]], [1.0, -1.0]) for name in names]
        rows.append([f"{change}, minus {UNCHANGED}", *("{:+.1f} ({:+.1f} to {:+.1f})".format(*i) for i in intervals)])
    return Table(
        "differences",
        "What each change adds",
        ("change", *(f"{name} ({unit_of(name)})" for name in names)),
        rows,
        "Differences of means over seeds, with 95 % intervals (Welch).",
    )


def _note(variants: Variants, context: Context) -> str:
    count = variants.count(context.data.train)
    return (
        f"Each network learnt to tell {len(task(context.data.train)[1])} kinds of images apart from {count} images in "
        f"{variants.recipe.epochs} epochs. A layer with more units has more chances to detect a concept: the share of "
        "units that detect anything says how the units themselves differ."
    )
