"""A judge of red squares finds each where it is, and counts them."""

from __future__ import annotations

import pytest
import torch
from planted_facets import network
from red_judge import SIDE, RedSquares, red_judge
from torch import Tensor

from metrics.concentration import centre_distance
from metrics.fragments import count_peaks, counted_peaks
from replications.multifaceted.evidence_maps import (
    Counting,
    alone,
    counting_errors,
    evidence_maps,
    mosaics,
    reads_any_size,
    spatial_layers,
)
from replications.multifaceted.judge import Judge

COUNTING = Counting(enlarged=1.5, cells=6, height=0.3, prominence=0.1)
LAYER, BLURRED = "2", "4"


def judge() -> Judge:
    images = RedSquares([0, 0, 1])
    return Judge(red_judge(), images, clusters=2)


def maps(images: Tensor, counting: Counting = COUNTING) -> Tensor:
    return evidence_maps(judge(), "red", images, [LAYER], counting)[LAYER]


def test_the_evidence_is_gradient_times_activation_where_it_is_for_the_class() -> None:
    image = RedSquares([0]).images([0])
    found = maps(image, Counting(1.0, 8, 0.3, 0.1))
    red = torch.nn.functional.avg_pool2d(image[:, :1], 8)[:, 0]
    # the logit is three times the mean of the red of sixteen positions, which the blur only moves about
    torch.testing.assert_close(found, red * 3 / 16)
    assert not evidence_maps(judge(), "blue", image, [LAYER], COUNTING)[LAYER].any()


def test_finer_maps_are_averaged() -> None:
    image = RedSquares([0]).images([0])
    fine = maps(image, Counting(1.5, 6, 0.3, 0.1))
    assert fine.shape == (1, 6, 6)
    torch.testing.assert_close(
        maps(image, Counting(1.5, 3, 0.3, 0.1)), torch.nn.functional.avg_pool2d(fine[:, None], 2)[:, 0]
    )


def test_one_square_is_one_and_a_mosaic_of_it_four() -> None:
    image = RedSquares([0]).images([0])
    controls = (image, alone(image, corner=False), alone(image, corner=True), mosaics(image))
    assert [int(count_peaks(maps(pictures), 0.3, 0.1)) for pictures in controls] == [1, 1, 1, 4]
    middle, corner = (alone(image, corner=flag) for flag in (False, True))
    assert float(centre_distance(maps(middle))) == pytest.approx(0, abs=1e-6)
    (peak,) = counted_peaks(maps(corner)[0].numpy(), 0.3, 0.1)
    assert (peak.row, peak.column) == (1, 1)
    assert mosaics(image).shape == image.shape == corner.shape
    torch.testing.assert_close(corner[:, :, SIDE // 2 :], image.mean((2, 3), keepdim=True).expand(-1, -1, 16, SIDE))


def test_a_layer_that_counts_right_has_no_error() -> None:
    images = [("red", RedSquares([0]).images([0])), ("blue", RedSquares([1]).images([0]))]
    assert spatial_layers(red_judge()) == (LAYER, BLURRED)
    found = counting_errors(judge(), images, [LAYER, BLURRED], COUNTING)
    assert found == {LAYER: 0, BLURRED: 1.5}  # the blurred one counts one in a mosaic, too


def test_layers_without_places_are_left_out() -> None:
    assert reads_any_size(red_judge())
    assert not reads_any_size(network())
    assert spatial_layers(network()) == ()
