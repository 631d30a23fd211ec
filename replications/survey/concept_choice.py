"""The set of labelled images that an experiment's configuration names, built when it is first asked for.

An experiment holds the configuration (a file of conf/concepts) as a parameter; `_recursive_: false` in the experiment's
file keeps it one, so that nothing is drawn or read before the experiment runs, and a changed choice is measured anew.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from replications.data.concepts import broden, facetworld, labelled_folder, mask_folder, united
from replications.data.concepts.concept_set import ConceptSet
from replications.data.errors import DataError
from replications.networks.network import Network
from replications.paths import MissingDataRoot

# imported, so that their code counts for every experiment that imports this module
PARTS = (facetworld, mask_folder, labelled_folder, united, broden)

_KEPT = 2  # sets of images that several experiments of a run share


def concept_set(config: Mapping[str, Any] | None, network: Network | int) -> ConceptSet:
    """The concepts that a configuration as in conf/concepts describes, at the size of the network's input.

    network: or the size itself, in pixels. A size that the configuration names is left as it is.

    Raises:
        ValueError: there is no configuration, or it is not that of a set of concepts.
        DataError, MissingDataRoot: the images or their labels can't be used, or are not there.
    """
    if config is None:
        raise ValueError("no set of labelled images is named: choose one of conf/concepts as 'concepts'")
    size = network if isinstance(network, int) else network.input_size
    return _built(json.dumps(_sized(config, size)))


def lacking(config: Mapping[str, Any] | None, network: Network | int) -> str | None:
    """What is missing for `concept_set`, as a sentence for an experiment's `missing`, or None."""
    if config is None:
        return "needs images whose concepts are labelled; choose one of conf/concepts as 'concepts'"
    try:
        concept_set(config, network)
    except (DataError, MissingDataRoot) as error:
        return f"needs images whose concepts are labelled: {error}"
    return None


def content(config: Mapping[str, Any] | None, network: Network | int) -> dict[str, str]:
    """For an experiment's `reads`: the images and labels of `concept_set`; nothing where they can't be read."""
    return {} if lacking(config, network) else {"concepts": concept_set(config, network).fingerprint}


def _sized(config: Mapping[str, Any], size: int) -> dict[str, Any]:
    """The configuration with the size in place wherever a set's own is null."""
    sized = {key: _sized(value, size) if isinstance(value, Mapping) else value for key, value in config.items()}
    return {**sized, "size": size} if "size" in sized and sized["size"] is None else sized


@functools.lru_cache(maxsize=_KEPT)
def _built(chosen: str) -> ConceptSet:
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    config = json.loads(chosen)
    for target in _targets(config):
        if not target.startswith(tuple(f"{part.__name__}." for part in PARTS)):
            names = ", ".join(part.__name__ for part in PARTS)
            raise ValueError(f"a set of concepts is made by {names}; found '{target}'")
    try:
        found = instantiate(config, _convert_="all")
    except InstantiationException as error:
        raise cast(Exception, error.__cause__ or error) from error
    if not isinstance(found, ConceptSet):
        raise ValueError(f"expected the configuration of a set of concepts, found that of a {type(found).__name__}")
    return found


def _targets(config: Mapping[str, Any]) -> Iterator[str]:
    for key, value in config.items():
        if key == "_target_":
            yield str(value)
        elif isinstance(value, Mapping):
            yield from _targets(value)
