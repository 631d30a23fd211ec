"""What a picture shows, slot by slot, to eyes that chains never climbed.

Class and facet: the first choice of the held-out evaluator, which tells facets. Colour, side, place and time: a linear
probe for each, that is the largest output of a ridge regression onto the values, from two sets of features:
- of side, place and time: the evaluator's maps after each of its stages, averaged to 4 x 4 cells, and the picture
  itself in 8 x 8;
- of the object's colour, which the evaluator has learned to look past: its first maps, the shares of eleven named
  colours in 6 x 6 cells, and their shares where the evaluator sees what it takes the picture for (the gradient of its
  highest output times its last maps, as in Grad-CAM; Selvaraju et al. 2017).

The probes learn from real training images and are tested on real validation images, whose share that is read rightly
is what that of other pictures is to be compared with. The features were chosen by it, on real images alone: of the
object's colour they read 61 % rightly, the first set 50 %, the evaluator's maps 18 to 51 %; chance is 10 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from metrics.colour import to_lab
from replications.data.facetworld.dataset import FacetSet
from replications.data.facetworld.palette import COLOURS
from replications.multifaceted.judge import Judge, perceptual_layers
from replications.ppgn.told import SLOTS, Told, told_of

PROBED = (("colour",), ("side", "place", "time"))  # by which of the two sets of features
PENALTY = 0.1  # per image and standardized feature
CELLS, PIXELS, COLOUR_CELLS = 4, 8, 6  # a side
NEAR = 15.0  # how far a colour is from another that could have its name, in L*a*b*
SHARPNESS = 1.5  # of where the evaluator looks: the logarithm of a place's weight for one deviation of the evidence
_BATCH = 100


@dataclass(frozen=True, eq=False)
class Ridge:
    """scores = (features - mean) / deviation @ weights + bias. mean, deviation: (d,); weights: (d, k); bias: (k,)."""

    mean: Tensor
    deviation: Tensor
    weights: Tensor
    bias: Tensor

    @classmethod
    def fit(cls, features: Tensor, targets: Tensor, penalty: float = PENALTY) -> Ridge:
        """The least mean squared error plus penalty x the squared weights, of standardized features, in float64.

        features: (n, d); targets: (n, k). A feature that never varies has no say. Raises ValueError for a penalty of 0
        or less, which may leave the solution open.
        """
        if not penalty > 0:
            raise ValueError(f"a ridge regression has a penalty above 0, found {penalty}")
        values, wanted = features.double(), targets.double()
        mean, deviation = values.mean(0), values.std(0, correction=0)
        deviation = torch.where(deviation > 0, deviation, 1)
        standard = (values - mean) / deviation
        squares = standard.T @ standard / len(standard)
        squares.diagonal().add_(penalty)
        bias = wanted.mean(0)
        weights = torch.linalg.solve(squares, standard.T @ (wanted - bias) / len(standard))
        return cls(mean, deviation, weights, bias)

    def __call__(self, features: Tensor) -> Tensor:
        """(m, d) -> (m, k)."""
        found: Tensor = (features.double() - self.mean) / self.deviation @ self.weights + self.bias
        return found


class Reader:
    """judge: whose network tells facets "class/facet". real: images with captions, to learn from; images: how many."""

    def __init__(self, judge: Judge, real: FacetSet, images: int) -> None:
        self.judge = judge
        self.layers = perceptual_layers(judge.network)
        chosen = torch.arange(min(images, len(real)))
        told = told_of(real, chosen)
        features = self.features(real.images(part) for part in chosen.split(_BATCH))
        self.probes = [
            Ridge.fit(own, torch.cat([_one_hot([one.value(slot) for one in told], SLOTS[slot]) for slot in slots], 1))
            for own, slots in zip(features, PROBED, strict=True)
        ]

    def read(self, images: Tensor) -> dict[str, list[str]]:
        """For each of SLOTS what each image shows. images: (n, 3, H, W) in [0, 1]."""
        probabilities = self.judge.see(images).probabilities
        facets = [self.judge.network.classes[i] for i in probabilities.argmax(1).tolist()]
        read = {"class": [facet.partition("/")[0] for facet in facets], "facet": facets}
        for probe, own, slots in zip(self.probes, self.features(images.split(_BATCH)), PROBED, strict=True):
            for slot, scores in zip(slots, probe(own).split([len(SLOTS[slot]) for slot in slots], 1), strict=True):
                read[slot] = [SLOTS[slot][i] for i in scores.argmax(1).tolist()]
        return {slot: read[slot] for slot in SLOTS}

    def features(self, batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
        """(n, d) each, on the CPU: those of the object's colour, and those of the rest; see the head of the file."""
        parts = [self._features(images) for images in batches]
        return torch.cat([colour for colour, _ in parts]), torch.cat([rest for _, rest in parts])

    def _features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        network = self.judge.network
        last = self.layers[-1]
        with torch.enable_grad():
            shown = images.to(network.device).clone().requires_grad_()
            maps = network.activations([*self.layers, network.layers[-1]], shown)
            highest = maps[network.layers[-1]].flatten(1).amax(1)
            slope = torch.autograd.grad(highest.sum(), maps[last])[0]
        evidence = (slope * maps[last]).sum(1).detach()
        cells = [F.adaptive_avg_pool2d(maps[layer].detach(), CELLS).flatten(1).cpu() for layer in self.layers]
        names = colour_names(images)
        where = _looked_at(evidence.cpu(), images.shape[-1])
        there = (names * where[:, None]).sum((2, 3))
        shares = F.adaptive_avg_pool2d(names, COLOUR_CELLS).flatten(1)
        pixels = F.adaptive_avg_pool2d(images, PIXELS).flatten(1).cpu()
        return torch.cat([cells[0], shares, there], 1), torch.cat([*cells, pixels], 1)


def colour_names(images: Tensor) -> Tensor:
    """(n, 11, H, W), adding up to 1 at every pixel: how far each has each of the palette's names, on the CPU.

    A softmax of minus half the squared distance in L*a*b* over NEAR^2. images: (n, 3, H, W) in [0, 1].
    """
    palette = torch.tensor(list(COLOURS.values())).float()[:, :, None, None] / 255
    named, seen = to_lab(palette).float(), to_lab(images.cpu()).float()
    apart = (seen[:, None] - named[None]).square().sum(2)
    return (-apart / (2 * NEAR**2)).softmax(1)


def _looked_at(evidence: Tensor, size: int) -> Tensor:
    """(n, size, size), adding up to 1: how much each place counts, from evidence (n, h, w)."""
    fine = F.interpolate(evidence[:, None], (size, size), mode="bilinear", align_corners=False).flatten(1)
    standard = (fine - fine.mean(1, keepdim=True)) / fine.std(1, keepdim=True).clamp_min(1e-6)
    return (SHARPNESS * standard).softmax(1).reshape(-1, size, size)


def right(read: Sequence[str], told: Sequence[Told], slot: str) -> Tensor:
    """(n,) float64, 1 where what is read is what is told."""
    return torch.tensor([value == one.value(slot) for value, one in zip(read, told, strict=True)]).double()


def right_elsewhere(read: Sequence[str], told: Sequence[Told], sets: Sequence[int], slot: str) -> Tensor:
    """(n,) float64 in [0, 1]: of the images of the same set that were to tell another value, the share that is read as
    what caption i tells. This is how often it would be right were images made without regard to captions.

    Raises ValueError where no other image of the set was to tell something else.
    """
    values = [one.value(slot) for one in told]
    shares = []
    for value, own in zip(values, sets, strict=True):
        others = [r for r, v, s in zip(read, values, sets, strict=True) if s == own and v != value]
        if not others:
            raise ValueError(f"all captions of a set tell the same {slot}, so that none is another's control")
        shares.append(sum(r == value for r in others) / len(others))
    return torch.tensor(shares, dtype=torch.float64)


def _one_hot(values: Sequence[str], names: Sequence[str]) -> Tensor:
    return F.one_hot(torch.tensor([names.index(value) for value in values]), len(names))
