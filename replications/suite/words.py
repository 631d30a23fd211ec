"""The first word of a command: `replicate ppgn ...` is `replicate paper=ppgn ...`; `all` and `index` are words too.

A paper's file in conf/paper may say more about its word:
  help: the function (conf, --config-dir or None) -> text that `replicate WORD --help` prints, by its dotted name
  command: the function (arguments) -> exit status that does what is asked in place of a replication
  turn: when `replicate all` runs it, 0 where nothing is said; null for never
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replications.suite.errors import WrongInput, unknown

if TYPE_CHECKING:
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

OWN: Mapping[str, str] = {
    "all": "replications.suite.whole.replicate_all",
    "index": "replications.suite.report.index.write_index",
}
HELP = ("--help", "-h")


def in_words(conf: Path, arguments: Sequence[str]) -> tuple[int | None, list[str]]:
    """The exit status where the first word has been done here, else None; and the arguments in Hydra's own form.

    Raises:
        WrongInput: there is no such word.
    """
    from replications.suite.command_line import loader_of

    word = arguments[0] if arguments else ""
    rest = list(arguments[1:])
    if not word or word.startswith("-") or "=" in word or word.startswith(("~", "+")):
        return None, list(arguments)
    extra = config_dir(rest)
    loader = loader_of(conf, extra)
    papers = loader.get_group_options("paper")
    if word in OWN:
        return _named(OWN[word])(rest), rest
    if word not in papers:
        raise WrongInput(unknown("word", word, [*papers, *OWN]) + "; settings are given as NAME=VALUE")
    said = paper_config(loader, word)
    if "command" in said:
        return _named(said["command"])(rest), rest
    if "help" in said and any(argument in HELP for argument in rest):
        print(_named(said["help"])(conf, extra).rstrip())
        return 0, rest
    return None, [f"paper={word}", *rest]


def paper_config(loader: ConfigLoaderImpl, paper: str) -> dict[str, Any]:
    """What the paper's file in conf/paper says."""
    from omegaconf import OmegaConf

    loaded = loader.repository.load_config(f"paper/{paper}.yaml")
    assert loaded is not None
    values: Any = OmegaConf.to_container(loaded.config)
    return {str(key): value for key, value in values.items()}


def _named(name: str) -> Callable[..., Any]:
    module, _, function = name.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def config_dir(arguments: Sequence[str]) -> str | None:
    """What `--config-dir` names among the arguments."""
    for argument, after in itertools.pairwise([*arguments, None]):
        if argument in ("--config-dir", "-cd"):
            return after
        if argument is not None and argument.startswith("--config-dir="):
            return argument.partition("=")[2]
    return None
