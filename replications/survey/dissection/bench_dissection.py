"""What dissection costs: `python -m replications.survey.dissection.bench_dissection`.

Two bars. The tally of intersections, given activations, thresholds and labels, against the faithful loop over images,
units and concepts (slow.py) on the same images, with equal counts: at least 15 times as fast. And all of `dissect`,
reading the images and labels included, against the bare forward passes over the same images: at most 1.2 times as long
(the labels' own counts, the same for every network, are made once and kept, as the labels of facetworld are).

In each round all take turns in one process, so that what else the machine does falls on all; ratios are taken round by
round. On one thread of a CPU the process's own time is measured; and the process keeps freed memory. Weights are random
and seeded. Exit status 1 where counts differ or a median ratio misses its bar.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from replications.data.concepts.concept_set import ConceptSet
from replications.data.concepts.facetworld import facetworld
from replications.networks.alexnet import alexnet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.networks.zfnet import zfnet_small
from replications.ppgn.memory import keep_freed_memory
from replications.survey.dissection import slow
from replications.survey.dissection.cells import hot_cells
from replications.survey.dissection.dissection import dissect, usual_batch
from replications.survey.dissection.label_counts import LabelCounts
from replications.survey.dissection.labels import Labels
from replications.survey.dissection.tally import UnitCounts
from replications.survey.dissection.upsampling import Grid
from replications.timing import seconds

TALLY_BAR, PASS_BAR = 15.0, 1.2
NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "zfnet_small": (lambda: zfnet_small(12), 64),
    "alexnet": (lambda: alexnet(12), 224),
}


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    keep_freed_memory()
    torch.manual_seed(0)
    make, size = NETWORKS[options.network]
    preprocessing = Preprocessing(size, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    network = Network(make(), name=options.network, classes=[str(i) for i in range(12)], preprocessing=preprocessing)
    network.to(options.device)
    concepts = facetworld(options.images, size=size)
    dissect(network, options.layers, concepts)  # labels are drawn, counted and kept
    print(
        f"{options.network}, {', '.join(options.layers)}; {options.images} images of {size}x{size}; "
        f"{torch.get_num_threads()} threads on {network.device}; torch {torch.__version__}"
    )
    loop, ours, equal = _tallies(network, options.layers[-1], concepts, options.sample)
    print(f"counts of {options.sample} images equal: {equal}")
    faster, longer = [], []
    for number in range(options.rounds):
        slowly, fast = _timed(loop, network.device), _timed(ours, network.device)
        bare = _timed(lambda: _bare(network, options.layers, concepts), network.device)
        whole = _timed(lambda: dissect(network, options.layers, concepts), network.device)
        faster.append(slowly / fast)
        longer.append(whole / bare)
        print(
            f"round {number + 1}: loop {slowly:.2f} s, tally {fast:.4f} s, {faster[-1]:.0f} x; "
            f"forward passes {bare:.2f} s, dissection {whole:.2f} s, {longer[-1]:.2f} x"
        )
    print(f"tally: median {statistics.median(faster):.0f} times as fast as the loop; the bar is {options.at_least:g}")
    print(f"dissection: median {statistics.median(longer):.2f} times the passes; the bar is {options.at_most:g}")
    met = statistics.median(faster) >= options.at_least and statistics.median(longer) <= options.at_most
    return 0 if equal and met else 1


def _bare(network: Network, layers: list[str], concepts: ConceptSet) -> None:
    with torch.inference_mode():
        for _, images, _ in concepts.images.batches(usual_batch(network)):
            network.activations(layers, images)


def _tallies(
    network: Network, layer: str, concepts: ConceptSet, count: int
) -> tuple[Callable[[], object], Callable[[], object], bool]:
    """Both ways of counting on `count` images, from activations, thresholds and labels; and whether they agree."""
    sizes = {category: len(names) for category, names in concepts.concepts.items()}
    labels = concepts.labels(range(count))
    with torch.inference_mode():
        output = network.forward_to(layer, concepts.images.images(range(count)))
    thresholds = _levels(output)
    grid, block = Grid.of(network, layer), torch.zeros(count, dtype=torch.int64, device=network.device)
    planes = {name: values.expand(-1, -1, concepts.size, concepts.size).numpy() for name, values in labels.items()}
    maps, levels = output.double().cpu().numpy(), thresholds.double().cpu().numpy()

    def loop() -> object:
        return slow.tally(maps, levels, network.receptive_field(layer), planes, sizes)

    def ours() -> tuple[UnitCounts, LabelCounts]:
        with torch.inference_mode():
            units = UnitCounts(thresholds, grid, 1, sizes, network.device)
            of_labels = LabelCounts(1, sizes)
            packed = Labels({name: values.to(network.device) for name, values in labels.items()}, sizes, concepts.size)
            of_labels.add(packed, block)
            activations = output.permute(0, 2, 3, 1).contiguous()
            units.add(hot_cells(activations, activations > thresholds, grid), packed, block)
            return units, of_labels

    both, of_unit, of_concept = slow.tally(maps, levels, network.receptive_field(layer), planes, sizes)
    units, of_labels = ours()
    pairs: list[tuple[Tensor, np.ndarray]] = []
    for category in sizes:
        pairs.append((units.intersections[category][0, :, 1:], both[category].sum(0)[:, 1:]))
        pairs.append((units.unit_areas[category][0], of_unit[category].sum(0)))
        pairs.append((of_labels.concept_areas[category][0], of_concept[category].sum(0)))
    return loop, ours, all(np.array_equal(fast.cpu().numpy(), slowly) for fast, slowly in pairs)


def _levels(output: Tensor) -> Tensor:
    flat = output.movedim(1, 0).flatten(1)
    return flat.topk(max(1, int(0.005 * flat.shape[1])), dim=1).values[:, -1]


def _timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds: of the process where it is one thread, which other processes don't lengthen; else of the clock."""
    if device.type != "cpu" or torch.get_num_threads() > 1:
        return seconds(work, device)
    start = time.process_time()
    work()
    return time.process_time() - start


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m replications.survey.dissection.bench_dissection", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--network", choices=list(NETWORKS), default="zfnet_small")
    parser.add_argument("--layers", nargs="+", default=["relu5"])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--sample", type=int, default=16, help="images that both ways of counting are timed on")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="0: torch's own number")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--at-least", type=float, default=TALLY_BAR, help="times as fast as the loop that is expected")
    parser.add_argument("--at-most", type=float, default=PASS_BAR, help="times the forward passes that is expected")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
