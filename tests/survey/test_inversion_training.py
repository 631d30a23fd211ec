"""Training: it finds the expected pre-image, is taken up bit for bit, and refuses what can't be learned."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from inversion_toys import Pictures, colour_network, flat_pictures

import replications.survey.inversion_training as training
from replications.survey.inversion_codes import code_shape, codes
from replications.survey.inversion_training import InversionJob, InversionRecipe, ShownImages, train_inversion
from replications.training.loop import TrainingDiverged

RECIPE = InversionRecipe(steps=200, width=8, hidden=16, batch_size=16, learning_rate=1e-2)


def test_what_a_layer_tells_is_given_back_and_the_rest_is_averaged(tmp_path: Path) -> None:
    """Red is told, green isn't and blue is always red: the expected image has its red and blue, and a mean green."""
    pictures = flat_pictures(256)
    pictures[:, 2] = pictures[:, 0]
    network = colour_network([0])
    recipe = dataclasses.replace(RECIPE, steps=400)
    found = train_inversion(InversionJob(network, "colours", Pictures(pictures), recipe), tmp_path)
    made = found.inversion(codes(network, "colours", pictures))
    assert (made - pictures)[:, [0, 2]].square().mean() < 0.05 * pictures[:, 0].var()
    assert made[:, 1].mean() == pytest.approx(float(pictures[:, 1].mean()), abs=0.05)
    assert (made[:, 1].mean((1, 2)) - made[:, 1].mean()).square().mean() < 0.15 * pictures[:, 1].var()
    assert found.history[-1].error == pytest.approx(1 / 3, abs=0.1)


def test_maps_give_back_where_things_are(tmp_path: Path) -> None:
    corners = torch.randint(0, 2, (256, 3, 4, 4), generator=torch.Generator().manual_seed(0)).float()
    pictures = corners.repeat_interleave(4, 2).repeat_interleave(4, 3)
    network = colour_network()
    found = train_inversion(InversionJob(network, "blocks", Pictures(pictures), RECIPE), tmp_path)
    assert found.history[-1].error < 0.1


def test_a_training_is_taken_up_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = InversionJob(colour_network(), "blocks", Pictures(flat_pictures(40)), dataclasses.replace(RECIPE, steps=120))
    whole = train_inversion(job, tmp_path / "whole", checkpoint_every=50)
    steps = 0
    own = training._Run._step

    def interrupted(run: training._Run, number: int) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if number == 110 and steps < 120:
            raise KeyboardInterrupt
        return own(run, number)

    monkeypatch.setattr(training._Run, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_inversion(job, tmp_path / "parts", checkpoint_every=50)
    assert steps == 110
    parts = train_inversion(job, tmp_path / "parts", checkpoint_every=50)
    assert steps == 130  # from step 101 on
    states = whole.inversion.state_dict(), parts.inversion.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert [(r.step, r.error) for r in whole.history] == [(r.step, r.error) for r in parts.history]
    assert not list((tmp_path / "parts").rglob("resume*"))
    train_inversion(job, tmp_path / "parts")
    assert steps == 130  # found trained


def test_codes_that_do_not_fit_are_computed_with_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    network, data = colour_network(), Pictures(flat_pictures(30))
    held = ShownImages(network, "blocks", data)
    monkeypatch.setattr(training, "HELD", 100)
    computed = ShownImages(network, "blocks", data)
    positions = torch.tensor([3, 0, 29])
    assert computed._held is None
    for a, b in zip(held.batch(positions), computed.batch(positions), strict=True):
        assert torch.equal(a, b)
    pictures = data.images(range(30)).double()
    assert torch.allclose(held.mean_image.double(), pictures.mean(0), atol=1e-6)
    assert held.variance == pytest.approx(float((pictures - pictures.mean(0)).square().flatten(1).sum(1).mean()))
    found = codes(network, "blocks", pictures.float())
    assert held.code_scale == pytest.approx(float(found.square().mean().sqrt()), rel=1e-5)


def test_an_epoch_shows_each_image_once(tmp_path: Path) -> None:
    job = InversionJob(colour_network(), "colours", Pictures(flat_pictures(33)), RECIPE)
    run = training._Run(job, tmp_path, torch.device("cpu"), None, 50)
    epochs = [[int(p) for number in (1 + 2 * e, 2 + 2 * e) for p in run._positions(number)] for e in range(2)]
    assert all(len(set(epoch)) == 32 for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_probabilities_are_inverted_as_such() -> None:
    network, pictures = colour_network(), flat_pictures(5)
    assert code_shape(network, "probabilities") == (3,)
    found = codes(network, "probabilities", pictures)
    assert torch.allclose(found, network.logits(pictures).softmax(1))
    assert torch.equal(codes(network, "blocks", pictures), network.forward_to("blocks", pictures))


def test_what_can_not_be_learned_is_refused(tmp_path: Path) -> None:
    same = Pictures(flat_pictures(1).expand(8, -1, -1, -1))
    with pytest.raises(ValueError, match="nothing can be learned from 8 images of variance"):
        train_inversion(InversionJob(colour_network(), "colours", same, RECIPE), tmp_path)
    with pytest.raises(ValueError, match="multiple of 50 steps, not 75"):
        train_inversion(InversionJob(colour_network(), "colours", same, RECIPE), tmp_path, checkpoint_every=75)
    with pytest.raises(ValueError, match="needs steps, widths"):
        dataclasses.replace(RECIPE, steps=0)
    wild = dataclasses.replace(RECIPE, learning_rate=float("inf"))
    data = Pictures(flat_pictures(32))
    with pytest.raises(TrainingDiverged, match="lower the recipe's learning rate"):
        train_inversion(InversionJob(colour_network(), "colours", data, wild), tmp_path)


def test_the_rate_falls_to_nothing() -> None:
    assert RECIPE.rate_at(1) == 1e-2
    assert RECIPE.rate_at(101) == pytest.approx(5e-3)
    assert RECIPE.rate_at(200) < 1e-6
