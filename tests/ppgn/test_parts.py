"""Parts make the chains that one batch makes, and are kept each for itself."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from ppgn_toys import CODE, ToyGenerator, encoder

from replications.ppgn import parts
from replications.ppgn.chains import Chains
from replications.ppgn.codes import RealCodes
from replications.ppgn.conditions import Unconditional, of_class
from replications.ppgn.parts import joined, sample
from replications.ppgn.priors import JointPrior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import Settings

ENCODER = encoder()
REAL = RealCodes.of(torch.randn(50, CODE, generator=torch.Generator().manual_seed(0)).abs())


def sampler(**changes: Any) -> Sampler:
    given: dict[str, Any] = {"steps": 5, "rate": 0.5, "epsilon1": 1e-2, "epsilon3": 0.05, "clip": "range", **changes}
    return Sampler(ToyGenerator(), Settings("toy", "joint", **given), JointPrior(ENCODER, "relu6"), REAL)


WANTED = [of_class(ENCODER, 0), of_class(ENCODER, 1), of_class(ENCODER, 0), Unconditional(), of_class(ENCODER, 0)]


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "side_by_side", lambda function, jobs: (function(*job) for job in jobs))


def close(a: Chains, b: Chains) -> None:
    for name in ("codes", "kept", "values", "sizes"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=1e-4, atol=1e-5)
    assert (a.names, a.numbers, a.kept_steps, a.diverged) == (b.names, b.numbers, b.kept_steps, b.diverged)


@pytest.mark.parametrize("start", [None, torch.rand(5, CODE, generator=torch.Generator().manual_seed(2))])
def test_parts_are_the_chains_of_one_batch(start: torch.Tensor | None) -> None:
    whole = sampler().run(WANTED, seed=3, start=start)
    close(sample(sampler(), WANTED, seed=3, start=start, at_once=2), whole)
    assert whole.numbers == (0, 0, 1, 0, 2)


def test_each_part_is_kept_and_not_made_again(tmp_path: Path) -> None:
    first = sample(sampler(), WANTED, seed=3, folder=tmp_path, at_once=2, name="these")
    files = sorted(tmp_path.glob("these-*.safetensors"))
    assert len(files) == 3
    files[1].unlink()
    before = {path: path.stat().st_mtime_ns for path in files if path.is_file()}
    again = sample(sampler(), WANTED, seed=3, folder=tmp_path, at_once=2, name="these")
    assert torch.equal(first.kept, again.kept)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    # other chains get files of their own
    sample(sampler(steps=6), WANTED, seed=3, folder=tmp_path, at_once=5, name="these")
    assert len(list(tmp_path.iterdir())) == 4


def test_parts_run_in_processes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a part is made of survives being sent there: prior and condition still share one network."""
    sent: list[Any] = []

    def elsewhere(function: Any, jobs: Any) -> Any:
        for job in jobs:
            sent.append(pickle.loads(pickle.dumps(job)))
            yield function(*sent[-1])

    monkeypatch.setattr(parts, "side_by_side", elsewhere)
    close(sample(sampler(), WANTED, seed=3, at_once=3), sampler().run(WANTED, seed=3))
    prior, condition = sent[0][0].prior, sent[0][1][0]
    assert prior.encoder is condition.network is not ENCODER


def test_diverged_chains_keep_their_places() -> None:
    one = sampler().run(WANTED[:2])
    other = Chains(**{**vars(one), "diverged": {1: 4}})
    assert joined([one, other, other]).diverged == {3: 4, 5: 4}


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(ValueError, match="a code to start from for each chain, at least one; found 2 for 5"):
        sample(sampler(), WANTED, start=torch.zeros(2, CODE))
    with pytest.raises(ValueError, match="a number for each chain, at least one; found 0 for 0"):
        sample(sampler(), [])
    with pytest.raises(ValueError, match=r"chains of the same steps, found \[5, 6\]"):
        joined([sampler().run(WANTED), sampler(steps=6).run(WANTED)])
