"""The five variants from files: what each is made of, what the encoder's configuration changes, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_generators import Stripes, tiny_network

from replications.networks.network import Network
from replications.ppgn import settings
from replications.ppgn.codes import RealCodes, encode
from replications.ppgn.dae import CodeDAE, PixelDAE, save_dae
from replications.ppgn.generator import small_generator
from replications.ppgn.load import GeneratorMismatch
from replications.ppgn.variants import NAMES, Variants, missing


@pytest.fixture(scope="module")
def encoder() -> Network:
    return tiny_network()


@pytest.fixture
def config(tmp_path: Path, encoder: Network) -> dict[str, Any]:
    """As in conf/ppgn, with files of untrained models."""
    import json

    from safetensors.torch import save_file

    made = small_generator(12, 32, 2, encoder_layer="relu6")
    save_file(made.state_dict(), tmp_path / "generator.safetensors")
    said = {"network": encoder.name, "fingerprint": encoder.fingerprint, "code_layer": "relu6"}
    description = {
        "architecture": "small_generator",
        "arguments": {"code": 12, "size": 32, "width": 2, "encoder_layer": "relu6"},
        "encoder": {**said, "comparator_layer": "pool5"},
        "codes": {"low": 0.0, "high": 1.0, "root_mean_square": 0.5},
    }
    (tmp_path / "generator.json").write_text(json.dumps(description))
    about = {"network": encoder.name, "fingerprint": encoder.fingerprint, "layer": "relu6"}
    save_dae(tmp_path / "code.safetensors", CodeDAE(12, 0.1), about)
    save_dae(tmp_path / "pixels.safetensors", PixelDAE(32, 0.1, 4), {})
    generator, code = str(tmp_path / "generator.safetensors"), str(tmp_path / "code.safetensors")
    return {
        "network": "tiny",
        "known_images": 30,
        "rate_factor": 0.25,
        "clip": "unit",
        "samplers": {name: _sampler(name) for name in NAMES},
        "files": {
            "ppgn_x": {"autoencoder": str(tmp_path / "pixels.safetensors")},
            "dgn_am": {"generator": generator},
            "ppgn_h": {"generator": generator, "autoencoder": code},
            "joint_ppgn_h": {"generator": generator},
            "noiseless_joint_ppgn_h": {"generator": generator},
        },
    }


def _sampler(name: str) -> dict[str, Any]:
    from omegaconf import OmegaConf

    from replications.paths import project_root

    found = OmegaConf.to_container(OmegaConf.load(project_root() / "conf/sampler" / f"{name}.yaml"), resolve=True)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def test_each_variant_has_its_prior_and_reads_its_layer(config: dict[str, Any], encoder: Network) -> None:
    variants = Variants(config, encoder, Stripes(40))
    found = {name: variants.get(name) for name in NAMES}
    assert [v.sampler.prior.kind for v in found.values()] == ["dae", "none", "dae", "joint", "joint"]
    assert [v.layer for v in found.values()] == [None, *["relu6"] * 4]
    images = Stripes(4, seed=3).pixels
    assert torch.equal(found["ppgn_x"].encode(images), images)
    assert torch.equal(found["ppgn_x"].made(images), images)
    codes = found["ppgn_h"].encode(images)
    assert torch.equal(codes, encode(encoder, "relu6", images))
    assert found["dgn_am"].made(codes).shape == (4, 3, 32, 32)


def test_rate_and_clipping_are_the_encoder_s_but_for_pixels(config: dict[str, Any], encoder: Network) -> None:
    variants = Variants(config, encoder, Stripes(40))
    for name in NAMES:
        published, found = settings.load(name), variants.get(name).sampler.settings
        factor, clip = (1.0, published.clip) if name == "ppgn_x" else (0.25, "unit")
        assert found.at("rate", 0) == factor * published.at("rate", 0)
        assert found.at("rate", 100) == factor * published.at("rate", 100)
        assert found.clip == clip
    asked = variants.get("joint_ppgn_h", "from_image", rate=0.7, clip="none").sampler.settings
    assert (asked.at("rate", 0), asked.clip) == (0.7, "none")
    assert variants.get("joint_ppgn_h", "from_image").sampler.settings.at("rate", 0) == 0.125


def test_knows_where_codes_of_so_many_training_images_lie(config: dict[str, Any], encoder: Network) -> None:
    images = Stripes(40)
    chosen = torch.randperm(40, generator=torch.Generator().manual_seed(0))[:30]
    expected = RealCodes.of(encode(encoder, "relu6", images.images(chosen)))
    found = Variants(config, encoder, images).known("relu6")
    assert torch.allclose(found.mean, expected.mean, atol=1e-6)
    assert torch.equal(found.high, expected.high)


def test_refuses_what_was_made_for_another_encoder(config: dict[str, Any]) -> None:
    variants = Variants(config, tiny_network(seed=1), Stripes(40))
    with pytest.raises(GeneratorMismatch, match="was trained with the encoder tiny"):
        variants.get("dgn_am")
    with pytest.raises(GeneratorMismatch, match="was trained on codes of tiny, which has other weights"):
        variants._autoencoder(config["files"]["ppgn_h"]["autoencoder"])
    with pytest.raises(ValueError, match="no variant 'ppgn'; there are ppgn_x, dgn_am"):
        variants.get("ppgn")


def test_says_which_file_is_not_there(config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = SimpleNamespace(network=SimpleNamespace(name=config["network"]))
    assert missing(config, given, ["dgn_am"]) is None
    config["files"]["dgn_am"]["generator"] = "generators/another.safetensors"
    said = "needs generators/another.safetensors, which is neither in the project nor in the folder"
    monkeypatch.delenv("REPLICATIONS_DATA", raising=False)
    assert said in str(missing(config, given, ["dgn_am"]))
    monkeypatch.setenv("REPLICATIONS_DATA", str(tmp_path))
    assert said in str(missing(config, given, ["dgn_am"]))
    (tmp_path / "generators").mkdir()
    (tmp_path / "generators/another.safetensors").touch()
    assert missing(config, given, ["dgn_am"]) is None
