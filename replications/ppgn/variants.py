"""The five variants as experiments use them: each a sampler, made of the files that conf/ppgn names.

| name | title | generator | prior |
| ppgn_x | PPGN-x | none: the code is the image | autoencoder of pixels |
| dgn_am | DGN-AM | trained without noise | none |
| ppgn_h | PPGN-h | the same | autoencoder of codes |
| joint_ppgn_h | Joint PPGN-h | trained with noise on image, h1 and h | E(G(h)) - h |
| noiseless_joint_ppgn_h | Noiseless Joint PPGN-h | trained without noise | E(G(h)) - h |

Deviation: in the paper DGN-AM (and PPGN-h) has a generator of its own, of another training with the same losses as the
noiseless joint variant's. Here the three share one, so that what tells them apart is how they sample and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.networks.network import Network
from replications.networks.weights import UnmadeWeights, find_file, is_there
from replications.paths import MissingDataRoot, project_root
from replications.ppgn.codes import RealCodes, encode
from replications.ppgn.dae import DAE, PixelDAE, load_dae
from replications.ppgn.load import MADE_BY, load_generator
from replications.ppgn.priors import DenoisingPrior, JointPrior, NoPrior, Prior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import build
from replications.suite.interface import Context

TITLES = {
    "ppgn_x": "PPGN-x",
    "dgn_am": "DGN-AM",
    "ppgn_h": "PPGN-h",
    "joint_ppgn_h": "Joint PPGN-h",
    "noiseless_joint_ppgn_h": "Noiseless Joint PPGN-h",
}
NAMES = tuple(TITLES)
BEST = "noiseless_joint_ppgn_h"  # in the paper's words; what figures of one variant alone are made with


@dataclass(frozen=True, eq=False)
class Variant:
    """name, title: see the table above. network: whose codes these are. layer: which; None where the code is the image.

    sampler: with the settings that were asked for.
    """

    name: str
    title: str
    network: Network
    layer: str | None
    sampler: Sampler

    def encode(self, images: Tensor) -> Tensor:
        """The codes (n, ...) of images (n, 3, S, S) in [0, 1], on the CPU."""
        return images.clone() if self.layer is None else encode(self.network, self.layer, images)

    def made(self, codes: Tensor) -> Tensor:
        """Images (n, 3, S, S) in [0, 1] of codes (n, ...), on the CPU."""
        return self.sampler.made(codes)


@dataclass(frozen=True, eq=False)
class Variants:
    """What conf/ppgn describes, for one encoder and the training images of one set; files are read when asked for.

    config: the mapping. network: the encoder; data: images, of which the first `known_images` drawn at random tell
    where real codes lie.
    """

    config: Mapping[str, Any]
    network: Network
    data: ImageSet
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    _known: dict[str | None, RealCodes] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, config: Mapping[str, Any], context: Context) -> Variants:
        """With the network and the training images of an experiment's context."""
        return cls(config, context.network, context.data.train, context.device)

    def get(self, name: str, task: str | None = None, **changes: Any) -> Variant:
        """One of NAMES. task: of the settings' `tasks`, where the variant has it; changes: of single settings.

        Raises:
            ValueError: there is no such variant, or a setting that it hasn't got.
            UnmadeWeights, WeightsError, GeneratorMismatch, WrongCheckpoint: its files.
        """
        check_variant(self.config, name)
        described = self.config["samplers"][name]
        files = self.config["files"][name]
        if "generator" in files:
            changes = {"clip": self.config["clip"], **changes}
        settings = build(described, task if task in described.get("tasks", {}) else None, **changes)
        if "generator" in files and "rate" not in changes:
            settings = settings.slowed(float(self.config["rate_factor"]))
        autoencoder = self._autoencoder(files["autoencoder"]) if "autoencoder" in files else None
        if "generator" not in files:
            assert autoencoder is not None, f"conf/ppgn gives '{name}' neither generator nor autoencoder"
            sampler = Sampler(_unchanged, settings, DenoisingPrior(autoencoder), self.known(None), self.device)
            return Variant(name, TITLES[name], self.network, None, sampler)
        loaded = load_generator(files["generator"], self.network)
        layer = loaded.encoder.code_layer
        prior: Prior = NoPrior() if settings.prior == "none" else JointPrior(self.network, layer)
        if autoencoder is not None:
            prior = DenoisingPrior(autoencoder)
        sampler = Sampler(loaded.generator, settings, prior, self.known(layer), self.device)
        return Variant(name, TITLES[name], self.network, layer, sampler)

    def known(self, layer: str | None) -> RealCodes:
        """Where the codes of real images lie; None: the images themselves."""
        if layer not in self._known:
            count = min(int(self.config["known_images"]), len(self.data))
            chosen = torch.randperm(len(self.data), generator=torch.Generator().manual_seed(0))[:count].sort().values
            parts = (self.data.images(part) for part in chosen.split(200))
            codes = (part if layer is None else encode(self.network, layer, part) for part in parts)
            self._known[layer] = RealCodes.of(codes)
        return self._known[layer]

    def _autoencoder(self, path: str) -> DAE:
        _check_made(path)
        found, about = load_dae(find_file(path))
        if not isinstance(found, PixelDAE) and about.get("fingerprint") != self.network.fingerprint:
            from replications.ppgn.load import GeneratorMismatch

            raise GeneratorMismatch(
                f"the autoencoder in {path} was trained on codes of {about.get('network')}, which has other weights, "
                f"layers or preprocessing than {self.network.name}; train one for this encoder"
            )
        return found.to(self.device)


def check_variant(config: Mapping[str, Any], name: str, task: str | None = None) -> None:
    """Raises ValueError unless a configuration of conf/ppgn has the variant, and the variant the task."""
    if name not in TITLES:
        raise ValueError(f"there is no variant '{name}'; there are {', '.join(NAMES)}")
    if task is not None and task not in config["samplers"].get(name, {}).get("tasks", {}):
        able = [other for other in NAMES if task in config["samplers"].get(other, {}).get("tasks", {})]
        raise ValueError(
            f"the variant '{name}' has no task '{task}' in conf/sampler; these have it: {', '.join(able) or 'none'}"
        )


def missing(config: Mapping[str, Any], context: Context, names: Sequence[str] = NAMES) -> str | None:
    """What a profile lacks for these variants, as one sentence, or None. Reads no weights."""
    if context.network.name != config["network"]:
        return (
            f"needs a generator for codes of '{context.network.name}', and those of the project are for "
            f"'{config['network']}'"
        )
    for name in names:
        for path in config["files"][name].values():
            if path.startswith("results/weights/") and not (project_root() / path).is_file():
                return f"needs {path}; `make weights-generators` trains it"
            if not _is_found(path):
                return f"needs {path}, which is neither in the project nor in the folder that REPLICATIONS_DATA names"
    return None


def _is_found(path: str) -> bool:
    try:
        return is_there(path)
    except MissingDataRoot:
        return False


def _check_made(path: str) -> None:
    if path.startswith("results/weights/") and not (project_root() / path).is_file():
        name = path.removeprefix("results/weights/").removesuffix(".safetensors")
        raise UnmadeWeights(f"there is no {path}; `{MADE_BY} {name}` trains it")


def _unchanged(codes: Tensor) -> Tensor:
    """What PPGN-x generates from a code: the code is the image."""
    return codes
