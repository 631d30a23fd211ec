"""The words of `replicate regress` and `make baseline`: own settings, and the rest for the configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from replications.suite.errors import WrongInput, unknown

SETS = 3
FIRST_SET = 1000  # baselines have the sets below
BASELINE_SETS = 24

REGRESS_HELP = """\
Did the pictures get worse? Measures every probe anew with three sets of pictures that the baseline doesn't have, and
tests each measure against its raw values in results/baselines. What is recorded and golden pictures are compared too.

  replicate regress                      all probes, on a machine with nothing; exit status 1 if anything got worse
  replicate regress probes=[mfv,olah2017]
                                         some of them; a verdict doesn't depend on what else is run
  replicate regress probes=none          only what is recorded, in seconds
  replicate regress seed=2000            sets 2000, 2001 and 2002 instead of 1000, 1001 and 1002
  replicate regress profile=natural      on photographs, found in the folder REPLICATIONS_DATA

Values: seed=1000, probes=all, recorded=true (false: leave out what is recorded); anything else of the configuration
(network=, device=, experiment.mfv.NAME=VALUE) is passed on, and what is made otherwise is said to be incomparable.
Nothing is tracked. Exit status: 0 nothing got worse, 1 something did or a probe failed, 2 the input was wrong."""

BASELINE_HELP = """\
Write the raw values that `replicate regress` compares with. What would change is shown first, old mean -> new mean.

  make baseline REASON='jitter is drawn for each view'
  make baseline REASON='...' ARGS='probes=[mfv]'     only this probe, and what is recorded
  make baseline REASON='...' ARGS=write=false        only show

Values: probes=all (none: only what is recorded), sets=24 (at least 12; numbered from 0), recorded=true, write=true."""


@dataclasses.dataclass(frozen=True)
class Words:
    """seed: the number of the first set. probes: None for all. overrides: for the configuration."""

    seed: int = FIRST_SET
    probes: tuple[str, ...] | None = None
    recorded: bool = True
    reason: str | None = None
    sets: int = BASELINE_SETS
    write: bool = True
    overrides: tuple[str, ...] = ()


def understood(arguments: Sequence[str], own: Sequence[str]) -> Words:
    """The words of a command line, of which `own` are the command's settings.

    Raises:
        WrongInput: a word isn't NAME=VALUE, or a value isn't valid.
    """
    found: dict[str, Any] = {}
    overrides: list[str] = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or name.startswith("-"):
            raise WrongInput(f"can't read the argument '{argument}': expected NAME=VALUE; see --help")
        if name in ("experiments", "paper", "full", "record", "measure", "tracking"):
            raise WrongInput(unknown("setting", name, own) + "; other experiments are run by replicate")
        if name not in own:
            overrides.append(argument)
        elif name == "probes":
            found[name] = _names(value)
        elif name == "reason":
            found[name] = value
        elif name in ("recorded", "write"):
            found[name] = _truth(name, value)
        else:
            found[name] = _whole(name, value)
    return Words(**found, overrides=tuple(overrides))


def _names(value: str) -> tuple[str, ...] | None:
    names = tuple(name.strip() for name in value.strip().strip("[]").split(",") if name.strip())
    if names == ("all",):
        return None
    return () if names == ("none",) else names


def _truth(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise WrongInput(f"{name} must be true or false, found '{value}'")
    return value.lower() == "true"


def _whole(name: str, value: str) -> int:
    if not value.isdecimal():
        raise WrongInput(f"{name} must be a whole number from 0, found '{value}'")
    return int(value)
