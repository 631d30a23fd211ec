"""Trainings as folders: found again, gone on with bit for bit, stopped where they collapse or diverge."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_generators import Stripes, tiny_network, tiny_recipe
from torch import Tensor

from replications.ppgn import runs
from replications.ppgn.collapse import CollapseRule, TrainingCollapsed
from replications.ppgn.losses import LossWeights
from replications.ppgn.recipe import GeneratorRecipe, Noise
from replications.ppgn.runs import GeneratorJob, TrainedGenerator, read_metadata, train_generator
from replications.ppgn.training import GeneratorTraining
from replications.training.loop import TrainingDiverged

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _short_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "RECORD_EVERY", 2)


def job(**changes: Any) -> GeneratorJob:
    settings: dict[str, Any] = {
        "network": tiny_network(),
        "data": Stripes(),
        "recipe": tiny_recipe(noise=Noise(code=0.1), ema=0.9),
    }
    return GeneratorJob(**(settings | changes))


def trained(wanted: GeneratorJob, root: Path, **options: Any) -> TrainedGenerator:
    return train_generator(wanted, root, progress=False, **({"checkpoint_every": 2} | options))


class Interrupted(Exception):
    """Raised in the place of Ctrl-C."""


def interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = GeneratorTraining.step

    def stop(self: GeneratorTraining, number: int, *rest: Any) -> Any:
        if number == step:
            raise Interrupted
        return real(self, number, *rest)

    monkeypatch.setattr(GeneratorTraining, "step", stop)


def same(first: TrainedGenerator, second: TrainedGenerator) -> bool:
    a, b = first.generator.state_dict(), second.generator.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def without_seconds(found: TrainedGenerator) -> list[dict[str, Any]]:
    return [dataclasses.asdict(record) | {"seconds": 0} for record in found.history]


def test_interrupted_and_taken_up_it_is_the_undisturbed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = trained(job(), tmp_path / "one")
    with monkeypatch.context() as patch:
        interrupt_at(6, patch)
        with pytest.raises(Interrupted):
            trained(job(), tmp_path / "two")
    folder = tmp_path / "two" / undisturbed.key
    assert sorted(path.name for path in folder.glob("*.safetensors")) == [
        "resume-0000002.safetensors",
        "resume-0000004.safetensors",
    ]
    with monkeypatch.context() as patch:
        interrupt_at(4, patch)  # it begins after step 4, so that this isn't reached
        again = trained(job(), tmp_path / "two")
    assert same(again, undisturbed)
    assert without_seconds(again) == without_seconds(undisturbed)
    assert [record.step for record in again.history] == [2, 4, 6]
    assert [path.name for path in folder.glob("*.safetensors")] == ["generator.safetensors"]


def test_a_damaged_checkpoint_counts_as_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = trained(job(), tmp_path / "one")
    with monkeypatch.context() as patch:
        interrupt_at(6, patch)
        with pytest.raises(Interrupted):
            trained(job(), tmp_path / "two")
    last = tmp_path / "two" / undisturbed.key / "resume-0000004.safetensors"
    last.write_bytes(last.read_bytes()[:100])
    assert same(trained(job(), tmp_path / "two"), undisturbed)


def test_what_is_trained_is_found_and_gives_the_same_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trained(job(), tmp_path)
    interrupt_at(1, monkeypatch)
    second = trained(job(), tmp_path)
    assert same(first, second)
    assert first.codes == second.codes
    assert first.codes.low >= 0
    assert not any(parameter.requires_grad for parameter in second.generator.parameters())
    code = torch.rand(3, first.generator.code_size)
    images = first.generator(code)
    assert images.shape == (3, 3, 32, 32)
    assert torch.equal(second.generator(code), images)


def test_everything_that_determines_the_weights_is_in_the_key() -> None:
    key = job().key(CPU)
    others = [
        job(seed=1),
        job(network=tiny_network(seed=1)),
        job(data=Stripes(seed=1)),
        job(indices=torch.arange(20)),
        job(recipe=tiny_recipe()),
        job(recipe=tiny_recipe(noise=Noise(code=0.1), ema=0.9, comparator_layer="pool2")),
    ]
    assert len({key, *(other.key(CPU) for other in others)}) == 7
    patient = tiny_recipe(noise=Noise(code=0.1), ema=0.9, collapse=None)
    assert job(recipe=patient).key(CPU) == key


def test_sheets_show_real_images_and_what_becomes_of_their_codes(tmp_path: Path) -> None:
    shown: list[tuple[int, Tensor, Tensor]] = []
    images = Stripes(3, seed=9).pixels
    wanted = job(recipe=tiny_recipe())
    found = trained(wanted, tmp_path, sheet=lambda *seen: shown.append(seen), sheet_images=images, sheet_every=4)
    assert [step for step, _, _ in shown] == [4, 6]
    _, real, generated = shown[-1]
    assert torch.equal(real, images)
    torch.testing.assert_close(generated, found.generator(wanted.encoder.code(images)))


def test_a_collapse_stops_it_with_a_sentence(tmp_path: Path) -> None:
    rule = CollapseRule(warm_up=0, lasting=2, least_spread=1e6)
    with pytest.raises(TrainingCollapsed, match="collapsed by step 2"):
        trained(job(recipe=tiny_recipe(collapse=rule)), tmp_path)
    assert trained(job(recipe=tiny_recipe(collapse=None)), tmp_path).history


def test_a_loss_that_is_no_number_stops_it(tmp_path: Path) -> None:
    with pytest.raises(TrainingDiverged, match=r"diverged by step \d+.*lower the recipe's learning rate"):
        trained(job(recipe=tiny_recipe(learning_rate=1e30)), tmp_path)


def test_records_count_who_was_trained(tmp_path: Path) -> None:
    alone = trained(job(recipe=tiny_recipe(losses=LossWeights(1.0, 0.0, 0.0))), tmp_path)
    for record in alone.history:
        assert (record.discriminator_share, record.generator_share) == (0, 1)
        assert record.discriminator_loss is record.adversarial_loss is record.comparator is None
    both = trained(job(), tmp_path)
    assert {record.discriminator_share for record in both.history} == {1.0}


def test_checkpoints_fall_on_records(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="every multiple of 2 steps, not 3"):
        trained(job(), tmp_path, checkpoint_every=3)


def test_a_file_of_something_else_says_nothing(tmp_path: Path) -> None:
    assert read_metadata(tmp_path / "absent.safetensors") is None
    (tmp_path / "text.safetensors").write_text("no safetensors")
    assert read_metadata(tmp_path / "text.safetensors") is None


@pytest.mark.gpu
def test_on_a_gpu_in_mixed_precision(tmp_path: Path) -> None:
    recipe: GeneratorRecipe = tiny_recipe(noise=Noise(0.1, 0.1, 0.1), losses=LossWeights(4.0, 2.0, 1.0, 1.0))
    found = train_generator(job(recipe=recipe), tmp_path, "cuda", progress=False, checkpoint_every=2)
    assert found.generator(torch.rand(2, 12, device="cuda")).shape == (2, 3, 32, 32)
    assert all(record.image < 3 for record in found.history)
