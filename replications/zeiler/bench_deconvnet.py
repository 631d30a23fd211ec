"""How much faster the deconvnet is than one library call a map: `python -m replications.zeiler.bench_deconvnet`.

64 feature maps of one image at torchvision AlexNet's third convolution (random weights, seeded), each projected from
its strongest activation. Ours: the forward pass, finding the strongest activations and all projections at once, each
cropped to its receptive field (the rest is zero). Captum's: `Deconvolution` on the network cut off at that layer, which
favours it, one call a map; it is told the positions. The two alternate in one process, so that what else the machine
does falls on both; the ratio is taken round by round.

Exit status 1 where the results differ by more than 1e-5 of the largest value of a projection, or the median ratio is
below 15.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import torch
import torchvision
from torch import Tensor, nn

from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.zeiler import deconvnet

LAYER, MAPS, SEED = 6, 64, 0
LARGEST_DIFFERENCE = 1e-5
SMALLEST_RATIO = 15.0


def contestants(device: torch.device) -> tuple[Callable[[], deconvnet.Projections], Callable[[], Tensor]]:
    """Ours and captum's; captum's are (64, 3, 224, 224)."""
    from captum.attr import Deconvolution

    torch.manual_seed(SEED)
    module = torchvision.models.alexnet(weights=None)
    network = Network(
        module, name="alexnet", classes=[str(c) for c in range(1000)], preprocessing=Preprocessing(224)
    ).to(device)
    image = torch.rand(1, 3, 224, 224, device=device)
    layer = f"features_{LAYER}"

    def ours() -> deconvnet.Projections:
        record = deconvnet.record(network, image, layer)
        return deconvnet.project(record, deconvnet.strongest(record, range(MAPS)), start="one")

    for child in module.modules():
        if isinstance(child, nn.ReLU):
            child.inplace = False  # captum's hooks can't be put on operations in place
    library = Deconvolution(module.features[: LAYER + 1])
    units = deconvnet.strongest(deconvnet.record(network, image, layer), range(MAPS))
    targets = list(zip(units.channel.tolist(), units.y.tolist(), units.x.tolist(), strict=True))

    def captums() -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that it sets hooks, and asks for the image's gradient
            return torch.cat([library.attribute(image, target=target) for target in targets])

    return ours, captums


def seconds(work: Callable[[], object], device: torch.device, repeats: int = 1) -> float:
    """Mean wall-clock time of one call."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats


def largest_difference(found: Tensor, expected: Tensor) -> float:
    """Of any pixel, relative to the largest value of its projection."""
    scale = expected.abs().amax((1, 2, 3), keepdim=True)
    return float(((found - expected).abs() / scale).max())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Time the deconvnet against captum's Deconvolution.")
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds, at least 2 (default: 9)")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU (default: 1, least disturbed by other work)")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    options = parser.parse_args(arguments)
    if options.rounds < 2:
        parser.error(f"an interval needs at least 2 rounds, found {options.rounds}")
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    try:
        ours, captums = contestants(device)
    except ModuleNotFoundError as error:
        if error.name != "captum":
            raise
        print(
            "this benchmark compares with captum, which isn't installed; install the dev extra: pip install -e .[dev]"
        )
        return 2

    difference = largest_difference(ours().full(), captums())  # also warms both up
    pairs = [(seconds(ours, device, repeats=3), seconds(captums, device)) for _ in range(options.rounds)]
    ratios = sorted(theirs / own for own, theirs in pairs)
    ratio = statistics.median(ratios)
    equal, fast = difference <= LARGEST_DIFFERENCE, ratio >= SMALLEST_RATIO
    where = f"{device}, {options.threads} CPU thread{'s' * (options.threads != 1)}"
    print(f"{MAPS} maps of one image at AlexNet's conv3, {options.rounds} alternating rounds on {where}")
    print(f"  captum, one call a map   median {1e3 * statistics.median(theirs for _, theirs in pairs):8.1f} ms")
    print(f"  ours, forward included   median {1e3 * statistics.median(own for own, _ in pairs):8.1f} ms")
    # the median lies outside the range of n independent rounds only if all fall on one side of it
    coverage = 100 * (1 - 2.0 ** (1 - options.rounds))
    print(f"  ratio                    median {ratio:8.1f}    [{ratios[0]:.1f}, {ratios[-1]:.1f}] ({coverage:.1f} %)")
    print(f"  largest difference       {difference:.1e} of a projection's largest value")
    print(f"results {'equal' if equal else 'DIFFER'} (limit {LARGEST_DIFFERENCE:.0e});", end=" ")
    print(f"ratio {'at least' if fast else 'BELOW'} {SMALLEST_RATIO:.0f}: {'passed' if equal and fast else 'FAILED'}")
    return 0 if equal and fast else 1


if __name__ == "__main__":
    sys.exit(main())
