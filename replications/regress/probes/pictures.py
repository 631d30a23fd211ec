"""What pictures of class units look like, by a method that leans on one part of activation maximization.

One probe for each part (conf/experiment/regress): jitter, total variation, blur, centre bias. Each method is as simple
as can be, so that the part decides what the pictures are, and the same numbers are taken of all of them.

After a first look blurring was given a probe: a cell of a comparison without its blur (conf/experiment/regress/
yosinski2015) changed much, but where its measures have a direction, to the better. Floors were set before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from metrics.concentration import central_excess, contrast_energy
from replications.images import presets
from replications.images.pictures import make_pictures
from replications.networks.unit import Unit, unit_activations
from replications.ppgn.class_sets import asked_classes
from replications.ppgn.epsilons_scores import detail
from replications.regress.probe import Found, Probe, Quantity
from replications.suite.interface import Context

DRIVEN, STEADY, ROUGH, FINE, CENTRAL, EVIDENCE, VARIETY = (
    "activation",
    "change when shifted",
    "roughness",
    "fine detail",
    "contrast in the centre",
    "evidence in the centre",
    "variety",
)
PART = 0.56  # side of the central part, relative to the picture's: what Nguyen et al. 2016 leave of 227 pixels
SHIFTS = ((0, 1), (1, 0), (0, -2), (-2, 0), (3, 3), (-3, 3))  # rows and columns


@dataclass(frozen=True)
class Pictures(Probe):
    """method: a configuration as in conf/method. classes: the first so many that the network knows. pictures: of each,
    for a seed. natural: validation images, the first ones, whose activations say what a strong one is."""

    title: ClassVar[str] = "What pictures of class units look like"
    needs: ClassVar[tuple[Literal["network", "data"], ...]] = ("network", "data")
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity(DRIVEN, "the unit's, in deviations of natural images from their mean", "higher", 0.1),
        Quantity(STEADY, "of the activation, in the same deviations, mean over shifts of 1 to 4 pixels", "higher", 0.1),
        Quantity(ROUGH, "mean difference of neighbouring pixels, 0 to 1", "none", 0.003),
        Quantity(FINE, "share of the power at more than half the highest frequency, 0 to 1", "none", 0.01),
        Quantity(CENTRAL, "share of the contrast in the central part, beyond that of an even picture", "none", 0.01),
        Quantity(
            EVIDENCE, "activation by the central part alone less that by the rest alone, in deviations", "none", 0.1
        ),
        Quantity(VARIETY, "root mean square difference of pairs of one class's pictures, 0 to 1", "higher", 0.005),
    )

    name: str  # type: ignore[misc]
    protocol: Mapping[str, Any]
    method: Mapping[str, Any]
    classes: int
    pictures: int
    natural: int

    def __post_init__(self) -> None:
        presets.build(self.method)
        if self.pictures < 2:
            raise ValueError(f"pictures of a class are compared, so there are 2 or more; found {self.pictures}")

    def missing(self, context: Context) -> str | None:
        if not asked_classes(context.network, context.data.validation, self.classes):
            return f"needs a class that network '{context.network.name}' knows, and {context.data.name} has none"
        return None

    def prepared(self, context: Context) -> dict[str, Tensor]:
        """By the class (N,): its unit's activations on natural images."""
        network, validation = context.network, context.data.validation
        names = asked_classes(network, validation, self.classes)
        natural = validation.images(torch.arange(min(self.natural, len(validation))))
        channels = [network.class_index(name) for name in names]
        usual = unit_activations(network, network.layers[-1], natural, channels).double()
        return dict(zip(names, usual.T, strict=True))

    def look(self, context: Context, seed: int, prepared: dict[str, Tensor]) -> Iterator[Found]:
        network, names = context.network, list(prepared)
        layer, channels = network.layers[-1], [network.class_index(name) for name in names]
        made = make_pictures(
            network,
            presets.build(self.method),
            [Unit(layer, channel) for channel in channels for _ in range(self.pictures)],
            seed=context.seed,
            restarts=[seed * self.pictures + i for _ in channels for i in range(self.pictures)],
        )
        sets = made.images.unflatten(0, (len(names), self.pictures))
        for i, name in enumerate(names):
            mean, deviation = prepared[name].mean(), prepared[name].std()

            def driven(images: Tensor, channel: int = channels[i], scale: Tensor = deviation) -> Tensor:
                return unit_activations(network, layer, images, [channel])[:, 0].double() / scale

            yield Found(name, "class", _values(sets[i], driven, float(mean / deviation)))


def _values(images: Tensor, driven: Any, usual: float) -> dict[str, float]:
    """images: (n, 3, H, W) in [0, 1]. driven: the unit's activations on images, in deviations; usual: natural ones'."""
    plain = driven(images)
    shifted = torch.stack([driven(images.roll(shift, (2, 3))) for shift in SHIFTS])
    inside = _central(images)
    grey = torch.full_like(images, 0.5)
    alone = driven(torch.where(inside, images, grey)) - driven(torch.where(inside, grey, images))
    return {
        DRIVEN: float(plain.mean()) - usual,
        STEADY: float((shifted - plain).mean()),
        ROUGH: float(detail(images).mean()),
        FINE: float(fine_detail(images).mean()),
        CENTRAL: float(central_excess(contrast_energy(images), PART).mean()),
        EVIDENCE: float(alone.mean()),
        VARIETY: variety(images),
    }


def _central(images: Tensor) -> Tensor:
    """(1, 1, H, W) bool: the central part."""
    rows, columns = (
        (torch.arange(extent) + 0.5).div(extent).sub(0.5).abs().le(PART / 2) for extent in images.shape[2:]
    )
    return (rows[:, None] & columns)[None, None]


def fine_detail(images: Tensor) -> Tensor:
    """(n,) float64 in [0, 1]: the share of the power, but for the mean's, at more than half the highest frequency.

    images: (n, 3, H, W). 0 for even pictures.
    """
    power = torch.fft.fft2(images.double()).abs().square().sum(1)
    power[:, 0, 0] = 0
    rows, columns = (torch.fft.fftfreq(extent, dtype=torch.float64).abs() for extent in images.shape[2:])
    fine = torch.maximum(rows[:, None], columns) > 0.25
    return (power * fine).sum((1, 2)) / power.sum((1, 2)).clamp_min(1e-12)


def variety(images: Tensor) -> float:
    """The root mean square difference of pairs of images (n, 3, H, W), mean over the pairs; n at least 2."""
    flat = images.double().flatten(1)
    first, second = torch.triu_indices(len(flat), len(flat), 1)
    return float((flat[first] - flat[second]).square().mean(1).sqrt().mean())
