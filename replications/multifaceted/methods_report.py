"""What the comparison of methods says in numbers: measurements, tests of the claims, tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from metrics.comparison import Comparison, compare_methods
from metrics.multiplicity import holm
from metrics.statistics import cluster_bootstrap
from replications.multifaceted.agreement import over_classes
from replications.multifaceted.method_scores import MATCHED_QUANTILE, MEASURES
from replications.suite.interface import Evidence, Measurement, Table

Floats = NDArray[np.float64]

TITLES: Mapping[str, str] = {
    "erhan2009": "Erhan 2009",
    "simonyan2014": "Simonyan 2014",
    "yosinski2015": "Yosinski 2015",
    "deepdream2015": "DeepDream 2015",
    "mahendran2016_tv": "Mahendran 2016",
    "olah2017": "Olah 2017",
    "maco2023": "MACO 2023",
    "maco2023_small": "MACO 2023",
    "vital2025": "VITAL 2025",
}
NOISE, MULTIFACETED = "TV from noise", "multifaceted"
NATURAL, OTHERS = "natural images", "other classes' images"
STARTS, MIXTURES = "mean images", "two facets averaged"
YARDSTICKS = (NATURAL, STARTS, MIXTURES, OTHERS)
EARLIER = (*(TITLES[name] for name in tuple(TITLES)[:5]), NOISE)

OVER = "class and set of images"
TABLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "shown": (
        "What the pictures show",
        ("recall", "purity", "purity within", "class", "top1", "choice", "hard choice"),
    ),
    "natural": ("How natural they look", ("colour", "spectrum", "plausibility", "kernel")),
    "varied": (
        "How they drive the unit, and how varied they are",
        ("activation", "quantile", "diversity", "dissimilarity", "vendi"),
    ),
}
_LEAST_P = 2e-4  # of `compare_methods`, two-sided, where it draws permutations at random
TESTED = ("purity", "colour", "choice", "class")


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """scores: by the words for a method (or yardstick) and measure one value a set of pictures.

    passes: of the network for one picture, by method. controls: other readings of the forced choice. classes: of each
    set, as people call it. count: pictures of a set. judge: name of the network that judges.
    """

    scores: Mapping[str, Mapping[str, Floats]]
    passes: Mapping[str, int]
    controls: Mapping[str, Mapping[str, Floats]]
    classes: Sequence[str]
    count: int
    judge: str

    @property
    def titles(self) -> list[str]:
        """Earlier methods in their order, the multifaceted one, later ones, yardsticks."""
        ranks = {MULTIFACETED: 1, **{title: 3 + i for i, title in enumerate(YARDSTICKS)}}
        return sorted(self.scores, key=lambda title: 0 if title in EARLIER else ranks.get(title, 2))

    @property
    def measures(self) -> list[str]:
        """That all have values of, in the order of `MEASURES`."""
        return [measure for measure in MEASURES if all(measure in own for own in self.scores.values())]

    def by_class(self, title: str, measure: str) -> Floats:
        """(classes,): the mean over the sets of each."""
        names, values = np.array(self.classes), self.scores[title][measure]
        return np.array([values[names == name].mean() for name in dict.fromkeys(self.classes)])


def title_of(name: str) -> str:
    """What a method is called, by its name in conf/method."""
    return TITLES.get(name, name)


def measurements(found: Found) -> list[Measurement]:
    """Every measure of every method, with a value for each class and set."""
    made = []
    for title in found.titles:
        for measure in found.measures:
            about = MEASURES[measure]
            unit = f"{about.title}: {about.unit}"
            made.append(
                Measurement(f"{measure}/{title}", found.scores[title][measure].tolist(), unit, OVER, about.better)
            )
    return made


def evidence(found: Found) -> list[Evidence]:
    """The tests of the claims that there are measures for: one against each earlier method."""
    count, seeds = len(set(found.classes)), max(found.classes.count(name) for name in found.classes)
    over = "mean over classes and sets of images, paired, 95 % bootstrap over the classes"
    tests = (
        ("MFV-C-others-mix", "purity", 1, f"purity of facets as {found.judge} sees them"),
        ("MFV-C-natural-colours", "colour", -1, "distance of the colours to those of natural images of the class"),
        ("MFV-C-interpretable", "choice", 1, f"share of right forced choices by {found.count} pictures of the unit"),
    )
    made = []
    for claim, measure, sign, what in tests:
        if measure not in found.measures:
            continue
        for earlier in [title for title in EARLIER if title in found.scores]:
            own, theirs = (found.scores[title][measure] for title in (MULTIFACETED, earlier))
            words = f"{MULTIFACETED} minus {earlier}" if sign > 0 else f"{earlier} minus {MULTIFACETED}"
            interval = cluster_bootstrap(sign * (own - theirs), found.classes)
            made.append(Evidence(claim, f"{what}, {words}; {over}", *interval, "", count, "class", seeds=seeds))
    return made


def tables(found: Found) -> list[Table]:
    """The scores in three tables, the differences, and the readings of the forced choice."""
    made = [_scores(found, name) for name in TABLES]
    made.append(_differences(found))
    if found.controls:
        made.append(_controls(found))
    return made


def _scores(found: Found, name: str) -> Table:
    title, wanted = TABLES[name]
    measures = [measure for measure in wanted if measure in found.measures]
    rows: list[list[str | float | None]] = []
    for method in found.titles:
        cells = [over_classes(found.scores[method][measure].tolist(), found.classes) for measure in measures]
        rows.append([method, found.passes.get(method), *cells])
    words = [f"{MEASURES[m].title}: {MEASURES[m].unit} ({MEASURES[m].better} is better)." for m in measures]
    pairs = f" A unit is driven from its {MATCHED_QUANTILE:g} quantile on." if name == "varied" else ""
    caption = (
        f"{found.count} pictures of each class and set of images by each method; {found.judge} judges. Means with 95 % "
        f"intervals from a bootstrap over the classes. passes: of the network for one picture. {' '.join(words)}{pairs}"
    )
    return Table(name, title, ["pictures", "passes", *(MEASURES[m].title for m in measures)], rows, caption)


def _differences(found: Found) -> Table:
    measures = [measure for measure in TESTED if measure in found.measures]
    others = [title for title in found.titles if title not in (MULTIFACETED, *YARDSTICKS)]
    tests: dict[tuple[str, str], Comparison] = {}
    for title in others:
        for measure in measures:
            tests[title, measure] = compare_methods(
                found.by_class(MULTIFACETED, measure), found.by_class(title, measure)
            )
    adjusted = dict(zip(tests, holm([test.p_value for test in tests.values()]), strict=True))
    rows: list[list[str | float | None]] = []
    for title in others:
        row: list[str | float | None] = [f"{MULTIFACETED} minus {title}"]
        for measure in measures:
            mean, low, high = tests[title, measure].difference
            row.append(f"{mean:+.3f} ({low:+.3f} to {high:+.3f}), p = {adjusted[title, measure]:.2g}")
        rows.append(row)
    count = len(set(found.classes))
    least = max(2 / 2**count, _LEAST_P)
    caption = (
        f"Means over {count} classes of differences paired by class, with 95 % bootstrap intervals; p by two-sided "
        f"permutation tests over the classes, corrected by Holm for the {len(tests)} comparisons of the table. With "
        f"{count} classes no p can be below {min(1.0, len(tests) * least):.2g}. "
        + " ".join(f"{MEASURES[m].title}: {MEASURES[m].better} is better." for m in measures)
    )
    title = "Multifaceted pictures against each method"
    return Table("differences", title, ["difference", *(MEASURES[m].title for m in measures)], rows, caption)


def _controls(found: Found) -> Table:
    rows: list[list[str | float | None]] = []
    for title in found.titles:
        values = (found.scores[title]["choice"], *found.controls[title].values())
        rows.append([title, *(over_classes(own.tolist(), found.classes) for own in values)])
    columns = ["references", "right choices", *next(iter(found.controls.values()))]
    caption = (
        "Share of trials in which the references tell the natural image that drives the unit much from one that drives "
        f"it little, to {found.judge}'s features; chance is 1/2. 'right choices' go by the mean distance to the "
        "references; 'by the nearest': to the nearest of them, as a query shows but one facet; 'of another class': the "
        "references of another class's unit by mean distance, the control. The references of natural images are "
        "exemplars as Borowski et al. 2021 draw them. Means with 95 % intervals from a bootstrap over the classes."
    )
    return Table("choice", "Forced choices", columns, rows, caption)
