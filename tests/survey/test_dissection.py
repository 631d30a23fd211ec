"""Dissection against its slow restatement, and networks whose concepts are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dissection_toys import CONCEPTS, Labelled, convolutions, random_labels, wrapped
from torch import Tensor

from replications.networks.network import Network
from replications.survey.dissection import slow
from replications.survey.dissection.dissection import dissect
from replications.survey.dissection.result import Dissection

IMAGES, SIZE = 23, 24


def labelled(seed: int = 0) -> Labelled:
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.rand(IMAGES, 3, SIZE, SIZE, generator=generator)
    return Labelled(pictures, random_labels(IMAGES, SIZE, generator), CONCEPTS)


def assert_equals_slow(
    found: Dissection, network: Network, concepts: Labelled, quantile: float, matrix: Tensor | None = None
) -> None:
    with torch.inference_mode():
        maps = network.forward_to(found.layer, concepts.images.pictures)
    if matrix is not None:
        maps = torch.einsum("kc,nchw->nkhw", matrix, maps)
    maps = maps.double().numpy()
    thresholds = np.array([slow.threshold(maps[:, unit].ravel(), quantile) for unit in range(maps.shape[1])])
    np.testing.assert_allclose(found.thresholds, thresholds, rtol=1e-6, atol=1e-7)
    labels = {
        category: values.expand(-1, -1, SIZE, SIZE).numpy()
        for category, values in concepts.labels(range(IMAGES)).items()
    }
    sizes = {category: len(names) for category, names in concepts.concepts.items()}
    both, of_unit, of_concept = slow.tally(maps, thresholds, network.receptive_field(found.layer), labels, sizes)
    for category in sizes:
        np.testing.assert_array_equal(found.intersections[category].sum(0), both[category].sum(0))
        np.testing.assert_array_equal(found.unit_areas[category].sum(0), of_unit[category].sum(0))
        np.testing.assert_array_equal(found.concept_areas[category].sum(0), of_concept[category].sum(0))
        np.testing.assert_array_equal(found.concept_images[category].sum(0), (of_concept[category] > 0).sum(0))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("quantile", "batch"), [(0.005, 64), (0.05, 5), (0.3, 1)])
def test_counts_equal_the_slow_loop(seed: int, quantile: float, batch: int) -> None:
    network, concepts = wrapped(convolutions(seed, stride=1 + seed % 2), SIZE), labelled(seed)
    layers = [node.name for node in network.nodes[:5]]
    found = dissect(network, layers, concepts, quantile=quantile, batch=batch, fewest_images=1)
    assert list(found) == layers
    for dissection in found.values():
        assert_equals_slow(dissection, network, concepts, quantile)
