"""A captioner that the project trains: what chains ask for the probability of captions, and what it says of images."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from replications.networks.preprocessing import Preprocessing
from replications.networks.weights import UnmadeWeights, WeightsError, find_file, load_weights, read_json
from replications.paths import project_root
from replications.ppgn.captioning_network import CaptioningNetwork, padded, word_log_probabilities
from replications.ppgn.captions import indices_of
from replications.ppgn.fingerprints import fingerprint_of

MADE_BY = "python -m replications.ppgn.weights captioner"
LONGEST = 40  # words of a caption that is said
_BATCH = 200


@dataclass(frozen=True, eq=False)
class LSTMCaptioner:
    """A trained captioner, as `captions.Caption` asks for one.

    words: that it knows, in the order of their indices. network: in evaluation mode, frozen.

    Raises:
        ValueError: a network for another number of words, or in training mode.
    """

    name: str
    words: tuple[str, ...]
    network: CaptioningNetwork
    preprocessing: Preprocessing

    def __post_init__(self) -> None:
        if self.network.end != len(self.words):
            raise ValueError(
                f"the captioner '{self.name}' is given {len(self.words)} words and a network for {self.network.end}"
            )
        if self.network.training:
            raise ValueError(f"the network of the captioner '{self.name}' is in training mode; call .eval() on it")

    @property
    def end(self) -> int:
        return self.network.end

    @functools.cached_property
    def vocabulary(self) -> Mapping[str, int]:
        return {word: index for index, word in enumerate(self.words)}

    @functools.cached_property
    def fingerprint(self) -> str:
        return fingerprint_of(self.name, self.words, self.network, self.preprocessing)

    def log_probabilities(self, images: Tensor, words: Tensor) -> Tensor:
        """(n, T): see `captions.Captioner`."""
        return word_log_probabilities(self.network.logits(self._features(images), words), words)

    def indices(self, captions: Sequence[str]) -> Tensor:
        """(n, T) of captions with their ends. Raises UnknownWord."""
        return padded([[*indices_of(caption, self), self.end] for caption in captions], self._device)

    @torch.inference_mode()
    def of_own(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        """(n, T) float64 on the CPU: of each word of captions[i], and its end, given image i; 0 behind the end.

        images: (n, 3, H, W) in [0, 1].
        """
        rows = self.indices(captions)
        parts = zip(images.split(_BATCH), rows.split(_BATCH), strict=True)
        return torch.cat([self.log_probabilities(part, own).double().cpu() for part, own in parts])

    @torch.inference_mode()
    def of_all(self, images: Tensor, captions: Sequence[Sequence[str]]) -> Tensor:
        """(n, m) float64 on the CPU: the log-probability of each of the m captions captions[i] given image i."""
        found = []
        for image, own in zip(images, captions, strict=True):
            rows = self.indices(own)
            features = self._features(image[None]).expand(len(own), -1)
            logs = word_log_probabilities(self.network.logits(features, rows), rows)
            found.append(logs.double().sum(1).cpu())
        return torch.stack(found)

    @torch.inference_mode()
    def describe(self, images: Tensor) -> list[str]:
        """What it says of each image: the most probable word after those before it, up to the end or LONGEST words."""
        features = self._features(images)
        said = torch.full((len(images), 1), self.end, device=features.device)
        for _ in range(LONGEST):
            said[:, -1] = self.network.logits(features, said)[:, -1].argmax(1)
            said = torch.cat([said, torch.full_like(said[:, :1], self.end)], 1)
        sentences = []
        for row in said.tolist():
            sentences.append(" ".join(self.words[index] for index in row[: row.index(self.end)]))
        return sentences

    def _features(self, images: Tensor) -> Tensor:
        return self.network.features(self.preprocessing(images.to(self._device)))

    @property
    def _device(self) -> torch.device:
        return self.network.word.weight.device


def load_captioner(weights: str, device: torch.device | str = "cpu") -> LSTMCaptioner:
    """The captioner in `weights`, a path as for networks; <name>.json beside it says what it is.

    Raises:
        UnmadeWeights: the project trains it, but hasn't yet.
        WeightsError: the file can't be used, or what lies beside it describes no captioner.
    """
    if is_unmade(weights):
        raise UnmadeWeights(f"there is no {weights}; `{MADE_BY}` trains it")
    beside = find_file(weights).with_suffix(".json")
    about = read_json(beside)
    if not isinstance(about, dict) or not {"words", "arguments", "preprocessing"} <= set(about):
        raise WeightsError(f"expected {beside} to describe a captioner with its words; name the file of a captioner")
    return restored(Path(weights).stem, about, weights, device)


def restored(name: str, about: Mapping[str, Any], weights: str, device: torch.device | str = "cpu") -> LSTMCaptioner:
    """The captioner that `about` describes ("words", "arguments", "preprocessing"), with the weights of a file."""
    network = CaptioningNetwork(len(about["words"]), **about["arguments"])
    load_weights(network, weights)
    network.to(device).eval().requires_grad_(False)
    return LSTMCaptioner(name, tuple(about["words"]), network, Preprocessing(**about["preprocessing"]))


def is_unmade(weights: str) -> bool:
    """Whether the project trains these weights, and they aren't there."""
    return weights.startswith("results/weights/") and not (project_root() / weights).is_file()
