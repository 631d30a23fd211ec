"""The classifiers over fixed features against scikit-learn, and the rule for their penalty."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from torch import Tensor
from torch.nn import functional as F

from replications.zeiler.linear_classifiers import PENALTIES, Scaling, fit, fit_chosen, held_out


def clouds(count: int, dimensions: int, classes: int, noise: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    centres = torch.randn(classes, dimensions, generator=generator, dtype=torch.float64)
    spread = torch.randn(count, dimensions, generator=generator, dtype=torch.float64)
    return centres[labels] + noise * spread, labels


def test_the_softmax_is_multinomial_logistic_regression() -> None:
    features, labels = clouds(90, 5, 3, 1.0)
    penalty = 0.01
    ours = fit(features, F.one_hot(labels, 3).double(), "softmax", penalty)
    theirs = LogisticRegression(C=1 / (penalty * len(labels)), tol=1e-10, max_iter=5000).fit(
        features.numpy(), labels.numpy()
    )
    np.testing.assert_allclose(ours.weights.T.numpy(), theirs.coef_, atol=1e-3)
    np.testing.assert_allclose((ours.bias - ours.bias.mean()).numpy(), theirs.intercept_, atol=1e-3)


def test_the_svm_is_liblinears_one_against_the_rest() -> None:
    features, labels = clouds(90, 5, 3, 1.0)
    penalty = 0.01
    ours = fit(features, F.one_hot(labels, 3).double(), "svm", penalty)
    # a large scale of the intercept leaves it all but free of the penalty
    theirs = LinearSVC(C=1 / (penalty * len(labels)), tol=1e-10, max_iter=200_000, intercept_scaling=1e3)
    theirs.fit(features.numpy(), labels.numpy())
    np.testing.assert_allclose(ours.weights.T.numpy(), theirs.coef_, atol=2e-3)
    np.testing.assert_allclose(ours.bias.numpy(), theirs.intercept_, atol=2e-3)


def test_several_classes_in_equal_shares_are_the_image_shown_once_for_each() -> None:
    features, _ = clouds(40, 4, 2, 1.0)
    shares = torch.zeros(40, 3, dtype=torch.float64)
    shares[:20, 0] = shares[:20, 1] = 0.5
    shares[20:, 2] = 1
    twice = torch.cat([features[:20], features[:20], features[20:], features[20:]])
    labels = torch.tensor([0] * 20 + [1] * 20 + [2] * 40)
    one, other = fit(features, shares, "softmax", 0.01), fit(twice, F.one_hot(labels, 3).double(), "softmax", 0.01)
    torch.testing.assert_close(one.weights, other.weights, atol=1e-4, rtol=0)


def test_scaled_features_have_a_mean_squared_length_of_one_and_keep_their_geometry() -> None:
    features, _ = clouds(12, 40, 3, 1.0)
    scaling = Scaling(features)
    scaled = scaling(features)
    assert scaled.shape[1] <= 12
    assert float(scaled.square().sum(1).mean()) == pytest.approx(1)
    plain = (features - features.mean(0)) / scaling.scale
    torch.testing.assert_close(scaled @ scaled.T, plain @ plain.T)


def test_fewer_coordinates_give_the_same_classifier() -> None:
    features, labels = clouds(30, 80, 3, 2.0)
    others, _ = clouds(9, 80, 3, 2.0, seed=1)
    targets, scaling = F.one_hot(labels, 3).double(), Scaling(features)

    def plain(values: Tensor) -> Tensor:
        return (values - scaling.mean) / scaling.scale

    for kind in ("softmax", "svm"):
        few, all_ = (fit(scale(features), targets, kind, 0.01) for scale in (scaling, plain))  # type: ignore[arg-type]
        torch.testing.assert_close(few(scaling(others)), all_(plain(others)), atol=1e-3, rtol=0)


def test_every_third_image_of_a_class_is_held_out() -> None:
    held = held_out(torch.tensor([0, 1, 0, 1, 0, 1, 0, 0, 0]))
    assert held.nonzero().flatten().tolist() == [4, 5, 8]
    with pytest.raises(ValueError, match="at least 3 images a class, found 2"):
        held_out(torch.tensor([0, 0, 0, 1, 1]))


@pytest.mark.parametrize("best", [PENALTIES["softmax"][0], PENALTIES["softmax"][-1]])
def test_the_penalty_is_the_strongest_of_the_best(best: float, monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = clouds(30, 5, 3, 0.5)
    tried: list[float] = []

    def score(scores: Tensor, targets: Tensor) -> float:
        assert len(scores) == len(targets) == 9  # three of the ten of each class
        tried.append(PENALTIES["softmax"][len(tried)])
        return 1.0 if tried[-1] == best or best == PENALTIES["softmax"][0] else 0.0

    chosen = fit_chosen(features, F.one_hot(labels, 3).double(), "softmax", labels, score)
    assert tried == list(PENALTIES["softmax"])
    assert chosen.penalty == best
