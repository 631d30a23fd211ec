"""Chains move as the equations say: all terms together, each alone, and to the distribution that they must reach."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from ppgn_toys import CODE, SIZE, ToyGenerator, encoder
from torch import Tensor, nn

from replications.images.schedule import Ramp
from replications.networks.network import Network
from replications.ppgn.chains import Chains
from replications.ppgn.codes import RealCodes
from replications.ppgn.conditions import (
    Condition,
    Context,
    LogDensity,
    Masked,
    Unconditional,
    all_of,
    of_class,
)
from replications.ppgn.dae import CodeDAE, PixelDAE
from replications.ppgn.priors import DenoisingPrior, DoesNotFit, JointPrior, NoPrior, Prior
from replications.ppgn.sampler import Sampler, Terms, moved
from replications.ppgn.settings import Settings
from replications.suite.context import seed_of


def double(network: Network) -> Network:
    network._module.double()
    return network


ENCODER, OTHER, GENERATOR = double(encoder(0, "first")), double(encoder(1, "second")), ToyGenerator().double()


def codes(n: int, seed: int = 5) -> Tensor:
    return torch.randn(n, CODE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def real() -> RealCodes:
    return RealCodes.of(codes(100, 8).abs() * torch.linspace(0.5, 3, CODE))


def settings(**changes: Any) -> Settings:
    given = {"name": "toy", "prior": "joint", "steps": 7, "rate": 0.1, "epsilon2": 1.0}
    return Settings(**{**given, **changes})


def priors(kind: str) -> Prior:
    torch.manual_seed(0)
    known = {"none": NoPrior, "dae": lambda: DenoisingPrior(CodeDAE(CODE, 0.5).double().eval())}
    return JointPrior(ENCODER, "relu6") if kind == "joint" else known[kind]()


def hole() -> Tensor:
    found = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    found[2:5, 3:7] = True
    return found


IMAGE = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
MASKED = Masked("an image", of_class(ENCODER, "fir"), Context(IMAGE, hole()))
WANTED: list[Condition] = [of_class(ENCODER, "cedar"), MASKED, of_class(OTHER, 0), Unconditional()]


def sampled(sampler: Sampler, wanted: list[Condition], **options: Any) -> Chains:
    options.setdefault("start", codes(len(wanted)))
    return sampler.run(wanted, **options)


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


# --------------------------------------------------------------------------- the distribution that chains have to reach


class Linear(nn.Module):
    """h -> W h, of 3 numbers from 2."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.tensor([[1.0, 0.5], [-0.4, 1.2], [0.3, 0.0]], dtype=torch.float64))
        self.eval()

    def forward(self, code: Tensor) -> Tensor:
        return code @ self.matrix.T


MEAN = torch.tensor([1.0, -0.5], dtype=torch.float64)
COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 0.8]], dtype=torch.float64)
SIGMA, TAU = 0.4, 0.9
OBSERVED = torch.tensor([2.0, 0.5, -0.3], dtype=torch.float64)


def best_autoencoder() -> CodeDAE:
    """The best denoiser of N(MEAN, COVARIANCE): its residual is sigma^2 times the score of that with noise."""
    dae = CodeDAE(2, SIGMA, widths=(2, 2)).double().eval()
    gain = COVARIANCE @ torch.linalg.inv(COVARIANCE + SIGMA**2 * torch.eye(2))
    with torch.no_grad():
        dae.layers[0].weight.copy_(gain)
        dae.layers[0].bias.copy_(MEAN - gain @ MEAN)
    return dae.requires_grad_(False)


def likelihood(made: Tensor) -> Tensor:
    return -(made - OBSERVED).square().sum(1) / (2 * TAU**2)


def posterior(observed: bool) -> tuple[Tensor, Tensor]:
    """Mean and precision of N(MEAN, COVARIANCE + SIGMA^2), given OBSERVED = W h + N(0, TAU^2) or not."""
    precision = torch.linalg.inv(COVARIANCE + SIGMA**2 * torch.eye(2))
    pull = precision @ MEAN
    if observed:
        matrix = Linear().matrix
        assert isinstance(matrix, Tensor)
        pull = pull + matrix.T @ OBSERVED / TAU**2
        precision = precision + matrix.T @ matrix / TAU**2
    return torch.linalg.solve(precision, pull), precision


@pytest.mark.parametrize("observed", [False, True], ids=["from the prior", "given an observation"])
def test_langevin_chains_reach_mean_and_covariance_of_the_gaussian(observed: bool) -> None:
    """Linear chains h <- h - s P (h - m) + N(0, 2 s) have the stationary covariance (P - s P^2 / 2)^-1, exactly."""
    step = 0.1  # eps3^2 / 2
    given = settings(
        prior="dae", steps=1600, rate=1.0, normalize=False, keep_every=5,
        epsilon1=step / SIGMA**2, epsilon2=step, epsilon3=(2 * step) ** 0.5,
    )  # fmt: skip
    condition = LogDensity("observed", likelihood) if observed else Unconditional()
    sampler = Sampler(Linear(), given, DenoisingPrior(best_autoencoder()))
    found = sampler.run([condition] * 150, seed=0, start=torch.zeros(150, 2, dtype=torch.float64))
    samples = found.kept[40:].flatten(0, 1)
    mean, precision = posterior(observed)
    covariance = torch.linalg.inv(precision - step * precision @ precision / 2)
    torch.testing.assert_close(samples.mean(0), mean, rtol=0, atol=0.05)
    torch.testing.assert_close(torch.cov(samples.T), covariance, rtol=0.05, atol=0.02)
    # which is that of the density itself, but for the size of the steps
    assert float((covariance @ precision - torch.eye(2)).abs().max()) < (0.25 if observed else 0.15)


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
