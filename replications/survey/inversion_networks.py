"""Up-convolutional networks from files, with the network and the layer that they invert checked.

Beside <name>.safetensors lies <name>.json, which says

    {"architecture": "UpConvolution", "arguments": {...}, "inverts": {"network": "zfnet_small", "fingerprint": ...,
     "layer": "pool5"}, "training": {...}, "validation": {...}, ...}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from replications.networks.network import Network
from replications.networks.weights import UnmadeWeights, WeightsError, find_file, load_weights, read_json
from replications.paths import project_root
from replications.survey.inversion_codes import code_shape, codes
from replications.survey.upconvolution import UpConvolution

MADE_BY = "python -m replications.survey.inversion_weights"
BATCH = 100


class InversionMismatch(ValueError):
    """A network that inverts another one than it is asked to. The message says in what they differ."""


@dataclass(frozen=True, eq=False)
class InvertedLayer:
    """A layer of a network with what inverts it, on the network's device. description: what its file says."""

    network: Network
    layer: str
    upconvolution: UpConvolution
    description: Mapping[str, Any]

    @property
    def image_size(self) -> int:
        """Height and width in pixels of what `of_codes` gives."""
        return self.upconvolution.image_size

    @property
    def mean_image(self) -> Tensor:
        """(3, S, S) in [0, 1] on the CPU: of the training images."""
        return self.upconvolution.mean.sigmoid().cpu()

    def codes(self, images: Tensor) -> Tensor:
        """images (n, 3, H, W) in [0, 1] -> what is inverted, on the network's device."""
        return codes(self.network, self.layer, images)

    def of_codes(self, codes: Tensor) -> Tensor:
        """(n, 3, S, S) in [0, 1], the expected images that have these codes. Differentiable."""
        images: Tensor = self.upconvolution(codes)
        return images

    @torch.inference_mode()
    def of_images(self, images: Tensor) -> Tensor:
        """images (n, 3, H, W) in [0, 1] -> their inversions (n, 3, S, S), on the CPU, a batch at a time."""
        parts = [self.of_codes(self.codes(part)).cpu() for part in images.split(BATCH)]
        return torch.cat(parts) if parts else torch.empty(0, 3, self.image_size, self.image_size)


def load_inversions(config: Mapping[str, Any], network: Network) -> dict[str, tuple[InvertedLayer, ...]]:
    """By layer, in the order of a configuration of conf/inversion_networks: several of a layer differ in their seeds.

    Raises what `load_inversion` does, and WeightsError where a file inverts another layer than it is named for.
    """
    found: dict[str, tuple[InvertedLayer, ...]] = {}
    for layer, files in config["files"].items():
        found[layer] = tuple(load_inversion(file, network) for file in files)
        for file, loaded in zip(files, found[layer], strict=True):
            if loaded.layer != layer:
                raise WeightsError(
                    f"{file} is named for layer '{layer}' and inverts '{loaded.layer}'; name another file"
                )
    return found


def lacking_inversions(config: Mapping[str, Any] | None, network: Network, size: int) -> str | None:
    """Why the networks of a configuration can't invert `network` for images of `size` pixels; a sentence, or None."""
    if config is None or config["network"] != network.name:
        said = "none are named" if config is None else f"those named invert '{config['network']}'"
        return (
            f"needs up-convolutional networks that invert layers of '{network.name}', and {said}; write files for it "
            f"as those in conf/inversion_training and conf/inversion_networks, and train with `{MADE_BY} --settings`"
        )
    try:
        loaded = [one for several in load_inversions(config, network).values() for one in several]
    except (WeightsError, InversionMismatch) as error:
        return f"needs the up-convolutional networks of conf/inversion_networks: {error}"
    if wrong := sorted({one.image_size for one in loaded} - {size}):
        return f"compares images of {size} pixels, and the up-convolutional networks give images of {wrong} pixels"
    return None


def load_inversion(weights: str, network: Network) -> InvertedLayer:
    """The up-convolutional network in `weights` (a path as for networks), which inverts a layer of `network`.

    Raises:
        UnmadeWeights: the project trains it, but hasn't yet.
        WeightsError: the file can't be used, or what lies beside it doesn't say what it is.
        InversionMismatch: it inverts another network.
    """
    if weights.startswith("results/weights/") and not (project_root() / weights).is_file():
        name = weights.removeprefix("results/weights/").removesuffix(".safetensors")
        raise UnmadeWeights(f"there is no {weights}; `{MADE_BY} {name}` trains it")
    beside = find_file(weights).with_suffix(".json")
    description = read_json(beside)
    if not isinstance(description, dict) or not {"architecture", "arguments", "inverts"} <= set(description):
        raise WeightsError(f"expected {beside} to describe a network that inverts a layer; name the file of one")
    if description["architecture"] != UpConvolution.__name__:
        raise WeightsError(f"{beside} describes a {description['architecture']}, not a {UpConvolution.__name__}")
    said = description["inverts"]
    if said["fingerprint"] != network.fingerprint:
        raise InversionMismatch(
            f"{weights} inverts {said['network']} ({said['fingerprint'][:12]}), but {network.name} "
            f"({network.fingerprint[:12]}) has other weights, layers or preprocessing; take the other network, or "
            "train a network that inverts this one"
        )
    upconvolution = UpConvolution(**description["arguments"])
    load_weights(upconvolution, weights)
    if upconvolution.code_shape != code_shape(network, said["layer"]):
        raise InversionMismatch(
            f"{weights} reads codes {upconvolution.code_shape}, but layer '{said['layer']}' of {network.name} gives "
            f"{code_shape(network, said['layer'])}"
        )
    upconvolution = upconvolution.to(device=network.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return InvertedLayer(network, said["layer"], upconvolution.eval().requires_grad_(False), description)
