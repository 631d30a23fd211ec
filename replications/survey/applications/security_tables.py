"""What the attacks and detectors come to, in tables: areas under the ROC curve with intervals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from metrics.roc import LEAST, ScoredImages, auc_difference, auc_interval, roc_auc
from metrics.statistics import Interval
from replications.suite.interface import Table
from replications.survey.applications.attacked import FGSM, KNOWING, NOISE, PGD

BASELINE = "confidence threshold"
ALL = "all together"
FALSE_ALARMS = 0.05


@dataclasses.dataclass(frozen=True)
class Case:
    """A detector, what it was trained on ("" for nothing), and the attack and strength (of 255) that it is shown."""

    detector: str
    trained: str
    attack: str
    strength: float

    @property
    def words(self) -> str:
        by = f"{self.detector}, trained on {self.trained}" if self.trained else self.detector
        return f"{by}/{self.attack} at {self.strength:g}"


Scores = dict[Case, list[ScoredImages]]  # of each seed
Rates = Mapping[Case, Sequence[float]]  # of each seed, the share of images on which the network is fooled
Cells = list[list[str | float | int | None]]


def enough(groups: Sequence[ScoredImages]) -> bool:
    """Whether every seed has enough attacked images for an area."""
    return all(int(group.counted.sum()) >= LEAST for group in groups)


def areas(groups: Sequence[ScoredImages]) -> list[float] | None:
    """The area of each seed, or None where a seed has too few attacked images."""
    if not enough(groups):
        return None
    return [roc_auc(group.attacked[group.counted], group.clean) for group in groups]


def attack_table(rates: Rates, strengths: Sequence[float]) -> Table:
    """How often each attack fools the network."""
    rows: Cells = []
    for attack in (FGSM, PGD, NOISE):
        of_attack = [rates[Case("", "", attack, strength)] for strength in strengths]
        rows.append([attack, *[f"{np.mean(r):.2f} ({min(r):.2f} to {max(r):.2f})" for r in of_attack]])
    caption = (
        "Share of the images, all classified correctly before, on which the network is wrong afterwards; mean over "
        "seeds, and the lowest and highest. Strength: grey levels that a pixel may change; noise changes each by all "
        "of it, up or down at random."
    )
    columns = ["attack", *[f"{strength:g} of 255" for strength in strengths]]
    return Table("attacks", "How often attacks succeed", columns, rows, caption)


def detection_table(scores: Scores, detectors: Sequence[str], strength: float) -> Table:
    """Detectors on the attack that they weren't trained on, at the strength that they were."""
    rows: Cells = []
    for name in detectors:
        row: list[str | float | int | None] = [name]
        for trained, attack in ((FGSM, PGD), (PGD, FGSM)):
            found, plain = _pair(scores, name, trained, attack, strength)
            row.append(_area(found))
            row.append(None if name == BASELINE else _difference(found, plain))
        row.append(_area(_case(scores, name, PGD, NOISE, strength)))
        rows.append(row)
    columns = [
        "detector",
        f"trained on {FGSM}, tested on {PGD}",
        "minus threshold",
        f"trained on {PGD}, tested on {FGSM}",
        "minus threshold",
        "noise, where there is nothing to find",
    ]
    caption = (
        f"Area under the ROC curve (0.5 is chance) of clean test images against those versions attacked at "
        f"{strength:g} of 255 that fool the network; means over seeds, with 95 % intervals from resampling images. "
        f"The threshold is not trained. Noise: all noisy versions against clean ones, by detectors trained on {PGD}."
    )
    return Table("held-out", "Detecting an attack that wasn't trained on", columns, rows, caption)


def strengths_table(scores: Scores, detectors: Sequence[str], strengths: Sequence[float], trained_at: float) -> Table:
    """Each detector on each attack and strength."""
    rows: Cells = []
    for name in detectors:
        for trained in ("",) if name == BASELINE else (FGSM, PGD):
            cells = [
                _area(_case(scores, name, trained, attack, strength))
                for attack in (FGSM, PGD)
                for strength in strengths
            ]
            rows.append([name, trained or None, *cells])
    columns = ["detector", "trained on"]
    columns += [f"{attack} at {strength:g}" for attack in (FGSM, PGD) for strength in strengths]
    caption = (
        f"As above, for every strength of the attack; detectors are trained at {trained_at:g} of 255, on other images. "
        f"A dash: fewer than {LEAST} images of a seed were fooled."
    )
    return Table("strengths", "Detecting attacks of other strengths", columns, rows, caption)


def knowing_table(scores: Scores, rates: Rates, strength: float) -> Table:
    """What is left where the attack knows the detector."""
    rows: Cells = []
    for name, trained in ((BASELINE, ""), (ALL, PGD)):
        plain, knowing = (_case(scores, name, trained, attack, strength) for attack in (PGD, KNOWING))
        fooled = rates[Case(name, trained, KNOWING, strength)]
        rows.append(
            [
                name,
                _area(plain),
                _area(knowing),
                _evading(plain),
                round(float(np.mean(fooled)), 2),
                _evading(knowing),
            ]
        )
    columns = [
        "detector",
        f"area, {PGD}",
        "area, the attack knows the detector",
        f"{PGD} fools unnoticed",
        "the knowing attack fools",
        "the knowing attack fools unnoticed",
    ]
    caption = (
        f"At {strength:g} of 255. Unnoticed: shares of all images that fool the network and raise less alarm than "
        f"{FALSE_ALARMS:.0%} of the clean images do; means over seeds, lowest and highest. The knowing attack begins "
        f"with {PGD}'s images and has the gradient of every statistic. An area below 0.5: attacked images raise less "
        "alarm than clean ones."
    )
    return Table("knowing", "An attack that knows the detector", columns, rows, caption)


def evading(groups: Sequence[ScoredImages]) -> list[float]:
    """For each seed the share of images that are counted and raise less alarm than `FALSE_ALARMS` of the clean ones."""
    found = []
    for group in groups:
        level = np.quantile(group.clean, 1 - FALSE_ALARMS)
        found.append(float((group.counted & (group.attacked < level)).mean()))
    return found


def shown_interval(groups: Sequence[ScoredImages] | None) -> Interval | None:
    """The mean area with its interval; None where there is none."""
    return None if groups is None or not enough(groups) else auc_interval(groups)


def _case(scores: Scores, detector: str, trained: str, attack: str, strength: float) -> Sequence[ScoredImages] | None:
    return scores.get(Case(detector, "" if detector == BASELINE else trained, attack, strength))


def _pair(
    scores: Scores, detector: str, trained: str, attack: str, strength: float
) -> tuple[Sequence[ScoredImages] | None, Sequence[ScoredImages] | None]:
    return _case(scores, detector, trained, attack, strength), _case(scores, BASELINE, "", attack, strength)


def _area(groups: Sequence[ScoredImages] | None) -> str | None:
    interval = shown_interval(groups)
    return None if interval is None else "{:.2f} ({:.2f} to {:.2f})".format(*interval)


def _difference(first: Sequence[ScoredImages] | None, second: Sequence[ScoredImages] | None) -> str | None:
    if first is None or second is None or not enough(first):
        return None
    return "{:+.2f} ({:+.2f} to {:+.2f})".format(*auc_difference(first, second))


def _evading(groups: Sequence[ScoredImages] | None) -> str | None:
    if groups is None:
        return None
    shares = evading(groups)
    return f"{np.mean(shares):.2f} ({min(shares):.2f} to {max(shares):.2f})"
