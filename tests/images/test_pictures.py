"""Many pictures in parts: none depends on the others, and what comes out is what was asked for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from maximization_networks import linear, wrapped
from maximization_networks import weights as random_weights
from picture_making import METHOD, WANTED, cores, natural, network, same
from torch import nn

from replications.images import presets
from replications.images.optimizers import Ascent
from replications.images.parametrization import Pixels
from replications.images.pictures import _shared_out, make_pictures
from replications.images.presets import Method
from replications.images.schedule import Octave
from replications.networks.unit import Unit, unit_activations


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    cores(1, monkeypatch)


# ------------------------------------------------------------------------------------------------- the same picture


def test_a_picture_is_the_same_in_every_part_and_alone() -> None:
    whole = make_pictures(network(), METHOD, WANTED, seed=3)
    assert whole.images.shape == (7, 3, 24, 24)
    for at_once in (1, 2, 3):
        parts = make_pictures(network(), METHOD, WANTED, seed=3, at_once=at_once)
        torch.testing.assert_close(parts.images, whole.images, rtol=0, atol=1e-5)
        torch.testing.assert_close(parts.activations, whole.activations)
    alone = make_pictures(network(), METHOD, WANTED[5:6], seed=3, restarts=[1])  # the second of its unit
    torch.testing.assert_close(alone.images[0], whole.images[5], rtol=0, atol=1e-5)
    assert not torch.allclose(whole.images[1], whole.images[5], atol=1e-2)
    found = METHOD.maximize(network(), WANTED, seed=3)
    torch.testing.assert_close(whole.images, found.images)
    torch.testing.assert_close(whole.activations, found.activations)


@pytest.mark.parametrize("name", ["nguyen2016_mean", "maco2023_small", "vital2025", "yosinski2015"])
def test_processes_beside_this_one_make_the_same_pictures(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method = presets.load(name).shortened(0.004)
    given: dict[str, Any] = {"natural": natural(), "references": {unit: natural() for unit in WANTED}}
    here = make_pictures(network(), method, WANTED[:4], seed=1, at_once=2, **given)
    threads = torch.get_num_threads()
    cores(2, monkeypatch)
    beside = make_pictures(network(), method, WANTED[:4], seed=1, at_once=2, **given)
    assert same(here, beside)
    assert torch.get_num_threads() == threads


def test_all_the_threads_of_this_process_change_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    one = make_pictures(network(), METHOD, WANTED, seed=3)
    torch.set_num_threads(2)
    try:
        assert same(make_pictures(network(), METHOD, WANTED, seed=3), one)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


# --------------------------------------------------------------------------------------------------- what comes out


def test_starts_of_any_size_are_where_pictures_start() -> None:
    still = Method("still", [Octave(1, 0.0, scale=0.5)], Pixels(0.5, 0.2), Ascent("mean"))
    plain = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(3, 40, 60)
    made = make_pictures(network(), still, WANTED[:1], seed=0, starts=plain[None])
    torch.testing.assert_close(made.images, plain[None, :, :24, :24])
    small = make_pictures(network(), still, WANTED[:1], seed=0, starts=plain[None, :, :5, :7])
    torch.testing.assert_close(small.images, made.images)
    exact = natural(1)[:, :, :12, :12]
    whole = dataclasses.replace(still, schedule=[Octave(1, 0.0, scale=0.5), Octave(1, 0.0)])
    found = whole.maximize(network(), WANTED[:1], seed=0, start=exact)
    torch.testing.assert_close(found.images, exact)
    shown = make_pictures(network(), whole, WANTED[:1], seed=0, starts=exact).images
    resized = torch.nn.functional.interpolate(exact, (24, 24), mode="bilinear", antialias=True).clamp(0, 1)
    torch.testing.assert_close(shown, resized)


@pytest.mark.parametrize("name", ["nguyen2016_mean", "deepdream2015", "maco2023_small", "erhan2009", "yosinski2015"])
def test_the_activations_are_those_of_the_pictures(name: str) -> None:
    made = make_pictures(network(), presets.load(name).shortened(0.004), WANTED, seed=0, natural=natural())
    assert made.images.shape[2:] == (24, 24)
    assert 0 <= float(made.images.min()) <= float(made.images.max()) <= 1
    expected = unit_activations(network(), "7", made.images, range(4))
    torch.testing.assert_close(made.activations, torch.stack([expected[i, i % 4] for i in range(7)]))


def test_a_method_that_keeps_the_best_gives_the_best() -> None:
    overshooting = Method("over", [Octave(7, 0.4)], Pixels(0.5, 0.2), Ascent("mean"))
    best = dataclasses.replace(overshooting, keep="best")
    net = network()
    found = best.maximize(net, WANTED, seed=2)
    last, kept = (make_pictures(net, method, WANTED, seed=2) for method in (overshooting, best))
    torch.testing.assert_close(last.images, found.images)
    torch.testing.assert_close(kept.images, found.best_images)
    torch.testing.assert_close(kept.activations, found.best_activations)
    assert not torch.allclose(last.images, kept.images)


def test_a_unit_at_one_position_gives_what_it_sees_unless_others_see_more() -> None:
    net = network()
    corner, middle = Unit("4", 1, (0, 0)), Unit("4", 1, (3, 3))
    field = net.receptive_field("4").box(3, 3)
    size = (field.bottom - field.top, field.right - field.left)
    enlarging = Method("enlarging", [Octave(3, 0.05, scale=1.3)], Pixels(0.5, 0.2), Ascent("mean"))
    alone = make_pictures(net, enlarging, [middle, middle], seed=0, at_once=1)
    assert alone.images.shape == (2, 3, *size)
    assert size < (24, 24)
    # parts of which each could be smaller, but not all alike
    mixed = make_pictures(net, enlarging, [middle, corner, Unit("7", 0)], seed=0, at_once=1)
    assert mixed.images.shape == (3, 3, 24, 24)
    again = make_pictures(net, enlarging, [middle, corner, Unit("7", 0)], seed=0)
    torch.testing.assert_close(mixed.images, again.images, rtol=0, atol=1e-5)
    output = net.forward_to("4", mixed.images)
    expected = torch.stack([output[0, 1, 3, 3], output[1, 1, 0, 0], net.logits(mixed.images)[2, 0]])
    torch.testing.assert_close(mixed.activations, expected)


def test_pictures_that_come_to_nothing_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = random_weights(3)
    weights[1] = 1e38  # its logit is beyond any float
    wanted = [Unit("1", i) for i in (0, 1, 2, 1)]
    diverged = make_pictures(linear(weights), METHOD, wanted, seed=0, at_once=1)
    assert diverged.diverged.tolist() == [False, True, False, True]
    assert diverged.images.isfinite().all()
    assert diverged.trouble(["a", "b", "c", "b"]) == [
        "2 of 4 pictures stopped because their numbers ran away or weren't finite: b."
    ]
    healthy = make_pictures(linear(weights), METHOD, wanted[::2], seed=0)
    torch.testing.assert_close(healthy.images, diverged.images[::2])
    assert healthy.trouble(["a", "c"]) == []

    first = nn.Conv2d(3, 2, 1)
    first.bias = nn.Parameter(torch.tensor([5.0, -100.0]))
    module = nn.Sequential(first, nn.ReLU(), nn.Flatten(), nn.Linear(2 * 8 * 8, 1))
    dead = dataclasses.replace(METHOD, nudge=0.0)
    still = make_pictures(wrapped(module, 1), dead, [Unit("1", 0), Unit("1", 1)], seed=0, at_once=1)
    assert still.unmoved.tolist() == [False, True]
    assert still.nudged.tolist() == [0, 0]
    assert still.trouble(["alive", "dead"]) == [
        "1 of 2 pictures never had a gradient, so only random changes were made: dead."
    ]
    nudged = make_pictures(wrapped(module, 1), METHOD, [Unit("1", 1)], seed=0)
    assert nudged.nudged.tolist() == [6]
    assert len(diverged) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wanted": []}, "expected a number of the attempt for each picture, at least one; found 0 for 0"),
        ({"restarts": [0] * 9}, "expected a number of the attempt for each picture, at least one; found 9 for 7"),
        ({"starts": natural(3)}, "expected a start for each picture, at least one; found 3 for 7"),
        ({"starts": natural(7) + 1}, r"images to start from must lie in \[0, 1\]"),
        ({"wanted": [Unit("7", 9)]}, "has channels 0 to 3, not 9"),
        ({"method": presets.load("maco2023_small")}, "natural images are needed"),
        (
            {"method": presets.load("vital2025")},
            "makes pictures like reference images of a unit; there are none of 7:0",
        ),
    ],
)
def test_bad_input_is_refused(changes: dict[str, Any], message: str) -> None:
    given = {"network": network(), "method": METHOD, "wanted": WANTED, "seed": 0, **changes}
    with pytest.raises(ValueError, match=message):
        make_pictures(given.pop("network"), given.pop("method"), given.pop("wanted"), **given)


def test_the_parts_are_even_in_number_and_about_equal() -> None:
    def sizes(count: int, most: int, *, even: bool = True) -> list[int]:
        return [rows.stop - rows.start for rows in _shared_out(count, most, even=even)]

    assert sizes(108, 24) == [18] * 6  # not 24, 24, 24, 24, 12
    assert sizes(24, 24) == [12, 12]
    assert sizes(7, 24) == [7]
    assert sizes(9, 24) == [5, 4]
    assert sizes(108, 24, even=False) == [22, 22, 21, 22, 21]
    for count in range(1, 80):
        found = sizes(count, 6)
        assert sum(found) == count
        assert max(found) <= 6
        assert max(found) - min(found) <= 1
