"""Generators written and loaded again, what is refused, and how well they give images back."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from tiny_generators import Stripes, tiny_network, tiny_recipe

from replications.data.image_set import DataSource
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.weights import UnmadeWeights, WeightsError
from replications.networks.zfnet import zfnet_small
from replications.ppgn import weights
from replications.ppgn.dae import load_dae
from replications.ppgn.encoder import Encoder
from replications.ppgn.generator import Generator, small_generator
from replications.ppgn.load import GeneratorMismatch, check_fit, load_generator
from replications.ppgn.priors import DoesNotFit, JointPrior
from replications.ppgn.reconstruction import reconstruct
from replications.ppgn.runs import GeneratorJob, train_generator


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Generator]:
    """A generator's file, and the generator."""
    root = tmp_path_factory.mktemp("generators")
    job = GeneratorJob(tiny_network(), Stripes(), tiny_recipe(steps=2))
    found = train_generator(job, root, progress=False)
    errors = reconstruct(found.generator, job.encoder, Stripes(seed=1), torch.arange(20))
    path = root / "tiny.safetensors"
    state = found.generator.state_dict()
    weights.write_generator(path, state, found, errors, Stripes(seed=1), weights.Wanted("noiseless_joint"))
    return path, found.generator


def test_what_is_written_is_loaded_with_its_encoder_and_code_range(written: tuple[Path, Generator]) -> None:
    path, generator = written
    network = tiny_network()
    loaded = load_generator(str(path), network)
    code = torch.rand(2, generator.code_size)
    assert torch.equal(loaded.generator(code), generator(code))
    assert (loaded.encoder.code_layer, loaded.encoder.comparator_layer) == ("relu6", "pool5")
    codes = network.forward_to("relu6", (Stripes().pixels * 255).round() / 255)
    assert loaded.code_range == pytest.approx((float(codes.min()), float(codes.max())))
    assert not any(parameter.requires_grad for parameter in loaded.generator.parameters())


def test_another_encoder_is_refused_with_what_differs(written: tuple[Path, Generator]) -> None:
    path, _ = written
    with pytest.raises(GeneratorMismatch, match=r"trained with the encoder tiny \(\w+\), but tiny \(\w+\) has other"):
        load_generator(str(path), tiny_network(seed=1))
    module = zfnet_small(3, input_size=32, widths=(6, 6, 6, 6, 5), fc_widths=(12, 6), init="he")
    other = Network(module, name="grey", classes=("a", "b", "c"), preprocessing=Preprocessing(32))
    with pytest.raises(GeneratorMismatch, match=r"but grey .* has other weights, layers or preprocessing"):
        load_generator(str(path), other)
    with pytest.raises(GeneratorMismatch, match=r"codes of 13 numbers, but layer 'relu6' of network 'tiny' has 12"):
        check_fit(small_generator(13, 16, 1), tiny_network())


def test_once_loaded_it_still_refuses_another_encoder(written: tuple[Path, Generator]) -> None:
    """A prior of an encoder of the same form, with other weights, would pull codes to where they mean nothing."""
    path, _ = written
    generator = load_generator(str(path), tiny_network()).generator
    JointPrior(tiny_network(), "relu6").check(generator, (12,))
    with pytest.raises(DoesNotFit, match=r"was trained with the encoder \w+, and this one is \w+; encoder 'tiny'"):
        JointPrior(tiny_network(seed=1), "relu6").check(generator, (12,))
    in_another_process = pickle.loads(pickle.dumps(generator))
    with pytest.raises(DoesNotFit):
        JointPrior(tiny_network(seed=1), "relu6").check(in_another_process, (12,))


def test_files_that_are_missing_or_something_else_are_named(written: tuple[Path, Generator], tmp_path: Path) -> None:
    network = tiny_network()
    with pytest.raises(UnmadeWeights, match=r"`python -m replications.ppgn.weights generator_nowhere` trains it"):
        load_generator("generator_nowhere", network)
    with pytest.raises(WeightsError, match="describe a generator and its encoder"):
        load_generator("zfnet_small", network)
    path, _ = written
    description = json.loads(path.with_suffix(".json").read_text())
    for change, words in (
        ({"architecture": "gan"}, "names a 'gan', not one of small_generator"),
        ({"arguments": {"code": 12, "size": 64, "width": 2}}, "don't fit"),
    ):
        copied = tmp_path / "copied.safetensors"
        copied.write_bytes(path.read_bytes())
        copied.with_suffix(".json").write_text(json.dumps(description | change))
        with pytest.raises(WeightsError, match=words):
            load_generator(str(copied), network)


def test_reconstruction_is_what_its_definition_says() -> None:
    network, data = tiny_network(), Stripes()
    encoder, indices = Encoder(network, "relu6", "pool5"), torch.arange(3, 33)
    generator = small_generator(12, 32, 2)
    found = reconstruct(generator, encoder, data, indices)
    real = (data.pixels[indices] * 255).round() / 255
    with torch.no_grad():
        made = generator(encoder.code(real))
        features = [(made, real), *zip(encoder.features(made), encoder.features(real), strict=True)]
        same = network.logits(made).argmax(1) == network.logits(real).argmax(1)
    errors = [
        float((a.double() - b.double()).square().sum() / (b.double() - b.double().mean(0)).square().sum())
        for a, b in features
    ]
    assert [found.image, found.comparator, found.code] == pytest.approx(errors, rel=1e-4)
    assert found.class_kept == pytest.approx(float(same.float().mean()))
    spread = (made.double().var(0).sum() / real.double().var(0).sum()).sqrt()
    assert found.spread == pytest.approx(float(spread), rel=1e-4)
    assert found.images == 30
    with pytest.raises(ValueError, match="images of 16 pixels, and those of stripes have 32"):
        reconstruct(small_generator(12, 16, 2), encoder, data, indices)


@pytest.fixture
def small_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command on images and an encoder that take no time."""
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path / "cache"))
    source = DataSource("stripes", Stripes(70), Stripes(20, seed=1))
    monkeypatch.setattr(weights, "facetworld", lambda **_settings: source)
    monkeypatch.setattr(weights, "_network", lambda _name: tiny_network())
    return tmp_path


@pytest.mark.parametrize("name", list(weights.GENERATORS))
def test_command_writes_each_generator_with_its_sheets(small_world: Path, name: str) -> None:
    weights.train([name], small_world, "cpu", steps=2)
    loaded = load_generator(str(small_world / f"{name}.safetensors"), tiny_network())
    assert loaded.description["validation"]["images"] == 20
    assert loaded.description["command"].endswith(name)
    assert {value.dtype for value in loaded.generator.state_dict().values()} == {torch.float32}
    [sheet] = (small_world / "cache").glob("generators/*/sheets/*.png")
    assert sheet.name == "step-0000002.png"


@pytest.mark.parametrize(("name", "shape"), [("dae_code", (5,)), ("dae_pixels", (3, 32, 32))])
def test_command_writes_autoencoders_and_trains_each_once(
    small_world: Path, monkeypatch: pytest.MonkeyPatch, name: str, shape: tuple[int, ...]
) -> None:
    weights.train([name], small_world, "cpu", steps=2)
    first, about = load_dae(small_world / f"{name}.safetensors", shape)
    assert about["settings"]["steps"] == 2
    assert about["validation"]["images"] == 20
    assert all(torch.equal(value, value.half().float()) for value in first.parameters())
    monkeypatch.delattr(weights, "train_dae")
    weights.train([name], small_world, "cpu", steps=2)
    again, _ = load_dae(small_world / f"{name}.safetensors", shape)
    assert all(torch.equal(v, again.state_dict()[key]) for key, v in first.state_dict().items())


def test_command_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        weights.main(["generator_fast"])
    assert "no 'generator_fast'; there are generator_noiseless_joint, generator_joint" in capsys.readouterr().err
