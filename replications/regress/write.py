"""Writes the baselines: `make baseline REASON='...'`; see `baselines` for what is kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

# As in `run`.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

from replications.progress import say
from replications.regress import baselines, recorded_values
from replications.regress.baselines import Baseline, baselines_root
from replications.regress.golden import NUMBER, backbone_of
from replications.regress.measuring import chosen_probes, measure, settings_for
from replications.regress.run import guarded
from replications.regress.words import BASELINE_HELP, Words, understood
from replications.suite.errors import WrongInput

MANY = 300


def main() -> None:
    """Run the command line and exit."""
    sys.exit(baseline(sys.argv[1:]))


def baseline(arguments: Sequence[str], folder: Path | None = None) -> int:
    """The exit status: 0 if the baseline is written (or shown), 2 for wrong input or without a reason."""
    if any(word in ("--help", "-h", "help") for word in arguments):
        print(BASELINE_HELP)
        return 0
    return guarded(lambda: _baseline(arguments, folder or baselines_root()), "make baseline")


def _baseline(arguments: Sequence[str], folder: Path) -> int:
    words = understood(arguments, ("reason", "probes", "sets", "recorded", "write"))
    reason = baselines.reason_of(words.reason)
    if words.sets < baselines.LEAST_SETS:
        raise WrongInput(f"a baseline needs at least {baselines.LEAST_SETS} sets of pictures, found sets={words.sets}")
    if words.probes == () and not words.recorded:
        raise WrongInput("probes=none and recorded=false leave nothing to write")
    date = baselines.today()
    if words.probes != ():
        _probes(words, reason, date, folder)
    if words.recorded:
        _recorded(words, reason, date, folder)
    return 0


def _probes(words: Words, reason: str, date: str, folder: Path) -> None:
    settings, golden = settings_for(words.overrides)
    old = baselines.load(settings.profile, settings.network, folder)
    names = chosen_probes(settings, words.probes)
    measured = measure(settings, range(words.sets), names, golden, NUMBER)
    if all(probe.status == "not run" for probe in measured.probes.values()):
        first = next(iter(measured.probes.values()))
        raise WrongInput(f"no probe can be run; {first.name}: {first.sentence}")
    for probe in measured.probes.values():
        if probe.status == "not run":
            say(f"{probe.name}: not run: {probe.sentence}")
    backbone = None if measured.evaluator is None else backbone_of(measured.evaluator)
    new, files = baselines.updated(old, measured, reason, date, backbone)
    new = baselines.without_gone(new, tuple(settings.configs))
    _show(baselines.changes(old, new), f"the probes on {settings.profile} with {settings.network}")
    if words.write:
        path = baselines.write(new, files, folder)
        say(f"written: {path}, from {baselines.written_from()}: {_size(new)}")


def _recorded(words: Words, reason: str, date: str, folder: Path) -> None:
    old, now = recorded_values.load(folder), recorded_values.recorded_now()
    new = recorded_values.updated(old, now, reason, date)
    _show(recorded_values.changes(old, new), "the recorded outcomes")
    if words.write:
        size = recorded_values.write(new, folder)
        values = sum(len(m.values) for outcome in new.values() for m in outcome.measurements.values())
        say(f"written: {len(new)} recorded outcomes, {values} raw values, {size / 1000:.0f} kB")


def _show(lines: Sequence[str], what: str) -> None:
    if not lines:
        print(f"Nothing changes in the baseline of {what}.")
        return
    print(f"The baseline of {what} changes (old mean -> new mean):")
    for line in lines[:MANY]:
        print(f"  {line}")
    if len(lines) > MANY:
        print(f"  and {len(lines) - MANY} more")
    sys.stdout.flush()


def _size(found: Baseline) -> str:
    measures = sum(len(probe.measures) for probe in found.probes.values())
    values = sum(len(m.values) for probe in found.probes.values() for m in probe.measures.values())
    return f"{len(found.probes)} probes, {measures} measures, {values} values, {len(found.golden)} golden pictures"


if __name__ == "__main__":
    main()
