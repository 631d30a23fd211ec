"""The images nearest each centre, their means, and what activation maximization starts from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted_facets import Coloured

from replications.multifaceted.facets import Clustering, Facets, find_facets
from replications.multifaceted.images import PIXELS, class_images
from replications.multifaceted.mean_images import mean_images, nearest_images, start_images


def facets() -> Facets:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.2, 0.0], [9.0, 0.0], [8.0, 0.0]])
    labels = np.array([0, 0, 0, 1, 1])
    return Facets(points, labels, np.array([[0.4, 0.0], [8.5, 0.0]]), {})


def test_the_nearest_images_of_each_cluster_nearest_first() -> None:
    assert [rows.tolist() for rows in nearest_images(facets(), 2)] == [[2, 0], [3, 4]]
    assert [rows.tolist() for rows in nearest_images(facets(), 15)] == [[2, 0, 1], [3, 4]]  # all there are
    with pytest.raises(ValueError, match="at least 1 image, found nearest=0"):
        nearest_images(facets(), 0)


def test_a_mean_image_is_the_mean_of_its_images() -> None:
    images = Coloured([0] * 6, [0, 1, 2] * 2)
    indices = torch.tensor([5, 3, 1, 0, 2])
    means = mean_images(images, indices, nearest_images(facets(), 2))
    slow = torch.stack([images.images([1, 5]).mean(0), images.images([0, 2]).mean(0)])
    torch.testing.assert_close(means, slow)


def test_the_mean_images_of_planted_facets_are_the_facets() -> None:
    """From images to means: clusters of colours, each cluster's mean is its colour."""
    from planted_facets import network

    from replications.multifaceted.images import image_features

    facets = [i % 3 for i in range(60)]
    images = Coloured([0] * 60, facets)
    indices = class_images(images, "a")
    features = image_features(network(), [PIXELS], images, indices)[PIXELS]
    found = find_facets(features, Clustering(50, "tsne", 10, 3), seed=0)
    means = mean_images(images, indices, nearest_images(found, 15)).mean((2, 3))
    expected = images.colours[:3] * 0.9 + 0.05
    for mean in means:
        assert (mean - expected).abs().amax(1).min() < 0.02
    assert torch.cdist(means, expected).argmin(1).sort().values.tolist() == [0, 1, 2]


def test_starts_have_the_networks_size() -> None:
    means = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(start_images(means, 8), means)
    torch.testing.assert_close(start_images(means, 4).mean((2, 3)), means.mean((2, 3)), atol=0.03, rtol=0)
    larger = start_images(means, 20)
    assert larger.shape == (2, 3, 20, 20)
    assert larger.min() >= means.min()
    assert larger.max() <= means.max()
    plain = torch.full((1, 3, 5, 5), 0.3)
    torch.testing.assert_close(start_images(plain, 13), torch.full((1, 3, 13, 13), 0.3))
    with pytest.raises(ValueError, match=r"as \(k, 3, H, W\), found the shape \(3, 8, 8\)"):
        start_images(means[0], 8)
