"""Trains the up-convolutional networks that invert layers, into results/weights.

    python -m replications.survey.inversion_weights [name ...] [--settings zfnet_small]

What is trained stands in a file of conf/inversion_training, one for each inverted network; conf/inversion_networks
names the files for the experiments.

On a GPU where there is one, else on a CPU, where several are trained side by side, one core each. Interrupted, it goes
on from the last 500 steps. Beside each <name>.safetensors (float16, half the size; errors are those of the rounded
weights) lies <name>.json with all that is known of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from replications.data.image_set import DataSource, ImageSet
from replications.networks.network import Network
from replications.paths import atomic_write, cache_root, project_root
from replications.survey.inversion_codes import codes
from replications.survey.inversion_training import InversionJob, InversionRecipe, TrainedInversion, train_inversion
from replications.survey.representation_error import Scale
from replications.survey.upconvolution import UpConvolution
from replications.training.provenance import commit
from replications.workers import side_by_side

SETTINGS = "zfnet_small"
RECORDS = 60  # of the history that are written beside the weights
BATCH = 100
SCALED = 1000


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A network to be trained: of which layer, and with which seed."""

    layer: str
    seed: int


def wanted(settings: Mapping[str, Any]) -> dict[str, Wanted]:
    """What the settings ask for, by the names of the files; the first seed of a layer has none in its name."""
    return {
        f"{settings['prefix']}_{layer}" + (f"_{seed}" if seed else ""): Wanted(layer, seed)
        for layer, own in settings["layers"].items()
        for seed in range(int(own.get("seeds", 1)))
    }


def recipe_of(settings: Mapping[str, Any], layer: str, steps: int | None = None) -> InversionRecipe:
    """The recipe for a layer: the common one, with what the layer has of its own. steps: other than the recipe's."""
    own = {key: value for key, value in settings["layers"][layer].items() if key != "seeds"}
    recipe = InversionRecipe(**{**settings["recipe"], **own})
    return recipe if steps is None else dataclasses.replace(recipe, steps=steps)


def train(
    names: Sequence[str], folder: Path, settings: str = SETTINGS, device: str | None = None, steps: int | None = None
) -> None:
    """Trains what is named and not trained yet, and writes the files to `folder`.

    settings: a file of conf/inversion_training. steps: fewer than the recipe's, to see that all is well.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    each = [(name, folder, settings, device, steps) for name in names]
    made = (_make(*one) for one in each) if device != "cpu" or len(each) == 1 else side_by_side(_make, each)
    for name, said in zip(names, made, strict=True):
        print(f"{name}: {said}", flush=True)


def _make(name: str, folder: Path, file: str, device: str, steps: int | None) -> str:
    """Trains one, writes its files, and says how good it is."""
    settings = read_settings(file)
    network, data = _configured("network", settings["network"]), _configured("data", settings["data"])
    assert isinstance(network, Network)
    assert isinstance(data, DataSource)
    asked = wanted(settings)[name]
    job = InversionJob(network, asked.layer, data.train, recipe_of(settings, asked.layer, steps), asked.seed)
    found = train_inversion(job, cache_root() / "inversions", device, name=name)
    validation = write_inversion(folder / f"{name}.safetensors", job, found, data.validation, file)
    return (
        f"error {validation['share_of_variance']:.3f} of the variance, {validation['normalized_error']:.3f} of the "
        f"mean distance of two images, over {validation['images']} held-out images; {found.seconds:.0f} s"
    )


def write_inversion(
    path: Path, job: InversionJob, found: TrainedInversion, validation: ImageSet, settings: str = SETTINGS
) -> dict[str, Any]:
    """Writes `path` (safetensors) and the JSON file that `load_inversion` reads.

    Gives the errors on the held-out images of `validation`.
    """
    from safetensors.torch import save

    inversion, recipe = found.inversion, job.recipe
    tensors = {name: value.half().cpu().contiguous() for name, value in inversion.state_dict().items()}
    inversion.load_state_dict(tensors)
    errors = {
        "data": validation.name,
        "data_fingerprint": validation.fingerprint,
        "images": len(validation),
        **held_out_errors(inversion, job.network, job.layer, validation),
    }
    described = {
        "architecture": UpConvolution.__name__,
        "arguments": {
            "code_shape": list(inversion.code_shape),
            "image_size": inversion.image_size,
            "width": recipe.width,
            "hidden": recipe.hidden,
            "layer": job.layer,
        },
        "inverts": {"network": job.network.name, "fingerprint": job.network.fingerprint, "layer": job.layer},
        "parameters": sum(parameter.numel() for parameter in inversion.parameters()),
        "training": {
            "data": job.data.name,
            "images": len(job.data),
            "data_fingerprint": job.data.fingerprint,
            "settings_file": f"conf/inversion_training/{settings}.yaml",
            "recipe": dataclasses.asdict(recipe),
            "seed": job.seed,
            "seconds": round(found.seconds, 1),
            "device": found.description["device"],
            "history": [dataclasses.asdict(record) for record in _thinned(found.history)],
        },
        "validation": errors,
        "key": found.key,
        "code": found.description["code"],
        "commit": commit(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "command": f"python -m replications.survey.inversion_weights {path.stem} --settings {settings}",
    }
    with atomic_write(path) as file:
        file.write(save(tensors, metadata={"architecture": UpConvolution.__name__, "key": found.key}))
    with atomic_write(path.with_suffix(".json"), "w") as file:
        json.dump(described, file, indent=2)
        file.write("\n")
    return errors


@torch.inference_mode()
def held_out_errors(inversion: UpConvolution, network: Network, layer: str, data: ImageSet) -> dict[str, float]:
    """share_of_variance: squared error over the images' variance. normalized_error: the mean distance of an inversion
    from its image over that of two images, which the first SCALED tell."""
    device = next(inversion.parameters()).device
    real: list[Tensor] = []
    made: list[Tensor] = []
    for _, images, _ in data.batches(BATCH):
        real.append(images)
        made.append(inversion(codes(network, layer, images).to(device)).cpu())
    images, inversions = torch.cat(real), torch.cat(made)
    squared = (inversions - images).double().square().flatten(1).sum(1)
    variance = images.double().var(0, correction=0).sum()
    return {
        "share_of_variance": float(squared.mean() / variance),
        "normalized_error": float(squared.sqrt().mean()) / Scale.of(images[:SCALED]).distance,
    }


def _thinned(history: Sequence[Any]) -> list[Any]:
    """About RECORDS of them, the last included."""
    step = max(1, len(history) // RECORDS)
    return list(history[::-1][::step][::-1])


def read_settings(name: str) -> dict[str, Any]:
    """What is to be trained, and how: a file of conf/inversion_training. Raises FileNotFoundError."""
    path = project_root() / "conf" / "inversion_training" / f"{name}.yaml"
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}; write it as the files beside it, or name another with --settings")
    settings: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return settings


def _configured(group: str, name: str) -> Any:
    """What a file of conf builds."""
    from hydra import compose, initialize_config_dir
    from hydra.utils import instantiate

    with initialize_config_dir(str(project_root() / "conf"), version_base="1.3"):
        config = compose(overrides=[f"+{group}={name}"])[group]
    return instantiate(config, _convert_="all")


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m replications.survey.inversion_weights", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="which files of the settings (default: all)")
    parser.add_argument("--settings", default=SETTINGS, help=f"a file of conf/inversion_training (default: {SETTINGS})")
    parser.add_argument("--device", help="cpu, cuda or cuda:N (default: a GPU where there is one)")
    parser.add_argument("--steps", type=int, help="fewer than the recipe's, to try it out; written to the cache only")
    given = parser.parse_args(arguments)
    try:
        known = list(wanted(read_settings(given.settings)))
    except FileNotFoundError as error:
        parser.error(str(error))
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"no '{unknown[0]}'; there are {', '.join(known)}")
    folder = project_root() / "results" / "weights" if given.steps is None else cache_root() / "inversions" / "tried"
    train(given.names or known, folder, given.settings, given.device, given.steps)


if __name__ == "__main__":
    # by its name, so that other processes can import what they are to run
    from replications.survey import inversion_weights

    inversion_weights.main(sys.argv[1:])
