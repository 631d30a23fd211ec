"""Runs the experiments of a paper: what is done stays done, what is missing or fails is said, the rest goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replications.paths import atomic_write, results_root
from replications.progress import say
from replications.suite import provenance, recorded
from replications.suite.context import RunContext, seed_of
from replications.suite.errors import WrongInput, sentence
from replications.suite.identity import code_of, named_files, portable
from replications.suite.inputs import Inputs
from replications.suite.interface import Experiment, MissingInput, Outcome, parameters
from replications.suite.outcome_json import decode, digest, found
from replications.suite.reproducible import reproducible
from replications.suite.result import ExperimentResult, Provenance, Status
from replications.suite.settings import Settings, for_profile, own_inputs
from replications.suite.store import Store, key_of

if TYPE_CHECKING:
    import torch

EVERY = "*"  # among an experiment's `uses`
# Errors of the machine that the next experiment would meet as well.
HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


class Runner:
    """One run of one paper. `results()` measures what is selected and finds the rest as it is.

    fresh: names of the experiments that were measured by this run.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.device = resolve_device(settings.device)
        self.inputs = Inputs(settings.parts, self.device)
        self.store = Store(runs_folder(settings.paper, settings.profile))
        self.fresh: list[str] = []
        self._results: dict[str, tuple[ExperimentResult, dict[str, Any] | None]] = {}
        self._experiments: dict[str, Experiment] = {}
        self._under_way: list[str] = []

    def results(self) -> list[ExperimentResult]:
        """A result for every experiment of the paper, in its order.

        Raises:
            WrongInput: an input can't be used, or the disk is full or read-only.
        """
        for name in self.settings.selected:
            self._resolve(name)
        return [self._resolve(name)[0] for name in self.settings.configs]

    def look_again(self) -> list[ExperimentResult]:
        """`results()` with what other runs have finished since then."""
        for name in [
            n for n, (result, _) in self._results.items() if result.status in ("recorded", "stale", "not run")
        ]:
            if name not in self.settings.selected:
                del self._results[name]
        return self.results()

    def _resolve(self, name: str) -> tuple[ExperimentResult, dict[str, Any] | None]:
        """The result of one experiment and the document of its outcome."""
        if name not in self._results:
            if name in self._under_way:
                circle = " reads ".join([*self._under_way[self._under_way.index(name) :], name])
                raise WrongInput(f"experiments read each other's outcomes in a circle: {circle}")
            self._under_way.append(name)
            try:
                self._results[name] = self._find_or_measure(name)
            finally:
                self._under_way.pop()
            if name in self.settings.selected:
                result = self._results[name][0]
                say(f"{name:<10} {result.status}{': ' if result.sentence else ''}{result.sentence}")
        return self._results[name]

    def _find_or_measure(self, name: str) -> tuple[ExperimentResult, dict[str, Any] | None]:
        try:
            experiment = self.experiment(name)
        except Exception as error:  # one experiment that can't be set up is reported as failed; the others still run
            self._keep_traceback(name)
            command = self.settings.command(name, False)
            return ExperimentResult(name, name, "failed", f"can't be set up: {_words(error)}", command), None
        task = Task(self, experiment)
        try:
            task.identity = self._identity(experiment)
        except MissingInput as error:
            return task.without("not run", sentence(error)), None
        document = self.store.load(task.key)
        if document is not None:
            return task.having("done", document, self.store.folder(task.key)), document
        if experiment.trains and not self.settings.full:
            return task.recorded_or("it takes long; run it with full=true")
        if not self.settings.measure or name not in self.settings.selected:
            return task.recorded_or("not measured yet")
        return self._measure(task)

    def _measure(self, task: Task) -> tuple[ExperimentResult, dict[str, Any] | None]:
        name = task.experiment.name
        try:
            with self._lock(task):
                document = self.store.load(task.key)  # another process may have finished it meanwhile
                if document is None:
                    missing = task.experiment.missing(task.context())
                    if missing:
                        return task.recorded_or(missing, lacks=missing)
                    say(f"{name:<10} measuring: {task.experiment.title}")
                    task.measure()
                    self.fresh.append(name)
                    document = self.store.load(task.key)
            assert document is not None
            return task.having("done", document, self.store.folder(task.key)), document
        except MissingInput as error:
            return task.recorded_or(sentence(error), lacks=sentence(error))
        except WrongInput:
            raise
        except Exception as error:  # reported as failed, with its traceback kept; the exit status says so too
            if isinstance(error, OSError) and error.errno in HOPELESS:
                raise WrongInput(f"{name}: {sentence(error)}") from error
            self._keep_traceback(task.key)
            return task.without("failed", _words(error)), None

    @contextlib.contextmanager
    def _lock(self, task: Task) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self.store.lock(task.key, timeout=0))
            except TimeoutError:
                say(f"{task.experiment.name:<10} is being measured by another process; waiting for it")
                held.enter_context(self.store.lock(task.key))
            yield

    def experiment(self, name: str) -> Experiment:
        """The experiment with its parameters for this run's profile, made once. Raises what its construction raises."""
        if name not in self._experiments:
            self._experiments[name] = self._made(name)
        return self._experiments[name]

    def _made(self, name: str) -> Experiment:
        from hydra.errors import InstantiationException
        from hydra.utils import instantiate

        prefix = f"experiment.{name}."
        typed = [o.lstrip("+").partition("=")[0].removeprefix(prefix) for o in self.settings.overrides if prefix in o]
        try:
            experiment = instantiate(
                for_profile(self.settings.configs[name], self.settings.profile, typed), _convert_="all"
            )
        except InstantiationException as error:
            raise error.__cause__ or error from None
        if not isinstance(experiment, Experiment) or experiment.name != name:
            raise TypeError(f"conf/experiment/{self.settings.paper}/{name}.yaml doesn't name the experiment '{name}'")
        return experiment

    def context(self, experiment: Experiment, key: str) -> RunContext:
        """What an experiment is given. key: names its workspace."""
        return RunContext(
            experiment,
            self.inputs_of(experiment.name),
            profile=self.settings.profile,
            seed=self.settings.seed,
            workspace=self.store.workspace(key),
            outcomes=self.outcome,
            others=self.uses(experiment),
        )

    def uses(self, experiment: Experiment) -> tuple[str, ...]:
        """The experiments whose outcomes one reads; all others of the paper but those that read all as well for "*"."""
        from hydra.utils import get_class

        if EVERY not in experiment.uses:
            return experiment.uses
        classes = {name: get_class(config["_target_"]) for name, config in self.settings.configs.items()}
        return tuple(name for name, own in classes.items() if EVERY not in getattr(own, "uses", ()))

    def _identity(self, experiment: Experiment) -> dict[str, Any]:
        """Everything that determines the outcome."""
        import torch

        needs: tuple[str, ...] = experiment.needs
        inputs = self.inputs_of(experiment.name)
        code = code_of(None, type(experiment).__module__, *experiment.modules())
        if experiment.trains:
            code |= code_of(None, "replications.training.zoo")
        for part in needs:
            code |= inputs.code(part)
        given = parameters(experiment)
        files, read = named_files(given), experiment.reads(self.context(experiment, experiment.name))
        return {
            "paper": self.settings.paper,
            "profile": self.settings.profile,
            "experiment": experiment.name,
            "parameters": portable(given),
            **({"files": files} if files else {}),
            **({"reads": read} if read else {}),
            **{part: inputs.identity(part) if part in needs else None for part in self.settings.parts},
            "uses": {name: self._content(name) for name in self.uses(experiment)},
            "seed": self.settings.seed,
            "code": dict(sorted(code.items())),
            "device": self.device.type,
            "torch": torch.__version__,
        }

    def outcome(self, name: str) -> dict[str, Any] | None:
        """The document of an experiment's outcome for one that reads it; None where there is none or it is stale."""
        if name not in self.settings.configs:
            return None
        result, document = self._resolve(name)
        return None if result.status == "stale" else document

    def inputs_of(self, name: str) -> Inputs:
        """Network, evaluator and data as one experiment reads them: the run's, with the experiment's own over them."""
        return self.inputs.replaced(own_inputs(self.settings.configs[name], self.settings.profile))

    def needs(self, name: str) -> tuple[str, ...]:
        """What an experiment reads of the run's network, evaluator and data; its own are not among them."""
        own = own_inputs(self.settings.configs[name], self.settings.profile)
        return tuple(part for part in self.experiment(name).needs if part not in own)

    def _content(self, name: str) -> str | None:
        document = self.outcome(name)
        return None if document is None else digest(found(document))

    def _keep_traceback(self, key: str) -> None:
        text = traceback.format_exc()
        if os.environ.get("REPLICATIONS_TRACEBACK"):
            sys.stderr.write(text)
        with atomic_write(self.store.workspace(key) / "traceback.txt", "w") as file:
            file.write(text)


class Task:
    """One experiment of a run, once it is set up."""

    identity: dict[str, Any]

    def __init__(self, runner: Runner, experiment: Experiment) -> None:
        self.runner, self.experiment = runner, experiment
        self.command = runner.settings.command(experiment.name, experiment.trains)

    @property
    def key(self) -> str:
        return key_of(self.experiment.name, self.identity)

    def context(self) -> RunContext:
        return self.runner.context(self.experiment, self.key)

    def without(self, status: Status, why: str) -> ExperimentResult:
        """The result where there is no outcome."""
        e = self.experiment
        return ExperimentResult(e.name, e.title, status, why, self.command, answers=e.answers, trains=e.trains)

    def having(
        self,
        status: Status,
        document: Mapping[str, Any],
        folder: Path,
        why: str = "",
        changes: tuple[str, ...] = (),
        lacks: str = "",
    ) -> ExperimentResult:
        """The result with an outcome read from `folder`."""
        e = self.experiment
        return ExperimentResult(
            e.name,
            e.title,
            status,
            "; ".join(filter(None, (why, self.keeps_its_network()))),
            self.command,
            outcome=decode(document),
            folder=folder,
            provenance=Provenance(**document["provenance"]),
            answers=e.answers,
            trains=e.trains,
            changes=changes,
            lacks=lacks,
        )

    def keeps_its_network(self) -> str:
        """A clause where a network was chosen on the command line and the experiment measures its own; else empty."""
        settings, inputs = self.runner.settings, self.runner.inputs_of(self.experiment.name)
        chosen = any(override.partition("=")[0] == "network" for override in settings.overrides)
        own = inputs.parts["network"]
        if not chosen or "network" not in self.experiment.needs or own == settings.parts["network"]:
            return ""
        name = f"'{own['name']}'" if own and "name" in own else "a network of its own"
        return f"it measures {name} whatever network is chosen, here '{settings.network}'; its notes say why"

    def recorded_or(self, why: str, lacks: str = "") -> tuple[ExperimentResult, dict[str, Any] | None]:
        """The recorded outcome where there is one, marked stale if something has changed; else "not run"."""
        settings = self.runner.settings
        needs = self.runner.needs(self.experiment.name)
        name = recorded.folder_name(self.experiment.name, needs, settings.network, settings.own_network)
        kept = recorded.find(settings.paper, settings.profile, name)
        if kept is None:
            return self.without("not run", why), None
        folder, document = kept
        changes = tuple(recorded.changes(document, self.identity))
        if changes:
            text = f"recorded, and since then changed: {'; '.join(changes)}"
            text += f"; it can't be measured anew: {lacks}" if lacks else ""
            return self.having("stale", document, folder, text, changes, lacks), document
        seconds = document["provenance"]["seconds"]
        text = f"recorded earlier ({duration(seconds)} on {document['provenance']['device']})"
        return self.having("recorded", document, folder, text), document

    def measure(self) -> None:
        """Run the experiment and write its outcome."""
        import torch

        runner, device = self.runner, self.runner.device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        start = time.perf_counter()
        with reproducible(seed_of(runner.settings.seed, self.experiment.name), device):
            context = self.context()
            outcome = self.experiment.run(context)
        if not isinstance(outcome, Outcome):
            raise TypeError(
                f"{type(self.experiment).__name__}.run must return an Outcome, found {type(outcome).__name__}"
            )
        outcome.notes += runner.inputs_of(self.experiment.name).notes(self.experiment.needs)
        head = {
            "paper": runner.settings.paper,
            "profile": runner.settings.profile,
            "experiment": self.experiment.name,
            "title": self.experiment.title,
            "answers": list(self.experiment.answers),
        }
        runner.store.save(self.key, head, outcome, self._provenance(time.perf_counter() - start, context.trained))

    def _provenance(self, seconds: float, trained: dict[str, float]) -> dict[str, Any]:
        import torch

        runner, device = self.runner, self.runner.device
        revision, dirty = provenance.commit()
        config = {"experiment": self.identity["parameters"], "seed": runner.settings.seed}
        parts = runner.inputs_of(self.experiment.name).parts
        config |= {part: portable(parts.get(part)) for part in self.experiment.needs}
        return {
            "config": config,
            "identity": self.identity,
            "commit": revision,
            "dirty": dirty,
            "versions": provenance.versions(device),
            "device": provenance.device_name(device),
            "threads": torch.get_num_threads(),
            "seconds": round(seconds, 3),
            "peak_memory": provenance.peak_memory(),
            "device_memory": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
            "command": self.command,
            "trained": trained,
        }


def runs_folder(paper: str, profile: str) -> Path:
    """Where the outcomes of a paper's runs under one profile are kept."""
    return results_root() / "runs" / paper / profile


def resolve_device(name: str) -> torch.device:
    """The device by its name; "auto" takes a GPU where there is one.

    Raises:
        WrongInput: there is no such device.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise WrongInput(f"unknown device '{name}'; valid devices: auto, cpu, cuda, cuda:1, ...") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise WrongInput("device=cuda was asked for, but PyTorch finds no CUDA device; use device=cpu or device=auto")
    return device


def duration(seconds: float) -> str:
    """ "8 s", "12 min"."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {sentence(error)}"
