"""The numbers that a dissection of a layer is summed up in, where networks are compared."""

from __future__ import annotations

from collections.abc import Mapping

from metrics.statistics import Interval
from replications.survey.dissection.result import Dissection
from replications.survey.dissection.rules import Rule

# Bau et al. 2017 count a unit once in every category where its IoU is above 0.04, in the statistics that they released
# and that the ledger's rows are of; their text counts a unit's best concept alone.
RELEASED: Rule = "per category"
IN_THE_TEXT: Rule = "top"
RULES: tuple[Rule, ...] = (RELEASED, IN_THE_TEXT)

UNIQUE, UNITS, SHARE = "unique detectors", "detector units", "share of units that detect"
MEANING = {UNIQUE: "concepts", UNITS: "units", SHARE: "% of units"}


def unique_name(rule: Rule) -> str:
    """The name of the number of unique detectors by a counting rule."""
    return f"{UNIQUE}, {rule}"


def detector_numbers(dissection: Dissection) -> dict[str, float]:
    """By name: unique detectors by both counting rules, and the units that detect anything."""
    units = len(dissection.detector_units())
    return {
        **{unique_name(rule): float(dissection.unique(rule)) for rule in RULES},
        UNITS: float(units),
        SHARE: 100 * units / dissection.units,
    }


def unit_of(name: str) -> str:
    """The unit of one of `detector_numbers`, or of a part of it ("unique detectors/texture")."""
    return MEANING[name.partition("/")[0].partition(",")[0]]


def by_category(dissection: Dissection, rule: Rule = RELEASED) -> Mapping[str, float]:
    """Unique detectors in each category."""
    return {category: float(count) for category, count in dissection.unique_by_category(rule).items()}


def over_images(dissection: Dissection, resamples: int, rule: Rule = RELEASED) -> Interval:
    """Unique detectors with their interval over images (see `dissection.bootstrap`)."""
    return dissection.bootstrap(lambda found: float(found.unique(rule)), resamples=resamples)
