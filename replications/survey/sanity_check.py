"""Which pictures of why a network decides depend on the network at all (Adebayo et al. 2018)?

Adebayo, Gilmer, Muelly, Goodfellow, Hardt & Kim 2018, "Sanity Checks for Saliency Maps", Sec. 3: the weights of a
trained network are drawn anew, layer by layer from the classes down (cascading) or in one layer alone (independent). A
picture that explains what the network has learnt has to change; one that stays shows the image. The survey of Qin et
al. 2018 reads such pictures by eye, so its reader has to know which do.

Explained are the classes of validation images that the trained network classifies correctly, by the gradient, the
gradient times the input, the deconvnet and guided backpropagation (`ways_back`), each over the whole image. The map of
each network is compared with the trained network's by the paper's measures (`metrics.map_similarity`).

Set before any of it was measured:
- level "another image": the trained network's map of another image (the next one drawn), compared in the same way. It
  says how alike maps are that have nothing in common but the method.
- "kept beyond another image": the similarity once all layers have random weights less that level, by image; the mean
  over seeds and images with a 95 % interval from resampling both (`metrics.crossed_bootstrap`). Above 0: the picture
  shows something that no learnt weight is needed for.
- beside it, how alike the maps of the trained and of the wholly random network are to the edges of the image (Sobel),
  which ask no network.
After a first look at a network with global average pooling, where the deconvnet shows nothing at all of some classes:
for each method images are left out for which the trained network's map, or that of the other image, is zero everywhere.
Where a network with random weights shows nothing, as one whose class maps are rectified may, its map is like no other:
rank correlations and HOG are 0.
The paper's claims are not in this suite's ledger, so nothing is decided here; there are measurements with intervals.

Deviations, with their reasons:
- The windows of SSIM and the cells of the histograms aren't in the sources that could be read; they are ours.
- Weights are drawn as in He et al. 2015 with biases of 0, in every network; the paper draws them as each network began.
- Deep networks lose several neighbouring layers at a time (`groups`), for time; the paper takes blocks of Inception.
- The paper's integrated gradients, Grad-CAM, SmoothGrad and the tests with random labels are left out: the survey has
  none of them. So are the survey's own activation maximization and inversion, whose pictures aren't maps over an image.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from metrics.crossed_bootstrap import crossed_interval
from metrics.map_similarity import BLOCK
from metrics.ms_ssim import WINDOW
from metrics.statistics import Interval, mean_interval
from replications.networks.network import UnknownClass
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Table
from replications.survey.edges import edges
from replications.survey.randomization import in_groups, weighted_layers
from replications.survey.sanity_check_drawing import picture_of_curves, picture_of_maps
from replications.survey.sanity_maps import (
    MEASURES,
    METHODS,
    MODES,
    OfSeed,
    Prepared,
    check_seed,
    check_seed_by_one_thread,
    explain,
)
from replications.survey.ways_back import lacking_rule
from replications.workers import side_by_side
from replications.zeiler.correctly_classified import correctly_classified


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """What was measured. groups: the layers that lose their weights together, in words, the top one first.

    similarity: (seeds, modes, groups, methods, measures, images). probability: (seeds, modes, groups, images), of the
    explained class. another: (methods, measures, images), the level of unrelated maps. edges: (2, methods, measures,
    images), of the trained and the wholly random network, the latter's mean over seeds. able: by method (images,) bool,
    where the trained network shows something of this image and of the other one; what follows is of these.
    """

    groups: Sequence[str]
    similarity: np.ndarray
    probability: np.ndarray
    another: np.ndarray
    edges: np.ndarray
    able: Mapping[str, np.ndarray]

    @property
    def methods(self) -> list[str]:
        """Those that show something of two images at least."""
        return [method for method in METHODS if self.able[method].sum() > 1]

    def of(self, mode: str, group: int, method: str, measure: str) -> np.ndarray:
        """(seeds, images)."""
        found: np.ndarray = self.similarity[:, MODES.index(mode), group, METHODS.index(method), _place(measure)]
        return found[:, self.able[method]]

    def unrelated(self, method: str, measure: str) -> np.ndarray:
        """(images,)."""
        found: np.ndarray = self.another[METHODS.index(method), _place(measure)]
        return found[self.able[method]]

    def with_edges(self, method: str, measure: str) -> np.ndarray:
        """(2, images)."""
        found: np.ndarray = self.edges[:, METHODS.index(method), _place(measure)]
        return found[:, self.able[method]]


def _place(measure: str) -> int:
    return list(MEASURES).index(measure)


@dataclasses.dataclass(frozen=True)
class SanityCheck(Experiment):
    """images: that are explained, at most. seeds: draws of random weights. groups: of layers that lose their weights
    together, at most. cell: pixels a side of the cells of the histograms of gradients. shown: images drawn.
    """

    name: ClassVar[str] = "sanity_check"
    title: ClassVar[str] = "Which pictures depend on the network at all"
    paper: ClassVar[str] = "survey"
    answers: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "data")

    images: int
    seeds: int
    groups: int
    cell: int
    shown: int

    def __post_init__(self) -> None:
        if min(self.images, self.seeds, self.groups) < 2 or not 1 <= self.shown <= self.images:
            raise ValueError(
                "expected at least 2 images, seeds and groups of layers, and at least 1 image shown of these; found "
                f"images={self.images}, seeds={self.seeds}, groups={self.groups}, shown={self.shown}"
            )

    def missing(self, context: Context) -> str | None:
        network = context.network
        if len(network.shape(network.layers[-1])) != 1:
            return f"needs one number for each class, and network '{network.name}' gives maps"
        if network.input_size < max(WINDOW, BLOCK * self.cell):
            return (
                f"needs an input of {max(WINDOW, BLOCK * self.cell)} pixels a side, and network '{network.name}' reads "
                f"{network.input_size}; set cell= of this experiment lower"
            )
        try:
            for name in context.data.validation.classes:
                network.class_index(name)
        except UnknownClass as error:
            return f"needs a network that knows the classes of the images: {error}"
        return lacking_rule(network, network.layers[-1])

    def run(self, context: Context) -> Outcome:
        network = context.network
        chosen, targets = correctly_classified(context, self.images)
        images, classes = context.data.validation.images(chosen), torch.tensor(targets)
        with torch.inference_mode():
            # as the network reads them, so that maps and edges lie on the same pixels
            images = network.preprocessing.denormalize(network.preprocess(images)).clamp(0, 1).cpu().clone()
        explained = explain(network, images, classes)
        original = {method: Prepared.of(maps) for method, maps in explained.items()}
        groups = in_groups(weighted_layers(network), self.groups)
        seeds = [context.generator("weights", i).initial_seed() for i in range(self.seeds)]
        jobs = [(network, images, classes, original, groups, seed, self.shown, self.cell) for seed in seeds]
        on_cpu = network.device.type == "cpu"
        made = side_by_side(check_seed_by_one_thread, jobs) if on_cpu else (check_seed(*job) for job in jobs)
        by_seed = list(context.progress(made, "drawing weights anew", len(jobs)))
        found = self._found(network.layers, images, original, groups, by_seed)
        outcome = Outcome()
        if len(chosen) < self.images:
            outcome.notes.append(f"Only {len(chosen)} images are classified correctly.")
        for method, able in found.able.items():
            if not able.all():
                left = f"{able.sum()} of {len(able)} images are left for it" if able.sum() > 1 else "it is left out"
                outcome.notes.append(f"The {method} of the trained network is zero everywhere for some images: {left}.")
        outcome.measurements += _measurements(found)
        outcome.tables += [_table_of_methods(found), _table_of_networks(found)]
        outcome.pictures.append(picture_of_curves(found))
        names = [network.classes[target] for target in targets[: self.shown]]
        bgr = network.preprocessing.order == "bgr"
        first = {
            method: torch.cat([explained[method][None, : self.shown], by_seed[0].maps[method]]) for method in METHODS
        }
        outcome.pictures.append(picture_of_maps(images[: self.shown], names, first, found.groups, bgr=bgr))
        return outcome

    def _found(
        self,
        layers: Sequence[str],
        images: Tensor,
        original: Mapping[str, Prepared],
        groups: Sequence[tuple[str, ...]],
        by_seed: Sequence[OfSeed],
    ) -> Found:
        another = [original[m].compared(original[m].rolled(), self.cell).values() for m in METHODS]
        shows = {m: original[m].shown.flatten(1).any(1) for m in METHODS}
        drawn = Prepared.of(edges(images))
        trained = torch.stack([torch.stack([*original[m].compared(drawn, self.cell).values()]) for m in METHODS])
        return Found(
            [_in_words(group, layers) for group in groups],
            torch.stack([one.similarity for one in by_seed]).numpy(),
            torch.stack([one.probability for one in by_seed]).numpy(),
            torch.stack([torch.stack([*values]) for values in another]).numpy(),
            torch.stack([trained, torch.stack([one.edges for one in by_seed]).mean(0)]).numpy(),
            {m: (seen & seen.roll(1, 0)).numpy() for m, seen in shows.items()},
        )


def _in_words(group: Sequence[str], layers: Sequence[str]) -> str:
    """ "fc8", or "conv4 to conv5" of several."""
    ordered = sorted(group, key=list(layers).index)
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _measurements(found: Found) -> list[Measurement]:
    made = []
    for measure, about in MEASURES.items():
        for method in found.methods:
            name = f"{measure}/{method}"
            made.append(Measurement(f"{name}/another image", found.unrelated(method, measure).tolist(), about, "image"))
            for mode in MODES:
                word = "down to" if mode == "cascading" else "alone in"
                for g, group in enumerate(found.groups):
                    values = found.of(mode, g, method, measure).mean(1).tolist()
                    made.append(
                        Measurement(
                            f"{name}/random weights {word} {group}", values, f"{about}; mean over images", "seed"
                        )
                    )
    for g, group in enumerate(found.groups):
        values = found.probability[:, 0, g].mean(1).tolist()
        unit = "probability of the class, 0 to 1; mean over images"
        made.append(Measurement(f"probability/random weights down to {group}", values, unit, "seed"))
    return made


def _words(interval: Interval) -> str:
    return "{:.2f} ({:.2f} to {:.2f})".format(*interval)


def _table_of_methods(found: Found) -> Table:
    rows: list[list[str | float | None]] = []
    top, last = found.groups[0], len(found.groups) - 1
    for measure in MEASURES:
        for method in found.methods:
            whole = found.of("cascading", last, method, measure)
            unrelated = found.unrelated(method, measure)
            with_edges = found.with_edges(method, measure)
            rows.append(
                [
                    measure,
                    method,
                    _words(crossed_interval(found.of("cascading", 0, method, measure))),
                    _words(crossed_interval(found.of("independent", last, method, measure))),
                    _words(crossed_interval(whole)),
                    _words(mean_interval(unrelated)),
                    _words(crossed_interval(whole - unrelated)),
                    _words(mean_interval(with_edges[0])),
                    round(float(with_edges[1].mean()), 2),
                ]
            )
    columns = [
        "measure",
        "method",
        f"random weights in {top}",
        f"random weights in {found.groups[last]} alone",
        "random weights everywhere",
        "another image",
        "kept beyond another image",
        "trained, with edges",
        "random, with edges",
    ]
    seeds, images = found.similarity.shape[0], found.similarity.shape[-1]
    caption = (
        f"How alike the map is to the trained network's; {images} images, {seeds} draws of weights; means with 95 % "
        "intervals from resampling images and draws. Another image: the trained network's map of another image, by the "
        "same method. Kept beyond another image: random weights everywhere, less that level; what is above 0 needs no "
        "learnt weight. With edges: how alike the map is to Sobel's edges of the image. "
        + " ".join(f"{measure}: {about}." for measure, about in MEASURES.items())
    )
    return Table("methods", "What is left of a picture without what the network learnt", columns, rows, caption)


def _table_of_networks(found: Found) -> Table:
    rows: list[list[str | float | None]] = [
        [group, *(_words(crossed_interval(found.probability[:, m, g])) for m in range(len(MODES)))]
        for g, group in enumerate(found.groups)
    ]
    columns = ["layer", "probability, random weights from the classes down to it", "probability, in it alone"]
    caption = "The explained class's probability, which shows what the network lost; means with 95 % intervals."
    return Table("networks", "What the networks still know", columns, rows, caption)
