"""The files of inversion networks: written whole, read back with what they invert checked."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from inversion_toys import Pictures, colour_network, flat_pictures

from replications.networks.weights import UnmadeWeights, WeightsError
from replications.survey import inversion_weights
from replications.survey.inversion_networks import InversionMismatch, load_inversion
from replications.survey.inversion_training import InversionJob, InversionRecipe, train_inversion
from replications.survey.inversion_weights import (
    Wanted,
    held_out_errors,
    read_settings,
    recipe_of,
    wanted,
    write_inversion,
)
from replications.survey.upconvolution import UpConvolution

RECIPE = InversionRecipe(steps=60, width=8, hidden=16, batch_size=16, learning_rate=1e-2)


def written(folder: Path, layer: str = "blocks") -> Path:
    job = InversionJob(colour_network(), layer, Pictures(flat_pictures(40)), RECIPE)
    path = folder / "inversion.safetensors"
    write_inversion(path, job, train_inversion(job, folder), Pictures(flat_pictures(20, seed=1)))
    return path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = written(tmp_path)
    network, held_out = colour_network(), Pictures(flat_pictures(20, seed=1))
    loaded = load_inversion(str(path), network)
    images = held_out.images(range(20))
    made = loaded.of_images(images)
    assert loaded.layer == "blocks"
    assert made.shape == images.shape
    assert torch.equal(made, loaded.of_codes(network.forward_to("blocks", images)))
    said = json.loads(path.with_suffix(".json").read_text())
    shares = (made - images).square().sum() / (images - images.mean(0)).square().sum()
    assert said["validation"]["share_of_variance"] == pytest.approx(float(shares), rel=1e-4)
    assert said["inverts"] == {"network": "colours", "fingerprint": network.fingerprint, "layer": "blocks"}
    assert said["training"]["recipe"] == dataclasses.asdict(RECIPE)
    assert said["training"]["history"][-1]["step"] == 60
    assert loaded.of_images(images[:0]).shape == (0, 3, 16, 16)


def test_errors_in_closed_form() -> None:
    """Of a network that always gives the mean image the squared error is the variance."""
    pictures = flat_pictures(60)
    network = UpConvolution(code_shape=(3,), image_size=16, width=8, hidden=4, layer="colours")
    network.take_statistics(pictures.mean(0), 1.0)
    for parameter in network.parameters():
        parameter.requires_grad_(False).zero_()
    errors = held_out_errors(network, colour_network(), "colours", Pictures(pictures))
    assert errors["share_of_variance"] == pytest.approx(1, abs=1e-4)
    colours = pictures[:, :, 0, 0].double()
    distances = torch.cdist(colours, colours).sum() / (60 * 59)
    own = (colours - colours.mean(0)).norm(dim=1).mean()
    assert errors["normalized_error"] == pytest.approx(float(own / distances), rel=1e-4)


def test_another_network_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    with pytest.raises(InversionMismatch, match=r"inverts colours .* has other weights, layers or preprocessing"):
        load_inversion(str(path), colour_network([0, 2, 1]))


def test_files_that_are_none_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnmadeWeights, match="inversion_weights inversion_nothing` trains it"):
        load_inversion("results/weights/inversion_nothing.safetensors", colour_network())
    path = written(tmp_path)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(WeightsError, match="to describe a network that inverts a layer"):
        load_inversion(str(path), colour_network())
    path.with_suffix(".json").write_text('{"architecture": "Generator", "arguments": {}, "inverts": {}}')
    with pytest.raises(WeightsError, match="describes a Generator"):
        load_inversion(str(path), colour_network())


def test_the_settings_name_a_file_for_each_seed_of_a_layer() -> None:
    settings = read_settings("zfnet_small")
    names = wanted(settings)
    assert names["inversion_norm1"] == Wanted("norm1", 0)
    assert [n for n in names if "fc8" in n] == ["inversion_fc8", "inversion_fc8_1", "inversion_fc8_2"]
    assert names["inversion_fc8_2"] == Wanted("fc8", 2)
    assert recipe_of(settings, "relu6").hidden == 160
    assert recipe_of(settings, "fc8", steps=7).steps == 7


def test_experiments_are_given_the_files_that_the_command_writes() -> None:
    import yaml

    from replications.paths import project_root

    given = yaml.safe_load((project_root() / "conf" / "inversion_networks" / "zfnet_small.yaml").read_text())
    files = [Path(file).stem for listed in given["files"].values() for file in listed]
    assert files == list(wanted(read_settings("zfnet_small")))


def test_the_command_line_refuses_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        inversion_weights.main(["inversion_none"])
    assert "no 'inversion_none'; there are inversion_norm1," in capsys.readouterr().err
    with pytest.raises(SystemExit):
        inversion_weights.main(["--settings", "none"])
    assert "write it as the files beside it" in capsys.readouterr().err
