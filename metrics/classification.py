"""How well a classifier's scores agree with the labels: top-k error, mean per-class accuracy, average precision."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


def top_k_wrong(scores: Tensor, labels: Tensor, k: int = 1) -> Tensor:
    """(N,) bool: whether the label is not among the k highest scores of its image.

    scores: (N, classes), any monotone score (logits or probabilities); labels: (N,) int64.
    A label whose score ties with another's counts as ranked behind it, so a constant classifier is always wrong.
    Raises ValueError where k exceeds the number of classes or shapes disagree.
    """
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            f"expected scores (N, classes) and labels (N,), found {tuple(scores.shape)}, {tuple(labels.shape)}"
        )
    if not 1 <= k <= scores.shape[1]:
        raise ValueError(f"k must lie in 1..{scores.shape[1]} (the number of classes), found {k}")
    own = scores.gather(1, labels[:, None])
    return (scores >= own).sum(1) - 1 >= k


def top_k_error(scores: Tensor, labels: Tensor, k: int = 1) -> float:
    """The share of images in percent, [0, 100], whose label is not among the k highest scores; lower is better."""
    return 100.0 * float(top_k_wrong(scores, labels, k).double().mean())


def per_class_accuracy(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """(classes,) float64 accuracy within each class in [0, 1]; nan where a class has no image. Higher is better."""
    right = torch.bincount(labels[predicted == labels], minlength=classes).double()
    return right / torch.bincount(labels, minlength=classes).double()


def mean_class_accuracy(predicted: Tensor, labels: Tensor, classes: int) -> float:
    """The mean over the classes that occur of the accuracy within the class, in percent [0, 100]; higher is better.

    The measure of Zeiler & Fergus 2014, Tables 4 and 5: a class counts the same however many test images it has.
    """
    accuracy = per_class_accuracy(predicted, labels, classes)
    return 100.0 * float(accuracy[~accuracy.isnan()].mean())


def average_precision(scores: ArrayLike, positive: ArrayLike, *, interpolated: bool = False) -> float:
    """Area under the precision-recall curve in [0, 1]; higher is better, and chance is the share of positives.

    scores: (N,); positive: (N,) bool. Images of equal score are taken together. Plain: the sum over thresholds of
    the rise in recall times precision. `interpolated`: precision at a recall is the highest at any recall at least
    as large (PASCAL VOC 2010 to 2012, the measure of Zeiler & Fergus 2014, Table 6).
    Raises ValueError where there is no positive.
    """
    score, truth = np.asarray(scores, np.float64).ravel(), np.asarray(positive, bool).ravel()
    if score.shape != truth.shape:
        raise ValueError(f"every score needs its truth, found {len(score)} scores and {len(truth)} truths")
    if not truth.any():
        raise ValueError("average precision needs at least one positive, found none")
    order = np.argsort(-score, kind="stable")
    score, truth = score[order], truth[order]
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    hits = np.cumsum(truth)[last]
    precision, recall = hits / (last + 1), hits / truth.sum()
    if interpolated:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def class_average_precisions(scores: Tensor, targets: Tensor, *, interpolated: bool = True) -> Tensor:
    """(classes,) float64 average precision of each class for multi-label images; higher is better.

    scores: (N, classes); targets: (N, classes) with 1 present, -1 absent, 0 difficult. Difficult images of a class
    don't count for that class, as the VOC devkit has it.
    """
    if scores.shape != targets.shape:
        raise ValueError(f"scores and targets must have one shape, found {tuple(scores.shape)}, {tuple(targets.shape)}")
    values = []
    for score, target in zip(scores.T.cpu(), targets.T.cpu(), strict=True):
        counted = target != 0
        values.append(average_precision(score[counted], target[counted] > 0, interpolated=interpolated))
    return torch.tensor(values, dtype=torch.float64)
