"""The five configurations are what their sources say, and each makes chains."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import yaml
from ppgn_toys import CODE, SIZE, ToyGenerator, encoder
from torch import nn

from replications.images.schedule import Ramp
from replications.paths import project_root
from replications.ppgn.codes import RealCodes
from replications.ppgn.conditions import of_class
from replications.ppgn.dae import CodeDAE, PixelDAE
from replications.ppgn.priors import DenoisingPrior, JointPrior, NoPrior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import Settings, build, load, names

PRIORS = {
    "dgn_am": "none",
    "joint_ppgn_h": "joint",
    "noiseless_joint_ppgn_h": "joint",
    "ppgn_h": "dae",
    "ppgn_x": "dae",
}


def test_there_is_one_for_each_variant() -> None:
    assert names() == tuple(sorted(PRIORS))
    assert {name: load(name).prior for name in names()} == PRIORS
    assert all(load(name).name == name for name in names())


@pytest.mark.parametrize("name", sorted(PRIORS))
def test_each_makes_chains_that_climb(name: str) -> None:
    network = encoder()
    torch.manual_seed(0)
    images = torch.rand(60, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    pixels = name == "ppgn_x"
    codes = images if pixels else 0.1 * torch.randn(60, CODE, generator=torch.Generator().manual_seed(0)).abs()
    dae = (PixelDAE(SIZE) if pixels else CodeDAE(CODE, 0.5)).eval()
    prior = {"none": NoPrior(), "dae": DenoisingPrior(dae), "joint": JointPrior(network, "relu6")}[PRIORS[name]]
    generator = nn.Identity().eval() if pixels else ToyGenerator()
    sampler = Sampler(generator, load(name, steps=20), prior, RealCodes.of(codes))
    found = sampler.run([of_class(network, "fir", "own_logit")] * 3)
    assert found.kept_steps == (0, 5, 10, 15, 20)
    assert not found.diverged
    assert float(found.codes.min()) >= float(codes.min()) * load(name).decay
    assert float(found.values[-1].mean()) > float(found.values[0].mean())


def test_the_noiseless_variant_is_as_released() -> None:
    """PPGN-H1, H2, H4, H5, H6, H7 and E11c."""
    found = load("noiseless_joint_ppgn_h")
    constant = {"rate": 1.0, "epsilon1": 1e-5, "epsilon2": 1.0, "epsilon3": 1e-17, "epsilon4": 0.0}
    assert {name: (found.at(name, 0), found.at(name, 199)) for name in constant} == {
        name: (value, value) for name, value in constant.items()
    }
    assert (found.steps, found.keep_every, found.normalize, found.span, found.clip) == (200, 5, True, 30.0, "range")
    assert load("noiseless_joint_ppgn_h", "chain").steps == 100
    caption = load("noiseless_joint_ppgn_h", "caption")
    assert (caption.epsilon1, caption.rate, caption.steps) == (Ramp(1e-3, 1e-3), Ramp(1.0, 1e-10), 200)
    assert load("noiseless_joint_ppgn_h", "from_image").rate == Ramp(0.5, 0.5)
    filling = load("noiseless_joint_ppgn_h", "inpainting")
    assert (filling.steps, filling.rate, filling.epsilon3, filling.epsilon4) == (
        20, Ramp(1.0, 1e-32), Ramp(0, 0), Ramp(1e-9, 1e-9),
    )  # fmt: skip
    hidden = load("noiseless_joint_ppgn_h", "hidden")
    assert (hidden.steps, hidden.reset_every, hidden.reset_epsilon1) == (1000, 100, (1e-6, 1e-2))


def test_dgn_am_is_as_released() -> None:
    """PPGN-H13."""
    found = load("dgn_am")
    assert (found.steps, found.rate, found.decay, found.clip) == (200, Ramp(8.0, 1e-10), 0.99, "deviations")
    assert not any(found.uses(name) for name in ("epsilon1", "epsilon3", "epsilon4"))


def test_variants_of_codes_differ_in_their_prior_alone() -> None:
    """So that the comparison of samples is one of priors and generators."""
    first = load("noiseless_joint_ppgn_h")
    for name in ("joint_ppgn_h", "ppgn_h"):
        found = load(name)
        assert dataclasses.replace(found, name=first.name, prior="joint") == first
        tasks = [
            yaml.safe_load((project_root() / f"conf/sampler/{n}.yaml").read_text())["tasks"] for n in (name, first.name)
        ]
        assert tasks[0] == tasks[1]


def test_bounds_are_those_of_real_codes() -> None:
    real = RealCodes(*(torch.tensor(x) for x in ([0.0, 0.5], [2.0, 9.0], [1.0, 1.0], [0.25, 0.5])))

    def bounds(clip: str) -> Any:
        found = Settings("toy", "none", steps=1, rate=1.0, clip=clip).bounds(real)  # type: ignore[arg-type]
        return None if found is None else [side.tolist() for side in found]

    assert bounds("none") is None
    assert bounds("range") == [[0.0, 0.0], [9.0, 9.0]]
    assert bounds("unit") == [[0.0, 0.5], [2.0, 9.0]]
    assert bounds("deviations") == [[0.0, 0.5], [1.75, 2.5]]
    assert Settings("toy", "none", steps=1, rate=1.0, span=30.0).unit(real) == pytest.approx(0.3)
    with pytest.raises(ValueError, match=r"reach up to 0\.0 give no unit"):
        Settings("toy", "none", steps=1, rate=1.0, span=30.0).unit(RealCodes(*[torch.zeros(2)] * 4))


def test_changes_come_last() -> None:
    found = load("ppgn_h", "inpainting", epsilon1=0.1, rate=2.0)
    assert (found.epsilon1, found.rate, found.epsilon4) == (Ramp(0.1, 0.1), Ramp(2.0, 2.0), Ramp(1e-9, 1e-9))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prior": "some"}, "'prior' is one of none, dae, joint; found 'some'"),
        ({"clip": "all"}, "'clip' is one of none, range, unit, deviations; found 'all'"),
        ({"steps": 0}, "at least one step, .* found 0, 5, 0"),
        ({"decay": 0.0}, "above 0 and up to 1, found 0"),
        ({"span": -1.0}, "found a span of -1"),
        ({"prior": "none"}, "without a prior epsilon 1 multiplies nothing"),
        ({"reset_epsilon1": [0, 1]}, r"drawn from at resets .* \(0.0, 1.0\), resets every 0 steps"),
        ({"speed": 2}, "no setting speed; it has .*, decay, "),
        (
            {"rate": {"_target_": "os.getcwd"}},
            "a value that changes is one of replications.images.schedule.Ramp, .*; found os.getcwd",
        ),
    ],
)
def test_errors_say_what_was_expected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load("noiseless_joint_ppgn_h", **changes)


def test_unknown_names_are_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no sampler 'ppgn'; there are dgn_am, joint_ppgn_h"):
        load("ppgn")
    with pytest.raises(ValueError, match="has no task 'fill' of its own; it has chain, hidden, caption"):
        load("ppgn_h", "fill")
    with pytest.raises(
        ValueError, match=r"a sampler, replications\.ppgn\.settings\.Settings; found that of os\.getcwd"
    ):
        build({"_target_": "os.getcwd"})
