"""A detector of adversarial images: logistic regression on what is seen of them, or a plain threshold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Statistics = Mapping[str, Tensor]


@dataclasses.dataclass(frozen=True, eq=False)
class Detector:
    """An alarm for images, higher is more suspicious: centred and scaled statistics times weights, plus a bias.

    families: the groups of statistics that it reads. centre, scale, weights: (d,), bias: a number, float64.
    """

    families: tuple[str, ...]
    centre: Tensor
    scale: Tensor
    weights: Tensor
    bias: float

    def __call__(self, statistics: Statistics) -> Tensor:
        """(N,) float64, the log-odds that an image is an attacked one; differentiable."""
        rows = joined(statistics, self.families)
        centre, scale, weights = (value.to(rows.device) for value in (self.centre, self.scale, self.weights))
        return ((rows - centre) / scale) @ weights + self.bias


def joined(statistics: Statistics, families: Sequence[str]) -> Tensor:
    """(N, d) float64: the statistics of several families side by side."""
    return torch.cat([statistics[family] for family in families], 1).double()


def train(clean: Statistics, attacked: Statistics, families: Sequence[str]) -> Detector:
    """Logistic regression (L2 penalty with C = 1 on standardized statistics, both kinds of equal weight).

    Standardized by the clean images. Raises ValueError where either has no image.
    """
    from sklearn.linear_model import LogisticRegression

    rows = [joined(statistics, families).cpu() for statistics in (clean, attacked)]
    if not all(len(part) for part in rows):
        raise ValueError(f"a detector learns from clean and attacked images, found {len(rows[0])} and {len(rows[1])}")
    centre, scale = rows[0].mean(0), rows[0].std(0).clamp_min(1e-6)
    standardized = ((torch.cat(rows) - centre) / scale).numpy()
    truth = [0] * len(rows[0]) + [1] * len(rows[1])
    fitted = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000).fit(standardized, truth)
    weights = torch.from_numpy(fitted.coef_[0].copy())
    return Detector(tuple(families), centre, scale, weights, float(fitted.intercept_[0]))


def threshold(family: str) -> Detector:
    """No training: the alarm is minus the one statistic of a family, such as the confidence."""
    one = torch.ones(1, dtype=torch.float64)
    return Detector((family,), torch.zeros_like(one), one, -one, 0.0)
