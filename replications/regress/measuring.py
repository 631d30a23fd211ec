"""Measures the probes anew, in folders of its own, so that nothing is found done.

A change that the fingerprint of the code can't see (a patched function, another library) is measured all the same: only
images that are rendered, and labels of them, are taken from the cache. What networks have computed is computed again.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from replications.paths import cache_root
from replications.progress import progress, say
from replications.regress.golden import is_shown, pictures_of
from replications.regress.values import Made, MalformedProbe, Measured, ProbeValues, Status, read_values
from replications.suite.errors import WrongInput, unknown
from replications.suite.identity import PARTS, portable
from replications.suite.interface import Experiment, MissingInput
from replications.suite.runner import Runner
from replications.suite.settings import Settings, for_profile
from replications.suite.store import read_document

PAPER = "regress"
RENDERED = ("facetworld", "concepts", "image_checks")  # folders of the cache that no network has had a part in
KEPT = ("commit", "dirty", "versions", "device", "threads", "seconds")


def measure_probes(
    numbers: Sequence[int],
    probes: Sequence[str] | None = None,
    *,
    profile: str = "laptop",
    overrides: Sequence[str] = (),
    golden: Sequence[str] | None = None,
    golden_number: int | None = None,
) -> Measured:
    """Measure sets of pictures with these numbers.

    probes: their names; None for all. overrides: as on the command line ("device=cuda"). golden, golden_number: see
    `measure`; the golden probes are by default those of conf/paper/regress.yaml.

    Raises:
        WrongInput: a name or a value isn't valid.
    """
    settings, listed = settings_for([f"profile={profile}", *overrides])
    return measure(settings, numbers, probes, listed if golden is None else golden, golden_number)


def settings_for(overrides: Sequence[str]) -> tuple[Settings, tuple[str, ...]]:
    """The settings of a run of all probes with these words of a command line, and the probes with golden pictures.

    Raises:
        WrongInput: a name or a value isn't valid.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import open_dict

    from replications.__main__ import CONF
    from replications.suite.command_line import complete, settings_of

    arguments = complete(CONF, [f"paper={PAPER}", "tracking=disabled", *overrides])
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", arguments, return_hydra_config=True)
        HydraConfig.instance().set_config(copy.deepcopy(config))
    with open_dict(config):
        del config["hydra"]
    listed = tuple(config["paper"].get("golden") or ())
    settings = settings_of(config)
    for name in listed:
        if name not in settings.configs:
            raise WrongInput(f"conf/paper/{PAPER}.yaml: golden: {unknown('probe', name, settings.configs)}")
    return settings, listed


def chosen_probes(settings: Settings, probes: Sequence[str] | None) -> tuple[str, ...]:
    """The names in the settings' order, each checked; all for None. Raises WrongInput."""
    for name in probes or ():
        if name not in settings.configs:
            raise WrongInput(unknown("probe", name, settings.configs))
    return tuple(name for name in settings.configs if probes is None or name in probes)


def measure(
    settings: Settings,
    numbers: Sequence[int],
    probes: Sequence[str] | None = None,
    golden: Sequence[str] = (),
    golden_number: int | None = None,
) -> Measured:
    """Measure the probes of these settings.

    numbers: of the sets of pictures. golden: the probes of which pictures are kept: those of all `numbers`, and of set
    `golden_number` too, which isn't measured unless it is among them.

    Raises:
        WrongInput: a name isn't valid, an input can't be used, or the disk is full.
    """
    names = chosen_probes(settings, probes)
    found: dict[str, ProbeValues] = {}
    pictures: dict[str, dict[int, Tensor]] = {}
    more = [golden_number] if golden_number is not None and golden_number not in numbers else []
    with scratch():
        shared = Runner(_with(settings, names[:1], numbers)).inputs
        for name in progress(names, "probes", len(names)):
            looked = [*numbers, *more] if name in golden and settings.keep_pictures else list(numbers)
            runner = Runner(_with(settings, [name], looked))
            runner.inputs = shared
            found[name] = _one(runner, name, numbers)
            if found[name].status == "done" and name in golden and settings.keep_pictures:
                made = _pictures(runner, name, looked)
                if made is not None:
                    pictures[name] = made
        evaluator = shared.evaluator if pictures else None
    return Measured(settings.profile, settings.network, tuple(numbers), found, pictures, evaluator)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Within it results, and all of the cache but what is rendered, are in a new folder, which is removed after."""
    true = cache_root()
    before = {name: os.environ.get(name) for name in ("REPLICATIONS_RESULTS", "REPLICATIONS_CACHE")}
    with tempfile.TemporaryDirectory(prefix="regress-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "cache").mkdir()
        for kind in RENDERED:
            (true / kind).mkdir(parents=True, exist_ok=True)
            (folder / "cache" / kind).symlink_to((true / kind).resolve(), target_is_directory=True)
        os.environ["REPLICATIONS_RESULTS"] = str(folder / "results")
        os.environ["REPLICATIONS_CACHE"] = str(folder / "cache")
        try:
            yield folder
        finally:
            for variable, value in before.items():
                if value is None:
                    os.environ.pop(variable, None)
                else:
                    os.environ[variable] = value


def _with(settings: Settings, names: Sequence[str], numbers: Sequence[int]) -> Settings:
    """Settings that run these probes on these sets and know no other."""
    configs = {name: with_numbers(settings.configs[name], numbers) for name in names}
    return dataclasses.replace(
        settings, configs=configs, experiments=None, full=True, record=False, measure=True, seed=0
    )


def with_numbers(config: Mapping[str, Any], numbers: Sequence[int] | None) -> dict[str, Any]:
    """A probe's configuration with the numbers of its sets of pictures, or with none.

    They stand in `protocol.seeds`, also in that of a profile, or in `seeds` where there is no protocol.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(config))
    places = [changed, *(own for own in (changed.get("by_profile") or {}).values() if isinstance(own, dict))]
    for place in places:
        if isinstance(place.get("protocol"), dict):
            place["protocol"]["seeds"] = None if numbers is None else list(numbers)
        elif "seeds" in place or (place is changed and "protocol" not in place):
            place["seeds"] = None if numbers is None else list(numbers)
    return changed


def _one(runner: Runner, name: str, numbers: Sequence[int]) -> ProbeValues:
    (result,) = runner.results()
    if result.status != "done":
        status: Status = "failed" if result.status == "failed" else "not run"
        return ProbeValues(name, result.title, status, result.sentence)
    assert result.folder is not None
    document = read_document(result.folder)
    assert document is not None
    try:
        measures = read_values(document, floors(runner.experiment(name)), numbers)
    except (MalformedProbe, ValueError) as error:
        return ProbeValues(name, result.title, "failed", str(error))
    if not measures:
        return ProbeValues(name, result.title, "failed", "none of its measures is defined")
    provenance = document["provenance"]
    made = _made(runner, name, provenance["identity"])
    return ProbeValues(name, result.title, "done", "", measures, made, {key: provenance[key] for key in KEPT})


def floors(experiment: Experiment) -> dict[str, float]:
    """The floor of each measure of a cell, by its name; a probe says its own in its table `measures`."""
    measured = getattr(experiment, "measured", {})
    return {name: float(measure.floor) for name, measure in measured.items()}


def _made(runner: Runner, name: str, identity: Mapping[str, Any]) -> Made:
    config = with_numbers(for_profile(runner.settings.configs[name], runner.settings.profile), None)
    inputs = {part: identity[part] for part in PARTS if identity.get(part) is not None}
    inputs |= {key: identity[key] for key in ("files", "reads") if identity.get(key)}
    return Made(portable(config), portable(inputs))


def _pictures(runner: Runner, name: str, numbers: Sequence[int]) -> dict[int, Tensor] | None:
    """The pictures to be kept of each set, which the probe has just made."""
    experiment = runner.experiment(name)
    if not is_shown(experiment):
        raise WrongInput(f"conf/paper/{PAPER}.yaml: golden: '{name}' is no cell of a comparison, and makes no pictures")
    try:
        return pictures_of(experiment, runner.context(experiment, name), numbers)
    except MissingInput as error:
        say(f"{name}: no golden pictures: {error}")
        return None
