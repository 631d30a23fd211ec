"""From what was typed to `Settings`: the paper's experiments are found, and wrong names get one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replications.suite.errors import WrongInput, unknown
from replications.suite.launch import is_sweep, register_resolvers
from replications.suite.settings import MEASURED_PARTS, Settings, chosen, in_order

if TYPE_CHECKING:
    from argparse import Namespace

    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.errors import OverrideParseException
    from omegaconf import DictConfig


# What people call a group of the configuration.
PEOPLE = {"data": "data set", "tracking": "way of tracking", "network@evaluator": "evaluator"}


def complete(conf: Path, arguments: Sequence[str]) -> list[str]:
    """The arguments with the paper's experiments added, each under `experiment.NAME`.

    Args:
        conf: the project's configuration folder.
        arguments: as typed; Hydra's options may be among them.

    Raises:
        WrongInput: a name, a key or a value is not valid.
    """
    register_resolvers()
    typed = parse(arguments)
    special = is_special(typed)
    loader = loader_of(conf, typed.config_dir)
    papers = loader.get_group_options("paper")
    paper = next((o.partition("=")[2] for o in typed.overrides if o.startswith("paper=")), None)
    paper = paper or _default(loader, "paper")
    if paper not in papers:
        raise WrongInput(unknown("paper", paper, papers))
    added = [
        f"+experiment/{paper}@experiment.{name}={name}"
        for name in in_order(loader.get_group_options(f"experiment/{paper}"))
    ]
    if not special:
        for name, _, value in (override.partition("=") for override in typed.overrides):
            if name == "evaluator" and value != "null" and not value.startswith("{"):
                raise WrongInput(f"the evaluator is one of the networks: name it by network@evaluator={value}")
            options = loader.get_group_options(name.lstrip("+").partition("@")[0])
            if value == "null" and options:
                none = ", or evaluator=null for none" if name == "network@evaluator" else ""
                raise WrongInput(f"{name}=null chooses nothing; choose one of {', '.join(options)}{none}")
        for overrides in runs_of(typed.overrides) if is_sweep(typed) else [typed.overrides]:
            _check(loader, [*added, *overrides])
    return [*arguments, *added]


def settings_of(config: DictConfig) -> Settings:
    """The composed configuration as plain values.

    Raises:
        WrongInput: a value is not valid.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise WrongInput(_first_line(error)) from error
    assert isinstance(plain, dict)
    values: dict[str, Any] = {str(key): value for key, value in plain.items()}
    for key in ("full", "record", "measure"):
        if not isinstance(values[key], bool):
            raise WrongInput(f"{key} must be true or false, found '{values[key]}'")
    if isinstance(values["seed"], bool) or not isinstance(values["seed"], int) or values["seed"] < 0:
        raise WrongInput(f"seed must be a whole number from 0, found '{values['seed']}'")
    hydra = HydraConfig.get()
    choices = hydra.runtime.choices
    configs = {str(name): dict(values["experiment"][name]) for name in in_order(values.get("experiment") or {})}
    return Settings(
        paper=values["paper"]["name"],
        profile=values["profile"]["name"],
        keep_pictures=values["profile"]["keep_pictures"],
        network=str(choices["network"]),
        own_network=_own_network(hydra, str(choices["profile"])),
        seed=values["seed"],
        device=str(values["device"]),
        full=values["full"],
        record=values["record"],
        measure=values["measure"],
        experiments=chosen(values["experiments"], configs),
        parts={part: values.get(part) for part in MEASURED_PARTS},
        configs=configs,
        tracking=values["tracking"],
        about=str(values["profile"].get("about") or ""),
        pages=tuple(values["paper"].get("pages") or ()),
        front=str(values["paper"].get("front") or ""),
        overrides=tuple(o for o in hydra.overrides.task if not o.startswith("+experiment/")),
    )


def _own_network(hydra: Any, profile: str) -> str:
    """The network that the profile chooses by itself: its file's default."""
    from omegaconf import OmegaConf

    for source in hydra.runtime.config_sources:
        path = Path(source.path, "profile", f"{profile}.yaml")
        if source.schema == "file" and path.is_file():
            loaded: Any = OmegaConf.to_container(OmegaConf.load(path))
            for entry in loaded.get("defaults", []):
                if isinstance(entry, dict) and "override /network" in entry:
                    return str(entry["override /network"])
    return ""


def parse(arguments: Sequence[str]) -> Namespace:
    """The arguments as Hydra parses them."""
    from hydra._internal.utils import get_args_parser

    typed: Namespace = get_args_parser().parse_args(list(arguments))
    return typed


def options_first(arguments: Sequence[str]) -> list[str]:
    """The same arguments with what begins with a dash, and its values, before the rest: Hydra wants no mixture."""
    from hydra._internal.utils import get_args_parser

    overrides: list[str] = get_args_parser().parse_intermixed_args(list(arguments)).overrides
    left = list(overrides)
    options = []
    for argument in arguments:
        if argument in left:
            left.remove(argument)
        else:
            options.append(argument)
    return [*options, *overrides]


def is_special(typed: Namespace) -> bool:
    """Whether the arguments ask for help or for the configuration instead of a run."""
    return any((typed.help, typed.hydra_help, typed.info, typed.cfg, typed.shell_completion))


def search_path(conf: Path, extra: str | None) -> ConfigSearchPath:
    """The configuration folders that `hydra.main` will use. extra: what --config-dir names."""
    from hydra._internal.utils import create_config_search_path

    search = create_config_search_path(str(conf))
    if extra is not None:
        if not Path(extra).is_dir():
            raise WrongInput(f"--config-dir names '{extra}', which is not a folder")
        search.prepend("command-line", f"file://{Path(extra).resolve()}", anchor="schema")
    return search


def loader_of(conf: Path, extra: str | None) -> ConfigLoaderImpl:
    """Hydra's own loader over the configuration folders."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

    return ConfigLoaderImpl(search_path(conf, extra))


def _default(loader: ConfigLoaderImpl, group: str) -> str:
    """The option that config.yaml chooses in a group."""
    loaded = loader.repository.load_config("config.yaml")
    assert loaded is not None
    assert loaded.defaults_list is not None
    return next(str(d.value) for d in loaded.defaults_list if getattr(d, "group", None) == group)  # type: ignore[attr-defined]


def runs_of(overrides: list[str]) -> list[list[str]]:
    """The overrides of each run of a sweep ("seed=0,1" is two runs)."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except OverrideParseException as error:
        raise _unreadable(error) from error
    return [run for batch in BasicSweeper.split_arguments(parsed, max_batch_size=None) for run in batch]


def _unreadable(error: OverrideParseException) -> WrongInput:
    return WrongInput(f"can't read the argument '{error.override}': expected NAME=VALUE")


def _check(loader: ConfigLoaderImpl, overrides: Sequence[str]) -> None:
    """Compose once, to put what is wrong into words."""
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException
    from hydra.types import RunMode
    from omegaconf.errors import OmegaConfBaseException

    try:
        loader.load_configuration("config", list(overrides), run_mode=RunMode.RUN)
    except MissingConfigException as error:
        group, _, name = (error.missing_cfg_file or "").rpartition("/")
        if not group or error.options is None:
            raise WrongInput(_first_line(error)) from error
        raise WrongInput(unknown(PEOPLE.get(group, group), name, error.options)) from error
    except OverrideParseException as error:
        raise _unreadable(error) from error
    except (HydraException, OmegaConfBaseException) as error:
        key = re.match(r"Could not override '([^'@]+)'", str(error))
        if key is None:
            raise WrongInput(_first_line(error)) from error
        raise WrongInput(_unknown_key(loader, key.group(1), overrides)) from error


def _unknown_key(loader: ConfigLoaderImpl, key: str, overrides: Sequence[str]) -> str:
    """A sentence about a setting that there isn't, with those that there are at its place."""
    from hydra.types import RunMode
    from omegaconf import DictConfig

    groups = [o for o in overrides if loader.get_group_options(o.lstrip("+").partition("=")[0].partition("@")[0])]
    at: Any = loader.load_configuration("config", groups, run_mode=RunMode.RUN)
    above: list[str] = []
    for part in key.split("."):
        if not isinstance(at, DictConfig):
            return f"'{'.'.join(above)}' is a single value and holds no '{part}'"
        if part not in at:
            return unknown("setting", part, (str(k) for k in at if k != "hydra")) + (
                f" (in {'.'.join(above)})" if above else ""
            )
        above.append(part)
        at = at._get_node(part)
    return f"can't set '{key}'"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
