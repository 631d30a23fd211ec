"""Networks by their configurations: what they lack, and their random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from coloured_squares import network

from replications.suite.interface import MissingInput
from replications.survey.known_networks import absent, lacking_concepts, load, with_random_weights

OWN: dict[str, Any] = {"name": "a", "weights": "results/weights/zfnet_small.safetensors", "unit_layers": {5: "relu5"}}


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        (None, "needs trained networks; choose some of conf/network"),
        ({"a": {**OWN, "weights": None}}, "'a' has no weights; name them as networks.a.weights"),
        ({"a": {**OWN, "unit_layers": {1: "relu1"}}}, "needs the paper's layer 5, which network 'a' doesn't name"),
        (
            {"a": {**OWN, "weights": "weights/none.safetensors"}},
            "needs weights/none.safetensors, the weights of network",
        ),
    ],
)
def test_what_a_network_lacks_is_said(
    configs: dict[str, Any] | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATIONS_DATA", str(tmp_path))
    assert message in str(absent(configs, 5))


def test_without_a_folder_of_data_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPLICATIONS_DATA", raising=False)
    assert "REPLICATIONS_DATA" in str(absent({"a": {**OWN, "weights": "weights/none.safetensors"}}, 5))


def test_nothing_is_lacking_where_weights_are_there_or_are_downloaded() -> None:
    assert absent({"a": OWN, "b": {**OWN, "weights": "IMAGENET1K_V1"}}, 5) is None


def test_concepts_are_asked_for_at_the_size_of_the_first_network() -> None:
    squares = {"_target_": "replications.data.concepts.facetworld.facetworld", "images": 30, "size": None}
    assert lacking_concepts(squares, {"a": {**OWN, "preprocessing": {"size": 64}}}) is None
    assert "needs images whose concepts are labelled" in str(lacking_concepts(None, {"a": OWN}))


def test_a_network_is_built_by_its_configuration_and_by_nothing_else() -> None:
    config = {
        "_target_": "replications.networks.load.architecture",
        "name": "small",
        "factory": {"_target_": "replications.networks.zfnet.zfnet_small", "_partial_": True},
        "classes": 3,
        "preprocessing": {"size": 64},
        "unit_layers": {5: "relu5"},
    }
    assert load(config, torch.device("cpu")).shape("relu5") == (64, 7, 7)
    with pytest.raises(ValueError, match=r"a network is built by .*; found 'os.system'"):
        load({"_target_": "os.system"}, torch.device("cpu"))
    with pytest.raises(MissingInput, match="needs the network 'small': "):
        load({**config, "weights": "results/weights/not_there.safetensors"}, torch.device("cpu"))


def test_random_weights_depend_on_seed_network_and_number_alone() -> None:
    given = network()
    before = given.fingerprint
    first, again, other = (with_random_weights(given, 0, number) for number in (0, 0, 1))
    assert first.fingerprint == again.fingerprint
    assert len({before, first.fingerprint, other.fingerprint, with_random_weights(given, 1, 0).fingerprint}) == 4
    assert given.fingerprint == before == network().fingerprint
