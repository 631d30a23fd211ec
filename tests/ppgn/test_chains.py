"""A run that was stopped goes on bit for bit, and never with what belongs to another."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from ppgn_toys import CODE, SIZE, ToyGenerator, encoder

from replications.images.schedule import Ramp
from replications.ppgn.chains import Chains, OtherChains
from replications.ppgn.codes import RealCodes
from replications.ppgn.conditions import Condition, Context, Masked, Unconditional, of_class
from replications.ppgn.priors import JointPrior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import Settings

ENCODER, GENERATOR = encoder(), ToyGenerator()
REAL = RealCodes.of(torch.randn(50, CODE, generator=torch.Generator().manual_seed(0)).abs())
SETTINGS = Settings(
    "toy", "joint", steps=12, rate=Ramp(1.0, 0.1), epsilon1=1e-2, epsilon3=0.05, epsilon4=1e-9, span=30.0,
    clip="range", keep_every=5, reset_every=7, reset_epsilon1=(1e-3, 1e-1),
)  # fmt: skip
GIVEN = Context(torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)), torch.eye(SIZE) > 0)
PLANS: list[list[Condition]] = [
    [of_class(ENCODER, "fir"), of_class(ENCODER, "ash")],
    [Masked("one", of_class(ENCODER, "elm"), GIVEN), Unconditional()],
    [Unconditional(), of_class(ENCODER, "elm")],
]


class Stopped(Exception):
    pass


def stopping_after(count: int) -> Any:
    def progress(steps: Iterable[int], what: str, total: int) -> Iterator[int]:
        for done, step in enumerate(steps):
            if done == count:
                raise Stopped
            yield step

    return progress


def sampler(**changes: Any) -> Sampler:
    return Sampler(GENERATOR, dataclasses.replace(SETTINGS, **changes), JointPrior(ENCODER, "relu6"), REAL)


def same(a: Chains, b: Chains) -> bool:
    tensors = all(torch.equal(getattr(a, f), getattr(b, f)) for f in ("codes", "kept", "values", "sizes"))
    return tensors and (a.names, a.numbers, a.kept_steps, a.diverged) == (b.names, b.numbers, b.kept_steps, b.diverged)


@pytest.mark.parametrize("stops", [(1,), (5,), (8, 9), (12,), (23,)], ids=str)
def test_a_stopped_run_goes_on_bit_for_bit(stops: tuple[int, ...], tmp_path: Path) -> None:
    """Stopped after a kept code, after a reset, between two conditions, before the last step."""
    whole, path = sampler().run(PLANS, seed=6), tmp_path / "chains"
    for count in stops:
        with pytest.raises(Stopped):
            sampler().run(PLANS, seed=6, path=path, save_every=0, progress=stopping_after(count))
    assert same(sampler().run(PLANS, seed=6, path=path, save_every=0), whole)
    assert whole.kept_steps == (0, 5, 10, 15, 20, 24)


def test_a_finished_run_is_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "chains"
    first = sampler().run(PLANS, seed=6, path=path)
    calls: list[int] = []
    handle = GENERATOR.register_forward_hook(lambda module, given, output: calls.append(1))
    assert same(sampler().run(PLANS, seed=6, path=path), first)
    handle.remove()
    assert not calls


def test_chains_of_pixels_and_doubles_keep_their_type(tmp_path: Path) -> None:
    start = torch.zeros(1, CODE, dtype=torch.float64)
    generator = ToyGenerator().double()
    network = encoder()
    network._module.double()
    made = Sampler(generator, SETTINGS, JointPrior(network, "relu6"), REAL)
    first = made.run([Unconditional()], start=start, path=tmp_path / "chains")
    assert first.codes.dtype == torch.float64
    assert same(made.run([Unconditional()], start=start, path=tmp_path / "chains"), first)


def test_a_file_of_other_chains_is_refused_and_says_in_what_they_differ(tmp_path: Path) -> None:
    path = tmp_path / "chains"
    sampler().run(PLANS, seed=6, path=path)
    with pytest.raises(OtherChains, match=r"seed 6 \(now 7\); remove it, or name another file"):
        sampler().run(PLANS, seed=7, path=path)
    with pytest.raises(OtherChains, match=r"sampler.steps 12 \(now 13\); sampler.decay 1.0 \(now 0.5\)"):
        sampler(steps=13, decay=0.5).run(PLANS, seed=6, path=path)
    with pytest.raises(OtherChains, match="chains toy log p"):
        sampler().run(PLANS[:1], seed=6, path=path)
    with pytest.raises(OtherChains, match="holds chains with generator"):
        dataclasses.replace(sampler(), generator=ToyGenerator(3)).run(PLANS, seed=6, path=path)
    with pytest.raises(OtherChains, match="with prior"):
        dataclasses.replace(sampler(), prior=JointPrior(encoder(2), "relu6")).run(PLANS, seed=6, path=path)
    other = [[of_class(ENCODER, "fir", "own_logit"), PLANS[0][1]], *PLANS[1:]]
    with pytest.raises(OtherChains, match="with conditions"):  # their names are the same
        sampler().run(other, seed=6, path=path)
    with pytest.raises(OtherChains, match="with start"):
        sampler().run(PLANS, seed=6, path=path, start=torch.zeros(3, CODE))


def test_a_damaged_file_is_replaced_and_one_of_another_kind_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "chains"
    whole = sampler().run(PLANS, seed=6, path=path)
    path.write_bytes(path.read_bytes()[:-100])
    assert same(sampler().run(PLANS, seed=6, path=path), whole)
    assert "so its chains begin anew" in capsys.readouterr().err
    save_file({"codes": torch.zeros(1)}, path)
    with pytest.raises(OtherChains, match="holds no chains"):
        sampler().run(PLANS, seed=6, path=path)
