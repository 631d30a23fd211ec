"""Conditions say what their formulas say, alone and in mixed batches, with the right gradients."""

from __future__ import annotations

import pytest
import torch
from ppgn_toys import CLASSES, CODE, SIZE, ToyGenerator, encoder
from torch import Tensor

from replications.images.objectives import Activation, Direction, Several
from replications.networks.network import Network, UnknownClass, UnknownLayer
from replications.networks.unit import Unit
from replications.ppgn.captions import Caption, UnknownWord, words_of
from replications.ppgn.conditions import (
    Condition,
    Context,
    LogDensity,
    LogSoftmax,
    Masked,
    Reads,
    Together,
    Unconditional,
    all_of,
    of_class,
    of_unit,
)
from replications.ppgn.reading import Conditions

CPU = torch.device("cpu")


class ToyCaptioner:
    """log P(word t | image, word t - 1) is a softmax of the image's means times a matrix, moved by the word before."""

    name, fingerprint, end = "teller", "teller 1", 0
    vocabulary = {"a": 1, "red": 2, "boat": 3, "sailing": 4}  # noqa: RUF012

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.matrix = torch.randn(3, 5, generator=generator, dtype=torch.float64)
        self.before = torch.randn(5, 5, generator=generator, dtype=torch.float64)

    def log_probabilities(self, images: Tensor, words: Tensor) -> Tensor:
        previous = torch.cat([torch.zeros_like(words[:, :1]), words[:, :-1].clamp_min(0)], 1)
        logits = (images.mean((2, 3)) @ self.matrix.to(images))[:, None] + self.before.to(images)[previous]
        found = logits.log_softmax(2).gather(2, words.clamp_min(0)[..., None])[..., 0]
        return torch.where(words >= 0, found, 0)


def double(network: Network) -> Network:
    network._module.double()  # the smallest difference that a test can see is then rounding's
    return network


FIRST, SECOND, CAPTIONER = double(encoder(0, "first")), double(encoder(1, "second")), ToyCaptioner()
GENERATOR = ToyGenerator().double()


def images(n: int, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def hole() -> Tensor:
    found = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    found[2:5, 3:7] = True
    return found


def red(made: Tensor) -> Tensor:
    return -(made[:, 0] - 1).square().mean((1, 2))


GIVEN = Context(images(1, 9)[0], hole())
CONDITIONS: list[Condition] = [
    of_class(FIRST, "cedar"),
    of_class(FIRST, 4, "own_logit"),
    of_class(SECOND, "ash"),
    Unconditional(),
    of_unit(FIRST, Unit("conv1", 2, (1, 6))),
    Reads(SECOND, LogSoftmax(Unit("relu1", 1, (3, 3)))),
    Reads(FIRST, Several(((1.0, Activation(Unit("fc6", 0))), (-0.5, Activation(Unit("fc6", 3)))))),
    Reads(FIRST, Direction("fc6", torch.arange(float(CODE)) - 3, "ramp")),
    all_of(of_class(FIRST, "ash"), of_class(FIRST, "elm"), of_class(SECOND, "fir")),
    Together(((0.25, of_class(FIRST, "birch")), (2.0, LogDensity("red", red)))),
    LogDensity("red", red),
    Caption(CAPTIONER, "A red boat, sailing."),
    Caption(CAPTIONER, "a boat"),
    Masked("the first image", of_class(FIRST, "cedar"), GIVEN),
    Masked("the second image", Unconditional(), Context(images(2, 9)[1], ~hole().expand(3, -1, -1))),
]
ids = [condition.name for condition in CONDITIONS]


def log_p(network: Network, layer: str, channel: int, image: Tensor, at: tuple[int, int] | None = None) -> float:
    output = network.forward_to(layer, image[None])[0]
    values = output if at is None else output[:, at[0], at[1]]
    return float(values[channel] - values.exp().sum().log())


def slow(condition: Condition, image: Tensor) -> float:
    """One number at a time, from what the condition is meant to say."""
    if isinstance(condition, Together):
        return sum(weight * slow(one, image) for weight, one in condition.conditions)
    if isinstance(condition, Masked):
        shown = image.clone()
        for y in range(SIZE):
            for x in range(SIZE):
                for c in range(3):
                    given = condition.given.hole.expand(3, SIZE, SIZE)[c, y, x]
                    shown[c, y, x] = image[c, y, x] if given else condition.given.image[c, y, x]
        return slow(condition.condition, shown)
    if isinstance(condition, Unconditional):
        return 0.0
    if isinstance(condition, LogDensity):
        return float(condition.function(image[None])[0])
    if isinstance(condition, Caption):
        words = [CAPTIONER.vocabulary[word] for word in words_of(condition.caption)] + [0]
        total, previous = 0.0, 0
        for word in words:
            logits = image.mean((1, 2)) @ CAPTIONER.matrix + CAPTIONER.before[previous]
            total, previous = total + float(logits[word] - logits.exp().sum().log()), word
        return total
    assert isinstance(condition, Reads)
    network, objective = condition.network, condition.objective
    if isinstance(objective, LogSoftmax):
        unit = objective.unit
        return log_p(network, unit.layer, unit.channel, image, unit.position)
    if isinstance(objective, Activation):
        assert objective.unit.position is not None
        return float(
            network.forward_to(objective.unit.layer, image[None])[(0, objective.unit.channel, *objective.unit.position)]
        )
    fc6 = network.forward_to("fc6", image[None])[0]
    if isinstance(objective, Several):
        return float(fc6[0] - 0.5 * fc6[3])
    assert isinstance(objective, Direction)
    return float((fc6 * objective.vector).sum())


def values(conditions: list[Condition], made: Tensor) -> Tensor:
    together = Conditions(conditions, CPU)
    shown = together.shown(made)
    return together.log_probability(shown, together.readings(shown))


def test_a_mixed_batch_says_what_each_says_alone_and_what_the_formulas_say() -> None:
    made = images(len(CONDITIONS))
    found = values(CONDITIONS, made)
    for i, condition in enumerate(CONDITIONS):
        assert float(found[i]) == pytest.approx(slow(condition, made[i]), rel=1e-5, abs=1e-6), condition.name
        alone = values([condition], made[i : i + 1])
        torch.testing.assert_close(alone[0], found[i], rtol=1e-6, atol=1e-7)


def test_rows_that_ask_a_network_nothing_are_not_shown_to_it() -> None:
    seen: list[int] = []
    first = SECOND.nodes[0].module
    assert first is not None
    handle = first.register_forward_hook(lambda module, given, output: seen.append(len(output)))
    values(CONDITIONS, images(len(CONDITIONS)))
    values([of_class(FIRST, 0), Unconditional()], images(2))
    handle.remove()
    assert seen == [3]  # one pass for the three that ask the second network


def test_layers_that_nobody_reads_are_not_computed() -> None:
    together = Conditions([of_unit(FIRST, Unit("conv1", 0, (0, 0)))], CPU)
    assert list(together.readings(images(1))[FIRST]) == ["conv1"]
    besides = Conditions([of_class(SECOND, 0), Unconditional()], CPU, {SECOND: ("relu6",)})
    readings = besides.readings(images(2))
    assert {name: len(output) for name, output in readings[SECOND].items()} == {"relu6": 2, "fc8": 2}


@pytest.mark.parametrize(
    "condition", [c for c in CONDITIONS if c is not CONDITIONS[1]], ids=[i for i in ids if i != ids[1]]
)
def test_gradients_agree_with_finite_differences(condition: Condition) -> None:
    """With respect to the code, through the generator, in double precision."""
    code = torch.randn(1, CODE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def value(codes: Tensor) -> Tensor:
        together = Conditions([condition] * len(codes), CPU)
        made = GENERATOR(codes)
        return values([condition] * len(codes), made) + 1e-4 * together.context(made)

    leaf = code.clone().requires_grad_()
    total = value(leaf).sum()
    found = torch.autograd.grad(total, leaf)[0][0] if total.requires_grad else torch.zeros(CODE)
    single = isinstance(condition, Reads) and isinstance(condition.objective, Several | Direction)  # so they are read
    step, tolerance = (2e-3, 2e-2) if single else (1e-5, 1e-4)
    moved = torch.eye(CODE, dtype=torch.float64) * step
    expected = (value(code + moved) - value(code - moved)) / (2 * step)
    torch.testing.assert_close(found, expected.to(found), rtol=tolerance, atol=0.05 * tolerance if single else 1e-7)


def test_own_logit_is_the_released_gradient() -> None:
    """(1 - p_c) times the gradient of the logit of c, and nothing from the other logits."""
    made = images(1).requires_grad_()
    (found,) = torch.autograd.grad(values([of_class(FIRST, 2, "own_logit")], made)[0], made)
    logits = FIRST.logits(made)
    p = float(logits.detach().softmax(1)[0, 2])
    (slope,) = torch.autograd.grad(logits[0, 2], made)
    torch.testing.assert_close(found, (1 - p) * slope)


def test_the_context_is_half_the_squared_distance_in_grey_levels_around_the_hole() -> None:
    made = images(2, 4)
    together = Conditions([CONDITIONS[13], Unconditional()], CPU)
    leaf = made.clone().requires_grad_()
    found = together.context(leaf)
    distance = 0.0
    for y in range(SIZE):
        for x in range(SIZE):
            if not hole()[y, x]:
                distance += float(((made[0, :, y, x] - GIVEN.image[:, y, x]) * 255).square().sum())
    assert found.tolist() == pytest.approx([-distance / 2, 0.0])
    (slope,) = torch.autograd.grad(found.sum(), leaf)
    assert not slope[0][:, hole()].any()
    assert not slope[1].any()
    torch.testing.assert_close(slope[0][:, 0, 0], 255**2 * (GIVEN.image - made[0])[:, 0, 0])


def test_a_hole_may_differ_by_colour_and_shows_the_image_around_it() -> None:
    made = images(1, 5)
    shown = Conditions([CONDITIONS[14]], CPU).shown(made)[0]
    inside = ~hole()
    assert torch.equal(shown[:, inside], made[0][:, inside])
    assert torch.equal(shown[:, ~inside], images(2, 9)[1][:, ~inside])


def test_a_hole_can_be_filled_with_a_colour_to_start_from() -> None:
    colour = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    filled = GIVEN.filled(colour[:, None, None])
    assert torch.equal(filled[:, hole()], colour[:, None].expand(-1, int(hole().sum())))
    assert torch.equal(filled[:, ~hole()], GIVEN.image[:, ~hole()])


def test_names_say_all_that_a_condition_is() -> None:
    assert len(set(ids)) == len(ids)
    assert ids[:3] == ["first log p(fc8:2)", "first log p(fc8:4)", "second log p(fc8:0)"]
    assert CONDITIONS[11].name == "teller caption: a red boat sailing"
    assert CONDITIONS[13].name == "first log p(fc8:2) in the first image"


def test_words_are_without_case_and_punctuation() -> None:
    assert words_of("A dog's tail -- seen, from-behind.") == ["a", "dog's", "tail", "seen", "from-behind"]


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(UnknownClass, match="no class 'larch'"):
        of_class(FIRST, "larch")
    with pytest.raises(ValueError, match=f"channels 0 to {CLASSES - 1}, not 7"):
        of_class(FIRST, 7)
    with pytest.raises(UnknownLayer, match="no layer 'fc7'"):
        of_unit(FIRST, Unit("fc7", 0))
    with pytest.raises(ValueError, match="name the position"):
        Reads(FIRST, LogSoftmax(Unit("conv1", 0)))
    with pytest.raises(ValueError, match="'exact' or 'own_logit', not 'half'"):
        of_class(FIRST, 0, "half")  # type: ignore[arg-type]
    with pytest.raises(UnknownWord, match="teller' doesn't know 'boats'; the nearest is boat"):
        Caption(CAPTIONER, "red boats")
    with pytest.raises(ValueError, match="a caption has words, found ' ,'"):
        Caption(CAPTIONER, " ,")
    with pytest.raises(ValueError, match="at least one"):
        Together(())
    with pytest.raises(ValueError, match="put the conditions together first"):
        all_of(CONDITIONS[13], CONDITIONS[0])
    with pytest.raises(ValueError, match="masked once"):
        Masked("again", CONDITIONS[13], GIVEN)
    with pytest.raises(ValueError, match=r"size \(8, 8\), found \(7, 8\)"):
        Context(images(1)[0], torch.ones(7, 8, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"type bool .* found \(8, 8\) torch.float32"):
        Context(images(1)[0], torch.ones(8, 8))
    with pytest.raises(ValueError, match="marks no pixel"):
        Context(images(1)[0], torch.zeros(8, 8, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"shape \(3, 8, 8\), and what is generated .* shape \(3, 9, 9\)"):
        Conditions([CONDITIONS[13]], CPU).check((3, 9, 9))
