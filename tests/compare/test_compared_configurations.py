"""The project's own files are all that deconvnet, variants and inversions need of zfnet_small, and of nothing else."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from three_colours import network, protocol

from replications.compare.method import ComparedMethod
from replications.paths import project_root
from replications.ppgn.variants import NAMES, TITLES

INVERTED = ("inverted_pool5", "inverted_relu6")
GROUPS = ("ppgn", "inversion_networks")


def written(name: str) -> dict[str, Any]:
    """The file of a cell as it stands."""
    text = (project_root() / f"conf/experiment/compare/{name}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@functools.cache
def composed() -> dict[str, Any]:
    """The network of the profile, and what the cells take from other groups."""
    with initialize_config_dir(str(project_root() / "conf"), version_base="1.3"):
        added = [f"+{group}@taken.{group}=zfnet_small" for group in GROUPS]
        config = compose("config", ["paper=compare", "profile=laptop", "tracking=disabled", *added])
    return {"network": instantiate(config.network, _convert_="all"), **OmegaConf.to_container(config.taken)}  # type: ignore[dict-item]


def method_of(name: str) -> ComparedMethod:
    file = written(name)
    taken = {}
    for choice in file["defaults"]:
        if isinstance(choice, dict):
            ((key, option),) = choice.items()
            group, _, package = key.removeprefix("/").partition("@")
            if group in GROUPS:
                assert option == "zfnet_small"
                taken[package.removeprefix("method.")] = composed()[group]
    method = instantiate({**file["method"], **taken}, _recursive_=False, _convert_="all")
    assert isinstance(method, ComparedMethod)
    return method


@pytest.mark.parametrize("name", ["deconvnet", *INVERTED, *NAMES])
def test_it_can_be_made_for_the_projects_network_alone(name: str) -> None:
    method = method_of(name)
    own: Any = SimpleNamespace(network=composed()["network"])
    other: Any = SimpleNamespace(network=network())
    assert method.missing(own, protocol()) is None
    lacking = method.missing(other, protocol())
    assert (lacking is None) == (name == "deconvnet")
    assert lacking is None or "'tiny'" in lacking


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_has_both_settings(name: str) -> None:
    equal, published = written(name), written(f"published_{name}")
    assert published["method"] == equal["method"]
    assert (published["name"], equal["name"]) == (f"published_{name}", name)
    assert equal["defaults"][0] == {"/compared@_here_": "base"}
    assert published["defaults"] == [{"/compared@_here_": "published"}, *equal["defaults"][1:]]
    assert (equal["method"]["variant"], equal["method"]["title"]) == (name, TITLES[name])
