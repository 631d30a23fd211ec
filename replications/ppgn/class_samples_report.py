"""What the samples of every class come to in numbers: measurements, tests of the claims, tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.statistics import cluster_bootstrap, proportion_interval, seed_interval
from replications.ppgn.class_scores import ClassScores, Floats, varied_classes
from replications.suite.interface import Evidence, Measurement, Table

CONDITIONAL, DIVERSE = "PPGN-C-class-conditional", "PPGN-C-diverse"
SAMPLES, REAL = "samples", "real images"
STARTS, RECONSTRUCTED = "starts of the chains", "real images through the generator"

HALF = 50.0  # % of the samples that the evaluator names, on average
MORE_ALIKE = 0.1  # MS-SSIM above that of real images
FACETS_FOUND = 0.7  # of a class
ACCURACY_HOPED = 80.0  # %
LEVEL = 0.95

OVER = "class and set of chains"
_WORDS = "mean over classes and sets of chains; 95 % bootstrap over the classes"


def smaller(title: str) -> str:
    """What the same images are called when made smaller and as large as before."""
    return f"{title}, made smaller"


def compared(title: str) -> str:
    """The real images whose MS-SSIM images are held against: those of their size."""
    return smaller(REAL) if title in (smaller(SAMPLES), smaller(REAL)) else REAL


REPORTED: Mapping[str, str] = {REAL: "PPGN-R1", SAMPLES: "PPGN-R3", smaller(SAMPLES): "PPGN-R4"}


@dataclass(frozen=True, eq=False)
class Course:
    """How chains of one set went, from their start to their end.

    steps: (k,). accuracy: (k, classes) % whose asked class the judge finds the likeliest. judged, conditioned: (k,
    classes) mean probability of the asked class by the judge, and by the network that chains climb.
    """

    steps: np.ndarray
    accuracy: Floats
    judged: Floats
    conditioned: Floats


@dataclass(frozen=True, eq=False)
class Found:
    """scores: by words for the images, all with the same classes, sets and count.

    classes: as people call them. facets: of each class as the judge calls them; none where it tells none.
    condition: (classes, sets, count) the condition network's probability of the asked class at the end of each chain.
    sizes: in pixels of the samples, and when made smaller.
    """

    scores: Mapping[str, ClassScores]
    classes: Sequence[str]
    facets: Sequence[Sequence[str]]
    condition: Floats
    course: Course
    judge: str
    network: str
    variant: str
    sizes: tuple[int, int]

    @property
    def sets(self) -> int:
        return self.scores[SAMPLES].named.shape[1]

    @property
    def count(self) -> int:
        """Images of a class, all sets together."""
        return self.sets * self.scores[SAMPLES].named.shape[2]

    def title(self, name: str) -> str:
        """What images are called, with their size."""
        full, less = self.sizes
        return name.replace("made smaller", f"{less} px") if name.endswith("made smaller") else f"{name}, {full} px"

    def over_classes(self, values: Floats) -> tuple[float, float, float]:
        """Of (classes, ...) the mean and its 95 % interval from a bootstrap over the classes."""
        rows = values.reshape(len(values), -1)
        return cluster_bootstrap(rows.ravel(), np.repeat(np.arange(len(rows)), rows.shape[1]))


# ---------------------------------------------------------------------------------------------------- measurements


def measurements(found: Found) -> list[Measurement]:
    """Every score of every set of images, and the condition network's own probability."""
    made = []
    for title, scores in found.scores.items():
        reported = REPORTED.get(title)
        made += [
            Measurement(
                f"accuracy/{title}",
                scores.accuracy.ravel().tolist(),
                f"% of images whose class {found.judge} finds likeliest",
                OVER,
                "higher",
                reported,
                "accuracy" if reported else None,
            ),
            Measurement(
                f"class probability/{title}",
                scores.probability.mean(2).flatten().tolist(),
                f"{found.judge}'s probability of the class, 0 to 1",
                OVER,
                "higher",
            ),
            Measurement(
                f"Inception score/{title}",
                scores.inception.tolist(),
                f"by {found.judge}'s classes, 1 to {len(found.classes)}",
                "set of chains",
                "higher",
                reported,
                "Inception score" if reported else None,
            ),
            Measurement(
                f"MS-SSIM/{title}",
                scores.similarity.ravel().tolist(),
                "mean over pairs of a class's images, 0 to 1",
                OVER,
                "lower",
                reported,
                "MS-SSIM" if reported else None,
            ),
            Measurement(
                f"varied classes/{title}",
                [varied_classes(scores, found.scores[compared(title)])],
                f"of {len(found.classes)} classes, MS-SSIM below the largest of a class of real images of that size",
                "all images",
                "higher",
                reported,
                "classes" if reported else None,
            ),
            Measurement(
                f"facets found/{title}",
                scores.recall.tolist(),
                f"share of the class's facets found among {found.count} images, 0 to 1",
                "class",
                "higher",
            ),
        ]
        if scores.facet_inception is not None:
            unit = f"by {found.judge}'s facets, 1 to {sum(len(own) for own in found.facets)}"
            made.append(
                Measurement(
                    f"facet Inception score/{title}", scores.facet_inception.tolist(), unit, "set of chains", "higher"
                )
            )
    unit = f"{found.network}'s probability of the class at the end, 0 to 1"
    made.append(Measurement(f"condition/{SAMPLES}", found.condition.mean(2).ravel().tolist(), unit, OVER, "higher"))
    return made


# ------------------------------------------------------------------------------------------------------- evidence


def evidence(found: Found) -> list[Evidence]:
    """The tests of both claims, as the head of the experiment states them."""
    return [_more_than_half(found), _above_chance(found), _as_varied(found), _facets_found(found)]


def _more_than_half(found: Found) -> Evidence:
    what = f"share of last samples whose asked class {found.judge} finds the likeliest; {_WORDS}"
    interval = found.over_classes(found.scores[SAMPLES].accuracy)
    return _evidence(found, CONDITIONAL, what, interval, "%", (HALF, math.inf))


def _above_chance(found: Found) -> Evidence:
    count = len(found.classes)
    right = found.scores[SAMPLES].named.sum((1, 2)).tolist()
    worst = min(range(count), key=right.__getitem__)
    interval = proportion_interval(right[worst], found.count, 1 - (1 - LEVEL) / count)
    what = (
        f"the same in the class where it is lowest ({found.classes[worst]}), against chance; Wilson's interval over "
        f"its {found.count} chains at a level that covers {count} classes at once"
    )
    low, high = 100 * interval.low, 100 * interval.high
    return Evidence(
        CONDITIONAL,
        what,
        100 * interval.estimate,
        low,
        high,
        "%",
        found.count,
        "chain",
        (100 / count, math.inf),
        found.sets,
    )


def _as_varied(found: Found) -> Evidence:
    what = f"MS-SSIM of pairs of a class's samples minus that of as many real images; {_WORDS}"
    gap = found.scores[SAMPLES].similarity - found.scores[REAL].similarity
    return _evidence(found, DIVERSE, what, found.over_classes(gap), "", (-math.inf, MORE_ALIKE))


def _facets_found(found: Found) -> Evidence:
    what = (
        f"share of a class's facets that {found.judge} finds among its {found.count} samples, all sets of chains "
        "together; mean over classes, 95 % bootstrap over them"
    )
    interval = found.over_classes(found.scores[SAMPLES].recall)
    return _evidence(found, DIVERSE, what, interval, "", (FACETS_FOUND, math.inf))


def _evidence(
    found: Found,
    claim: str,
    statistic: str,
    interval: tuple[float, float, float],
    unit: str,
    expected: tuple[float, float],
) -> Evidence:
    return Evidence(claim, statistic, *interval, unit, len(found.classes), "class", expected, found.sets)


# --------------------------------------------------------------------------------------------------------- tables


def tables(found: Found) -> list[Table]:
    return [_table(found), _bars(found), _classes(found)]


def _table(found: Found) -> Table:
    facets = all(scores.facet_inception is not None for scores in found.scores.values())
    rows: list[list[str | float | int | None]] = []
    for title, scores in found.scores.items():
        row: list[str | float | int | None] = [
            found.title(title),
            _words(found.over_classes(scores.accuracy), 1),
            _words(seed_interval(scores.inception), 2),
        ]
        if scores.facet_inception is not None and facets:
            row.append(_words(seed_interval(scores.facet_inception), 2))
        row += [
            _words(found.over_classes(scores.similarity), 3),
            varied_classes(scores, found.scores[compared(title)]),
            _words(found.over_classes(scores.recall), 3),
        ]
        rows.append(row)
    number = len(found.classes)
    caption = (
        f"{found.count} images of each of {number} classes; samples by {found.variant}, real images from validation. "
        f"{found.judge} stands in Inception's place. accuracy: images whose class it finds the likeliest. Inception "
        f"score: of sets of {number * found.count // found.sets} images, mean and t interval over {found.sets} sets; "
        f"by classes at most {number}. MS-SSIM: between images of a class, lower is more varied. varied classes: of "
        f"{number}, those with an MS-SSIM below the largest of a class of real images of that size (AC-GAN's "
        f"count). facets found: of a class among its {found.count} images. Other intervals: 95 % bootstrap over the "
        f"classes. {found.sizes[1]} px: made as small, and as large as before."
    )
    columns = ["images", "accuracy, %", "Inception score"]
    columns += ["Inception score, facets"] if facets else []
    columns += ["MS-SSIM", "varied classes", "facets found"]
    return Table("real_and_ppgn", "Real images and samples", columns, rows, caption)


def _bars(found: Found) -> Table:
    samples, real = found.scores[SAMPLES], found.scores[REAL]
    gap = found.over_classes(samples.similarity - real.similarity)
    accuracy, facets = found.over_classes(samples.accuracy), found.over_classes(samples.recall)
    rows = [
        ["accuracy, %", f"at least {ACCURACY_HOPED:g}", _words(accuracy, 1), _met(accuracy[0] >= ACCURACY_HOPED)],
        ["facets found", f"at least {FACETS_FOUND:g}", _words(facets, 3), _met(facets[0] >= FACETS_FOUND)],
        ["MS-SSIM above real images'", f"at most {MORE_ALIKE:g}", _words(gap, 3), _met(gap[0] <= MORE_ALIKE)],
    ]
    caption = (
        "Bars of this suite, set before any sample was seen; met or missed by the estimate, whatever its interval."
    )
    return Table("bars", "What was hoped for", ["of the samples", "hoped", "found", ""], rows, caption)


def _classes(found: Found) -> Table:
    samples, real = found.scores[SAMPLES], found.scores[REAL]
    rows: list[list[str | float | int | None]] = []
    for i, title in enumerate(found.classes):
        counts = samples.recalls[i].counts
        lacking = [name for name, seen in zip(found.facets[i], counts, strict=False) if not seen]
        rows.append(
            [
                title,
                f"{samples.accuracy[i].mean():.0f}",
                f"{real.accuracy[i].mean():.0f}",
                f"{samples.similarity[i].mean():.3f}",
                f"{real.similarity[i].mean():.3f}",
                f"{sum(seen > 0 for seen in counts)} of {len(counts)}",
                f"{sum(seen > 0 for seen in real.recalls[i].counts)} of {len(counts)}",
                ", ".join(lacking) or None,
            ]
        )
    columns = [
        "class",
        "accuracy, %",
        "of real images",
        "MS-SSIM",
        "of real images",
        "facets found",
        "in real images",
        "not found",
    ]
    caption = f"Class by class, of {found.count} samples and as many real images at {found.sizes[0]} px."
    return Table("classes", "The samples of each class", columns, rows, caption)


def _words(interval: tuple[float, float, float], digits: int) -> str:
    mean, low, high = interval
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _met(met: bool) -> str:
    return "met" if met else "missed"
