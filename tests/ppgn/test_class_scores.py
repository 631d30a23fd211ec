"""The scores of the table real / PPGN, where they are known from how the images were planted."""

from __future__ import annotations

import pytest
import torch
from planted_colours import CLASSES, FACETS, SIZE, Colours, judge_network
from torch import Tensor

from metrics.inception_score import inception_score
from metrics.ms_ssim import ms_ssim
from replications.multifaceted.judge import Judge
from replications.ppgn.class_scores import class_scores, varied_classes
from replications.ppgn.class_sets import asked_classes, class_probabilities, drawn, through, too_few


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(judge_network(), Colours(), clusters=2)


def of_facets(*facets: int, first: int = 0) -> Tensor:
    """An image of each facet, none twice."""
    images = Colours()
    rows = [(images.facet_labels == facet).nonzero().flatten()[first + i] for i, facet in enumerate(facets)]
    return images.images(torch.stack(rows))


def test_the_planted_images_have_the_planted_scores(judge: Judge) -> None:
    # two sets of two for each class; one of the four warm ones is cold, and all others of one facet
    warm = torch.stack([of_facets(0, 0), of_facets(0, 2, first=4)])
    cold = torch.stack([of_facets(2, 3), of_facets(3, 2, first=4)])
    scores = class_scores(judge, torch.stack([warm, cold]), CLASSES)
    assert scores.named.tolist() == [[[True, True], [True, False]], [[True, True], [True, True]]]
    assert scores.accuracy.tolist() == [[100, 50], [100, 100]]
    assert scores.recall.tolist() == [0.5, 1]
    assert [one.counts for one in scores.recalls] == [(3, 0), (2, 2)]
    assert [one.images for one in scores.recalls] == [4, 4]
    # the judge is as good as sure: two red ones beside a blue and a cyan one
    assert scores.inception[0] == pytest.approx(2, abs=1e-3)
    assert scores.facet_inception is not None
    sure = torch.eye(4)[[0, 0, 2, 3]]
    assert scores.facet_inception[0] == pytest.approx(inception_score(sure), abs=1e-2)
    pair = 1 - float(1 - ms_ssim(warm[0, :1], warm[0, 1:], scales=1)[0])
    assert scores.similarity[0, 0] == pytest.approx(pair, abs=1e-9)
    assert scores.probability[0, 1, 1] < 0.01 < 0.99 < scores.probability[0, 0, 0]


def test_copies_are_as_alike_as_can_be(judge: Judge) -> None:
    images = of_facets(0)[None, None].expand(1, 2, 3, -1, -1, -1)
    scores = class_scores(judge, torch.cat([images, images]), CLASSES)
    assert scores.similarity == pytest.approx(1)
    assert scores.recall.tolist() == [0.5, 0]


def test_real_images_have_all_varied_classes_but_one(judge: Judge) -> None:
    images = torch.stack([drawn(judge.images, name, 6, torch.Generator().manual_seed(0)) for name in CLASSES])
    real = class_scores(judge, images.unflatten(1, (2, 3)), CLASSES)
    assert varied_classes(real, real) == len(CLASSES) - 1  # as 999 of 1000 in the paper
    copies = class_scores(judge, images[:, :1, None].expand(2, 2, 3, 3, SIZE, SIZE), CLASSES)
    assert varied_classes(copies, real) == 0


def test_images_of_another_layout(judge: Judge) -> None:
    with pytest.raises(ValueError, match="images of 2 classes"):
        class_scores(judge, torch.zeros(3, 2, 2, 3, SIZE, SIZE), CLASSES)
    with pytest.raises(ValueError, match="2 or more"):
        class_scores(judge, torch.zeros(2, 2, 1, 3, SIZE, SIZE), CLASSES)
    with pytest.raises(ValueError, match="11 pixels"):
        class_scores(judge, torch.zeros(2, 2, 2, 3, 8, 8), CLASSES)


def test_classes_that_are_asked_for() -> None:
    images, network = Colours(per_facet=4), judge_network()
    network.classes = ("cold", "other", "warm", "more")
    assert asked_classes(network, images) == ["warm", "cold"]
    assert asked_classes(network, images, 1) == ["warm"]
    assert too_few(network, images, 8) is None
    said = str(too_few(network, images, 9))
    assert "9 images of each class" in said
    assert "8 of warm" in said
    network.classes = ("a", "b", "c", "cold")
    assert "has 1" in str(too_few(network, images, 2))


def test_probabilities_of_classes_are_sums_over_facets(judge: Judge) -> None:
    seen = judge.see(Colours().images(range(8)))
    found = class_probabilities(judge, seen, CLASSES)
    assert found.sum(1) == pytest.approx(1)
    assert found[:, 0] == pytest.approx(seen.probabilities[:, :2].double().sum(1), abs=1e-6)
    assert len(FACETS) == seen.probabilities.shape[1]


def test_images_are_drawn_once_each() -> None:
    images = drawn(Colours(), "cold", 24, torch.Generator().manual_seed(3))
    assert len(images.flatten(1).unique(dim=0)) == 24
    assert (images[:, 2].mean((1, 2)) > images[:, 0].mean((1, 2))).all()


def test_what_is_finer_than_the_smaller_size_is_lost() -> None:
    board = (torch.arange(SIZE)[:, None] + torch.arange(SIZE)) % 2
    fine = board.float().expand(1, 3, SIZE, SIZE)
    assert through(fine, SIZE // 2) == pytest.approx(0.5 * torch.ones(1, 3, SIZE, SIZE), abs=0.13)
    plain = torch.full((2, 3, SIZE, SIZE), 0.3)
    assert through(plain, 5) == pytest.approx(plain)
    assert torch.equal(through(fine, SIZE), fine)
    with pytest.raises(ValueError, match="not 17"):
        through(fine, 17)
