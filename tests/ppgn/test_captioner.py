"""The captioner says what its equations say, has the gradients that they have, and is what chains condition on."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
import torch
from ppgn_toys import CODE, ToyGenerator
from torch import Tensor
from torch.nn import functional as F
from toy_captioner import SIZE, WORDS, captioner

from replications.ppgn.captioner import LONGEST
from replications.ppgn.captioning_network import PADDING, CaptioningNetwork
from replications.ppgn.captions import Caption, UnknownWord
from replications.ppgn.priors import NoPrior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import Settings

TOY = captioner()


def images(n: int, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slowly(image: Tensor, words: list[int]) -> list[float]:
    """The log-probability of each word, from the equations of the layers, one image and one step at a time."""
    network = TOY.network
    mean, std = (
        torch.tensor(values, dtype=torch.float64)[:, None, None] for values in ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    )
    maps = ((image - mean) / std)[None]
    layers = list(network.convolutions)
    for convolution, norm, stride in zip(layers[::3], layers[1::3], network.STRIDES, strict=True):
        maps = F.conv2d(maps, convolution.weight, stride=stride, padding=convolution.weight.shape[-1] // 2)
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        maps = ((maps - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]).clamp_min(
            0
        )
    features = (network.image.weight @ maps.flatten() + network.image.bias).clamp_min(0)
    hidden = cell = torch.zeros(7, dtype=torch.float64)
    lstm, before, found = network.lstm, len(WORDS), []
    for word in words:
        read = torch.cat([network.embedding.weight[before], features])
        gates = lstm.weight_ih_l0 @ read + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ hidden + lstm.bias_hh_l0
        enter, forget, new, out = gates.split(7)
        cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
        hidden = out.sigmoid() * cell.tanh()
        scores = network.word.weight @ torch.cat([hidden, features]) + network.word.bias
        found.append(float(scores[word] - scores.exp().sum().log()))
        before = word
    return found


def test_it_says_what_its_equations_say() -> None:
    shown = images(3)
    captions = ["A red boat on the sea.", "the boat", "a blue, blue boat"]
    words = TOY.indices(captions)
    found = TOY.log_probabilities(shown, words)
    for image, row, logs in zip(shown, words.tolist(), found, strict=True):
        said = [word for word in row if word != PADDING]
        assert said[-1] == TOY.end
        torch.testing.assert_close(logs[: len(said)], torch.tensor(slowly(image, said), dtype=torch.float64))
        assert bool((logs[len(said) :] == 0).all())


def test_all_first_words_together_are_certain() -> None:
    every = torch.arange(len(WORDS) + 1)[:, None]
    logs = TOY.log_probabilities(images(1).expand(len(every), -1, -1, -1), every)
    assert float(logs.exp().sum()) == pytest.approx(1)


def test_gradients_agree_with_finite_differences() -> None:
    words = TOY.indices(["a red boat", "the sea"])

    def value(shown: Tensor) -> Tensor:
        return TOY.log_probabilities(shown, words).sum()

    shown = images(2).requires_grad_()
    (slope,) = torch.autograd.grad(value(shown), shown)
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        direction = torch.randn(shown.shape, generator=generator, dtype=torch.float64)
        step = 1e-6 * direction
        difference = (value(shown.detach() + step) - value(shown.detach() - step)) / 2e-6
        assert float((slope * direction).sum()) == pytest.approx(float(difference), rel=1e-5)


def test_a_caption_is_as_probable_alone_as_among_others() -> None:
    shown, captions = images(3), ["a red boat", "the sea", "a blue boat on the sea"]
    own = TOY.of_own(shown, captions)
    all_ = TOY.of_all(shown, [captions] * 3)
    torch.testing.assert_close(own.sum(1), all_.diagonal())
    alone = TOY.of_own(shown[1:2], captions[1:2])
    torch.testing.assert_close(alone[0], own[1, : alone.shape[1]])


def test_what_it_says_is_the_likeliest_word_after_word() -> None:
    network = TOY.network
    changed = captioner()
    with torch.no_grad():
        changed.network.word.weight.zero_()
        changed.network.word.bias.copy_(torch.arange(len(WORDS) + 1).double())  # the end is likeliest
    assert changed.describe(images(2)) == ["", ""]
    with torch.no_grad():
        changed.network.word.bias[WORDS.index("red")] += 100
    assert changed.describe(images(1)) == [" ".join(["red"] * LONGEST)]
    features = network.features(TOY.preprocessing(images(1)))
    said: list[int] = []
    for word in TOY.describe(images(1))[0].split():
        logits = network.logits(features, torch.tensor([[*said, 0]]))
        assert WORDS[int(logits[0, -1].argmax())] == word
        said.append(WORDS.index(word))


def test_chains_climb_towards_a_caption() -> None:
    generator = ToyGenerator(size=SIZE, seed=3).double()
    settings = Settings("toy", prior="none", steps=40, rate=0.05, epsilon2=1.0)
    wanted = [Caption(TOY, "a red boat"), Caption(TOY, "a red boat"), Caption(TOY, "the blue sea")]
    start = torch.zeros(3, CODE, dtype=torch.float64)
    chains = Sampler(generator, settings, NoPrior()).run(wanted, start=start)
    assert chains.names[0] == "toy caption: a red boat"
    assert bool((chains.values[-1] > chains.values[0]).all())
    reached = TOY.of_own(generator(chains.codes), ["a red boat", "a red boat", "the blue sea"]).sum(1)
    torch.testing.assert_close(reached, chains.values[-1].double())
    assert float(reached[2]) > float(TOY.of_own(generator(chains.codes[:1]), ["the blue sea"]).sum())


def test_its_fingerprint_is_of_its_content() -> None:
    assert captioner().fingerprint == TOY.fingerprint == pickle.loads(pickle.dumps(TOY)).fingerprint
    assert captioner(1).fingerprint != TOY.fingerprint
    assert captioner(words=(*WORDS[:-1], "these")).fingerprint != TOY.fingerprint


def test_what_it_cannot_read_or_be_is_said() -> None:
    with pytest.raises(UnknownWord, match="doesn't know 'boats'; the nearest is boat"):
        Caption(TOY, "red boats")
    with pytest.raises(ValueError, match="given 6 words and a network for 7"):
        dataclasses.replace(TOY, words=WORDS[:-1])
    with pytest.raises(ValueError, match=r"call \.eval\(\)"):
        dataclasses.replace(TOY, network=captioner().network.train())
    with pytest.raises(ValueError, match="multiple of 16"):
        CaptioningNetwork(7, size=20)
