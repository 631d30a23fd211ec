"""Every profile composes with every network, data set and experiment there is, and choices win as they should."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, get_method
from omegaconf import OmegaConf

from replications.paths import project_root
from replications.suite.command_line import complete
from replications.suite.identity import targets
from replications.suite.interface import Experiment
from replications.suite.settings import Settings, chosen, for_profile, in_order

CONF = project_root() / "conf"


def _options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def _compose(*words: str) -> Any:
    arguments = complete(CONF, list(words))
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", arguments)


@cache
def _experiments(paper: str) -> Any:
    """The configuration of every experiment of a paper, by name."""
    return _plain(_compose(f"paper={paper}").experiment)


@pytest.mark.parametrize("paper", _options("paper"))
@pytest.mark.parametrize("profile", _options("profile"))
def test_every_profile_composes_with_everything(profile: str, paper: str) -> None:
    config = _compose(f"paper={paper}", f"profile={profile}")
    assert config.profile.name == profile
    assert set(config.experiment or {}) == set(_options(f"experiment/{paper}"))
    for part in (config.network, config.data):
        assert all(callable(get_method(name)) for name in targets(_plain(part)))


@pytest.mark.parametrize("profile", _options("profile"))
@pytest.mark.parametrize("group", ["network", "data"])
def test_a_choice_on_the_command_line_wins_over_the_profiles(group: str, profile: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for option in _options(group):
            config = _plain(compose("config", [f"profile={profile}", f"{group}={option}"])[group])
            written = _plain(compose(f"{group}/{option}")[group])
            assert config == written


@pytest.mark.parametrize(
    "path", sorted((CONF / "experiment").glob("*/*.yaml")), ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_an_experiments_file_names_it_and_its_parameters(path: Path) -> None:
    config = _experiments(path.parent.name)[path.stem]
    experiment = get_class(config["_target_"])
    assert issubclass(experiment, Experiment)
    assert (config.get("name") or experiment.name) == path.stem
    # what is measured again to see whether it got worse may be an experiment of another paper
    assert experiment.paper == path.parent.name or path.parent.name == "regress"
    fields = {field.name for field in dataclasses.fields(experiment)}  # type: ignore[arg-type]
    for profile in _options("profile"):
        assert set(for_profile(config, profile)) - {"_target_", "_recursive_"} <= fields
    assert set(config.get("by_profile") or {}) <= set(_options("profile"))


def _plain(config: Any) -> Any:
    return OmegaConf.to_container(config)


def test_figures_come_before_tables_by_number() -> None:
    names = ["table2", "fig10", "fig2", "table1", "method", "fig1"]
    assert in_order(names) == ["fig1", "fig2", "fig10", "table1", "table2", "method"]


def test_names_may_be_given_alone_or_in_a_list() -> None:
    valid = ["fig1", "fig2", "table1"]
    assert chosen("all", valid) is None
    assert chosen("fig2", valid) == ("fig2",)
    assert chosen(["table1", "fig1", "fig1"], valid) == ("fig1", "table1")


def test_what_was_typed_wins_over_the_profile() -> None:
    config = {"_target_": "x", "sets": 40, "draws": 5, "by_profile": {"natural": {"sets": 10, "draws": 2}}}
    assert for_profile(config, "laptop") == {"_target_": "x", "sets": 40, "draws": 5}
    assert for_profile(config, "natural") == {"_target_": "x", "sets": 10, "draws": 2}
    assert for_profile(config, "natural", typed=["sets"]) == {"_target_": "x", "sets": 40, "draws": 2}


def test_the_command_that_measures_an_experiment_anew_holds_every_choice() -> None:
    given = ["network@evaluator=zfnet_small_half", "experiment.a.steps=2", "experiment.b.steps=3", "tracking.mode=off"]
    parts: dict[str, Any] = {"profile": "laptop", "keep_pictures": True, "network": "zfnet_small", "own_network": ""}
    run: dict[str, Any] = {"seed": 3, "device": "cpu", "full": False, "record": False, "measure": True}
    none: dict[str, Any] = {"experiments": None, "parts": {}, "configs": {}, "tracking": {}}
    settings = Settings(paper="multifaceted", **parts, **run, **none, overrides=tuple(given))
    assert settings.command("a", False) == (
        "replicate paper=multifaceted profile=laptop network=zfnet_small seed=3 experiments=a "
        "'network@evaluator=zfnet_small_half' experiment.a.steps=2"
    )
    assert settings.command(None, True) == (
        "replicate paper=multifaceted profile=laptop network=zfnet_small seed=3 full=true "
        "'network@evaluator=zfnet_small_half' experiment.a.steps=2 experiment.b.steps=3"
    )
