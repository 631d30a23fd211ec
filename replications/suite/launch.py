"""One run of the command line or the runs of a sweep (`--multirun`), in this process or, by joblib, in several.

Each run's exit status comes back as the job's return value, which is all that another process can hand over; Hydra's
own decorator drops it, so the sweep is started here. What a sweep has finished is found done by the next one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replications.paths import results_root
from replications.progress import say
from replications.suite.errors import WrongInput, sentence
from replications.suite.ledger import LedgerError
from replications.suite.outcome_json import digest

if TYPE_CHECKING:
    from argparse import Namespace

    from hydra._internal.hydra import Hydra

    from replications.suite.settings import Settings

Do = Callable[["Settings"], int]

VERSION_BASE = "1.3"
EXPECTED = (WrongInput, LedgerError, OSError)
# What decides how a run is done or shown and not what it is; the same sweep with another one is the same sweep.
MANNER = ("hydra.", "hydra/", "tracking.", "tracking=", "device=")


@dataclasses.dataclass(frozen=True)
class Ended:
    """How one run ended: its exit status, and what was wrong in one sentence or nothing."""

    status: int
    wrong: str = ""


@dataclasses.dataclass(frozen=True)
class Job:
    """What Hydra calls with the configuration of each run of a sweep, in whatever process.

    do: what is done with the settings. sweep: names the sweep. common: the overrides that all its runs share.
    """

    do: Do
    sweep: str
    common: frozenset[str]
    __name__ = "replicate"  # Hydra logs it

    def __call__(self, config: Any) -> Ended:
        from hydra.core.hydra_config import HydraConfig

        from replications.suite.command_line import settings_of

        number = HydraConfig.get().job.num + 1
        try:
            settings = settings_of(config)
            varied = tuple(override for override in settings.overrides if override not in self.common)
            say(f"run {number}: {' '.join(settings.overrides)}")
            return Ended(self.do(dataclasses.replace(settings, sweep=self.sweep, varied=varied)))
        except Exception as error:  # said at the end, after the other runs of the sweep
            if os.environ.get("REPLICATIONS_TRACEBACK") or not isinstance(error, EXPECTED):
                traceback.print_exc()
            status = 2 if isinstance(error, EXPECTED) else 1
            return Ended(status, f"run {number}: {sentence(error)}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.do, self.sweep, self.common)


def _arrived(do: Do, sweep: str, common: frozenset[str]) -> Job:
    """The job in another process, which must know what the configuration refers to before Hydra reads it there."""
    register_resolvers()
    return Job(do, sweep, common)


def register_resolvers() -> None:
    """Have the configuration's `${results_root:}` understood in this process."""
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("results_root", lambda: str(results_root().absolute()), replace=True)


def run_once(conf: Path, arguments: Sequence[str], do: Do) -> int:
    """One run, or what Hydra's own options ask for; the exit status. Raises what the run raises."""
    import hydra

    from replications.suite.command_line import is_special, parse, settings_of

    statuses: list[int] = []
    errors: list[Exception] = []

    def replicate(config: Any) -> None:
        try:
            statuses.append(do(settings_of(config)))
        except Exception as error:  # Hydra would print what it composed; the caller puts it into words
            errors.append(error)

    typed = parse(arguments)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors are put into words by the caller
    if is_special(typed):
        program = hydra.main(version_base=VERSION_BASE, config_path=str(conf), config_name="config")(replicate)
        before, sys.argv = sys.argv, [Path(sys.argv[0]).name, *arguments]
        try:
            program()
        finally:
            sys.argv = before
    else:
        with _hydra(conf, typed) as started:
            started.run("config", replicate, typed.overrides)
    for error in errors:
        raise error
    return max(statuses, default=0)


@contextlib.contextmanager
def _hydra(conf: Path, typed: Namespace) -> Iterator[Hydra]:
    """Hydra as its decorator starts it, which would compose once more to ask whether this is a sweep."""
    from hydra import version
    from hydra._internal.hydra import Hydra
    from hydra.core.global_hydra import GlobalHydra

    from replications.suite.command_line import search_path

    version.setbase(VERSION_BASE)
    try:
        yield Hydra.create_main_hydra2("replicate", search_path(conf, typed.config_dir))
    finally:
        GlobalHydra.instance().clear()


def is_sweep(typed: Namespace) -> bool:
    """Whether the parsed arguments ask for a sweep."""
    return bool(typed.multirun) or "hydra.mode=MULTIRUN" in typed.overrides


def run_sweep(conf: Path, typed: Namespace, added: Sequence[str], do: Do) -> int:
    """All runs of a sweep, with the launcher that is chosen; the largest exit status. Each says how it ended.

    Args:
        conf: the project's configuration folder.
        typed: the arguments as Hydra parses them.
        added: overrides that every run has beside what was typed.
        do: what is done with the settings of each run.

    Raises:
        WrongInput: a process of the sweep was killed.
    """
    from replications.suite.command_line import runs_of

    runs = runs_of(typed.overrides)
    job = Job(do, name_of(runs), frozenset.intersection(*map(frozenset, runs)))
    try:
        with _hydra(conf, typed) as started:
            batches = started.multirun("config", job, [*typed.overrides, *added])
    except BrokenExecutor as error:
        raise WrongInput(
            "a process of the sweep was killed, perhaps for lack of memory; what is finished is kept: run the same "
            "command again to go on, with fewer runs at a time by hydra.launcher.n_jobs=1"
        ) from error
    ended: list[Ended] = [run.return_value for batch in batches for run in batch]
    for end in ended:
        if end.wrong:
            print(f"replicate: {end.wrong}", file=sys.stderr)
    bad = [str(number) for number, end in enumerate(ended, 1) if end.status]
    say(f"sweep      {len(ended)} runs, " + (f"not well: {', '.join(bad)}" if bad else "all well"))
    return max((end.status for end in ended), default=0)


def name_of(runs: Iterable[Sequence[str]]) -> str:
    """What a sweep is called: the same for the same runs, however they are launched or tracked."""
    essential = [sorted(o for o in run if not o.lstrip("+~").startswith(MANNER)) for run in runs]
    papers = sorted({o.partition("=")[2] for run in essential for o in run if o.startswith("paper=")})
    return "-".join(["sweep", *papers, digest({"runs": essential})[:8]])
