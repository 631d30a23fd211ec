"""What a step of a chain costs: `python -m replications.ppgn.bench_sampler`.

Against the bare forward and backward pass from the class's logit to the code, through generator and frozen network:
that much can't be saved. Ours is the whole of `Sampler.run`, noise, prior, clipping and what comes before and after its
steps included. The joint prior reads the encoder that is the condition network too.

The two take turns in one process, so that what else the machine does falls on both; ratios are taken round by round.
For both alike the process keeps freed memory, as one that samples does (`memory`).
Weights are random and seeded. Exit status 1 where a median ratio misses its bound.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from replications.networks.alexnet import alexnet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.zfnet import zfnet_small
from replications.ppgn.codes import RealCodes
from replications.ppgn.conditions import of_class
from replications.ppgn.generator import published_generator, small_generator
from replications.ppgn.memory import keep_freed_memory
from replications.ppgn.priors import JointPrior
from replications.ppgn.sampler import Sampler
from replications.ppgn.settings import load
from replications.timing import seconds

SEED, BOUND = 0, 1.15


class Size(NamedTuple):
    """One size to time: the generator and the network that it was made for, the steps and the chains of a round."""

    title: str
    generator: Callable[[], nn.Module]
    network: Callable[[], nn.Module]
    side: int
    classes: int
    steps: int
    chains: int


SIZES = {
    "small": Size("64 pixels, zfnet_small", lambda: small_generator(256), lambda: zfnet_small(12), 64, 12, 20, 24),
    "published": Size(
        "224 pixels, alexnet",
        lambda: published_generator(4096, image_size=224),
        lambda: alexnet(1000),
        224,
        1000,
        10,
        1,
    ),
}


def race(size: Size, device: torch.device) -> tuple[Callable[[], object], Callable[[], object]]:
    """Ours and the bare passes, `size.steps` steps each."""
    torch.manual_seed(SEED)
    preprocessing = Preprocessing(size.side, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    classes = [str(i) for i in range(size.classes)]
    network = Network(size.network(), name="condition", classes=classes, preprocessing=preprocessing).to(device)
    generator = size.generator().eval().requires_grad_(False).to(device)
    real = torch.rand(100, network.shape("relu6")[0])
    codes = real[: size.chains]
    settings = load("noiseless_joint_ppgn_h", steps=size.steps)
    sampler = Sampler(generator, settings, JointPrior(network, "relu6"), RealCodes.of(real), device)
    wanted = [of_class(network, i % size.classes) for i in range(size.chains)]
    channels = torch.arange(size.chains, device=device)[:, None] % size.classes

    def ours() -> object:
        return sampler.run(wanted, start=codes)

    def bare() -> object:
        for _ in range(size.steps):
            leaf = codes.to(device).requires_grad_()
            logits = network.logits(generator(leaf))
            gradient = torch.autograd.grad(logits.gather(1, channels).sum(), leaf)
        return gradient

    return ours, bare


def run(size: Size, rounds: int, device: torch.device) -> bool:
    """Times a race, prints a line, and tells whether its bound is kept."""
    ours, bare = race(size, device)
    ours(), bare()  # warms both up
    pairs = [(seconds(ours, device), seconds(bare, device)) for _ in range(rounds)]
    ratios = sorted(above / below for above, below in pairs)
    ratio = statistics.median(ratios)
    above, below = (1e3 / size.steps / size.chains * statistics.median(column) for column in zip(*pairs, strict=True))
    passed = ratio <= BOUND
    print(
        f"  {size.title:24s} {above:8.2f} / {below:8.2f} ms a chain and step, median ratio {ratio:5.3f} "
        f"[{ratios[0]:.3f}, {ratios[-1]:.3f}], at most {BOUND}: {'passed' if passed else 'FAILED'}"
    )
    return passed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Time the steps of a chain.")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds, at least 2 (default: 7)")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU (default: 1, least disturbed by other work)")
    parser.add_argument("--sizes", nargs="*", default=list(SIZES), choices=list(SIZES), help="which to time")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    options = parser.parse_args(arguments)
    if options.rounds < 2:
        parser.error(f"an interval needs at least 2 rounds, found {options.rounds}")
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    device = torch.device(options.device)
    where = f"{device}, {options.threads} CPU thread{'s' * (options.threads != 1)}"
    print(f"{options.rounds} alternating rounds on {where}: a step of the chains / the bare passes")
    passed = [run(SIZES[name], options.rounds, device) for name in options.sizes]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
