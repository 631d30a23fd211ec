"""Chains move as the equations say: all terms together, and each alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ppgn_toys import CODE, SIZE
from torch import Tensor
from toy_chains import ENCODER, GENERATOR, IMAGE, MASKED, OTHER, WANTED, codes, hole, priors, real, sampled, settings

from replications.images.schedule import Ramp
from replications.ppgn.conditions import (
    Condition,
    Unconditional,
)
from replications.ppgn.priors import DenoisingPrior, NoPrior
from replications.ppgn.sampler import Sampler, Terms, moved
from replications.ppgn.settings import Settings
from replications.suite.context import seed_of

# ------------------------------------------------------------------------- against a slow restatement of the equations


def restated(given: Settings, prior: str, condition: Condition, code: Tensor, seed: int, number: int) -> Tensor:
    """One chain, one number at a time where that says more: Eq. 11 and 12 and what the released code does to it."""
    stream = torch.Generator().manual_seed(seed_of(seed, condition.name, number))
    known, autoencoder = real(), priors("dae")
    unit = 1.0 if given.span is None else float(known.high.max()) / given.span
    h = code.clone()
    for i in range(given.steps):
        share = i / given.steps

        def at(value: Any, share: float = share) -> float:
            return value.start + (value.end - value.start) * share

        leaf = h.clone().requires_grad_()
        image = GENERATOR(leaf[None])[0]
        seen = torch.where(hole(), image, IMAGE) if condition.context is not None else image
        if prior == "joint":
            back = ENCODER.forward_to("relu6", seen[None])[0].detach()
        elif prior == "dae":
            assert isinstance(autoencoder, DenoisingPrior)
            back = autoencoder.dae(h[None])[0]
        else:
            back = h
        back = back.detach()
        log_p = torch.zeros((), dtype=torch.float64)
        if not isinstance(condition, Unconditional):
            network, channel = {"cedar": (ENCODER, 2), "fir": (ENCODER, 4), "ash": (OTHER, 0)}[
                {WANTED[0].name: "cedar", MASKED.name: "fir", WANTED[2].name: "ash"}[condition.name]
            ]
            logits = network.logits(seen[None])[0]
            log_p = logits[channel] - torch.log(torch.exp(logits).sum())
        context = torch.zeros((), dtype=torch.float64)
        if condition.context is not None:
            context = -0.5 * sum(
                ((255 * image[c, y, x] - 255 * IMAGE[c, y, x]) ** 2 for c in range(3) for y in range(SIZE)
                 for x in range(SIZE) if not hole()[y, x]), torch.zeros((), dtype=torch.float64))  # fmt: skip
        zero = (leaf * 0).sum()
        (slope_p,) = torch.autograd.grad(log_p + zero, leaf, retain_graph=True)
        (slope_x,) = torch.autograd.grad(context + zero, leaf)
        noise = torch.zeros(CODE, dtype=torch.float64)
        if at(given.epsilon3):
            noise = torch.randn(CODE, generator=stream).double()
        # in units in which the largest real code is `span`: h = unit * g, so that d/dg = unit d/dh
        d = torch.tensor(
            [
                at(given.epsilon1) * float(back[k] - h[k]) / unit
                + at(given.epsilon2) * float(slope_p[k]) * unit
                + at(given.epsilon4) * float(slope_x[k]) * unit
                + at(given.epsilon3) * float(noise[k])
                for k in range(CODE)
            ],
            dtype=torch.float64,
        )
        if given.normalize and float(d.abs().sum()) > 0:
            d = d / (sum(abs(float(x)) for x in d) / CODE)
        h = h + unit * at(given.rate) * d
        for k in range(CODE):
            if given.clip == "range":
                h[k] = min(max(float(h[k]), float(known.low.min())), float(known.high.max()))
            elif given.clip == "unit":
                h[k] = min(max(float(h[k]), float(known.low[k])), float(known.high[k]))
            elif given.clip == "deviations":
                top = float(known.mean[k] + 3 * known.deviation[k])
                h[k] = min(max(float(h[k]), float(known.low[k])), top)
            h[k] = h[k] * given.decay
    return h


CASES = {
    "Eq. 11 and 12 as written": settings(epsilon1=0.1, epsilon3=0.05, epsilon4=1e-7, normalize=False),
    "as released": settings(
        epsilon1=1e-2, epsilon3=1e-3, epsilon4=1e-8, rate=Ramp(1.0, 1e-10), span=30.0, clip="range"
    ),
    "autoencoder": settings(prior="dae", epsilon1=0.3, epsilon3=0.1, clip="unit"),
    "DGN-AM": settings(prior="none", epsilon3=0.01, decay=0.99, clip="deviations", span=30.0, rate=Ramp(8.0, 0.0)),
    "rising and falling epsilons": settings(
        epsilon1=Ramp(0, 1), epsilon2=Ramp(1, 0.1), epsilon3=Ramp(0.2, 0), epsilon4=Ramp(1e-6, 0)
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_chains_follow_the_slow_restatement(case: str) -> None:
    given = CASES[case]
    sampler = Sampler(GENERATOR, given, priors(given.prior), real())
    wanted = [*WANTED, WANTED[0]]
    found = sampled(sampler, wanted, seed=3)
    assert found.numbers == (0, 0, 0, 0, 1)
    for i, condition in enumerate(wanted):
        expected = restated(given, given.prior, condition, codes(5)[i], 3, found.numbers[i])
        torch.testing.assert_close(found.codes[i], expected, rtol=1e-6, atol=1e-8)
        assert not torch.equal(found.codes[i], codes(5)[i]) or (case == "DGN-AM" and i == 3)


def test_the_update_normalizes_bounds_and_decays_in_that_order() -> None:
    terms = Terms(torch.tensor([[1.0, -3.0]]), torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, -2.0]]))
    bounds = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0])
    found = moved(torch.tensor([[0.5, 0.75]]), terms, 0.25, normalize=True, unit=2.0, bounds=bounds, decay=0.5)
    # the sum is (2, -4), of mean size 3; 0.5 + 2 * 0.25 * 2 / 3 and 0.75 - 2 * 0.25 * 4 / 3 = 0.083
    torch.testing.assert_close(found, torch.tensor([[(0.5 + 1 / 3) / 2, (0.75 - 2 / 3) / 2]]))
    far = moved(torch.tensor([[0.9, 0.1]]), terms, 30.0, normalize=True, bounds=bounds)
    assert far.tolist() == [[1.0, 0.0]]


def test_without_any_term_a_normalized_chain_stays() -> None:
    zero = torch.zeros(1, 3)
    assert torch.equal(moved(torch.ones(1, 3), Terms(zero, zero, zero), 1.0, normalize=True), torch.ones(1, 3))


# ------------------------------------------------------------------------------------------------- each term by itself


def one_step(condition: Condition, **changes: Any) -> Tensor:
    """How far a chain moves in one step, without normalization and at rate 1."""
    given = settings(**{"steps": 1, "rate": 1.0, "normalize": False, "epsilon2": 0.0, **changes})
    return (sampled(Sampler(GENERATOR, given, priors(given.prior), real()), [condition]).codes - codes(1))[0]


def test_the_prior_alone_moves_a_share_of_the_way_to_the_code_of_the_image() -> None:
    expected = 0.3 * (ENCODER.forward_to("relu6", GENERATOR(codes(1))) - codes(1))[0]
    torch.testing.assert_close(one_step(WANTED[0], epsilon1=0.3), expected)


def test_the_condition_alone_moves_along_the_gradient_of_its_log_probability() -> None:
    leaf = codes(1).requires_grad_()
    (expected,) = torch.autograd.grad(ENCODER.logits(GENERATOR(leaf)).log_softmax(1)[0, 2], leaf)
    torch.testing.assert_close(one_step(WANTED[0], epsilon2=2.0), 2 * expected[0])


def test_the_context_alone_moves_towards_the_image_around_the_hole() -> None:
    move = one_step(MASKED, epsilon4=1e-7)
    outside = ~hole()

    def apart(code: Tensor) -> float:
        return float((GENERATOR(code)[0] - IMAGE)[:, outside].square().sum())

    assert apart(codes(1) + move) < apart(codes(1))
    assert not one_step(MASKED).any()


def test_noise_alone_is_normal_with_the_deviation_of_epsilon_3() -> None:
    given = settings(prior="none", steps=40, rate=1.0, normalize=False, epsilon2=0.0, epsilon3=0.3, keep_every=1)
    found = sampled(Sampler(GENERATOR, given, NoPrior()), [Unconditional()] * 40, seed=1)
    steps = found.kept.diff(dim=0)
    assert steps.std() == pytest.approx(0.3, rel=0.02)
    assert float(steps.mean()) == pytest.approx(0, abs=0.01)
    assert float((steps / 0.3).abs().gt(1.96).double().mean()) == pytest.approx(0.05, abs=0.01)
    # steps and chains are independent of each other
    flat = steps.flatten(0, 1)
    assert float(torch.corrcoef(flat.T).triu(1).abs().max()) < 0.1
    assert float((steps[1:] * steps[:-1]).mean()) == pytest.approx(0, abs=0.005)


def test_sizes_are_the_mean_sizes_of_what_is_added_up() -> None:
    given = settings(steps=1, rate=0.0, epsilon1=0.3, epsilon3=0.2, normalize=False)
    found = sampled(Sampler(GENERATOR, given, priors("joint")), [WANTED[0]])
    (prior, condition, noise) = found.sizes[0, :, 0].tolist()
    assert prior == pytest.approx(float(one_step(WANTED[0], epsilon1=0.3).abs().mean()))
    assert condition == pytest.approx(float(one_step(WANTED[0], epsilon2=1.0).abs().mean()))
    stream = torch.Generator().manual_seed(seed_of(0, WANTED[0].name, 0))
    assert noise == pytest.approx(0.2 * float(torch.randn(CODE, generator=stream).abs().mean()))
    assert torch.equal(found.codes, codes(1))
