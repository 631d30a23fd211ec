"""Chains of one batch: their own random numbers, what is kept of them and told, and what is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from ppgn_toys import CODE, SIZE, ToyGenerator, encoder
from torch import Tensor, nn
from toy_chains import ENCODER, GENERATOR, OTHER, WANTED, codes, priors, real, sampled, settings

from replications.images.schedule import Ramp
from replications.networks.network import Network
from replications.ppgn.codes import RealCodes
from replications.ppgn.conditions import (
    Context,
    LogDensity,
    Masked,
    Unconditional,
    all_of,
    of_class,
)
from replications.ppgn.dae import PixelDAE
from replications.ppgn.priors import DenoisingPrior, DoesNotFit, NoPrior
from replications.ppgn.sampler import Sampler
from replications.suite.context import seed_of

# ------------------------------------------------------------------------------------------------- batches and streams


def test_a_chain_in_a_batch_is_the_chain_that_it_would_be_alone() -> None:
    given = settings(epsilon1=0.05, epsilon3=0.1, epsilon4=1e-7, steps=25, rate=0.3, span=30.0, clip="range")
    sampler = Sampler(GENERATOR, given, priors("joint"), real())
    wanted = [*WANTED, WANTED[0], WANTED[1]]
    together = sampled(sampler, wanted, seed=2)
    for i, condition in enumerate(wanted):
        alone = sampled(sampler, [condition], seed=2, numbers=[together.numbers[i]], start=codes(6)[i : i + 1])
        torch.testing.assert_close(alone.kept[:, 0], together.kept[:, i], rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(alone.values[:, 0], together.values[:, i], rtol=1e-7, atol=1e-9)


def test_starts_are_drawn_from_each_chains_own_stream() -> None:
    given = settings(prior="none", steps=1, rate=0.0, span=30.0)
    sampler = Sampler(ToyGenerator(), given, NoPrior(), real())
    one, two = (encoder(name="toy") for _ in range(2))
    found = sampler.run([of_class(one, 0), of_class(one, 1), of_class(two, 0)], seed=4)
    again = sampler.run([of_class(one, 1), of_class(two, 0)], seed=4, numbers=[0, 1])
    assert torch.equal(found.codes[1:], again.codes)  # the second network is another object, but has the same name
    assert not torch.equal(found.codes[0], found.codes[2])
    unit = float(real().high.max()) / 30
    stream = torch.Generator().manual_seed(seed_of(4, "toy log p(fc8:1)", 0))
    torch.testing.assert_close(found.codes[1], torch.randn(CODE, generator=stream) * unit)


def test_starts_like_real_codes_have_their_mean_and_deviation() -> None:
    given = settings(prior="none", steps=1, rate=0.0, start="real")
    found = Sampler(ToyGenerator(), given, NoPrior(), real()).run([Unconditional()] * 2000).codes
    torch.testing.assert_close(found.mean(0), real().mean, rtol=0, atol=0.15)
    torch.testing.assert_close(found.std(0), real().deviation, rtol=0.1, atol=0)


def test_units_of_the_span_are_a_change_of_units() -> None:
    """A generator of codes twice as large, with real codes twice as large, makes the same images."""

    class Halved(nn.Module):
        def forward(self, code: Tensor) -> Tensor:
            return GENERATOR(code / 2)

    given = settings(prior="none", epsilon3=0.1, span=30.0, clip="unit", rate=0.5)
    twice = dataclasses.replace(real(), **{f.name: getattr(real(), f.name) * 2 for f in dataclasses.fields(RealCodes)})
    found = sampled(Sampler(GENERATOR, given, NoPrior(), real()), WANTED, seed=1)
    other = sampled(Sampler(Halved().eval(), given, NoPrior(), twice), WANTED, seed=1, start=2 * codes(4))
    torch.testing.assert_close(other.kept, 2 * found.kept, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(other.sizes, found.sizes, rtol=1e-6, atol=1e-8)


# ----------------------------------------------------------------------------------- what is kept, and what is reported


def test_every_kth_code_is_kept_with_its_value() -> None:
    given = settings(steps=7, keep_every=3, epsilon1=0.1)
    sampler = Sampler(GENERATOR, given, priors("joint"))
    found = sampled(sampler, WANTED)
    assert found.kept_steps == (0, 3, 6, 7)
    assert torch.equal(found.kept[0], codes(4))
    assert torch.equal(found.kept[-1], found.codes)
    short = sampled(dataclasses.replace(sampler, settings=settings(steps=3, epsilon1=0.1)), WANTED)
    assert torch.equal(found.kept[1], short.codes)
    for k in range(4):
        logits = ENCODER.logits(sampler.made(found.kept[k, :1], batch=1))
        assert float(found.kept_values[k, 0]) == pytest.approx(float(logits.log_softmax(1)[0, 2]))
    assert found.values.shape == (8, 4)
    assert not found.values[:, 3].any()


def test_a_chain_is_asked_for_one_condition_after_the_other() -> None:
    given = settings(steps=4, epsilon1=0.1, rate=Ramp(0.3, 0.1))
    sampler = Sampler(GENERATOR, given, priors("joint"))
    found = sampler.run([[WANTED[0], WANTED[2]], [WANTED[2], WANTED[0]]], start=codes(2), seed=1)
    assert found.names == (f"{WANTED[0].name} > {WANTED[2].name}", f"{WANTED[2].name} > {WANTED[0].name}")
    halfway = sampled(sampler, [WANTED[0], WANTED[2]])
    torch.testing.assert_close(found.kept[4], halfway.codes)
    end = sampled(sampler, [WANTED[2], WANTED[0]], start=halfway.codes)
    torch.testing.assert_close(found.codes, end.codes)
    torch.testing.assert_close(found.values[4:], end.values)


def test_resets_start_again_with_an_epsilon_1_of_their_own() -> None:
    given = settings(steps=9, reset_every=4, reset_epsilon1=(0.5, 0.9), rate=0.0, epsilon1=0.1, epsilon2=0.0)
    sampler = Sampler(GENERATOR, given, priors("joint"))
    found = sampled(sampler, [WANTED[0]] * 3, seed=1)
    assert torch.equal(found.kept[4], codes(3))
    assert not torch.equal(found.kept[5], codes(3))  # after the step 4, as released
    assert torch.equal(found.kept[5], found.kept[8])
    assert not torch.equal(found.kept[8], found.kept[9])
    assert 0.8 < float(found.kept[5].std()) < 1.2
    images = GENERATOR(found.kept[5])
    residual = (ENCODER.forward_to("relu6", images) - found.kept[5]).abs().mean(1)
    shares = (found.sizes[5, 0] / residual).tolist()
    assert all(0.5 <= share <= 0.9 for share in shares)
    assert len({round(share, 6) for share in shares}) == 3


def test_one_chain_that_diverges_stays_and_disturbs_no_other() -> None:
    def broken(made: Tensor) -> Tensor:
        return torch.where(made[:, 0, 0, 0] > 0, made.flatten(1).sum(1), made.flatten(1).sum(1)) * torch.nan

    given = settings(epsilon1=0.1)
    sampler = Sampler(GENERATOR, given, priors("joint"))
    found = sampled(sampler, [WANTED[0], LogDensity("broken", broken), WANTED[2]])
    assert found.diverged == {1: 0}
    assert torch.equal(found.codes[1], codes(3)[1])
    fine = sampled(sampler, [WANTED[0], WANTED[2]], start=codes(3)[[0, 2]])
    torch.testing.assert_close(found.codes[[0, 2]], fine.codes)


def test_chains_of_pixels_need_no_generator() -> None:
    """PPGN-x: the code is the image."""
    torch.manual_seed(0)
    network = encoder()
    given = settings(prior="dae", epsilon1=1e-6, span=255.0, clip="range", start="real", rate=4.0)
    images = torch.rand(50, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    sampler = Sampler(nn.Identity().eval(), given, DenoisingPrior(PixelDAE(SIZE).eval()), RealCodes.of(images))
    found = sampler.run([of_class(network, "elm")] * 2)
    assert found.codes.shape == (2, 3, SIZE, SIZE)
    assert float(found.codes.min()) >= float(images.min())
    assert (found.values[-1] > found.values[0]).all()


def passes(network: Network) -> tuple[list[int], Any]:
    seen: list[int] = []
    module = network.nodes[0].module
    assert module is not None
    return seen, module.register_forward_hook(lambda m, given, output: seen.append(len(output)))


def test_prior_and_condition_share_one_pass_and_nothing_runs_in_vain() -> None:
    made: list[int] = []
    seen, handle = passes(ENCODER)
    counted = GENERATOR.register_forward_hook(lambda m, given, output: made.append(len(output)))
    sampler = Sampler(GENERATOR, settings(epsilon1=0.1), priors("joint"))
    sampled(sampler, [WANTED[0], WANTED[1]])
    assert seen == made == [2] * 8  # seven steps, and the values of the end
    seen.clear()
    without = Sampler(GENERATOR, settings(prior="joint"), priors("joint"))
    sampled(without, [WANTED[2], Unconditional()])
    assert seen == []  # an epsilon 1 of 0 asks the encoder for nothing
    handle.remove()
    counted.remove()


# ----------------------------------------------------------------------------------------------------------- mistakes


def test_errors_say_what_was_expected() -> None:
    sampler = Sampler(GENERATOR, settings(), priors("joint"))
    with pytest.raises(ValueError, match="'toy' has the prior 'joint', found 'none'"):
        Sampler(GENERATOR, settings(), NoPrior())
    with pytest.raises(ValueError, match=r"where real codes lie \(span 30.0, clip 'none'"):
        Sampler(GENERATOR, settings(span=30.0), priors("joint"))
    with pytest.raises(ValueError, match="training mode"):
        Sampler(ToyGenerator().train(), settings(), priors("joint"))
    with pytest.raises(DoesNotFit, match=rf"reads codes of {CODE} numbers, and these are of shape \(3,\)"):
        Sampler(GENERATOR, settings(clip="range"), priors("joint"), RealCodes.of(torch.rand(5, 3)))
    with pytest.raises(DoesNotFit, match=rf"reads codes of {CODE} numbers, and these are of shape \(3,\)"):
        sampler.run([Unconditional()], start=torch.zeros(1, 3))
    with pytest.raises(ValueError, match="a code to start from for each of 2 chains, found 1"):
        sampler.run([Unconditional()] * 2, start=codes(1))
    with pytest.raises(ValueError, match="a number for each of 2 chains, found 3"):
        sampler.run([Unconditional()] * 2, numbers=[0, 1, 2])
    with pytest.raises(ValueError, match="asked for as many conditions, at least one; found 1, 2"):
        sampler.run([Unconditional(), [Unconditional()] * 2])
    with pytest.raises(ValueError, match="no chains"):
        sampler.run([])
    small = Context(torch.rand(3, 4, 4), torch.ones(4, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"masked image is of shape \(3, 4, 4\), and what is generated"):
        sampled(sampler, [Masked("small", Unconditional(), small)])
    with pytest.raises(ValueError, match=r"masked image is of shape \(3, 4, 4\), and what is generated"):
        sampler.run([[Unconditional(), Masked("small", Unconditional(), small)]], start=codes(1))
    with pytest.raises(ValueError, match="give codes to start from"):
        Sampler(lambda x: x, settings(prior="none"), NoPrior()).run([Unconditional()])


def test_several_at_once_climb_the_sum_of_their_log_probabilities() -> None:
    sampler = Sampler(GENERATOR, settings(prior="none", steps=30, rate=0.05), NoPrior())
    both = all_of(of_class(ENCODER, "ash"), of_class(OTHER, "elm"))
    found = sampled(sampler, [both])
    assert (found.values.diff(dim=0) > 0).all()
    images = sampler.made(found.codes)
    expected = ENCODER.logits(images).log_softmax(1)[0, 0] + OTHER.logits(images).log_softmax(1)[0, 3]
    torch.testing.assert_close(found.values[-1, 0], expected)
