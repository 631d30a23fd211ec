"""Chains of the toy generator in double precision: their parts, what they are asked for, and how they are run."""

from __future__ import annotations

from typing import Any

import torch
from ppgn_toys import CODE, SIZE, ToyGenerator, encoder
from torch import Tensor

from replications.networks.network import Network
from replications.ppgn.chains import Chains
from replications.ppgn.codes import RealCodes
from replications.ppgn.conditions import (
    Condition,
    Context,
    Masked,
    Unconditional,
    of_class,
)
from replications.ppgn.dae import CodeDAE
from replications.ppgn.priors import DenoisingPrior, JointPrior, NoPrior, Prior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import Settings


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
