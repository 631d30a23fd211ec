"""Chains of every variant for classes and hidden units, beside what the replication of Nguyen et al. 2017 samples."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file
from three_colours import SIZE, context, material, network, protocol, subject

from replications.compare.material import Material
from replications.compare.methods.plug_and_play import PlugAndPlay, asked
from replications.compare.subjects import LookedAt
from replications.networks.network import Network
from replications.networks.unit import Unit
from replications.paths import project_root
from replications.ppgn.conditions import LogSoftmax
from replications.ppgn.dae import CodeDAE, PixelDAE, save_dae
from replications.ppgn.generator import small_generator
from replications.ppgn.unit_pictures import Task, ppgn_pictures
from replications.ppgn.variants import NAMES, Variants

EVERY = 5  # steps until a chain for a hidden unit starts anew


@pytest.fixture(autouse=True)
def one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of chains one after the other, and a cache of the test's own."""

    def in_turn(function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        return (function(*job) for job in jobs)

    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("replications.ppgn.parts.side_by_side", in_turn)


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """As in conf/ppgn, with files of untrained models and shorter chains."""
    own = network()
    arguments = {"code": 12, "size": SIZE, "width": 2, "encoder_layer": "relu6"}
    made = small_generator(12, SIZE, 2, encoder_layer="relu6")
    paths = {name: tmp_path / f"{name}.safetensors" for name in ("generator", "codes", "pixels")}
    save_file({name: tensor.contiguous() for name, tensor in made.state_dict().items()}, paths["generator"])
    said = {"network": own.name, "fingerprint": own.fingerprint}
    encoder = {**said, "code_layer": "relu6", "comparator_layer": "pool5"}
    codes = {"low": 0.0, "high": 1.0, "root_mean_square": 0.5}
    described = {"architecture": "small_generator", "arguments": arguments, "encoder": encoder, "codes": codes}
    paths["generator"].with_suffix(".json").write_text(json.dumps(described))
    save_dae(paths["codes"], CodeDAE(12, 0.1), {**said, "layer": "relu6"})
    save_dae(paths["pixels"], PixelDAE(SIZE, 0.1, 4), {})
    files = {name: {"generator": str(paths["generator"])} for name in NAMES}
    files["ppgn_x"] = {"autoencoder": str(paths["pixels"])}
    files["ppgn_h"]["autoencoder"] = str(paths["codes"])
    samplers: dict[str, Any] = {}
    for name in NAMES:
        found: Any = OmegaConf.to_container(OmegaConf.load(project_root() / f"conf/sampler/{name}.yaml"))
        if "hidden" in found.get("tasks", {}):
            found["tasks"]["hidden"] |= {"steps": 2 * EVERY, "reset_every": EVERY}
        samplers[name] = {**found, "steps": 6}
    known = {"network": "tiny", "known_images": 60, "rate_factor": 0.5, "clip": "range"}
    return {**known, "samplers": samplers, "files": files}


def subjects(own: Network) -> list[Any]:
    """Two classes, a unit below the code's layer and one above it."""
    below, above = Unit("relu4", 1, (1, 1)), Unit("relu7", 2)
    return [subject(own, Unit("fc8", 0)), subject(own, Unit("fc8", 2)), subject(own, below, 4), subject(own, above, 7)]


def given(tmp_path: Path, number: int = 0, **changes: Any) -> Material:
    own = network()
    return material(tmp_path, own, subjects(own), number=number, **changes)


def variants_of(config: dict[str, Any], one: Material) -> Variants:
    return Variants(config, one.network, LookedAt(one.images, one.indices))


def test_classes_are_asked_for_as_in_the_paper_and_hidden_units_as_released() -> None:
    own = network()
    conditions = [asked(own, one) for one in subjects(own)]
    assert [one.objective for one in conditions] == [
        LogSoftmax(Unit("fc8", 0)),
        LogSoftmax(Unit("fc8", 2)),
        LogSoftmax(Unit("conv4", 1, (1, 1)), "own_logit"),
        LogSoftmax(Unit("fc7", 2), "own_logit"),
    ]


@pytest.mark.parametrize("variant", NAMES)
def test_each_picture_is_the_end_of_a_chain_of_as_many_steps_as_passes(
    tmp_path: Path, config: dict[str, Any], variant: str
) -> None:
    one = given(tmp_path, number=1)
    made = PlugAndPlay("a variant", variant, config).visualize(one, 4)
    made.check(4, 3, SIZE)
    own = variants_of(config, one).get(variant, steps=4)
    for which, pictures in zip(one.subjects, made.images, strict=True):
        wanted = [asked(one.network, which)] * 3
        chains = own.sampler.run(wanted, seed=0, numbers=[3, 4, 5])  # those of the second set
        assert len(chains.values) == 4 + 1
        assert not chains.diverged
        assert torch.allclose(own.made(chains.codes).clamp(0, 1), pictures, atol=1e-4)


@pytest.mark.parametrize(
    ("variant", "costs"),
    [
        ("ppgn_x", (4.0, 2.0)),  # of an autoencoder only forward
        ("dgn_am", (4.0, 4.5)),  # and what the code at the end shows
        ("ppgn_h", (4.0, 6.5)),
        ("noiseless_joint_ppgn_h", (4.0 + 2.0 / 4, 4.5)),  # of one unit in four the encoder goes on
    ],
)
def test_what_the_chains_cost(
    tmp_path: Path, config: dict[str, Any], variant: str, costs: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    images: list[int] = []
    plain = Network.activations

    def counted(self: Network, layers: Any, shown: Any, **how: Any) -> Any:
        if shown.requires_grad:
            images.append(len(shown))
        return plain(self, layers, shown, **how)

    monkeypatch.setattr(Network, "activations", counted)
    made = PlugAndPlay("a variant", variant, config).visualize(given(tmp_path), 4)
    assert (made.passes, made.generator_passes) == costs
    assert made.looked_at == 60
    assert sum(images) == 4 * 4 * 3  # steps, units, pictures: each forward and back once


@pytest.mark.parametrize("variant", ["dgn_am", "joint_ppgn_h"])
def test_the_published_setting_is_the_variants_own(tmp_path: Path, config: dict[str, Any], variant: str) -> None:
    one = given(tmp_path)
    made = PlugAndPlay("a variant", variant, config).visualize(one, None)
    own = variants_of(config, one).get(variant)
    chains = own.sampler.run([asked(one.network, one.subjects[0])] * 3)
    assert len(chains.values) == 6 + 1
    assert torch.allclose(own.made(chains.codes), made.images[0], atol=1e-4)
    if variant == "dgn_am":  # which has no task for hidden units
        chains = own.sampler.run([asked(one.network, one.subjects[3])] * 3)
        assert torch.allclose(own.made(chains.codes), made.images[3], atol=1e-4)
        assert made.passes == 6.0
        return
    restarted = variants_of(config, one).get(variant, task="hidden")
    tasks = [Task(which.unit, 0) for which in one.subjects[2:]]
    expected = ppgn_pictures(context(tmp_path, one.network), restarted, tasks, 3).images
    assert torch.allclose(expected, made.images[2:], atol=1e-4)
    assert made.passes == (2 * 6 + (EVERY + EVERY / 2) + EVERY) / 4


def test_a_set_is_made_alike_again_and_another_is_another(tmp_path: Path, config: dict[str, Any]) -> None:
    method = PlugAndPlay("a variant", "ppgn_h", config)
    first = method.visualize(given(tmp_path / "a"), 4).images
    again = method.visualize(given(tmp_path / "b"), 4).images
    other = method.visualize(given(tmp_path / "a", number=1), 4).images
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-3)


def test_a_set_that_was_cut_off_goes_on_with_its_finished_parts(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    method, one = PlugAndPlay("a variant", "dgn_am", config), given(tmp_path)
    made = method.visualize(one, 4).images
    assert list(one.workspace.glob("dgn_am-*.safetensors"))
    monkeypatch.setattr("replications.ppgn.sampler._Run.step", None)  # nothing is sampled any more
    assert torch.equal(method.visualize(given(tmp_path), 4).images, made)


def test_it_says_which_generator_it_lacks(tmp_path: Path, config: dict[str, Any]) -> None:
    method = PlugAndPlay("a variant", "dgn_am", config)
    here = context(tmp_path, network())
    assert method.missing(here, protocol()) is None
    other = dataclasses.replace(method, ppgn={**config, "network": "zfnet"})
    said = "needs a generator for codes of 'tiny', and those of the project are for 'zfnet'"
    assert other.missing(here, protocol()) == said
    Path(config["files"]["dgn_am"]["generator"]).unlink()
    assert "needs" in str(method.missing(here, protocol()))


def test_there_are_five_variants(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no variant 'ppgn_y'"):
        PlugAndPlay("a variant", "ppgn_y", config)
