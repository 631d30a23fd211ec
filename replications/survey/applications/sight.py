"""An image as the survey's methods see it, in a few numbers that may tell an adversarial image from a natural one.

Of each image, differentiable throughout, so that an attack may know all of it:

- confidence: the log-odds of the predicted class, the baseline.
- dissection: how strongly each unit that detects a concept fires, as the highest activation of its map over the unit's
  dissection threshold, e; of log(1 + e) the mean over units; the squared distance, in standard deviations and averaged
  over units, from its mean over reference images of the predicted class; and how much nearer another class's mean is.
- deconvnet: the strongest activations of the eight units of highest e, taken down to pixels together: the log of the
  projection's norm; its share of fine structure (what a blur over three pixels takes away); over how many of the pixels
  it spreads (participation ratio); and the cosine between it and the image.
- inversion: of the image that an up-convolutional network makes of a layer's features: its distance to the image; its
  features' relative distance to the image's; and the log-probability that it has of the predicted class.

Classes are those of the images, not all that the network knows. Deviation for attacks alone: which units are projected,
which class is predicted, and the dissection's thresholds are held while differentiating.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from replications.networks.network import Network
from replications.survey.applications.differentiable_deconvnet import Ascent
from replications.survey.applications.remainder import Remainder

if TYPE_CHECKING:
    from replications.survey.inversion_networks import InvertedLayer

CONFIDENCE, DISSECTION, DECONVNET, INVERSION = "confidence", "dissection", "deconvnet", "inversion"
NAMES: dict[str, tuple[str, ...]] = {
    CONFIDENCE: ("log-odds of the predicted class",),
    DISSECTION: ("evidence", "distance from the predicted class", "nearness of another class"),
    DECONVNET: ("log norm", "fine structure", "spread", "cosine with the image"),
    INVERSION: ("distance of the image", "distance of the features", "log-probability of the predicted class"),
}
PROJECTED = 8
FEWEST = 3  # reference images of a class
_TINY = 1e-8


class TooFewReferences(ValueError):
    """A class has too few reference images for a mean."""


@dataclasses.dataclass(frozen=True, eq=False)
class Seen:
    """Of N images.

    logits: (N, classes of the images). evidence: (N, units), of the units that detect. statistics: by family (N, d), as
    in `NAMES`. projections: (N, 3, H, W) in the network's input space. inverted: (N, 3, S, S) in [0, 1], or None.
    """

    logits: Tensor
    evidence: Tensor
    statistics: Mapping[str, Tensor]
    projections: Tensor
    inverted: Tensor | None


class Sight:
    """What a layer of a network shows of images.

    units: of the layer, those looked at. thresholds: (K,) of all its units. outputs: the network's outputs
    for the images' classes. inversion: of a layer of the same network, or None.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        *,
        thresholds: Tensor,
        units: Sequence[int],
        outputs: Sequence[int],
        inversion: InvertedLayer | None = None,
    ) -> None:
        """Raises NoPassage where something goes past the layer, ValueError where fewer than two units are usable."""
        self.network, self.layer, self.inversion = network, layer, inversion
        self.above = Remainder(network, layer)
        firing = [unit for unit in units if thresholds[unit] > 0]
        if len(firing) < 2:
            raise ValueError(f"needs two units of layer '{layer}' that detect concepts and fire, found {len(firing)}")
        self.units = torch.tensor(firing, device=network.device)
        self.outputs = torch.tensor(list(outputs), device=network.device)
        self.thresholds = thresholds.to(network.device, torch.float32)[self.units]
        self._means: Tensor | None = None  # (classes, units)
        self._deviations = torch.ones(len(firing), device=network.device)

    @property
    def families(self) -> tuple[str, ...]:
        return tuple(name for name in NAMES if name != INVERSION or self.inversion is not None)

    def logits(self, images: Tensor) -> Tensor:
        """(N, classes of the images); differentiable."""
        return self.network.logits(images).index_select(1, self.outputs)

    @staticmethod
    def confidence(logits: Tensor) -> Tensor:
        """(N, 1) the log-odds of the highest probability."""
        best = logits.argmax(1, keepdim=True)
        others = logits.scatter(1, best, -torch.inf).logsumexp(1, keepdim=True)
        return logits.gather(1, best) - others

    @torch.no_grad()
    def learn(self, images: Tensor, labels: Tensor, batch: int = 64) -> None:
        """Takes the means of each class and the deviations around them from reference images.

        labels: (N,), positions in `outputs`. Raises TooFewReferences for a class with fewer than `FEWEST` images.
        """
        parts = [self._evidence(self.network.forward_to(self.layer, part))[0] for part in images.split(batch)]
        seen = torch.cat(parts).log1p()
        labels = labels.to(seen.device)
        counts = torch.bincount(labels, minlength=len(self.outputs))
        if int(counts.min()) < FEWEST:
            raise TooFewReferences(
                f"each class needs {FEWEST} reference images that the network classifies correctly; class number "
                f"{int(counts.argmin())} has {int(counts.min())}"
            )
        sums = seen.new_zeros(len(self.outputs), seen.shape[1]).index_add_(0, labels, seen)
        self._means = sums / counts[:, None]
        residuals = seen - self._means[labels]
        freedom = max(1, len(seen) - len(self.outputs))
        self._deviations = (residuals.square().sum(0) / freedom).sqrt().clamp_min(1e-3)

    def __call__(self, images: Tensor) -> Seen:
        """images: (N, 3, H, W) in [0, 1]. Differentiable where the images require a gradient."""
        with torch.set_grad_enabled(images.requires_grad):
            return self._seen(images.to(self.network.device))

    def _seen(self, images: Tensor) -> Seen:
        ascent = Ascent(self.network, images, self.layer)
        maps = ascent.activations
        logits = self.above.logits(maps).index_select(1, self.outputs)
        evidence, places = self._evidence(maps)
        predicted = logits.argmax(1)
        projections = ascent.project(self._strongest(maps, evidence, places))
        statistics = {
            CONFIDENCE: self.confidence(logits),
            DISSECTION: self._of_dissection(evidence, predicted),
            DECONVNET: _of_projections(projections, ascent.inputs),
        }
        inverted = None
        if self.inversion is not None:
            inverted, statistics[INVERSION] = self._of_inversion(self.inversion, images, predicted)
        return Seen(logits, evidence, statistics, projections, inverted)

    def _evidence(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """(N, units) the highest activations over the thresholds, at least 0, and where in the maps they stand."""
        chosen = maps.index_select(1, self.units).flatten(2)
        highest, places = chosen.max(2)
        return (highest / self.thresholds).clamp_min(0), places

    def _strongest(self, maps: Tensor, evidence: Tensor, places: Tensor) -> Tensor:
        """The layer with everything set to zero but the peaks of the units of most evidence."""
        best = evidence.detach().topk(min(PROJECTED, evidence.shape[1]), dim=1).indices  # (N, 8)
        flat = maps.flatten(2)
        each = torch.arange(len(maps), device=maps.device)[:, None].expand_as(best)
        mask = torch.zeros_like(flat)
        mask[each, self.units[best], places.gather(1, best)] = 1
        return (flat * mask).reshape(maps.shape)

    def _of_dissection(self, evidence: Tensor, predicted: Tensor) -> Tensor:
        if self._means is None:
            raise RuntimeError("learn() from reference images first: the distance from a class needs its mean")
        seen = evidence.log1p()
        distances = ((seen[:, None] - self._means) / self._deviations).square().mean(2)  # (N, classes)
        own = distances.gather(1, predicted[:, None])[:, 0]
        others = distances.masked_fill(F.one_hot(predicted, distances.shape[1]).bool(), torch.inf).amin(1)
        return torch.stack([seen.mean(1), own, own - others], 1)

    def _of_inversion(self, inversion: InvertedLayer, images: Tensor, predicted: Tensor) -> tuple[Tensor, Tensor]:
        codes = inversion.codes(images)
        inverted = inversion.of_codes(codes)
        size = inverted.shape[-1]
        same = images if images.shape[-1] == size else F.interpolate(images, (size, size), mode="area")
        again = inversion.codes(inverted)
        of_features = _norm((again - codes).flatten(1)) / _norm(codes.flatten(1))
        log_probability = self.logits(inverted).log_softmax(1).gather(1, predicted[:, None])[:, 0]
        return inverted, torch.stack([_norm((inverted - same).flatten(1)), of_features, log_probability], 1)


def _of_projections(projections: Tensor, inputs: Tensor) -> Tensor:
    norm = _norm(projections.flatten(1))
    fine = projections - F.avg_pool2d(projections, 3, 1, 1, count_include_pad=False)
    share = fine.flatten(1).square().sum(1) / (norm.square() + _TINY)
    energy = projections.square().sum(1).flatten(1)
    spread = energy.sum(1).square() / (energy.shape[1] * energy.square().sum(1) + _TINY)
    centred = inputs - inputs.mean((2, 3), keepdim=True)
    cosine = (projections * centred).flatten(1).sum(1) / (norm * _norm(centred.flatten(1)) + _TINY)
    return torch.stack([norm.log(), share, spread, cosine], 1)


def _norm(rows: Tensor) -> Tensor:
    """(N,) the lengths of rows, kept off 0, where they have no gradient."""
    return (rows.square().sum(1) + _TINY).sqrt()
