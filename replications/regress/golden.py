"""Golden pictures: some pictures of a fixed set, kept as PNG, and how far the same pictures made now are from them.

The distance is perceptual (`metrics.perceptual`) in the network that judges, averaged over the pictures of a unit, and
both sides are rounded to 256 levels, as a PNG holds them. A set made again from the same numbers has the same pictures
but for rounding; what counts as another picture is told by how far the pictures of a unit are from those of another
set, which differ in everything random. The threshold is the 0.05 quantile of these distances between one set of the
baseline and the next: pictures are others where they are farther from the golden ones than the most alike of different
sets are from each other. It is at least 0.005, for what differs by a rounding. Where libraries or the kind of device
differ and the pictures do too they are incomparable.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from metrics.perceptual import Backbone, paired
from replications.suite.interface import Context, Experiment

if TYPE_CHECKING:
    from replications.networks.network import Network

QUANTILE = 0.05
LEAST = 0.005
CLASSES, HIDDEN = 2, 1  # classes, and hidden units of each layer, that are kept
NUMBER = 1000  # of the golden set


class BadGolden(ValueError):
    """A golden picture isn't the one that the baseline describes."""


@dataclasses.dataclass(frozen=True)
class Golden:
    """Of one probe.

    file: its name; a row for each unit and a column for each picture. sha256: of the file. number: of the set.
    rows, columns, size: units, pictures of each, pixels of a side. measure: what the distances are called.
    distances: of the units' pictures in one set of the baseline from those in the next one.
    """

    file: str
    sha256: str
    number: int
    rows: int
    columns: int
    size: int
    measure: str
    distances: tuple[float, ...]

    @property
    def threshold(self) -> float:
        """The largest distance that a unit's pictures may have."""
        values = torch.tensor(self.distances, dtype=torch.float64)
        return max(LEAST, float(values.quantile(QUANTILE))) if len(values) else LEAST


def is_shown(experiment: Experiment) -> bool:
    """Whether the pictures of a probe can be had."""
    from replications.compare.cell import Cell

    return isinstance(experiment, Cell)


def pictures_of(experiment: Experiment, context: Context, numbers: Sequence[int]) -> dict[int, Tensor]:
    """By set (subjects, n, 3, S, S) in [0, 1]: the pictures of a cell's first units, as it made them in this cache."""
    from replications.compare.cell import Cell
    from replications.compare.making import make
    from replications.compare.subjects import choose

    assert isinstance(experiment, Cell)
    subjects = choose(context, experiment.rules).subjects
    passes = experiment.rules.passes if experiment.setting == "equal" else None
    kept = shown([subject.number for subject in subjects])
    return {
        number: make(context, experiment.compared, experiment.rules, subjects, number, passes).images[kept]
        for number in numbers
    }


def shown(layers: Sequence[int | None]) -> list[int]:
    """Which units are kept: the first classes (layer None) and the first hidden units of each layer."""
    found: list[int] = []
    for place, layer in enumerate(layers):
        if layers[:place].count(layer) < (CLASSES if layer is None else HIDDEN):
            found.append(place)
    return found


def backbone_of(network: Network) -> Backbone:
    """Perceptual distances in a network, in the last rectified maps of each size."""
    from replications.multifaceted.judge import perceptual_layers

    layers = perceptual_layers(network)

    def maps(images: Tensor) -> list[Tensor]:
        found = network.activations(layers, images)
        return [found[layer].cpu() for layer in layers]

    return Backbone(f"{network.name}/{'+'.join(layers)}", maps)


def rounded(pictures: Tensor) -> Tensor:
    """To 256 levels."""
    return (pictures.clamp(0, 1) * 255).round() / 255


def distances(backbone: Backbone, a: Tensor, b: Tensor) -> list[float]:
    """For each unit the mean distance of its pictures: a, b (units, n, 3, S, S) in [0, 1].

    Raises:
        BadGolden: they differ in shape.
    """
    if a.shape != b.shape:
        raise BadGolden(f"there were {tuple(a.shape)} (units, pictures, channels, side, side), now {tuple(b.shape)}")
    apart = paired(backbone, rounded(a).flatten(0, 1), rounded(b).flatten(0, 1))
    return [float(f"{value:.5g}") for value in apart.reshape(a.shape[:2]).mean(1).tolist()]


def seed_to_seed(backbone: Backbone, pictures: Mapping[int, Tensor], numbers: Sequence[int]) -> tuple[float, ...]:
    """The distances of each set of `numbers` from the next, unit by unit."""
    found: list[float] = []
    for one, other in itertools.pairwise(numbers):
        found += distances(backbone, pictures[one], pictures[other])
    return tuple(found)


def sheet(pictures: Tensor) -> bytes:
    """A PNG of (units, n, 3, S, S) in [0, 1]: a row for each unit, without margins."""
    from PIL import Image

    rows = rounded(pictures).mul(255).round().byte().permute(0, 3, 1, 4, 2)  # units, S, n, S, 3
    whole = rows.reshape(rows.shape[0] * rows.shape[1], rows.shape[2] * rows.shape[3], 3)
    file = io.BytesIO()
    Image.fromarray(whole.numpy()).save(file, "PNG", optimize=True)
    return file.getvalue()


def from_sheet(content: bytes, golden: Golden) -> Tensor:
    """The inverse of `sheet`.

    Raises:
        BadGolden: the file is another than the one described, or isn't a picture of that size.
    """
    import numpy as np
    from PIL import Image

    if hashlib.sha256(content).hexdigest() != golden.sha256:
        raise BadGolden(f"{golden.file} is another file than the baseline describes; take both from one commit")
    try:
        with Image.open(io.BytesIO(content)) as picture:
            whole = torch.from_numpy(np.array(picture.convert("RGB")))
    except OSError as error:
        raise BadGolden(f"{golden.file} isn't a picture that can be read") from error
    expected = (golden.rows * golden.size, golden.columns * golden.size, 3)
    if tuple(whole.shape) != expected:
        raise BadGolden(f"{golden.file} must be {expected[1]} x {expected[0]} pixels, found {tuple(whole.shape)}")
    parts = whole.reshape(golden.rows, golden.size, golden.columns, golden.size, 3)
    return parts.permute(0, 2, 4, 1, 3).float() / 255


def new(backbone: Backbone, file: str, pictures: Mapping[int, Tensor], numbers: Sequence[int]) -> tuple[Golden, bytes]:
    """The golden pictures of a probe and the content of their file. numbers: of the baseline's sets."""
    own = pictures[NUMBER]
    content = sheet(own)
    found = Golden(
        file,
        hashlib.sha256(content).hexdigest(),
        NUMBER,
        own.shape[0],
        own.shape[1],
        own.shape[-1],
        backbone.measure,
        seed_to_seed(backbone, pictures, numbers),
    )
    return found, content


def as_json(golden: Golden) -> dict[str, Any]:
    return {**dataclasses.asdict(golden), "distances": list(golden.distances)}


def from_json(value: Mapping[str, Any]) -> Golden:
    """Raises TypeError for other keys."""
    return Golden(**{**value, "distances": tuple(float(d) for d in value["distances"])})


def read(folder: Path, golden: Golden) -> Tensor:
    """The golden pictures. Raises BadGolden, OSError."""
    return from_sheet((folder / golden.file).read_bytes(), golden)
