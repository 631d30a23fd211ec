"""What is kept of real images: by copies of them, and along chains that start from them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from metrics.perceptual import paired
from replications.multifaceted.judge import Judge, Seen
from replications.networks.network import Network
from replications.ppgn.class_sets import class_probabilities
from replications.ppgn.comparisons import Floats, Measure

FACET = "facet kept"
_IMAGE, _CODE, _FAR = "image error", "code error", "perceptual distance"
_BY_ENCODER, _BY_JUDGE = "class kept, encoder", "class kept, evaluator"
_DISTANCE = "distance from the start"

_COPIES: Mapping[str, Measure] = {
    _IMAGE: Measure("share of the variance, squared error of the pixels; 1 is the mean image's", "lower"),
    _CODE: Measure("share of the variance, squared error of the encoder's code; 1 is the mean code's", "lower"),
    _FAR: Measure("squared distance, to the real image in the evaluator's maps at unit length", "lower"),
    _BY_ENCODER: Measure("share, 1 where the encoder's network finds the same class likeliest", "higher", True),
    _BY_JUDGE: Measure("share, 1 where the held-out evaluator finds the same class likeliest", "higher", True),
    FACET: Measure("share, 1 where the held-out evaluator finds the same facet likeliest", "higher", True),
}
_CHAINS: Mapping[str, Measure] = {
    "class probability": Measure("0 to 1, the evaluator's for the asked class, facets summed", "higher", True),
    "class named": Measure("share, 1 where the asked class is the likeliest to the evaluator", "higher", True),
    _DISTANCE: Measure("share of the variance, squared distance of the code from the start's", "none"),
    _FAR: Measure("squared distance, to the image of the start in the evaluator's maps at unit length", "none"),
    FACET: Measure("share, 1 where the evaluator finds the same facet likeliest as in the start's image", "none", True),
}


@dataclass(frozen=True, eq=False)
class Originals:
    """Real images, class by class. classes: (n,) names. images: (n, 3, S, S) in [0, 1]. each: of a class."""

    classes: tuple[str, ...]
    images: Tensor
    each: int

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def others(self) -> Tensor:
        """For each image the next one of its class; for a class's last one its first."""
        return self.images.unflatten(0, (-1, self.each)).roll(-1, 1).flatten(0, 1)

    def first(self, count: int) -> Originals:
        """The first images of each class."""
        images = self.images.unflatten(0, (-1, self.each))[:, :count].flatten(0, 1)
        names = tuple(name for name in dict.fromkeys(self.classes) for _ in range(count))
        return Originals(names, images, count)

    def repeated(self, times: int) -> Originals:
        """All of them one after the other, so many times."""
        return Originals(self.classes * times, self.images.repeat(times, 1, 1, 1), self.each)


class Scorer:
    """Compares pictures with the real images that they come from, `originals`.

    judge: held out. network: the encoder's. encode: images (n, 3, S, S) to codes (n, ...).
    """

    def __init__(
        self, judge: Judge, network: Network, originals: Originals, encode: Callable[[Tensor], Tensor]
    ) -> None:
        self.judge, self.network, self.originals, self._encode = judge, network, originals, encode
        self._names = list(dict.fromkeys(originals.classes))
        self._tells_facets = all(judge.tells_facets(name) for name in self._names)

    @property
    def measures_of_copies(self) -> dict[str, Measure]:
        """By name; facets are left out where the judge tells none."""
        return self._told(_COPIES)

    @property
    def measures_of_chains(self) -> dict[str, Measure]:
        return self._told(_CHAINS)

    def copies(self, images: Tensor) -> dict[str, Floats]:
        """By measure (n,) values of one copy of each original. images: (n, 3, S, S) in [0, 1]."""
        real, seen = self.originals.images, self.judge.see(images)
        found = {
            _IMAGE: _share_of_variance(images, real),
            _CODE: _share_of_variance(self._encode(images), self._codes),
            _FAR: paired(self.judge.backbone, images, real),
            _BY_ENCODER: self._likeliest(images) == self._likeliest(real),
            _BY_JUDGE: self._class(seen) == self._class(self._seen),
            FACET: seen.probabilities.argmax(1) == self._seen.probabilities.argmax(1),
        }
        return {measure: found[measure].double().numpy() for measure in self.measures_of_copies}

    def along(
        self,
        starts: Originals,
        codes: Tensor,
        frames: Tensor,
        asked: Sequence[str],
    ) -> dict[str, Floats]:
        """By measure (k, n) values at k steps of chains from each of `starts`.

        codes: (k, n, ...) of the chains. frames: (k, n, 3, S, S) what they show. asked: (n,) classes.
        """
        begun = self.judge.see(starts.images).probabilities.argmax(1)
        variance = _variance(self._codes)
        own = torch.tensor([self._names.index(name) for name in asked])
        rows: dict[str, list[Tensor]] = {measure: [] for measure in _CHAINS}
        for code, frame in zip(codes, frames, strict=True):
            seen = self.judge.see(frame)
            probabilities = class_probabilities(self.judge, seen, self._names)
            rows["class probability"].append(probabilities.gather(1, own[:, None])[:, 0])
            rows["class named"].append(probabilities.argmax(1) == own)
            rows[_DISTANCE].append(_squares(code - codes[0]) / variance)
            rows[_FAR].append(paired(self.judge.backbone, frame, starts.images))
            rows[FACET].append(seen.probabilities.argmax(1) == begun)
        return {measure: torch.stack(rows[measure]).double().numpy() for measure in self.measures_of_chains}

    @functools.cached_property
    def _codes(self) -> Tensor:
        return self._encode(self.originals.images)

    @functools.cached_property
    def _seen(self) -> Seen:
        return self.judge.see(self.originals.images)

    def _class(self, seen: Seen) -> Tensor:
        return class_probabilities(self.judge, seen, self._names).argmax(1)

    @torch.inference_mode()
    def _likeliest(self, images: Tensor) -> Tensor:
        return torch.cat([self.network.logits(part).argmax(1).cpu() for part in images.split(100)])

    def _told(self, measures: Mapping[str, Measure]) -> dict[str, Measure]:
        return {name: about for name, about in measures.items() if name != FACET or self._tells_facets}


def _share_of_variance(values: Tensor, real: Tensor) -> Tensor:
    return _squares(values - real) / _variance(real)


def _squares(values: Tensor) -> Tensor:
    """(n,) float64."""
    return values.double().flatten(1).square().sum(1)


def _variance(real: Tensor) -> float:
    """Mean squared distance from the mean."""
    return float(_squares(real - real.mean(0)).mean())
