"""Networks from configurations and files, good and bad."""

from __future__ import annotations

import functools
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from replications.networks.load import architecture, class_names, torchvision_classifier
from replications.networks.network import Network
from replications.networks.tiny_darknet import tiny_darknet
from replications.networks.weights import WeightsError, find_file, load_weights, read_state
from replications.networks.zfnet import zfnet_small
from replications.paths import MissingDataRoot, project_root

CONFIGURATIONS = sorted(p.stem for p in (project_root() / "conf" / "network").glob("*.yaml"))
SMALL = {"classes": 5, "preprocessing": {"size": 64}}
factory = functools.partial(zfnet_small, widths=(4, 4, 4, 4, 4), fc_widths=(6, 6))


def configured(name: str, **changes: Any) -> Network:
    with initialize_config_dir(str(project_root() / "conf"), version_base="1.3"):
        config = compose(overrides=[f"+network={name}"]).network
    return instantiate(OmegaConf.merge(config, changes), _convert_="all")  # type: ignore[no-any-return]


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return factory(5, seed=3).state_dict()


# ---------------------------------------------------------------------------------------------- configurations


@pytest.mark.parametrize("name", [n for n in CONFIGURATIONS if not n.endswith("_imagenet")])
def test_every_configuration_makes_a_network(name: str) -> None:
    network = configured(name, weights=None)
    assert network.name == name
    numbers = {1, 2, 3, 4, 5}
    if name == "facet_evaluator":
        assert not network.paper_layers
    else:
        assert numbers | {7} <= set(network.paper_layers)
        assert numbers <= set(network.unit_layers)
        for number in numbers:
            node = network.node(network.unit_layers[number])
            read = [network.node(name) for name in node.inputs] if node.kind == "cat" else [node]
            assert {one.kind for one in read} <= {"relu", "leaky_relu"}
            assert network.shape(network.unit_layers[number])[0] == network.shape(network.paper_layers[number])[0]
        assert len(network.shape(network.paper_layers[7])) == 1


def test_the_papers_layers_of_squeezenet_without_its_weights() -> None:
    network = configured("squeezenet_imagenet", weights=None, classes=1000)
    assert network.shape("flatten") == (1000,)
    assert network.shape("conv10") == (1000, 15, 15)
    for number in range(1, 6):
        assert network.shape(network.unit_layers[number])[0] == network.shape(network.paper_layers[number])[0]
    assert [network.receptive_field(network.unit_layers[n]).size[0] for n in range(1, 6)] == [7, 35, 75, 107, 155]


def test_own_weights_that_are_not_there_name_the_command() -> None:
    with pytest.raises(WeightsError, match=r"there is no results/weights/none.safetensors; run `make weights`"):
        architecture(zfnet_small, name="n", weights="results/weights/none.safetensors", **SMALL)


# ------------------------------------------------------------------------------------------------ our networks


def test_what_lies_beside_the_weights_says_what_they_are(tmp_path: Path) -> None:
    trained = zfnet_small(3, widths=(8, 8, 8, 8, 8), fc_widths=(10, 10), seed=7)
    save_file(trained.state_dict(), tmp_path / "net.safetensors")
    beside: dict[str, Any] = {
        "architecture": "zfnet_small",
        "arguments": {"widths": [8, 8, 8, 8, 8], "fc_widths": [10, 10]},
        "classes": ["dog", "cat", "house"],
        "preprocessing": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]},
        "accuracy": 99.5,
    }
    (tmp_path / "net.json").write_text(json.dumps(beside))
    network = architecture(zfnet_small, name="n", weights=str(tmp_path / "net.safetensors"), **SMALL)
    assert network.classes == ("dog", "cat", "house")
    assert network.preprocessing.mean == (0.1, 0.2, 0.3)
    images = torch.rand(2, 3, 64, 64)
    inputs = (images - torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / torch.tensor([0.4, 0.5, 0.6])[:, None, None]
    torch.testing.assert_close(network.logits(images), trained.eval()(inputs), rtol=1e-4, atol=1e-6)

    (tmp_path / "net.json").write_text(json.dumps({**beside, "architecture": "alexnet_small"}))
    with pytest.raises(WeightsError, match="holds weights of alexnet_small, but this network is a zfnet_small"):
        architecture(zfnet_small, name="n", weights=str(tmp_path / "net.safetensors"), **SMALL)
    (tmp_path / "net.json").write_text("{")
    with pytest.raises(WeightsError, match="isn't valid JSON"):
        architecture(zfnet_small, name="n", weights=str(tmp_path / "net.safetensors"), **SMALL)


def test_random_weights_come_from_the_seed() -> None:
    first, same, other = (architecture(factory, name="n", seed=seed, **SMALL).fingerprint for seed in (1, 1, 2))
    assert first == same != other


def test_a_chain_from_a_list_of_layers(tmp_path: Path) -> None:
    layers = [
        {"type": "Conv2d", "in_channels": 3, "out_channels": 4, "kernel": 3, "padding": 1},
        {"type": "LeakyReLU", "slope": 0.1},
        {"type": "MaxPool2d", "kernel": 2, "stride": 2},
        {"type": "Conv2d", "in_channels": 4, "out_channels": 5, "kernel": 1, "padding": 0},
        {"type": "AdaptiveAvgPool2d"},
        {"type": "Flatten"},
    ]
    (tmp_path / "layers.json").write_text(json.dumps(layers))
    plain = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.LeakyReLU(0.1), nn.MaxPool2d(2), nn.Conv2d(4, 5, 1), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )  # fmt: skip
    save_file(plain.state_dict(), tmp_path / "chain.safetensors")
    build = functools.partial(tiny_darknet, layers=str(tmp_path / "layers.json"))
    network = architecture(build, name="n", weights=str(tmp_path / "chain.safetensors"), **SMALL)
    assert network.layers == ("conv1", "leaky1", "pool1", "conv2", "global_pool", "flatten")
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(network.logits(images), plain(images), rtol=1e-4, atol=1e-6)

    (tmp_path / "layers.json").write_text(json.dumps([{"type": "Conv3d"}]))
    with pytest.raises(WeightsError, match="Conv3d"):
        build()


# ------------------------------------------------------------------------------------------------- torchvision


def test_torchvision_brings_its_own_preprocessing_and_classes() -> None:
    network = torchvision_classifier("squeezenet1_1", seed=2)
    transform = models.SqueezeNet1_1_Weights.IMAGENET1K_V1.transforms()
    images = torch.rand(1, 3, 200, 310)
    torch.testing.assert_close(network.preprocess(images), transform(images))
    assert network.classes[:2] == ("tench", "goldfish")
    assert network.fingerprint == torchvision_classifier("squeezenet1_1", seed=2).fingerprint
    assert network.fingerprint != torchvision_classifier("squeezenet1_1", seed=3).fingerprint


def test_torchvision_with_a_file_of_the_users(tmp_path: Path) -> None:
    module = models.squeezenet1_1(num_classes=7).eval()
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in module.state_dict().items()}, "epoch": 3}, tmp_path / "x.pth"
    )
    network = torchvision_classifier(
        "squeezenet1_1",
        weights=str(tmp_path / "x.pth"),
        arguments={"num_classes": 7},
        classes=list("abcdefg"),
        attributes={"classifier.1.padding": [2, 2]},
    )
    module.classifier[1].padding = (2, 2)
    inputs = torch.rand(1, 3, 224, 224)
    torch.testing.assert_close(network.logits(inputs, preprocessed=True), module(inputs), rtol=1e-4, atol=1e-5)


def test_normalization_inside_googlenet_moves_to_the_preprocessing() -> None:
    network = torchvision_classifier("googlenet", arguments={"transform_input": True, "init_weights": False})
    torch.manual_seed(0)
    module = models.googlenet(init_weights=False, transform_input=True, aux_logits=True).eval()
    images = torch.rand(1, 3, 224, 224)
    transform = models.GoogLeNet_Weights.IMAGENET1K_V1.transforms()
    inside = module._transform_input(
        (images - torch.tensor(transform.mean)[:, None, None]) / torch.tensor(transform.std)[:, None, None]
    )
    torch.testing.assert_close(network.preprocess(images), inside)


def test_wrong_torchvision_names() -> None:
    with pytest.raises(ValueError, match="no classifier 'alexnett'; it has alexnet, "):
        torchvision_classifier("alexnett")
    with pytest.raises(ValueError, match=r"no attribute 'classifier.9.padding'"):
        torchvision_classifier("squeezenet1_1", attributes={"classifier.9.padding": 1})


def test_weights_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("<urlopen error no route>")

    monkeypatch.setattr(models.SqueezeNet1_1_Weights, "get_state_dict", unreachable)
    with pytest.raises(WeightsError, match=r"IMAGENET1K_V1 of squeezenet1_1 can't be downloaded .*no route.*get https"):
        torchvision_classifier("squeezenet1_1", weights="IMAGENET1K_V1")


# --------------------------------------------------------------------------------------------------- bad files


class Runs:
    """Makes a folder when unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.mkdir, (str(self.folder),)


def refuse(path: Path, message: str, module: nn.Module | None = None) -> None:
    module = module or factory(5)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(WeightsError, match=message) as error:
        load_weights(module, path)
    assert "\n" not in str(error.value)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("suffix", ["safetensors", "pt", "legacy.pt"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_truncated_files(suffix: str, share: float, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / f"weights.{suffix}"
    if suffix == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=suffix == "pt")
    assert read_state(path).keys() == state.keys()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refuse(path, "is truncated or no")


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_not_run(zipped: bool, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path, folder = tmp_path / "weights.pth", tmp_path / "made"
    torch.save({**state, "evil": Runs(folder)}, path, _use_new_zipfile_serialization=zipped)
    refuse(path, "holds code or objects besides tensors")
    path.write_bytes(pickle.dumps(Runs(folder), protocol=2))
    refuse(path, "holds code|is truncated or no")
    path.rename(tmp_path / "weights.safetensors")
    refuse(tmp_path / "weights.safetensors", "is truncated or no safetensors")
    assert not folder.exists()


def test_a_whole_module_is_not_loaded(tmp_path: Path) -> None:
    torch.save(factory(5), tmp_path / "module.pt")
    refuse(tmp_path / "module.pt", "save the state dict alone")
    torch.save([1, 2], tmp_path / "list.pt")
    refuse(tmp_path / "list.pt", "expected a state dict .* found a list")
    torch.save({"epoch": 3}, tmp_path / "dictionary.pt")
    refuse(tmp_path / "dictionary.pt", "found a dictionary of epoch")


def test_weights_that_do_not_fit(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({k: v for k, v in state.items() if not k.startswith("conv")} | {"extra": torch.ones(2)}, path)
    refuse(path, r"10 missing: conv1.weight, conv1.bias, conv2.weight, \.\.\.; 1 unknown: extra\)")
    save_file(state, path)
    refuse(path, r"2 of another shape: fc8.weight \(5, 6\) where \(9, 6\) is needed, fc8.bias", factory(9))


def test_missing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(tmp_path / "none.safetensors", "expected a file at .*none.safetensors, found nothing")
    refuse(tmp_path, "found a folder")
    monkeypatch.delenv("REPLICATIONS_DATA", raising=False)
    with pytest.raises(MissingDataRoot, match="REPLICATIONS_DATA"):
        find_file("weights/none.safetensors")
    monkeypatch.setenv("REPLICATIONS_DATA", str(tmp_path))
    with pytest.raises(WeightsError, match="found nothing"):
        find_file("weights/none.safetensors")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "none.safetensors").touch()
    assert find_file("weights/none.safetensors") == (tmp_path / "weights" / "none.safetensors").resolve()
    assert find_file("pyproject.toml") == project_root() / "pyproject.toml"


def test_class_lists(tmp_path: Path) -> None:
    assert class_names(2) == (("class 0", "class 1"), ())
    assert class_names(["a", "b"]) == (("a", "b"), ())
    (tmp_path / "classes.json").write_text('[["n1", "tench"], ["n2", "goldfish"]]')
    assert class_names(str(tmp_path / "classes.json")) == (("tench", "goldfish"), ("n1", "n2"))
    (tmp_path / "classes.json").write_text('{"n1": "tench"}')
    with pytest.raises(WeightsError, match="expected a list of class names"):
        class_names(str(tmp_path / "classes.json"))
