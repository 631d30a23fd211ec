"""Defects that can be planted: each breaks one function while it is planted, as a slip in a change might.

    with planted("jitter off"):
        ...

They are what the probes must be able to see. Each has a reason to be feared: nothing fails, and pictures are still
made. Only this process is broken, so while a defect is planted `side_by_side` works in this one alone. What was made
before must not be found either: measure in folders of your own, as `replications.regress.measuring` does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor

# makes of a function what a defect leaves of it
Break = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclasses.dataclass(frozen=True)
class Defect:
    """name: in words. fear: why it could happen, and why nobody would notice.

    module, attribute: where the function is looked up when it is called ("Class.method" too). broken: makes the broken
    function of the right one. probes: of conf/experiment/regress, that it could touch.
    """

    name: str
    fear: str
    module: str
    attribute: str
    broken: Break
    probes: tuple[str, ...]


@contextlib.contextmanager
def planted(name: str) -> Iterator[Defect]:
    """The defect of that name is in this process until the end. Raises KeyError for a name that there isn't."""
    defect = DEFECTS[name]
    owner: Any = importlib.import_module(defect.module)
    *path, last = defect.attribute.split(".")
    for part in path:
        owner = getattr(owner, part)
    one = mock.patch.dict(os.environ, {"LOKY_MAX_CPU_COUNT": "1"})  # what joblib reads to tell how many cores there are
    with one, mock.patch.object(owner, last, defect.broken(getattr(owner, last))):
        yield defect


# ------------------------------------------------------------------------------------------------- what is broken


def _switch_off_by_one(unpool: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def broken(signal: Tensor, switches: Tensor, rows: Any, columns: Any) -> Tensor:
        return unpool(signal, (switches.to(torch.int32) + 1) % (rows.kernel * columns.kernel), rows, columns)

    return broken


def _unrectified(backward: Callable[..., list[Tensor]]) -> Callable[..., list[Tensor]]:
    def broken(node: Any, signal: Tensor, stored: Tensor | None, shapes: Any) -> list[Tensor]:
        return [signal] if node.kind == "relu" else backward(node, signal, stored, shapes)

    return broken


def _filters_not_turned(transposed: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def broken(node: Any, signal: Tensor) -> Tensor:
        conv = node.module
        with mock.patch.dict(conv._parameters, {"weight": torch.nn.Parameter(conv.weight.flip(2, 3), False)}):
            return transposed(node, signal)

    return broken


def _colours_swapped(normalize: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda self, images: normalize(self, images.flip(1))


def _not_normalized(normalize: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda self, images: images


def _weights_not_loaded(load: Callable[..., None]) -> Callable[..., None]:
    return lambda module, path: None


def _next_class(index: Callable[..., int]) -> Callable[..., int]:
    return lambda self, name: (index(self, name) + 1) % len(self.classes)


def _nowhere(draw: Callable[..., Any]) -> Callable[..., Any]:
    def broken(self: Any, size: Any, target: Any, stream: Any) -> Any:
        matrix, found = draw(self, size, target, stream)
        matrix[:2, 2] = 0
        return matrix, found

    return broken


def _negative(values: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda self, images, origin: -values(self, images, origin)


def _unbounded(constrained: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, parameters: parameters


def _inverted(mask: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda size, margin: 1 - mask(size, margin)


def _first_attempt(seed_of: Callable[..., int]) -> Callable[..., int]:
    return lambda seed, name, attempt: seed_of(seed, name, 0)


def _unblurred(done: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda self, pixels, gradients, origin, iteration, iterations: pixels


def _one_cluster(partitions: Callable[..., Any]) -> Callable[..., Any]:
    return lambda points, tried, seed: dict.fromkeys(tried, partitions(points, (1,), seed)[1])


def _without_prior(moved: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def broken(codes: Tensor, terms: Any, rate: float, **settings: Any) -> Tensor:
        return moved(codes, terms._replace(prior=torch.zeros_like(terms.prior)), rate, **settings)

    return broken


def _condition_turned(moved: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def broken(codes: Tensor, terms: Any, rate: float, **settings: Any) -> Tensor:
        return moved(codes, terms._replace(condition=-terms.condition), rate, **settings)

    return broken


def _ten_times(rank_of: Callable[..., int]) -> Callable[..., int]:
    return lambda quantile, positions: rank_of(10 * quantile, positions)


_OWN = ("variation", "centre", "jitter", "blur")

_ALL = (
    Defect(
        "switch off by one",
        "Switches are numbered in a window or in a map, from 0 or from 1; projections a pixel off still have edges.",
        "replications.zeiler.deconvnet_rules",
        "_unpool",
        _switch_off_by_one,
        ("projections", "deconvnet"),
    ),
    Defect(
        "deconvnet without its rectification",
        "A refactoring that takes the linear parts of the way down for all of it; sums stay the same in size.",
        "replications.zeiler.deconvnet_rules",
        "backward",
        _unrectified,
        ("projections", "deconvnet"),
    ),
    Defect(
        "filters not turned round",
        "Convolution and correlation differ by a turn of the filter, and libraries differ in which is which.",
        "replications.zeiler.deconvnet_rules",
        "_filter",
        _filters_not_turned,
        ("projections", "deconvnet"),
    ),
    Defect(
        "colours in another order",
        "A network that reads blue first, or an image library that does; every shape is still right.",
        "replications.networks.preprocessing",
        "Preprocessing.normalize",
        _colours_swapped,
        ("recognition", "projections", "dissection", "natural_exemplars", "yosinski2015", "olah2017"),
    ),
    Defect(
        "preprocessing missing",
        "Mean and deviation are left out, as one loader normalizes and another doesn't; activations still vary.",
        "replications.networks.preprocessing",
        "Preprocessing.normalize",
        _not_normalized,
        ("recognition", "projections", "dissection", "natural_exemplars", "yosinski2015", "olah2017"),
    ),
    Defect(
        "weights not loaded",
        "A loader that isn't strict passes over names that have changed; the network runs with random weights.",
        "replications.networks.load",
        "load_weights",
        _weights_not_loaded,
        ("recognition", "dissection", "projections", "natural_exemplars"),
    ),
    Defect(
        "class off by one",
        "Lists of classes begin at 0 or at 1, or with a background; pictures are as good as before, of another class.",
        "replications.networks.network",
        "Network.class_index",
        _next_class,
        ("recognition", "chain", "yosinski2015", "mfv"),
    ),
    Defect(
        "jitter off",
        "The range of the shift is lost, say by rounding pixels of a smaller picture to 0; activations even rise.",
        "replications.images.transforms",
        "Jitter.draw",
        _nowhere,
        ("jitter", "mahendran2016_tv", "olah2017"),
    ),
    Defect(
        "total variation with the wrong sign",
        "A penalty is subtracted from what is maximized, and added to what is minimized.",
        "replications.images.regularizers",
        "TotalVariation.values",
        _negative,
        ("variation", "mahendran2016_tv"),
    ),
    Defect(
        "blur left out",
        "A step after the update that comes only every few iterations is easily skipped in all of them.",
        "replications.images.regularizers",
        "Blur.done",
        _unblurred,
        ("blur", "yosinski2015"),
    ),
    Defect(
        "pixels not kept in their range",
        "Clipping moves to the end, where the picture is written: the network was shown what no image can be.",
        "replications.images.parametrization",
        "Pixels.constrained",
        _unbounded,
        ("centre", "jitter", "mahendran2016_tv", "variation", "blur", "yosinski2015", "mfv_centre"),
    ),
    Defect(
        "centre bias inverted",
        "A mask of what may change and one of what must not look alike; activations are as high.",
        "replications.images.maximize",
        "centre_mask",
        _inverted,
        ("centre", "mfv", "mfv_centre"),
    ),
    Defect(
        "all pictures of a set alike",
        "The number of the attempt is left out of the seed; each picture is right, and there is only one.",
        "replications.images.maximize",
        "seed_of",
        _first_attempt,
        (*_OWN, "yosinski2015", "mahendran2016_tv", "olah2017"),
    ),
    Defect(
        "k-means with one cluster",
        "A number of clusters that is overwritten by a default; there still is a label for every image.",
        "replications.multifaceted.facets",
        "partitions",
        _one_cluster,
        ("facets",),
    ),
    Defect(
        "epsilon of the prior zero",
        "The smallest of the numbers, 1e-5, is lost in a rounding or a refactoring; chains find the class without it.",
        "replications.ppgn.sampler",
        "moved",
        _without_prior,
        ("chain", "noiseless_joint_ppgn_h", "ppgn_h"),
    ),
    Defect(
        "condition with the wrong sign",
        "A log-probability is climbed and a loss descended; the prior keeps the pictures natural all the same.",
        "replications.ppgn.sampler",
        "moved",
        _condition_turned,
        ("chain", "noiseless_joint_ppgn_h", "ppgn_h"),
    ),
    Defect(
        "quantile off by ten",
        "0.005 is half a percent and easily 5 %; thresholds, labels and IoUs still come out.",
        "replications.survey.dissection.passes",
        "rank_of",
        _ten_times,
        ("dissection",),
    ),
)

DEFECTS = {defect.name: defect for defect in _ALL}
