"""A captioner learns what its images show, mirrors them with their words, and goes on bit for bit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_captioner import captioner

from replications.data.facetworld.dataset import FacetSet
from replications.networks.preprocessing import Preprocessing
from replications.ppgn.captioner import LSTMCaptioner
from replications.ppgn.captioner_errors import READ, another, captioner_errors, read_slots
from replications.ppgn.captioner_training import (
    DEVIATION,
    MEAN,
    CaptionedImages,
    CaptionerRecipe,
    train_captioner,
)
from replications.ppgn.captioning_network import PADDING, CaptioningNetwork
from replications.ppgn.dae import WrongCheckpoint
from replications.ppgn.told import SLOTS, told_of
from replications.ppgn.words import words_of

IMAGES = FacetSet("validation", 60, size=32)
DATA = CaptionedImages(IMAGES)


def recipe(**changes: Any) -> CaptionerRecipe:
    given: dict[str, Any] = {"epochs": 3, "batch_size": 20, "learning_rate": 1e-2, "mixed_precision": False}
    return CaptionerRecipe(**{**given, **changes})


def network(dropout: float = 0.1, width: int = 6) -> CaptioningNetwork:
    torch.manual_seed(0)
    return CaptioningNetwork(
        len(DATA.words), 32, widths=(width,) * 6, features=24, embedding=12, hidden=24, dropout=dropout
    )


def test_mirrored_images_have_left_and_right_exchanged() -> None:
    told = told_of(IMAGES)
    position = next(i for i, one in enumerate(told) if one.value("side") == "left")
    both = torch.tensor([position, position])
    images, words = DATA.batch(both, torch.tensor([False, True]))
    torch.testing.assert_close(images[1], images[0].flip(2))
    torch.testing.assert_close(images[0].float() / 255, IMAGES.images([position])[0])
    changed = (words[0] != words[1]).nonzero().flatten().tolist()
    assert [(DATA.words[int(words[0, i])], DATA.words[int(words[1, i])]) for i in changed] == [("left", "right")]
    assert int(words[0, -1]) == len(DATA.words)  # the end, and nothing behind it


def test_words_behind_the_end_of_a_caption_count_nowhere() -> None:
    _, words = DATA.batch(torch.arange(len(DATA)), torch.zeros(len(DATA), dtype=torch.bool))
    ends = (words == len(DATA.words)).long()
    assert bool((ends.sum(1) == 1).all())
    behind = ends.cumsum(1) - ends > 0
    assert bool(((words == PADDING) == behind).all())


def test_it_learns_what_its_images_show() -> None:
    few = FacetSet("validation", 12, size=32)
    data = CaptionedImages(few)
    torch.manual_seed(0)
    model = CaptioningNetwork(len(data.words), 32, widths=(8,) * 6, features=32, embedding=16, hidden=32)
    losses = train_captioner(model, data, recipe(epochs=200, batch_size=6, mirror=False))
    assert losses[-1] < 0.1 < 2 < losses[0]
    trained = LSTMCaptioner("few", data.words, model, Preprocessing(32, mean=(MEAN,) * 3, std=(DEVIATION,) * 3))
    told, images = told_of(few), few.images(range(12))
    captions = [one.caption for one in told]
    own, other = trained.of_own(images, captions).sum(1), trained.of_own(another(images), captions).sum(1)
    assert float(own.min()) > -5 > -20 > float(other.max())
    assert trained.describe(images) == [" ".join(words_of(caption)) for caption in captions]


def test_with_shuffled_images_only_the_language_can_be_learned() -> None:
    model = network()
    losses = train_captioner(model, DATA, recipe(epochs=8), shuffled=True)
    assert losses[-1] < losses[0]
    blind = LSTMCaptioner("blind", DATA.words, model, Preprocessing(32, mean=(MEAN,) * 3, std=(DEVIATION,) * 3))
    assert captioner_errors(blind, IMAGES.images(range(60)), told_of(IMAGES)).accuracy["facet"] < 0.2


def test_a_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole = network()
    losses = train_captioner(whole, DATA, recipe())
    path = tmp_path / "resume.safetensors"

    def two(epochs: Any, description: str, total: int) -> Any:
        for count, epoch in enumerate(epochs):
            if count == 2:
                raise KeyboardInterrupt
            yield epoch

    with pytest.raises(KeyboardInterrupt):
        train_captioner(network(), DATA, recipe(), path=path, progress=two)
    with pytest.raises(WrongCheckpoint, match="differs in recipe"):
        train_captioner(network(), DATA, recipe(learning_rate=1e-3), path=path)
    resumed = network()
    assert train_captioner(resumed, DATA, recipe(), path=path) == losses
    assert not path.exists()
    for (name, a), b in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_the_perplexity_is_that_of_the_words() -> None:
    """A captioner to whom all words and the end are equally likely has as many choices."""
    words = DATA.words
    toy = captioner(words=words)
    with torch.no_grad():
        toy.network.word.weight.zero_()
        toy.network.word.bias.zero_()
    told = told_of(IMAGES, range(4))
    images = IMAGES.images(range(4)).double()
    found = captioner_errors(toy, images, told)
    assert found.perplexity == pytest.approx(len(words) + 1)
    assert found.images == 4
    # longer captions are then less likely, so that each slot is read as a value of the fewest words
    lengths = {value: len(told[0].but("place", value).caption.split()) for value in SLOTS["place"]}
    assert lengths[read_slots(toy, images[:1], told[:1])["place"][0]] == min(lengths.values())
    assert set(READ) | {"class"} == set(SLOTS)


def test_the_rate_falls_along_half_a_cosine_and_nonsense_is_refused() -> None:
    assert [recipe().rate_at(share) for share in (0, 0.5, 1)] == pytest.approx([1e-2, 5e-3, 0])
    assert recipe().rate_at(0.25) == pytest.approx(1e-2 * (1 + math.cos(math.pi / 4)) / 2)
    with pytest.raises(ValueError, match="rate above 0"):
        recipe(learning_rate=0)
    with pytest.raises(ValueError, match="expected a network for"):
        train_captioner(captioner().network, DATA, recipe())
