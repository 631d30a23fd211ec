"""Errors against a slow count, crops against torchvision's, and ensembles against their mean."""

from __future__ import annotations

import pytest
import torch
from synthetic_squares import Squares
from torch import Tensor
from torchvision.transforms import CenterCrop, TenCrop

from replications.training.evaluate import classification_errors, crops_of, errors, predict


def classifier(seed: int, pixels: int = 64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3 * pixels * pixels, 6, generator=generator) / pixels, torch.randn(6, generator=generator)


def probabilities(images: Tensor, seed: int) -> Tensor:
    weight, bias = classifier(seed, images.shape[-1])
    return (images.flatten(1) @ weight + bias).softmax(1)


@pytest.mark.parametrize(("stored", "size"), [(256, 224), (73, 64), (40, 33)])
def test_crops_equal_torchvisions(stored: int, size: int) -> None:
    images = torch.rand(2, 3, stored, stored, generator=torch.Generator().manual_seed(0))
    for found, expected in zip(crops_of(images, size, 10), TenCrop(size)(images), strict=True):
        assert torch.equal(found, expected)
    (centre,) = crops_of(images, size, 1)
    assert torch.equal(centre, CenterCrop(size)(images))


def test_images_of_the_networks_size_are_enlarged_for_ten_crops_alone() -> None:
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    (whole,) = crops_of(images, 64, 1)
    assert torch.equal(whole, images)
    views = list(crops_of(images, 64, 10))
    assert [view.shape for view in views] == [images.shape] * 10
    assert not torch.equal(views[0], views[3])


def test_prediction_is_the_mean_over_crops_and_classifiers() -> None:
    data = Squares(13)
    classifiers = [lambda images, seed=seed: probabilities(images, seed) for seed in (0, 1, 2)]
    found = predict(classifiers, data, [3, 1, 7], crops=10, batch_size=2)
    images = data.images([3, 1, 7])
    expected = torch.stack([c(v).double() for c in classifiers for v in crops_of(images, 64, 10)]).mean(0)
    torch.testing.assert_close(found, expected)


def test_errors_equal_a_slow_count() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(300, 9, generator=generator, dtype=torch.float64)
    labels = torch.randint(9, (300,), generator=generator)
    found = errors(scores, labels)
    wrong = {1: 0, 5: 0}
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        ranked = sorted(range(9), key=lambda c: -row[c])
        for k in wrong:
            wrong[k] += label not in ranked[:k]
    assert (found.top1, found.top5, found.n) == (pytest.approx(wrong[1] / 3), pytest.approx(wrong[5] / 3), 300)


def test_chosen_images_and_other_labels() -> None:
    data = Squares(30)
    labels = (data.labels + 1) % 6

    def perfect(images: Tensor) -> Tensor:
        position = [int((data.pixels == image).all((1, 2, 3)).nonzero()) for image in images]
        return torch.nn.functional.one_hot(data.labels[position], 6).float()

    assert classification_errors([perfect], data, [2, 9, 4]).top1 == 0
    assert classification_errors([perfect], data, [2, 9, 4], labels=labels).top1 == 100


def test_wrong_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or 10 crops"):
        list(crops_of(torch.zeros(1, 3, 8, 8), 8, 5))
    with pytest.raises(ValueError, match="at least one classifier"):
        predict([], Squares(2))
