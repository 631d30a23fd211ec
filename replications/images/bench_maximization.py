"""What a step of activation maximization costs: `python -m replications.images.bench_maximization`.

Against the bare forward and backward pass to the image of torchvision's network, cut off at the layer and frozen: that
much can't be saved. Ours is the whole loop (pixels, jitter, normalized ascent), with what comes before and after its
iterations. Against torch-lucent, if it is installed: its default pipeline on AlexNet's third convolution, and ours
(Fourier, decorrelated colours, Adam, pad, jitter, scale, rotate), for a channel and for a unit at one position. Lucent
makes a picture of 128 pixels that it enlarges to 224; ours is of 224 from the start.

The contestants take turns in one process, so that what else the machine does falls on both; ratios are taken round by
round. Weights are random and seeded. Exit status 1 where a median ratio misses its bound.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torchvision
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

from replications.images.maximize import maximize
from replications.images.optimizers import Ascent
from replications.images.parametrization import Pixels
from replications.images.presets import load
from replications.images.schedule import Octave
from replications.images.transforms import Jitter
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.unit import Unit
from replications.timing import seconds

STEPS, SIDE, SEED = 20, 224, 0
# model, torchvision's name of the layer, and at most how many times the bare passes a step may cost
BARE = (
    ("alexnet", "features.6", 1.4),
    ("vgg16", "features.17", 1.2),
    ("resnet18", "layer3", 1.2),
    ("resnet50", "layer3", 1.2),
)
LUCENT_CHANNEL, LUCENT_POSITION = 2.0, 5.0  # at least how many times as fast
IMAGENET = Preprocessing(SIDE, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Race:
    """Two ways to take STEPS steps, and the bound of the ratio of their times, numerator over denominator."""

    title: str
    above: Callable[[], object]
    below: Callable[[], object]
    bound: float
    at_most: bool

    def passed(self, ratio: float) -> bool:
        return ratio <= self.bound if self.at_most else ratio >= self.bound


def seeded(model: str) -> nn.Module:
    torch.manual_seed(SEED)
    return torchvision.models.get_model(model, weights=None).eval()


def wrapped(module: nn.Module, name: str, device: torch.device) -> Network:
    classes = [str(i) for i in range(1000)]
    return Network(module, name=name, classes=classes, preprocessing=IMAGENET).to(device)


def last_node(network: Network, layer: str) -> str:
    """The node that makes the output of a module of torchvision's."""
    begins = layer.replace(".", "_")
    return [name for name in network.layers if name == begins or name.startswith(f"{begins}_")][-1]


def against_bare(model: str, layer: str, bound: float, device: torch.device) -> Race:
    cut = create_feature_extractor(seeded(model), [layer]).requires_grad_(False).eval().to(device)
    image = torch.rand(1, 3, SIDE, SIDE, device=device)
    network = wrapped(seeded(model), model, device)
    unit = Unit(last_node(network, layer), 0)
    schedule = [Octave(STEPS, 1.0, transforms=(Jitter(8),))]

    def ours() -> object:
        # the bare passes are in single precision, so ours are
        pixels = Pixels(0.5, 0.1)
        return maximize(
            network, [unit], schedule, pixels, optimizer=Ascent("mean", levels=255), precision=torch.float32
        )

    def bare() -> object:
        for _ in range(STEPS):
            leaf = image.detach().requires_grad_()
            gradient = torch.autograd.grad(cut(leaf)[layer][:, 0].mean(), leaf)
        return gradient

    return Race(f"{model} {layer}: a step / bare forward and backward", ours, bare, bound, at_most=True)


def against_lucent(device: torch.device) -> Iterator[Race]:
    """Raises ModuleNotFoundError where lucent isn't installed."""
    objectives, render = (importlib.import_module(f"lucent.optvis.{name}") for name in ("objectives", "render"))

    module = seeded("alexnet").to(device)
    network = wrapped(seeded("alexnet"), "alexnet", device)
    method = load("olah2017").shortened(STEPS / load("olah2017").iterations)

    def theirs(objective: object) -> Callable[[], object]:
        return lambda: render.render_vis(
            module, objective, thresholds=(STEPS,), show_image=False, progress=False, verbose=False
        )

    def ours(unit: Unit) -> Callable[[], object]:
        return lambda: method.maximize(network, [unit], precision=torch.float32)

    yield Race(
        "AlexNet conv3, a channel: lucent / ours",
        theirs(objectives.channel("features_6", 0)),
        ours(Unit("features_6", 0)),
        LUCENT_CHANNEL,
        at_most=False,
    )
    yield Race(
        "AlexNet conv3, one position: lucent / ours",
        theirs(objectives.neuron("features_6", 0, 6, 6)),
        ours(Unit("features_6", 0, (6, 6))),
        LUCENT_POSITION,
        at_most=False,
    )


def run(race: Race, rounds: int, device: torch.device) -> bool:
    """Times a race, prints a line, and tells whether its bound is kept."""
    race.above(), race.below()  # warms both up
    pairs = [(seconds(race.above, device), seconds(race.below, device)) for _ in range(rounds)]
    ratios = sorted(above / below for above, below in pairs)
    ratio = statistics.median(ratios)
    above, below = (1e3 / STEPS * statistics.median(column) for column in zip(*pairs, strict=True))
    passed = race.passed(ratio)
    print(
        f"  {race.title:52s} {above:8.2f} / {below:8.2f} ms a step, median ratio {ratio:6.2f} [{ratios[0]:.2f}, "
        f"{ratios[-1]:.2f}], at {'most' if race.at_most else 'least'} {race.bound}: {'passed' if passed else 'FAILED'}"
    )
    return passed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Time the steps of activation maximization.")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds, at least 2 (default: 7)")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU (default: 1, least disturbed by other work)")
    parser.add_argument("--models", nargs="*", default=[entry[0] for entry in BARE], help="to compare with bare passes")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    options = parser.parse_args(arguments)
    if options.rounds < 2:
        parser.error(f"an interval needs at least 2 rounds, found {options.rounds}")
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    # the median lies outside the range of n independent rounds only if all fall on one side of it
    coverage = 100 * (1 - 2.0 ** (1 - options.rounds))
    where = f"{device}, {options.threads} CPU thread{'s' * (options.threads != 1)}"
    print(f"batch 1, {STEPS} steps a round, {options.rounds} alternating rounds on {where}; range: {coverage:.1f} %")
    chosen = [entry for entry in BARE if entry[0] in options.models]
    passed = [run(against_bare(*entry, device), options.rounds, device) for entry in chosen]
    try:
        passed += [run(race, options.rounds, device) for race in against_lucent(device)]
    except ModuleNotFoundError as error:
        print(f"  not compared with torch-lucent: '{error.name}' isn't installed (pip install -e '.[peers]')")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
