from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

from metrics import classification


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_error_is_sklearns(k: int) -> None:
    generator = torch.Generator().manual_seed(k)
    scores = torch.randn(300, 7, generator=generator)
    labels = torch.randint(0, 7, (300,), generator=generator)
    expected = 1 - reference.top_k_accuracy_score(labels, scores, k=k, labels=range(7))
    assert classification.top_k_error(scores, labels, k) == pytest.approx(100 * expected)


def test_a_constant_classifier_is_always_wrong_and_a_perfect_one_never() -> None:
    labels = torch.arange(5)
    assert classification.top_k_error(torch.zeros(5, 5), labels) == 100.0
    assert classification.top_k_error(torch.eye(5), labels) == 0.0
    assert classification.top_k_error(torch.zeros(5, 5), labels, k=5) == 0.0


def test_mean_class_accuracy_is_balanced_accuracy() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (200,), generator=generator)
    labels[labels == 3] = torch.where(torch.rand(int((labels == 3).sum()), generator=generator) < 0.8, 0, 3)
    predicted = torch.where(torch.rand(200, generator=generator) < 0.6, labels, 0)
    ours = classification.mean_class_accuracy(predicted, labels, 6)
    assert ours == pytest.approx(100 * reference.balanced_accuracy_score(labels, predicted))
    assert classification.per_class_accuracy(predicted, labels, 6)[4:].isnan().all()


@pytest.mark.parametrize("levels", [1000, 5])
def test_average_precision_is_sklearns_with_and_without_ties(levels: int) -> None:
    generator = np.random.default_rng(levels)
    positive = generator.random(200) < 0.2
    scores = np.round((generator.random(200) + 0.4 * positive) * levels)
    assert classification.average_precision(scores, positive) == pytest.approx(
        reference.average_precision_score(positive, scores)
    )


def test_interpolated_average_precision_of_a_small_case() -> None:
    # by hand: precision 1/1, 1/2, 1/3, 2/4 at recall .5, .5, .5, 1
    scores, positive = [4, 3, 2, 1], [True, False, False, True]
    assert classification.average_precision(scores, positive) == pytest.approx(0.5 * 1 + 0.5 * 0.5)
    # precision 0, 1/2, 2/3: the envelope is 2/3 throughout
    assert classification.average_precision([3, 2, 1], [False, True, True], interpolated=True) == pytest.approx(2 / 3)
    assert classification.average_precision([3, 2, 1], [False, True, True]) == pytest.approx(0.25 + 1 / 3)


def test_difficult_images_do_not_count() -> None:
    scores = torch.tensor([[0.9], [0.8], [0.1]])
    targets = torch.tensor([[0], [1], [-1]])
    assert classification.class_average_precisions(scores, targets).tolist() == [1.0]
    assert classification.class_average_precisions(scores, torch.tensor([[-1], [1], [-1]])).tolist() == [0.5]


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="k must lie"):
        classification.top_k_error(torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64), 4)
    with pytest.raises(ValueError, match="positive"):
        classification.average_precision([1.0], [False])
    with pytest.raises(ValueError, match="labels"):
        classification.top_k_error(torch.zeros(2, 3), torch.zeros(3, dtype=torch.int64))
