"""What one run is asked to do: the composed configuration, checked, as plain values."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from replications.suite.errors import WrongInput, unknown

MEASURED_PARTS = ("network", "evaluator", "data", "second_data")


@dataclasses.dataclass(frozen=True)
class Settings:
    """One run of a paper.

    paper, profile, network, seed: as on the command line; `network` is the name of its configuration.
    own_network: the network that the profile chooses by itself.
    experiments: the names to run, in the paper's order, or None for all.
    full: whether to train what takes long. record: whether to keep the fresh outcomes with the project.
    measure: whether to measure what is missing, or only to show what there is.
    parts: the configurations of network, evaluator, data and second data, or None where the profile has none.
    keep_pictures: whether recorded outcomes keep their pictures (not where they show images that belong to others).
    configs: the configuration of every experiment of the paper, by name.
    tracking: the configuration of the tracking.
    about: what the profile looks at, in a few sentences for the head of the page.
    pages: what writes further pages of the paper, by its dotted name (see `report.write.PageWriter`).
    front: what makes the paper's panels on the index page, by its dotted name (see `report.panels.Front`), or empty.
    overrides: what the command line overrides, as typed.
    sweep: the name of the sweep that this run belongs to, or empty. varied: the overrides in which its runs differ.
    """

    paper: str
    profile: str
    keep_pictures: bool
    network: str
    own_network: str
    seed: int
    device: str
    full: bool
    record: bool
    measure: bool
    experiments: tuple[str, ...] | None
    parts: Mapping[str, dict[str, Any] | None]
    configs: Mapping[str, dict[str, Any]]
    tracking: Mapping[str, Any]
    about: str = ""
    pages: tuple[str, ...] = ()
    front: str = ""
    overrides: tuple[str, ...] = ()
    sweep: str = ""
    varied: tuple[str, ...] = ()

    @property
    def selected(self) -> tuple[str, ...]:
        """The experiments to run, in the paper's order."""
        return self.experiments if self.experiments is not None else tuple(self.configs)

    def command(self, experiment: str | None, full: bool) -> str:
        """The command that measures one experiment of this run anew, or for None all of them."""
        words = ["replicate", f"paper={self.paper}", f"profile={self.profile}", f"network={self.network}"]
        words += [f"seed={self.seed}", *([f"experiments={experiment}"] if experiment is not None else [])]
        words += ["full=true"] if full else []
        fixed = {"paper", "profile", "network", "seed", "experiments", "full", "record", "measure", "tracking"}
        for override in self.overrides:
            name = override.lstrip("+~").partition("=")[0]
            of_one = experiment is not None and name.startswith("experiment.")
            other = of_one and not name.startswith(f"experiment.{experiment}.")
            if name not in fixed and not name.startswith(("tracking.", "hydra.")) and not other:
                words.append(override if re.fullmatch(r"[\w.,=/+~:-]+", override) else f"'{override}'")
        return " ".join(words)


def in_order(names: Iterable[str]) -> list[str]:
    """Figures before tables before the rest, by their numbers ("fig2" before "fig10")."""

    def rank(name: str) -> tuple[int, int, str]:
        kind = re.match(r"(fig|table)(\d+)", name)
        if kind is None:
            return 2, 0, name
        return ("fig", "table").index(kind.group(1)), int(kind.group(2)), name

    return sorted(names, key=rank)


def chosen(asked: Any, valid: Iterable[str]) -> tuple[str, ...] | None:
    """The names in `asked` (None, "all", one name or a list) in the paper's order, each checked.

    Raises:
        WrongInput: a name is not among the valid ones.
    """
    valid = list(valid)
    if asked is None or asked == "all":
        return None
    names = [asked] if isinstance(asked, str | int) else list(asked)
    for name in names:
        if name not in valid:
            raise WrongInput(unknown("experiment", str(name), valid))
    return tuple(in_order(set(map(str, names))))


def for_profile(config: Mapping[str, Any], profile: str, typed: Iterable[str] = ()) -> dict[str, Any]:
    """An experiment's configuration with its `by_profile` part merged over it, for one profile, without `inputs`.

    `typed`: parameters given on the command line, which win over `by_profile`.
    """
    own = dict((config.get("by_profile") or {}).get(profile) or {})
    for key in typed:
        own.pop(key, None)
    return {key: value for key, value in {**config, **own}.items() if key not in ("by_profile", "inputs")}


def own_inputs(config: Mapping[str, Any], profile: str) -> dict[str, Any]:
    """The parts ("network", "data", ...) that an experiment reads in place of the profile's: its `inputs`.

    Raises:
        WrongInput: there is no such part.
    """
    own = (config.get("by_profile") or {}).get(profile) or {}
    inputs = dict(own.get("inputs", config.get("inputs")) or {})
    if wrong := sorted(inputs.keys() - set(MEASURED_PARTS)):
        raise WrongInput(f"'inputs' can replace {', '.join(MEASURED_PARTS)}; found {', '.join(wrong)}")
    return inputs
