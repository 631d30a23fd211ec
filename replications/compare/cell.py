"""One method on one network: pictures of all units in several sets, and what is measured of each.

Every cell of a comparison follows the same protocol: the same units, as many pictures, the same training images for a
set, the same measures. Which units these are depends on the network, the images, the protocol and the run's seed, and
never on the method (see `subjects`). Methods that optimize are compared twice: all at about as many passes of the
network for a picture (`equal`), and each as it was published (`published`), which takes long.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch

from replications.compare.cell_drawing import picture_of_cell
from replications.compare.looked import Eyes
from replications.compare.making import make
from replications.compare.measure import Measure
from replications.compare.method import ComparedMethod, Made
from replications.compare.protocol import Protocol
from replications.compare.randomness import generator_of
from replications.compare.subjects import FIRES, Chosen, Subject, choose, known_classes, looked_at
from replications.networks.network import Network
from replications.ppgn.unit_scores import MATCHED_QUANTILE
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Part, Table

OVER = "unit and seed"
KEYS = ("seed", "unit", "kind", "layer")  # the first columns of the table of values
COSTS = ("setting", "family", "passes", "generator passes", "looked at")  # the columns of the table of costs
CLASSES_SHOWN, HIDDEN_SHOWN = 6, 1  # classes, and hidden units of a layer, that are drawn
_DIGITS = 6

Values = list[tuple[int, Subject, dict[str, float]]]


@dataclasses.dataclass(frozen=True)
class Cell(Experiment):
    """setting: "equal": a method that optimizes has the protocol's passes; "published": what its authors gave it.

    method: the configuration of a `ComparedMethod`, what it holds taken as it stands. protocol: as in conf/protocol.
    measures: by name the configurations of `Measure`s. others: configurations of networks that no method optimizes for,
    beside the evaluator, by name.
    """

    paper: ClassVar[str] = "compare"
    needs: ClassVar[tuple[Part, ...]] = ("network", "evaluator", "data")

    name: str  # type: ignore[misc]  # one class serves many experiments
    setting: Literal["equal", "published"]
    method: Mapping[str, Any]
    protocol: Mapping[str, Any]
    measures: Mapping[str, Mapping[str, Any]]
    others: Mapping[str, Mapping[str, Any]]

    def __post_init__(self) -> None:
        if self.setting not in ("equal", "published"):
            raise ValueError(f"the setting is 'equal' or 'published', found '{self.setting}'")
        if self.setting == "published" and not self.compared.optimizes:
            raise ValueError(f"'{self.compared.title}' doesn't optimize, so it has one setting; it is called 'equal'")
        if wrong := [f"'{key}' is called '{one.name}'" for key, one in self.measured.items() if key != one.name]:
            raise ValueError(f"measures are listed by their names, but {', '.join(wrong)}")
        title = self.compared.title + (", as published" if self.setting == "published" else "")
        object.__setattr__(self, "title", title)
        _ = self.rules

    @functools.cached_property
    def compared(self) -> ComparedMethod:
        """The method."""
        return _built(self.method, ComparedMethod)

    @functools.cached_property
    def rules(self) -> Protocol:
        """The protocol."""
        return Protocol(**self.protocol)

    @functools.cached_property
    def measured(self) -> dict[str, Measure]:
        """The measures by name."""
        return {name: _built(config, Measure) for name, config in self.measures.items()}

    def modules(self) -> tuple[str, ...]:
        """Of the method and the measures, whose code counts for the outcome as this module's does."""
        return tuple(sorted({type(one).__module__ for one in (self.compared, *self.measured.values())}))

    def missing(self, context: Context) -> str | None:
        network, data, rules = context.network, context.data, self.rules
        if context.evaluator.fingerprint == network.fingerprint:
            return f"needs an evaluator that isn't the network '{network.name}' itself, which makes the pictures"
        known = {*network.unit_layers, *network.paper_layers}
        if absent := [n for n, count in rules.hidden.items() if count and n not in known]:
            return f"needs units of the paper's layers {absent}, which network '{network.name}' doesn't name"
        images, least = looked_at(context, rules), round(rules.liked / (1 - MATCHED_QUANTILE))
        if len(images) < least:
            return (
                f"needs {least} validation images, so that what a unit likes ({rules.liked}) drives it as strongly as "
                f"is asked of pictures; it looks at {len(images)} of {images.name}; set "
                f"paper.protocols.{context.profile}.liked lower"
            )
        drawn = min(len(data.train), rules.training_images)
        if drawn * FIRES < rules.pictures:
            return f"needs {math.ceil(rules.pictures / FIRES)} training images, and {data.train.name} gives {drawn}"
        if rules.classes != 0 and not known_classes(context, rules, images):
            return (
                f"needs a class that network '{network.name}' has a unit for, with {rules.liked} training and "
                f"{max(rules.pictures, rules.natural_clusters + 1)} validation images, and {data.name} has none"
            )
        return self.compared.missing(context, rules)

    def run(self, context: Context) -> Outcome:
        chosen = choose(context, self.rules)
        passes = self.rules.passes if self.setting == "equal" else None
        seeds = self.rules.seeds
        made = {
            number: make(context, self.compared, self.rules, chosen.subjects, number, passes)
            for number in context.progress(seeds, f"sets of pictures by {self.compared.title}", len(seeds))
        }
        outcome = Outcome(notes=[*chosen.notes, *_notes(made)])
        values = self._values(context, chosen, made, outcome)
        self._report(outcome, values)
        outcome.tables += [self._table(values), self._costs(list(made.values()))]
        first = made[seeds[0]].images
        outcome.pictures.append(picture_of_cell(self.title, chosen.subjects, first, _shown(chosen.subjects)))
        return outcome

    def _values(self, context: Context, chosen: Chosen, made: Mapping[int, Made], outcome: Outcome) -> Values:
        """For each set and subject what each measure says, as far as it says something; notes on what can't be."""
        eyes = Eyes(
            context.network,
            context.evaluator,
            self._held_out(context),
            chosen.validation,
            self.rules,
            chosen.subjects,
            functools.partial(generator_of, context.seed),
            context.progress,
        )
        outcome.notes += eyes.notes
        images = {number: one.images for number, one in made.items()}
        sets = context.progress(eyes.look(images), "looking at the pictures", len(made) * len(chosen.subjects))
        found: Values = []
        with torch.inference_mode():
            for number, subject, looked in sets:
                values = {name: measure.checked(looked) for name, measure in self.measured.items()}
                found.append((number, subject, {name: _rounded(v) for name, v in values.items() if math.isfinite(v)}))
        return found

    def _held_out(self, context: Context) -> dict[str, Network]:
        """The other networks but the one that makes the pictures and the evaluator."""
        from hydra.utils import instantiate

        own = {context.network.fingerprint, context.evaluator.fingerprint}
        found = {name: instantiate(dict(config), _convert_="all") for name, config in self.others.items()}
        return {name: one.to(context.device) for name, one in found.items() if one.fingerprint not in own}

    def _report(self, outcome: Outcome, values: Values) -> None:
        nothing = []
        for name, about in self.measured.items():
            found = [own[name] for _, _, own in values if name in own]
            if found:
                outcome.measurements.append(Measurement(name, found, about.unit, OVER, about.better))
            else:
                nothing.append(name)
        if nothing:
            outcome.notes.append(f"Nothing is measured here by {', '.join(nothing)}.")

    def _table(self, values: Values) -> Table:
        rows = [
            [number, subject.title, subject.kind, subject.number, *(own.get(name) for name in self.measured)]
            for number, subject, own in values
        ]
        caption = f"{self.rules.pictures} pictures of each unit and seed; a dash where a measure isn't defined."
        return Table("values", "Unit by unit", [*KEYS, *self.measured], rows, caption)

    def _costs(self, made: Sequence[Made]) -> Table:
        spent = [sum(getattr(one, name) for one in made) / len(made) for name in _SPENT]
        row = [self.setting, self.compared.family, *map(_rounded, spent)]
        caption = (
            "Passes of the network, and of a generator or inversion network, forward and backward, for one picture; "
            "training images looked at for one unit and seed."
        )
        return Table("cost", "What it costs", COSTS, [row], caption)


_SPENT = ("passes", "generator_passes", "looked_at")


@dataclasses.dataclass(frozen=True)
class PublishedCell(Cell):
    """A method as its authors ran it: takes long, so it is run with full=true only and otherwise shown as recorded."""

    trains: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.setting != "published":
            raise ValueError(f"a cell that runs only in full has the setting 'published', found '{self.setting}'")


def _built(config: Mapping[str, Any], kind: type[Any]) -> Any:
    """The object of a configuration; configurations within it stay plain values, so that what it is can be told."""
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        found = instantiate(dict(config), _convert_="all", _recursive_=False)
    except InstantiationException as error:
        raise error.__cause__ or error from None
    if not isinstance(found, kind):
        raise TypeError(f"expected the configuration of a {kind.__name__}, found that of a {type(found).__name__}")
    return found


def _notes(made: Mapping[int, Made]) -> list[str]:
    """What is to be said of each set; once where it is the same of all."""
    said: dict[str, list[int]] = {}
    for number, one in made.items():
        for note in one.notes:
            said.setdefault(note, []).append(number)
    alike = len(made)
    return [note if len(own) == alike else f"Set {', '.join(map(str, own))}: {note}" for note, own in said.items()]


def _shown(subjects: Sequence[Subject]) -> list[int]:
    """The first classes, and the first hidden units of each layer."""
    found: list[int] = []
    count: dict[int | None, int] = {}
    for i, subject in enumerate(subjects):
        count[subject.number] = count.get(subject.number, 0) + 1
        if count[subject.number] <= (CLASSES_SHOWN if subject.number is None else HIDDEN_SHOWN):
            found.append(i)
    return found


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
