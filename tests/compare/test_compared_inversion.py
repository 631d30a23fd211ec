"""Mean codes of what units like, inverted by a network whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from three_colours import Stripes, context, material, network, protocol, subject

from replications.compare.methods.inverted import Inverted, parts_of
from replications.networks.unit import Unit
from replications.survey.inversion_networks import load_inversion
from replications.survey.upconvolution import UpConvolution


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATIONS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """As in conf/inversion_networks, with files of untrained networks that answer to their codes."""
    own, files = network(), {}
    for layer in ("pool5", "relu6"):
        arguments: dict[str, Any] = {
            "code_shape": list(own.shape(layer)),
            "image_size": own.input_size,
            "width": 8,
            "hidden": 8,
            "layer": layer,
        }
        made = UpConvolution(**arguments, seed=3)
        made.take_statistics(torch.full((3, 32, 32), 0.4), 0.1)
        path = tmp_path / f"{layer}.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in made.state_dict().items()}, path)
        inverts = {"network": own.name, "fingerprint": own.fingerprint, "layer": layer}
        description = {"architecture": "UpConvolution", "arguments": arguments, "inverts": inverts}
        path.with_suffix(".json").write_text(json.dumps(description))
        files[layer] = [str(path)]
    return {"network": "tiny", "files": files}


def subjects() -> list[Any]:
    own = network()
    return [subject(own, Unit("fc8", 2)), subject(own, Unit("relu4", 0, (1, 1)), 4), subject(own, Unit("relu6", 1), 6)]


@pytest.mark.parametrize("layer", ["pool5", "relu6"])
def test_the_mean_code_of_identical_images_is_inverted_as_that_image(
    tmp_path: Path, config: dict[str, Any], layer: str
) -> None:
    images = Stripes(120)
    images.pixels[images.labels == 2] = images.pixels[2].clone()
    given = material(tmp_path, network(), subjects()[:1], images=images)
    made = Inverted("inverted", layer, config).visualize(given, None)
    expected = load_inversion(config["files"][layer][0], given.network).of_images(images.images([2]))[0]
    assert made.images.shape == (1, 3, 3, 32, 32)
    for picture in made.images[0]:
        assert torch.allclose(picture, expected, atol=1e-5)
    assert (made.passes, made.generator_passes) == (0.0, 0.5)


def test_it_inverts_the_means_of_disjoint_parts_of_what_units_like(tmp_path: Path, config: dict[str, Any]) -> None:
    given = material(tmp_path, network(), subjects())
    made = Inverted("inverted", "relu6", config).visualize(given, 4)
    made.check(3, 3, 32)
    loaded = load_inversion(config["files"]["relu6"][0], given.network)
    for one, pictures in zip(given.subjects, made.images, strict=True):
        liked = given.of_class_or_liked(one, 12)
        parts = parts_of(liked, 3, given.generator("parts", one.unit.name))
        assert torch.equal(torch.cat(parts).sort().values, liked.sort().values)
        for part, picture in zip(parts, pictures, strict=True):
            code = given.network.forward_to("relu6", given.images.images(part)).double().mean(0, keepdim=True)
            assert torch.allclose(loaded.of_codes(code.float())[0], picture, atol=1e-5)
    assert made.looked_at == (12 + 90 + 90) / 3


def test_a_set_is_made_alike_again_and_another_is_another(tmp_path: Path, config: dict[str, Any]) -> None:
    method = Inverted("inverted", "pool5", config)
    first, again, other = (
        method.visualize(material(tmp_path, network(), subjects(), number=number), None).images for number in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-4)


def test_parts_are_as_large_as_each_other() -> None:
    parts = parts_of(torch.arange(100, 110), 4, torch.Generator().manual_seed(0))
    assert [len(part) for part in parts] == [3, 3, 2, 2]
    assert sorted(torch.cat(parts).tolist()) == list(range(100, 110))
    with pytest.raises(ValueError, match="each of 4 pictures, found 3"):
        parts_of(torch.arange(3), 4, torch.Generator())


def test_it_says_which_networks_it_lacks(tmp_path: Path, config: dict[str, Any]) -> None:
    given = context(tmp_path, network())
    assert Inverted("inverted", "relu6", config).missing(given, protocol()) is None
    for named, layer, words in (
        (None, "relu6", "and none are named"),
        ({**config, "network": "zfnet"}, "relu6", "those named invert 'zfnet'"),
        (config, "relu3", "inverts layer 'relu3' of 'tiny'; there are some for pool5, relu6"),
    ):
        assert words in str(Inverted("inverted", layer, named).missing(given, protocol()))
