from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from replications.zeiler.display import enhance_contrast
from replications.zeiler.fig4_feature_evolution import (
    LAYERS,
    Fig4,
    evidence,
    map_correlations,
    settled_epochs,
    strongest_projections,
)
from replications.zeiler.variants import Variants, as_network
from tests.zeiler.training_context import Squares, TrainingContext

SMALL = {"scale": "small", "images": 18, "recipe": {"epochs": 2}}


def test_correlation_is_pearsons_and_zero_for_a_constant_map() -> None:
    generator = torch.Generator().manual_seed(0)
    final = torch.rand(4, 50, generator=generator)
    now = torch.stack([3 * final[0] + 2, -final[1], torch.rand(50, generator=generator), torch.ones(50)])
    found = map_correlations(now, final)
    assert found[:2] == pytest.approx([1, -1])
    assert float(found[2]) == pytest.approx(np.corrcoef(now[2], final[2])[0, 1])
    assert float(found[3]) == 0


def test_a_map_settles_when_it_stays_above_the_threshold() -> None:
    curves = np.array([[0.95, 0.1, 0.95, 0.5], [0.95, 0.2, 0.80, 0.9], [0.95, 0.5, 0.92, 0.9], [1.0, 1.0, 1.0, 1.0]])
    assert settled_epochs([0, 1, 5, 64], curves, 0.9).tolist() == [0, 64, 5, 1]
    with pytest.raises(ValueError, match="ends below"):
        settled_epochs([0, 1], np.array([[1.0], [0.5]]), 0.9)


def test_the_claim_holds_where_upper_layers_settle_later_in_every_seed() -> None:
    early, late = (
        [np.full(8, 3.0), np.full(8, 4.0), np.full(8, 3.5)],
        [np.full(8, 40.0), np.full(8, 44.0), np.full(8, 38.0)],
    )
    found = evidence({1: early, 2: early, 3: early, 4: late, 5: late}, 0.9)
    assert found.holds
    assert found.effect == pytest.approx((40 + 44 + 38 - 3 - 4 - 3.5) / 3)
    assert not evidence({1: late, 2: early, 3: early, 4: late, 5: early}, 0.9).holds


def test_shows_what_excites_each_map_most(tmp_path: Path) -> None:
    data = Squares(24)
    context = TrainingContext(tmp_path)
    trained = context.zoo.train(Variants.of({**SMALL, "recipe": {"epochs": 1}}).job("zfnet", data, 0))
    network = as_network(trained)
    chosen = torch.tensor([2, 11])
    shown = strongest_projections(network, data, 20, {1: chosen, 5: chosen})
    responses = network.forward_to("relu5", data.images(range(20))).amax((2, 3))[:, chosen]
    for own, picture in zip(range(2), shown[5], strict=True):
        alone = data.images([int(responses[:, own].argmax())])
        only = Squares(1)
        only._images = alone
        again = strongest_projections(network, only, 1, {5: chosen[own : own + 1]})
        torch.testing.assert_close(picture, again[5][0], atol=1e-4, rtol=0)
    # a projection from layer 1 is the map's filter, cut off where it reaches beyond the image
    filters = enhance_contrast(trained.network.conv1.weight[chosen])
    inside = (shown[1] - 0.5).abs() > 1e-3
    torch.testing.assert_close(shown[1][inside], filters[inside], atol=0.02, rtol=0)


def test_contrast_is_stretched_both_ways_from_grey() -> None:
    values = torch.zeros(2, 1, 10, 10)
    values[0, 0, 0] = torch.tensor([-2.0, 2.0] * 5)
    pictures = enhance_contrast(values)
    assert pictures[0, 0, 0].tolist() == pytest.approx([0, 1] * 5)
    assert bool((pictures[0, 0, 1:] == 0.5).all())
    assert bool((pictures[1] == 0.5).all())


def test_measures_every_layer_of_every_seed(tmp_path: Path) -> None:
    experiment = Fig4(
        networks=SMALL, seeds=2, epochs_shown=[1, 2], epochs_measured=[0, 1, 2], maps=2, probes=6, threshold=0.9
    )
    outcome = experiment.run(TrainingContext(tmp_path))
    found = {m.name: m.values for m in outcome.measurements}
    assert {f"settled/layer {layer}/seed {seed}" for layer in LAYERS for seed in (0, 1)} <= found.keys()
    assert all(0 <= value <= 2 for values in found.values() for value in values)
    evolution = next(p for p in outcome.pictures if p.name == "evolution").arrays
    assert evolution["layer 1"].shape == (2, 2, 3, 7, 7)
