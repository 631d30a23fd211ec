"""A new softmax and a linear SVM over fixed features (Zeiler & Fergus 2014, Sec. 5.2 and 5.3).

Both minimize (mean loss over the training images) + penalty / 2 * (sum of squared weights), biases left free:
- softmax: cross-entropy with the image's classes, as multinomial logistic regression;
- SVM: squared hinge loss of each class against the rest (that of LIBLINEAR).
Features are centred and scaled first, by the training images alone, so that their mean squared length is 1: a penalty
then means the same for every layer.

The paper doesn't state its penalties. Here: hold out every third training image of each class, take the penalty of
PENALTIES with the best score on those (the strongest among equals), and fit anew on all training images.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Kind = Literal["softmax", "svm"]
Score = Callable[[Tensor, Tensor], float]
"""(scores (n, classes), rows of targets) -> how good they are; higher is better."""

# Strongest first. Both ranges end where weaker penalties change nothing any more, which for the softmax is later.
PENALTIES: dict[Kind, tuple[float, ...]] = {"softmax": (1e-2, 1e-3, 1e-4, 1e-5, 1e-6), "svm": (1e-1, 1e-2, 1e-3)}
HOLD_OUT = 3


@dataclasses.dataclass(frozen=True)
class Linear:
    """scores = features @ weights + bias, for features as `Scaling` gives them."""

    weights: Tensor
    bias: Tensor
    penalty: float

    def __call__(self, features: Tensor) -> Tensor:
        return features @ self.weights + self.bias


class Scaling:
    """Centres and scales features by those of the training images, and turns them into as few numbers as say the same.

    With more features than training images all solutions lie in the span of the images, so that each image's
    coordinates there (at most as many as there are images) give the same classifier.
    """

    def __init__(self, features: Tensor) -> None:
        """features: (n, d) of the training images."""
        self.mean = features.mean(0)
        centred = features - self.mean
        self.scale = centred.square().sum(1).mean().sqrt().clamp_min(torch.finfo(features.dtype).tiny)
        self._basis: Tensor | None = None
        if centred.shape[1] > centred.shape[0]:
            unit = centred / self.scale
            values, vectors = torch.linalg.eigh((unit @ unit.T).double())
            kept = values > values[-1] * 1e-6
            coordinates = vectors[:, kept] / values[kept].sqrt()
            self._basis = unit.T @ coordinates.to(unit.dtype)

    def __call__(self, features: Tensor) -> Tensor:
        """(m, d) -> (m, at most min(n, d))."""
        scaled = (features - self.mean) / self.scale
        return scaled if self._basis is None else scaled @ self._basis


def fit(
    features: Tensor, targets: Tensor, kind: Kind, penalty: float, start: Linear | None = None, steps: int = 300
) -> Linear:
    """The minimum, by L-BFGS.

    features: (n, d). targets: (n, classes) in [0, 1], 1 for the class of the image, or shares that sum to 1 where it
    has several (softmax only). start: where to begin.
    """
    size = features.shape[1], targets.shape[1]
    weights = features.new_zeros(size) if start is None else start.weights.clone()
    bias = features.new_zeros(size[1]) if start is None else start.bias.clone()
    weights.requires_grad_(True)
    bias.requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        [weights, bias],
        max_iter=steps,
        tolerance_grad=1e-6,
        tolerance_change=1e-7,
        history_size=20,
        line_search_fn="strong_wolfe",
    )
    signs = 2 * targets - 1

    def objective() -> Tensor:
        optimizer.zero_grad()
        scores = features @ weights + bias
        if kind == "softmax":
            loss = F.cross_entropy(scores, targets)
        else:
            loss = (1 - signs * scores).clamp_min(0).square().sum(1).mean()
        total = loss + penalty / 2 * weights.square().sum()
        total.backward()
        return total

    with torch.inference_mode(False), torch.enable_grad():
        optimizer.step(objective)
    return Linear(weights.detach(), bias.detach(), penalty)


def fit_chosen(features: Tensor, targets: Tensor, kind: Kind, groups: Sequence[int] | Tensor, score: Score) -> Linear:
    """The classifier with the penalty that the rule of this module chooses.

    groups: (n,) the class of each image (or all the same), within which every third image is held out.
    Raises ValueError where a group has fewer than three images.
    """
    held = held_out(torch.as_tensor(groups))
    best, chosen, start = -float("inf"), PENALTIES[kind][0], None
    for penalty in PENALTIES[kind]:
        start = fit(features[~held], targets[~held], kind, penalty, start)
        found = score(start(features[held]), targets[held])
        if found > best:
            best, chosen = found, penalty
    return fit(features, targets, kind, chosen)


def held_out(groups: Tensor) -> Tensor:
    """(n,) bool: every third image of each group, in order."""
    held = torch.zeros(len(groups), dtype=torch.bool)
    for group in groups.unique():
        own = (groups == group).nonzero()[:, 0]
        if len(own) < HOLD_OUT:
            raise ValueError(f"choosing the penalty needs at least {HOLD_OUT} images a class, found {len(own)}")
        held[own[HOLD_OUT - 1 :: HOLD_OUT]] = True
    return held
