"""Generators from files, with what they were trained for checked: encoder, layer, number of values, image size.

Beside <name>.safetensors lies <name>.json, which says

    {"architecture": "small_generator", "arguments": {...},
     "encoder": {"network": "zfnet_small", "fingerprint": ..., "code_layer": "relu6", "comparator_layer": "pool5"},
     "codes": {"low": 0.0, "high": ..., "root_mean_square": ...}, ...}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from replications.networks.network import Network
from replications.networks.weights import UnmadeWeights, WeightsError, find_file, load_weights, read_json
from replications.paths import project_root
from replications.ppgn.encoder import Encoder
from replications.ppgn.generator import Generator
from replications.ppgn.recipe import GENERATORS

MADE_BY = "python -m replications.ppgn.weights"


class GeneratorMismatch(ValueError):
    """Generator and encoder that don't belong together. The message says in what they differ."""


@dataclass(frozen=True, eq=False)
class LoadedGenerator:
    """generator: in evaluation mode, frozen, on the encoder's device; it says the encoder's fingerprint, and a prior
    with another encoder refuses it. description: what its file says."""

    generator: Generator
    encoder: Encoder
    description: Mapping[str, Any]

    @property
    def code_range(self) -> tuple[float, float]:
        """The smallest and the largest number in a code of a training image."""
        codes = self.description["codes"]
        return float(codes["low"]), float(codes["high"])


def load_generator(weights: str, network: Network) -> LoadedGenerator:
    """The generator in `weights` (a path as for networks, or a name in results/weights) with the encoder `network`.

    Raises:
        UnmadeWeights: the project trains it, but hasn't yet.
        WeightsError: the file can't be used, or what lies beside it doesn't say what it is.
        GeneratorMismatch: it was trained with another encoder.
    """
    path = weights if "/" in weights or weights.endswith(".safetensors") else f"results/weights/{weights}.safetensors"
    if path.startswith("results/weights/") and not (project_root() / path).is_file():
        name = path.removeprefix("results/weights/").removesuffix(".safetensors")
        raise UnmadeWeights(f"there is no {path}; `{MADE_BY} {name}` trains it")
    beside = find_file(path).with_suffix(".json")
    description = read_json(beside)
    if not isinstance(description, dict) or not {"architecture", "arguments", "encoder", "codes"} <= set(description):
        raise WeightsError(f"expected {beside} to describe a generator and its encoder; name the file of a generator")
    if (architecture := description["architecture"]) not in GENERATORS:
        raise WeightsError(f"{beside} names a '{architecture}', not one of {', '.join(GENERATORS)}")
    generator = GENERATORS[architecture](**description["arguments"])
    load_weights(generator, path)
    said = description["encoder"]
    check_fit(generator, network)
    if said["fingerprint"] != network.fingerprint:
        raise GeneratorMismatch(
            f"the generator in {path} was trained with the encoder {said['network']} ({said['fingerprint'][:12]}), but "
            f"{network.name} ({network.fingerprint[:12]}) has other weights, layers or preprocessing; take the other "
            "encoder, or train a generator for this one"
        )
    encoder = Encoder(network, said["code_layer"], said["comparator_layer"])
    # past nn.Module, which says that it takes nothing but tensors and modules
    object.__setattr__(generator, "encoder_fingerprint", said["fingerprint"])
    return LoadedGenerator(generator.to(network.device).eval().requires_grad_(False), encoder, description)


def check_fit(generator: Generator, network: Network) -> None:
    """Whether codes of `network` are what the generator reads. Raises GeneratorMismatch, or UnknownLayer."""
    numbers = math.prod(network.shape(generator.encoder_layer))
    if numbers != generator.code_size:
        raise GeneratorMismatch(
            f"the generator reads codes of {generator.code_size} numbers, but layer '{generator.encoder_layer}' of "
            f"network '{network.name}' has {numbers}"
        )
