"""Trains facetworld's captioner and writes its two files: the weights, and all that is known of it.

`make_captioner` is what `python -m replications.ppgn.weights captioner` calls. Beside the captioner another is trained
for a few epochs on shuffled images: what it says better than chance can be said without seeing the image.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import time
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from replications.data.facetworld.dataset import FacetSet, facetworld
from replications.identity import code_fingerprint
from replications.networks.preprocessing import Preprocessing
from replications.paths import atomic_write, cache_root, project_root
from replications.ppgn.captioner import LSTMCaptioner
from replications.ppgn.captioner_errors import CaptionerErrors, another, captioner_errors
from replications.ppgn.captioner_training import (
    DEVIATION,
    MEAN,
    CaptionedImages,
    CaptionerRecipe,
    computes_in_bfloat16,
    train_captioner,
)
from replications.ppgn.captioning_network import CaptioningNetwork
from replications.ppgn.told import told_of
from replications.progress import progress
from replications.training.provenance import commit

RECIPE = "conf/captioner/facetworld.yaml"
SEEN = 500  # validation images whose captions are read


def make_captioner(
    name: str, folder: Path, device: str = "cpu", epochs: int | None = None, validation: int = SEEN
) -> str:
    """Trains the captioner, unless it is trained, writes <name>.safetensors and <name>.json, and says how good it is.

    epochs: fewer than the recipe's, to see that all is well. An interrupted training goes on from its last epoch.
    """
    world = facetworld(**_settings("conf/data/facetworld.yaml"))
    recipe = CaptionerRecipe(**_settings(RECIPE) | ({} if epochs is None else {"epochs": epochs}))
    assert isinstance(world.train, FacetSet)
    assert isinstance(world.validation, FacetSet)
    return make_captioner_of(name, folder, world.train, world.validation, recipe, device, validation)


def make_captioner_of(
    name: str,
    folder: Path,
    train: FacetSet,
    validation: FacetSet,
    recipe: CaptionerRecipe,
    device: str = "cpu",
    seen: int = SEEN,
    arguments: dict[str, Any] | None = None,
) -> str:
    """`make_captioner` for given images and recipe. arguments: of the network, besides words, size and dropout."""
    about: dict[str, Any] = {
        "recipe_file": RECIPE,
        "recipe": dataclasses.asdict(recipe),
        "seed": 0,
        "data": train.name,
        "images": len(train),
        "data_fingerprint": train.fingerprint,
        "device": torch.device(device).type,
        "precision": "bfloat16" if recipe.mixed_precision and computes_in_bfloat16(torch.device(device)) else "float32",
        "code": code_fingerprint("replications.ppgn.captioner_training"),
    }
    sizes = {"size": train.size, **(arguments or {})}
    key = hashlib.sha256(json.dumps([about, sizes], sort_keys=True).encode()).hexdigest()[:20]
    kept = cache_root() / "captioners" / key
    data = CaptionedImages(train)
    told, images = told_of(validation, range(min(seen, len(validation)))), _first(validation, seen)
    found: dict[str, CaptionerErrors] = {}
    start = time.perf_counter()
    captioner, losses = _trained(name, data, recipe, sizes, device, kept)
    seconds = time.perf_counter() - start
    blind, _ = _trained(name, data, recipe, sizes, device, kept, shuffled=True)
    found["errors"] = captioner_errors(captioner, images, told)
    found["with_another_image"] = captioner_errors(captioner, another(images), told)
    found["trained_on_shuffled_images"] = captioner_errors(blind, images, told)
    described = {
        "words": data.words,
        "arguments": sizes,
        "preprocessing": dataclasses.asdict(captioner.preprocessing),
        "training": {**about, "seconds": round(seconds, 1), "history": [round(loss, 5) for loss in losses]},
        "validation": {
            "data": validation.name,
            "data_fingerprint": validation.fingerprint,
            **{what: dataclasses.asdict(errors) for what, errors in found.items()},
        },
        "key": key,
        "commit": commit(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "command": f"python -m replications.ppgn.weights {name}",
    }
    write_captioner(folder / f"{name}.safetensors", captioner, described)
    return _in_words(found["errors"], found["trained_on_shuffled_images"], seconds)


def write_captioner(path: Path, captioner: LSTMCaptioner, described: dict[str, Any]) -> None:
    """Writes `path` (safetensors, float16) and the JSON file of the same name that `load_captioner` reads."""
    from safetensors.torch import save

    tensors = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in captioner.network.state_dict().items()
    }
    with atomic_write(path) as file:
        file.write(save(tensors, metadata={"captioner": str(described.get("key", ""))}))
    with atomic_write(path.with_suffix(".json"), "w") as file:
        json.dump(described, file, indent=2)
        file.write("\n")


def _trained(
    name: str,
    data: CaptionedImages,
    recipe: CaptionerRecipe,
    sizes: dict[str, Any],
    device: str,
    kept: Path,
    *,
    shuffled: bool = False,
) -> tuple[LSTMCaptioner, list[float]]:
    """The captioner with weights rounded to float16, as they are written, and the loss of each epoch."""
    what = "shuffled" if shuffled else "captioner"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = CaptioningNetwork(len(data.words), dropout=recipe.dropout, **sizes)
    path = kept / f"{what}.safetensors"
    losses = _read(path, network)
    if losses is None:
        epochs = recipe.baseline_epochs if shuffled else recipe.epochs
        losses = train_captioner(
            network,
            data,
            recipe,
            epochs=epochs,
            shuffled=shuffled,
            device=device,
            path=kept / f"{what}.resume.safetensors",
            progress=progress,
        )
        _write(path, network, losses)
    rounded = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    network.load_state_dict(rounded)
    network.to(device).eval().requires_grad_(False)
    preprocessing = Preprocessing(data.size, mean=(MEAN,) * 3, std=(DEVIATION,) * 3)
    return LSTMCaptioner(name, data.words, network, preprocessing), losses


def _write(path: Path, network: CaptioningNetwork, losses: list[float]) -> None:
    from safetensors.torch import save

    tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    with atomic_write(path) as file:
        file.write(save(tensors, metadata={"losses": json.dumps(losses)}))


def _read(path: Path, network: CaptioningNetwork) -> list[float] | None:
    """Fits the weights of a finished training into `network` and gives its losses; None where there are none yet."""
    from safetensors import safe_open

    if not path.is_file():
        return None
    with safe_open(path, framework="pt") as file:
        losses: list[float] = json.loads(file.metadata()["losses"])
        network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    return losses


def _first(images: FacetSet, count: int) -> Tensor:
    return images.images(range(min(count, len(images))))


def _settings(path: str) -> dict[str, Any]:
    """The arguments in a file of conf."""
    settings = yaml.safe_load((project_root() / path).read_text(encoding="utf-8"))
    return {key: value for key, value in settings.items() if not key.startswith("_")}


def _in_words(own: CaptionerErrors, blind: CaptionerErrors, seconds: float) -> str:
    right = ", ".join(
        f"{slot} {100 * share:.1f} % ({100 * blind.accuracy[slot]:.1f} %)" for slot, share in own.accuracy.items()
    )
    return (
        f"perplexity {own.perplexity:.2f} on {own.images} held-out images ({blind.perplexity:.2f}); read rightly: "
        f"{right}; in brackets those of one trained on shuffled images; {seconds:.0f} s"
    )
