"""Several networks of one experiment, each by its configuration, and the same with random weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch

from replications.multifaceted.untrained import untrained
from replications.networks import alexnet, tiny_darknet, zfnet
from replications.networks.load import architecture, torchvision_classifier
from replications.networks.network import Network
from replications.networks.weights import WeightsError, is_there
from replications.paths import MissingDataRoot
from replications.suite.context import seed_of
from replications.suite.interface import MissingInput
from replications.survey.concept_choice import content, lacking

# What may build one; imported, so that their code counts for every experiment that imports this module.
BUILDERS = (architecture, torchvision_classifier)
ARCHITECTURES = (alexnet, tiny_darknet, zfnet)

Configs = Mapping[str, Mapping[str, Any]]

_USUAL_SIZE = 224  # of torchvision's classifiers, whose configurations needn't say


def absent(configs: Configs | None, layer: int) -> str | None:
    """What these networks (files of conf/network, by name) lack, as a sentence, or None.

    layer: the number of the paper's layer that each must name. Weights that torchvision downloads are missed only when
    they are asked for (`load`).
    """
    if not configs:
        return "needs trained networks; choose some of conf/network as 'networks'"
    for name, config in configs.items():
        weights = config.get("weights")
        if weights is None:
            return f"needs trained networks, and '{name}' has no weights; name them as networks.{name}.weights"
        if layer not in (config.get("unit_layers") or {}):
            return f"needs the paper's layer {layer}, which network '{name}' doesn't name; add it to its unit_layers"
        try:
            if "/" in str(weights) and not is_there(weights):
                return f"needs {weights}, the weights of network '{name}', which aren't there"
        except MissingDataRoot as error:
            return f"needs the weights of network '{name}': {error}"
    return None


def lacking_concepts(concepts: Mapping[str, Any] | None, configs: Configs) -> str | None:
    """As `concept_choice.lacking`, at the size of the first network's input, which isn't loaded for it."""
    return lacking(concepts, _size(configs))


def content_of_concepts(concepts: Mapping[str, Any] | None, configs: Configs | None) -> dict[str, str]:
    """As `concept_choice.content`, at that size."""
    return content(concepts, _size(configs)) if configs else {}


def _size(configs: Configs) -> int:
    first = next(iter(configs.values()))
    return int((first.get("preprocessing") or {}).get("size", _USUAL_SIZE))


def load(config: Mapping[str, Any], device: torch.device) -> Network:
    """The network that a configuration as in conf/network describes.

    Raises:
        MissingInput: its weights, or a file that goes with them, aren't there.
        ValueError: the configuration is of something else.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    target = str(config.get("_target_", ""))
    if target not in (builders := [f"{builder.__module__}.{builder.__name__}" for builder in BUILDERS]):
        raise ValueError(f"a network is built by {' or '.join(builders)}; found '{target}'")
    try:
        network = instantiate(dict(config), _convert_="all")
    except InstantiationException as error:
        cause = cast(Exception, error.__cause__ or error)
        if isinstance(cause, WeightsError | MissingDataRoot):
            raise MissingInput(f"needs the network '{config.get('name', target)}': {cause}") from error
        raise cause from error
    return cast(Network, network).to(device)


def with_random_weights(network: Network, seed: int, number: int) -> Network:
    """The `number`-th network of the same operations with random weights (see `untrained`).

    It depends on the arguments and nothing else, so that experiments which compare with it share it.
    """
    generator = torch.Generator().manual_seed(seed_of(seed, "random weights", network.name, number))
    return untrained(network, generator)
