"""Trains the generators, autoencoders and the captioner that the profile `laptop` needs, into results/weights.

    python -m replications.ppgn.weights [name ...]

On a GPU where there is one, else on a CPU, where several are trained side by side, one core each. Interrupted, it goes
on from the last 500 steps. While it trains, sheets of real validation images and what becomes of them are drawn into
the training's folder in the cache. Beside each <name>.safetensors (float16, half the size; the errors are those of the
rounded weights) lies <name>.json with all that is known of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import json
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from replications.data.facetworld.dataset import facetworld
from replications.data.image_set import ImageSet
from replications.identity import code_fingerprint
from replications.networks.network import Network
from replications.paths import atomic_write, cache_root, project_root
from replications.ppgn.captioner_weights import make_captioner
from replications.ppgn.codes import RealCodes
from replications.ppgn.dae import DAE, CodeDAE, DAERecipe, PixelDAE, load_dae, noise_left, save_dae, train_dae
from replications.ppgn.recipe import GeneratorRecipe
from replications.ppgn.reconstruction import Reconstruction, reconstruct
from replications.ppgn.runs import GeneratorJob, TrainedGenerator, train_generator
from replications.progress import progress
from replications.training.job import plain
from replications.training.provenance import commit
from replications.workers import side_by_side

SHEET = 16  # images on a sheet
RECORDS = 100  # of the history that are written beside the weights


@dataclasses.dataclass(frozen=True)
class WantedDAE:
    """An autoencoder to be trained: its file of conf/dae; the encoder whose codes it reads, at the layer that a file of
    conf/generator names."""

    recipe: str
    network: str = "zfnet_small"
    generator: str = "noiseless_joint"
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A generator to be trained: its file of conf/generator, the encoder's file of conf/network, the seed."""

    recipe: str
    network: str = "zfnet_small"
    seed: int = 0


GENERATORS = {
    "generator_noiseless_joint": Wanted("noiseless_joint"),
    "generator_joint": Wanted("joint"),
}
DAES = {"dae_code": WantedDAE("code"), "dae_pixels": WantedDAE("pixels")}
CAPTIONERS = ("captioner",)


def train(names: Sequence[str], folder: Path, device: str | None = None, steps: int | None = None) -> None:
    """Trains what is named and not trained yet (GENERATORS, DAES, CAPTIONERS), and writes the files to `folder`.

    steps: fewer than the recipe's (of a captioner: epochs), to see that all is well.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    each = [(name, folder, device, steps) for name in names]
    made = (_make(*one) for one in each) if device != "cpu" or len(each) == 1 else side_by_side(_make, each)
    for name, said in zip(names, made, strict=True):
        print(f"{name}: {said}", flush=True)


def _make(name: str, folder: Path, device: str, steps: int | None) -> str:
    """Trains one, writes its files, and says how good it is."""
    if name in DAES:
        return _make_dae(name, folder, device, steps)
    if name in CAPTIONERS:
        return make_captioner(name, folder, device, steps)
    job, validation = _job(GENERATORS[name], steps)
    root = cache_root() / "generators"
    sheets = root / job.key(torch.device(device)) / "sheets"
    shown = torch.arange(SHEET)
    found = train_generator(
        job, root, device, name=name, sheet=functools.partial(_draw, sheets), sheet_images=validation.images(shown)
    )
    weights = {key: value.half() for key, value in found.generator.state_dict().items()}
    found.generator.load_state_dict(weights)
    errors = reconstruct(found.generator, job.encoder, validation, torch.arange(len(validation)))
    write_generator(folder / f"{name}.safetensors", weights, found, errors, validation, GENERATORS[name])
    return (
        f"image error {errors.image:.3f}, comparator {errors.comparator:.3f}, code {errors.code:.3f} of the variance; "
        f"the class is kept in {100 * errors.class_kept:.1f} % of {errors.images} images; {found.seconds:.0f} s"
    )


def _make_dae(name: str, folder: Path, device: str, steps: int | None) -> str:
    """Trains one, unless it is trained, and writes its file."""
    wanted, world = DAES[name], facetworld(**_settings("data", "facetworld"))
    settings = _settings("dae", wanted.recipe) | ({} if steps is None else {"steps": steps})
    about: dict[str, Any] = {
        "settings_file": f"conf/dae/{wanted.recipe}.yaml",
        "settings": dict(settings),
        "seed": wanted.seed,
        "data": world.train.name,
        "data_fingerprint": world.train.fingerprint,
        "device": torch.device(device).type,
        "code": code_fingerprint("replications.ppgn.dae"),
    }
    network = None if settings["kind"] == "pixels" else _network(wanted.network)
    layer = GeneratorRecipe.of(_settings("generator", wanted.generator)).code_layer
    if network is not None:
        about |= {"network": network.name, "fingerprint": network.fingerprint, "layer": layer}
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:20]
    kept = cache_root() / "generators" / f"{name}-{key}"
    if not (kept / "dae.safetensors").is_file():
        parts = (world.train, world.validation)
        real, held_out = (_pictures(p) if network is None else _codes(network, layer, p) for p in parts)
        dae = _untrained(settings, real, wanted.seed)
        sizes = ("kind", "noise", "width")
        recipe = DAERecipe(**{key: value for key, value in settings.items() if key not in sizes})
        start = time.perf_counter()
        path = kept / "resume.safetensors"
        train_dae(dae, real, recipe, seed=wanted.seed, device=device, path=path, progress=progress)
        seconds = round(time.perf_counter() - start, 1)
        dae.load_state_dict({**dae.state_dict(), **{n: p.half() for n, p in dae.named_parameters()}})
        left = noise_left(dae, held_out)
        about |= {
            "key": key,
            "seconds": seconds,
            "validation": {"data": world.validation.name, "images": len(held_out), "noise_left": left},
            "commit": commit(),
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
            "command": f"python -m replications.ppgn.weights {name}",
        }
        save_dae(kept / "dae.safetensors", dae, about, half=True)
    dae, about = load_dae(kept / "dae.safetensors")
    save_dae(folder / f"{name}.safetensors", dae, about, half=True)
    seen = about["validation"]
    return f"{100 * seen['noise_left']:.1f} % of the noise's variance are left on {seen['images']} held-out images"


def _untrained(settings: dict[str, Any], real: Tensor, seed: int) -> DAE:
    """The autoencoder of a file of conf/dae for such images or codes, with torch's usual weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if settings["kind"] == "pixels":
            return PixelDAE(real.shape[-1], settings["noise"], settings["width"])
        known = RealCodes.of(real)
        dae = CodeDAE(real.shape[1], settings["noise"] * known.spread)
        dae.standardize(known)
        return dae


def _pictures(images: ImageSet) -> Tensor:
    """(N, 3, S, S) uint8."""
    return torch.cat([(part * 255).round().to(torch.uint8) for _, part, _ in images.batches(1000)])


@torch.no_grad()
def _codes(network: Network, layer: str, images: ImageSet) -> Tensor:
    """(N, code_size)."""
    return torch.cat([network.forward_to(layer, part).flatten(1) for _, part, _ in images.batches(200)])


def _job(wanted: Wanted, steps: int | None) -> tuple[GeneratorJob, ImageSet]:
    world = facetworld(**_settings("data", "facetworld"))
    recipe = GeneratorRecipe.of(_settings("generator", wanted.recipe))
    if steps is not None:
        recipe = dataclasses.replace(recipe, steps=steps)
    return GeneratorJob(_network(wanted.network), world.train, recipe, wanted.seed), world.validation


def write_generator(
    path: Path,
    weights: dict[str, Tensor],
    found: TrainedGenerator,
    errors: Reconstruction,
    validation: ImageSet,
    wanted: Wanted,
) -> None:
    """Writes `path` (safetensors) and the JSON file of the same name that `load.load_generator` reads."""
    from safetensors.torch import save

    job, recipe = found.job, found.job.recipe
    architecture, arguments = recipe.described(found.generator.code_size, job.data.size)
    described = {
        "architecture": architecture,
        "arguments": arguments,
        "encoder": {
            "network": job.network.name,
            "fingerprint": job.network.fingerprint,
            "code_layer": recipe.code_layer,
            "comparator_layer": recipe.comparator_layer,
        },
        "codes": dataclasses.asdict(found.codes),
        "training": {
            "data": job.data.name,
            "images": len(job.chosen),
            "data_fingerprint": job.data.fingerprint,
            "recipe_file": f"conf/generator/{wanted.recipe}.yaml",
            "recipe": plain(dataclasses.asdict(recipe)),
            "seed": job.seed,
            "seconds": round(found.seconds, 1),
            "device": found.description["device"],
            "precision": found.description["precision"],
            "history": [dataclasses.asdict(record) for record in _thinned(found.history)],
        },
        "validation": {
            "data": validation.name,
            "data_fingerprint": validation.fingerprint,
            **dataclasses.asdict(errors),
        },
        "key": found.key,
        "code": found.description["code"],
        "commit": commit(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "command": f"python -m replications.ppgn.weights {path.stem}",
    }
    tensors = {name: value.cpu().contiguous() for name, value in weights.items()}
    with atomic_write(path) as file:
        file.write(save(tensors, metadata={"architecture": architecture, "key": found.key}))
    with atomic_write(path.with_suffix(".json"), "w") as file:
        json.dump(described, file, indent=2)
        file.write("\n")


def _thinned(history: Sequence[Any]) -> list[Any]:
    """About RECORDS of them, the last included."""
    step = max(1, len(history) // RECORDS)
    return list(history[::-1][::step][::-1])


def _draw(folder: Path, step: int, real: Tensor, generated: Tensor) -> None:
    """A sheet: rows of real images, each above what the generator makes of their codes."""
    from PIL import Image

    from replications.drawing import mosaic

    columns = SHEET // 2
    rows = [part for pair in zip(real.split(columns), generated.split(columns), strict=True) for part in pair]
    picture = (mosaic(torch.cat(rows), columns) * 255).round().astype("uint8")
    with atomic_write(folder / f"step-{step:07d}.png") as file:
        Image.fromarray(picture).save(file, format="PNG")


def _network(name: str) -> Network:
    """The network of conf/network."""
    from hydra import compose, initialize_config_dir
    from hydra.utils import instantiate

    with initialize_config_dir(str(project_root() / "conf"), version_base="1.3"):
        config = compose(overrides=[f"+network={name}"]).network
    network = instantiate(config, _convert_="all")
    assert isinstance(network, Network)
    return network


def _settings(group: str, name: str) -> dict[str, Any]:
    """The arguments in a file of conf."""
    path = project_root() / "conf" / group / f"{name}.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {key: value for key, value in settings.items() if not key.startswith("_")}


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    known = [*GENERATORS, *DAES, *CAPTIONERS]
    parser = argparse.ArgumentParser(prog="python -m replications.ppgn.weights", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which: {', '.join(known)} (default: all)")
    parser.add_argument("--device", help="cpu, cuda or cuda:N (default: a GPU where there is one)")
    parser.add_argument("--steps", type=int, help="fewer than the recipe's, to try it out; written to the cache only")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"no '{unknown[0]}'; there are {', '.join(known)}")
    folder = project_root() / "results" / "weights" if given.steps is None else cache_root() / "generators" / "tried"
    train(given.names or known, folder, given.device, given.steps)


if __name__ == "__main__":
    # by its name, so that other processes can import what they are to run
    from replications.ppgn import weights

    weights.main(sys.argv[1:])
