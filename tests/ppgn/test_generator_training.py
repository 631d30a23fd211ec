"""Steps of the training against the losses and Adam written out, and what each option does."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from tiny_generators import Stripes, tiny_network, tiny_recipe
from torch import Tensor, nn
from torch.nn import functional as F

from replications.ppgn.balance import Balance, BalanceRule
from replications.ppgn.encoder import Encoder
from replications.ppgn.features import RealFeatures
from replications.ppgn.losses import LossWeights, Scale
from replications.ppgn.recipe import GeneratorRecipe, Noise
from replications.ppgn.training import GeneratorTraining, precision_name
from replications.training.loop import derived_seed

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(tiny_network(), "relu6", "pool5")


@pytest.fixture(scope="module")
def real(encoder: Encoder) -> RealFeatures:
    return RealFeatures(Stripes(), torch.arange(40), encoder)


def started(encoder: Encoder, real: RealFeatures, recipe: GeneratorRecipe | None = None) -> GeneratorTraining:
    return GeneratorTraining(
        recipe or tiny_recipe(),
        encoder,
        variances=real.variances,
        mean_image=real.mean_image,
        code_scale=real.code_scale,
        seed=1,
        device=CPU,
    )


def without_dropout(training: GeneratorTraining) -> GeneratorTraining:
    assert training.discriminator is not None
    for module in training.discriminator.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return training


def slow_gradients(
    training: GeneratorTraining, encoder: Encoder, real: RealFeatures, adam_d: Any
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The first step's gradients of discriminator and generator in float64, from the definitions.

    adam_d: updates the discriminator's copy between the two.
    """
    double = Encoder(tiny_network(), "relu6", "pool5")
    double.network._module.double()
    g, d = copy.deepcopy(training.generator).double(), copy.deepcopy(training.discriminator).double()  # type: ignore[union-attr]
    batch = real.batch(training.positions(1, 40))
    x, h1, h = (part.double() for part in batch)
    weights, n = training.recipe.losses, len(x)
    by_image, by_h1, by_code = real.variances

    fake = g(h)
    logits = [F.log_softmax(d(x, h), 1), F.log_softmax(d(fake.detach(), h), 1)]
    loss_d = -(logits[0][:, 0].sum() + logits[1][:, 1].sum()) / n
    names = list(dict(d.named_parameters()))
    found_d = dict(zip(names, torch.autograd.grad(weights.adversarial * loss_d, list(d.parameters())), strict=True))
    adam_d(d, found_d)

    g1, code = double.features(fake)
    loss = weights.image * (fake - x).square().sum() / n / by_image
    loss = loss + weights.comparator * (g1 - h1).square().sum() / n / by_h1
    loss = loss + weights.code * (code - h).square().sum() / n / by_code
    loss = loss - weights.adversarial * F.log_softmax(d(fake, h), 1)[:, 0].sum() / n
    found_g = dict(zip(dict(g.named_parameters()), torch.autograd.grad(loss, list(g.parameters())), strict=True))
    return found_d, found_g


def test_first_step_is_the_one_that_the_losses_and_adam_say(encoder: Encoder, real: RealFeatures) -> None:
    recipe = tiny_recipe(losses=LossWeights(image=4.0, comparator=2.0, adversarial=3.0, code=1.5), weight_decay=1e-2)
    training = without_dropout(started(encoder, real, recipe))
    before = {k: v.clone() for k, v in training.state().items()}

    def adam_d(copied: nn.Module, gradients: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in copied.named_parameters():
                gradient = gradients[name] + recipe.weight_decay * parameter
                # the first step of Adam: both moments are the gradient's own
                parameter.sub_(recipe.learning_rate * gradient / (gradient.abs() + 1e-8))

    expected_d, expected_g = slow_gradients(training, encoder, real, adam_d)
    training.step(1, real)
    assert training.discriminator is not None
    for name, parameter in training.generator.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad.double(), expected_g[name], rtol=2e-3, atol=2e-5)
        gradient = parameter.grad
        moved = before[f"generator.{name}"] - recipe.learning_rate * gradient / (gradient.abs() + 1e-8)
        torch.testing.assert_close(parameter.detach(), moved)
    for name, parameter in training.discriminator.named_parameters():
        assert parameter.grad is not None
        old = before[f"discriminator.{name}"]
        decayed = parameter.grad + recipe.weight_decay * old
        torch.testing.assert_close(parameter.grad.double(), expected_d[name], rtol=2e-3, atol=2e-5)
        torch.testing.assert_close(
            parameter.detach(), old - recipe.learning_rate * decayed / (decayed.abs() + 1e-8), rtol=1e-4, atol=1e-6
        )


def test_what_a_step_reports_are_shares_of_variance_and_unweighted_losses(encoder: Encoder, real: RealFeatures) -> None:
    scales: tuple[Scale, ...] = ("variance", "published")
    for scale in scales:
        recipe = tiny_recipe(losses=LossWeights(2e-3, 0.1, 1.0, 0.1, scale=scale))
        training = started(encoder, real, recipe)
        batch = real.batch(training.positions(1, 40))
        with torch.no_grad():
            fake = training.generator(batch.code)
            h1, code = encoder.features(fake)
        losses = training.step(1, real)
        for found, made, target, variance in zip(losses[:3], (fake, h1, code), batch, real.variances, strict=True):
            expected = float((made - target).square().flatten(1).sum(1).mean()) / variance
            assert found is not None
            assert float(found) == pytest.approx(expected, rel=1e-4)
        assert float(losses.spread) == pytest.approx(
            math.sqrt(float(fake.var(0).sum()) / float(batch.images.var(0).sum())), rel=1e-4
        )


def test_each_image_is_seen_once_an_epoch_and_a_rest_is_left_out(encoder: Encoder, real: RealFeatures) -> None:
    training = started(encoder, real)
    epochs = [torch.cat([training.positions(5 * e + i, 43) for i in range(1, 6)]).tolist() for e in range(2)]
    for epoch in epochs:
        assert len(set(epoch)) == len(epoch) == 40
    assert epochs[0] != epochs[1]
    with pytest.raises(ValueError, match="at least a batch of 8 images"):
        training.positions(1, 7)


@pytest.mark.parametrize("who", ["generator", "discriminator"])
def test_who_is_paused_does_not_change(encoder: Encoder, real: RealFeatures, who: str) -> None:
    training = started(encoder, real, tiny_recipe(balance=None, ema=0.5))
    training.step(1, real)
    training.balance = Balance(discriminator=who != "discriminator", generator=who != "generator")
    before = training.state()
    training.step(2, real)
    changed = {name.partition(".")[0] for name, v in training.state().items() if not torch.equal(v, before[name])}
    others = {"discriminator"} if who == "generator" else {"generator", "average"}
    assert changed - {"adam"} == others


def test_the_rule_decides_from_the_step_s_own_losses(encoder: Encoder, real: RealFeatures) -> None:
    for low, high, expected in ((0.0, 1e-6, Balance(True, False)), (1e6, 1e7, Balance(False, True))):
        training = started(encoder, real, tiny_recipe(balance=BalanceRule(low, high, None)))
        training.step(1, real)
        assert training.balance == expected


def test_average_is_the_exponential_one(encoder: Encoder, real: RealFeatures) -> None:
    training = started(encoder, real, tiny_recipe(ema=0.25))
    names = dict(training.generator.named_parameters())
    expected = {name: value.detach().double().clone() for name, value in names.items()}
    for number in range(1, 5):
        training.step(number, real)
        for name, value in names.items():
            # 2/11 and then 3/12, 4/13, ..., but at most 0.25
            decay = 2 / 11 if number == 1 else 0.25
            expected[name] = decay * expected[name] + (1 - decay) * value.detach().double()
    assert training.result is not training.generator
    for name, value in training.result.named_parameters():
        torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-6)
    assert torch.equal(training.result.code_scale, training.generator.code_scale)


def test_without_an_adversarial_loss_there_is_no_discriminator(encoder: Encoder, real: RealFeatures) -> None:
    training = started(encoder, real, tiny_recipe(losses=LossWeights(1.0, 0.0, 0.0)))
    losses = training.step(1, real)
    assert training.discriminator is None
    assert losses.discriminator is losses.adversarial is losses.comparator is losses.code is None
    assert training.balance == Balance()


def test_noise_is_added_on_the_way_to_the_code_with_its_deviations(encoder: Encoder, real: RealFeatures) -> None:
    quiet = started(encoder, real)
    batch = real.batch(quiet.positions(1, 40))
    assert torch.equal(quiet._code(batch, 1), batch.code)

    only_code = started(encoder, real, tiny_recipe(noise=Noise(code=0.3)))
    batches = [(only_code._code(batch, number) - batch.code) for number in range(1, 200)]
    deviation = math.sqrt(real.variances.code / encoder.code_size)
    assert float(torch.stack(batches).std()) == pytest.approx(0.3 * deviation, rel=0.03)
    assert abs(float(torch.stack(batches).mean())) < 0.01 * deviation

    on_image = started(encoder, real, tiny_recipe(noise=Noise(image=0.2)))
    random = torch.Generator().manual_seed(derived_seed(1, 5, "noise"))
    noisy = batch.images + 0.2 * torch.randn(batch.images.shape, generator=random)
    torch.testing.assert_close(on_image._code(batch, 5), encoder.code(noisy))

    between = started(encoder, real, tiny_recipe(noise=Noise(comparator=0.5)))
    random = torch.Generator().manual_seed(derived_seed(1, 5, "noise"))
    spread = 0.5 * math.sqrt(real.variances.comparator / encoder.comparator_size)
    h1 = batch.comparator + spread * torch.randn(batch.comparator.shape, generator=random)
    torch.testing.assert_close(between._code(batch, 5), encoder.code_of(h1))


def test_a_training_taken_up_goes_on_bit_for_bit(encoder: Encoder, real: RealFeatures) -> None:
    recipe = tiny_recipe(ema=0.9, noise=Noise(0.1, 0.1, 0.1), annealing=(3,))
    through = started(encoder, real, recipe)
    for number in range(1, 7):
        through.step(number, real)
        if number == 3:
            state, balance = through.state(), through.balance
    torch.manual_seed(99)  # the global generator has no part in it
    again = started(encoder, real, recipe)
    again.load(state, balance)
    for number in range(4, 7):
        again.step(number, real)
    expected, found = through.state(), again.state()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert through.balance == again.balance


def test_global_randomness_is_left_as_it_was(encoder: Encoder, real: RealFeatures) -> None:
    training = started(encoder, real)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    training.step(1, real)
    assert torch.equal(torch.rand(3), expected)


def test_it_learns_more_than_the_mean_image() -> None:
    recipe = tiny_recipe(width=8, losses=LossWeights(7.0, 1.0, 0.1), code_layer="relu3", comparator_layer="relu2")
    telling = Encoder(tiny_network(), "relu3", "relu2")
    real = RealFeatures(Stripes(), torch.arange(40), telling)
    training = started(telling, real, recipe)
    losses = [float(training.step(number, real).image) for number in range(1, 131)]
    assert sum(losses[-10:]) / 10 < 0.5


def test_bfloat16_changes_the_losses_of_a_step_by_less_than_its_rounding(encoder: Encoder, real: RealFeatures) -> None:
    if precision_name(tiny_recipe(mixed_precision=True), CPU) == "float32":
        pytest.skip("this CPU has no instructions for bfloat16")
    exact, mixed = (
        without_dropout(started(encoder, real, tiny_recipe(mixed_precision=wanted))).step(1, real)
        for wanted in (False, True)
    )
    assert mixed != exact
    for before, after in zip(exact, mixed, strict=True):
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert float(after) == pytest.approx(float(before), rel=0.03)
