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

# What may build one; imported, so that their code counts for every experiment that imports this module.
BUILDERS = (architecture, torchvision_classifier)
ARCHITECTURES = (alexnet, tiny_darknet, zfnet)

Configs = Mapping[str, Mapping[str, Any]]


def absent(configs: Configs | None) -> str | None:
    """What is missing for the networks of these configurations (files of conf/network by name), as a sentence, or None.

    Weights that torchvision downloads are missed only when they are asked for (`load`).
    """
    for name, config in (configs or {}).items():
        weights = config.get("weights")
        if weights is None:
            return f"needs trained networks, and '{name}' has no weights; name them as networks.{name}.weights"
        if "/" not in str(weights):
            continue
        try:
            if not is_there(weights):
                return f"needs {weights}, the weights of network '{name}', which aren't there"
        except MissingDataRoot as error:
            return f"needs the weights of network '{name}': {error}"
    return None


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
