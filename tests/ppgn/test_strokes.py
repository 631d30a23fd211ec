"""Digits as strokes: curves and paces with known answers, and what PPGNs of them are made of."""

from __future__ import annotations

import pytest
import torch

from replications.ppgn.reading import Conditions
from replications.ppgn.stroke_networks import (
    IsDigit,
    StrokeClassifier,
    StrokeRecipe,
    train_judge,
    train_parts,
)
from replications.ppgn.strokes import DIGITS, KINDS, MOMENTS, NAMES, Hand, evenly, smooth, strokes

STILL = Hand(sizes=(1, 1), slant=0, turn=0, shift=0, pace=0, jitter=0, tremor=0)
RECIPE = StrokeRecipe(code=16, classifier=100, generator=60, autoencoder=5, batch=32, rate=5e-3, noise=0.1)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_curve_goes_through_its_corners_and_along_a_straight_line() -> None:
    weights = smooth(4)
    assert torch.allclose(weights.sum(1), torch.ones(len(weights), dtype=torch.float64))
    corners = torch.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, -1.0], [4.0, 0.5]], dtype=torch.float64)
    curve = weights @ corners
    for corner in corners:
        assert float((curve - corner).norm(dim=1).min()) < 1e-12
    straight = weights @ torch.stack([torch.arange(4.0).double(), 2 * torch.arange(4.0).double()], 1)
    assert torch.allclose(straight[:, 1], 2 * straight[:, 0])
    # halfway between the inner corners: (-p0 + 9 p1 + 9 p2 - p3) / 16
    middle = (-corners[0] + 9 * corners[1] + 9 * corners[2] - corners[3]) / 16
    assert float((curve - middle).norm(dim=1).min()) < 1e-12


def test_a_pen_goes_evenly_or_at_its_pace() -> None:
    # of three units length, two of them in its second leg
    line = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 2.0]]] * 2, dtype=torch.float64)
    found = evenly(line, torch.tensor([[1.0], [2.0]], dtype=torch.float64))
    along = found.sum(2)  # the way so far
    times = torch.linspace(0, 1, MOMENTS, dtype=torch.float64)
    assert torch.allclose(along[0], 3 * times)
    assert torch.allclose(along[1], 3 * times**2)


def test_a_still_hand_writes_the_same_stroke_every_time() -> None:
    found = strokes(2, stream(), STILL)
    assert found.points.shape == (2 * len(NAMES), 2, MOMENTS)
    assert found.kinds.tolist() == [*range(len(NAMES))] * 2
    assert torch.equal(found.points[: len(NAMES)], found.points[len(NAMES) :])
    for points, kind, label in zip(found.points, found.kinds.tolist(), found.labels.tolist(), strict=True):
        digit, _, way = NAMES[kind].partition("/")
        assert DIGITS[label] == digit
        corners = torch.tensor(KINDS[digit][way])
        assert torch.allclose(points[:, 0], corners[0], atol=1e-6)
        assert torch.allclose(points[:, -1], corners[-1], atol=1e-6)


def test_two_ways_of_a_zero_differ_in_time_alone() -> None:
    found = strokes(1, stream(), STILL).points
    left, right = (found[NAMES.index(f"0/to the {way}")] for way in ("left", "right"))
    assert torch.allclose(left, right.flip(1), atol=1e-5)
    assert float((left - right).norm(dim=0).mean()) > 0.5


def test_examples_follow_from_the_stream_and_vary() -> None:
    first, again, other = strokes(3, stream()), strokes(3, stream()), strokes(3, stream(1))
    assert torch.equal(first.points, again.points)
    assert not torch.equal(first.points, other.points)
    assert first.of(4).shape == (6, 2, MOMENTS)


def test_conditions_of_a_batch_are_read_off_one_pass_and_are_the_log_probabilities() -> None:
    classifier = StrokeClassifier(16).eval()
    points = strokes(1, stream()).points[:4].requires_grad_()
    labels = [3, 0, 9, 3]
    together = Conditions([IsDigit(classifier, label) for label in labels], torch.device("cpu"))
    calls = []
    classifier.register_forward_hook(lambda *_: calls.append(1))
    values = together.log_probability(points, together.readings(points))
    assert len(calls) == 1
    expected = classifier(points).log_softmax(1)[range(4), labels]
    assert torch.allclose(values, expected)
    slope, slow = (torch.autograd.grad(x.sum(), points, retain_graph=True)[0] for x in (values, expected))
    assert torch.allclose(slope, slow)
    assert IsDigit(classifier, 3).name == "digit 3"


def test_parts_are_trained_the_same_again_and_frozen() -> None:
    examples = strokes(10, stream())
    parts, again = (train_parts(examples, RECIPE, 0) for _ in range(2))
    for name in ("classifier", "generator", "dae"):
        one, other = getattr(parts, name), getattr(again, name)
        assert not one.training
        assert not any(parameter.requires_grad for parameter in one.parameters())
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    codes = parts.classifier.code(examples.points)
    assert torch.allclose(parts.real.high, codes.amax(0), atol=1e-6)
    assert float(parts.dae.sigma) == pytest.approx(0.1 * parts.real.spread)
    # so few steps tell most digits apart, and give back more of a stroke than their mean does
    assert float((parts.classifier(examples.points).argmax(1) == examples.labels).float().mean()) > 0.5
    apart = (parts.generator(codes) - examples.points).square().mean()
    assert float(apart) < 0.7 * float(examples.points.var(0, correction=0).mean())


def test_a_judge_learns_the_kinds() -> None:
    examples = strokes(10, stream())
    judge = train_judge(examples, 150, RECIPE, 0)
    fresh = strokes(5, stream(1))
    assert float((judge(fresh.points).argmax(1) == fresh.kinds).float().mean()) > 0.9


def test_a_recipe_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="steps, examples and a rate above 0"):
        StrokeRecipe(code=16, classifier=0, generator=1, autoencoder=1, batch=1, rate=1e-3, noise=0.1)
