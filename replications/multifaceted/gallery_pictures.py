"""The pictures of a gallery: what is put beside what, and the words beneath."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from replications.data.image_set import ImageSet
from replications.multifaceted.class_facets import ClassFacets
from replications.multifaceted.gallery_drawing import Block, Cell, several, sheet, single
from replications.multifaceted.judge import Judge
from replications.multifaceted.unit_fields import UnitFacets
from replications.suite.interface import Picture

_ACROSS = 3  # images across, of those nearest a centre
_LETTERS = 19  # of a name beneath a picture
_METHODS = {"nguyen2016_mean": "schedule for\nmean images", "nguyen2016_centre": "schedule for\nthe centre"}


@dataclasses.dataclass(frozen=True)
class Commonest:
    """The commonest facet of a cluster, and the share of its images that are of it."""

    facet: str
    share: float

    @property
    def words(self) -> str:
        return f"{self.facet} {100 * self.share:.0f} %"


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """What a method made of the facets of one class.

    layer: number of the layer that was clustered. images: (k, 3, S, S) in [0, 1]. probabilities: (k, outputs of the
    judge). values: by measure one number a picture. common: of each cluster, where facets are known.
    """

    layer: int
    method: str
    facets: ClassFacets
    images: Tensor
    probabilities: Tensor
    values: Mapping[str, list[float]]
    common: Sequence[Commonest] | None

    @property
    def name(self) -> str:
        return f"layer {self.layer}, {self.method}"

    def choices(self, judge: Judge) -> list[str]:
        """What the judge first takes each picture for; of a facet of the class only the facet."""
        names = [judge.network.classes[i] for i in self.probabilities.argmax(1).tolist()]
        return [name.removeprefix(f"{self.facets.name}/") for name in names]


@dataclasses.dataclass(frozen=True, eq=False)
class MadeOfUnit:
    """What a method made of the facets of a hidden unit. number: of its layer. images, quantiles: one a facet."""

    number: int
    facets: UnitFacets
    images: Tensor
    quantiles: Sequence[float]


def picture_of_classes(
    rows: Sequence[Sequence[Made]], images: ImageSet, judge: Judge, nearest: int, number: int
) -> Picture:
    """Class by class a row for each facet; what was made from one layer's clusters stands together.

    rows: for each class what was made, that of one layer in succession. images: that the clusters are of.
    """
    layers = dict.fromkeys(made.layer for made in rows[0])
    groups = []
    for i, layer in enumerate(layers):
        methods = [made.method for made in rows[0] if made.layer == layer]
        published = ", as published" if i == 0 else ""
        heads = [
            "images nearest\nthe centre",
            f"mean of the\n{nearest} nearest",
            *(_METHODS.get(m, m) for m in methods),
        ]
        groups.append((f"clusters by layer {layer}{published}", heads))
    blocks = []
    for row in rows:
        by_layer = [[made for made in row if made.layer == layer] for layer in layers]
        count = row[0].facets.facets.count
        cells = [[cell for made in by_layer for cell in _cells(made, i, images, judge)] for i in range(count)]
        blocks.append(Block(row[0].facets.title, cells))
    kinds = (
        "its commonest facet, which the algorithm is not told, and how many images it has"
        if rows[0][0].common
        else "how many images it has"
    )
    caption = (
        "A row is a cluster of the class's training images, the largest first; beneath the images nearest its centre: "
        f"{kinds}. Then the mean of the {nearest} nearest, and the pictures that activation maximization of the "
        f"class's unit makes from this mean. Beneath a picture: what {judge.name}, a network held out from all this, "
        "first takes it for, with its probability (orange where that isn't the class), and above which share of "
        "natural images the picture drives the unit. The halves differ in the layer whose features are clustered."
    )
    titles = ", ".join(row[0].facets.title for row in rows)
    figure = sheet(f"A picture of each facet: {titles}", groups, blocks)
    return Picture(f"classes_{number}", f"Facets of {titles}", caption, figure)


def _cells(made: Sequence[Made], cluster: int, images: ImageSet, judge: Judge) -> list[Cell]:
    """The images of a cluster, their mean, and the picture of each method."""
    facets = made[0].facets
    close = facets.sample.indices[torch.from_numpy(facets.nearest[cluster][: _ACROSS**2])]
    size = f"{facets.facets.sizes[cluster]} images"
    words = [size] if made[0].common is None else [made[0].common[cluster].words, f"of {size}"]
    cells = [Cell(several(images.images(close), _ACROSS), words, smooth=True), Cell(single(facets.means[cluster]))]
    for one in made:
        probability, choice = (value.item() for value in one.probabilities[cluster].max(0))
        name = shortened(judge.network.classes[int(choice)])
        strange = int(choice) not in judge.outputs_of(facets.name)
        lines = [f"{name} {probability:.2f}", f"above {_share(one.values['quantile'][cluster])}"]
        cells.append(Cell(single(one.images[cluster]), lines, strange))
    return cells


def picture_of_units(
    made: Sequence[MadeOfUnit],
    images: ImageSet,
    liked: int,
    nearest: int,
    clustered: int,
) -> Picture:
    """A row for each unit: its facets side by side. images: that the units like."""
    count = made[0].facets.facets.count
    heads = ["seen of the\nnearest", "their\nmean", "picture"]
    groups = [(f"facet {i + 1}", heads) for i in range(count)]
    blocks = []
    for one in made:
        height, width = one.facets.crops.shape[2:]
        title = f"layer {one.number}, unit {one.facets.unit.channel} (sees {width} x {height} pixels)"
        blocks.append(Block(title, [[cell for i in range(count) for cell in _unit_cells(one, i, images)]]))
    kinds = "the commonest facet among the cluster's images" if "facets" in images.provides else "its number of images"
    caption = (
        f"For some hidden units, drawn at random, the {liked} validation images that they fire most strongly for, "
        f"clustered by layer {clustered}. Of each cluster: what the unit sees of the images nearest the centre, where "
        f"it fires most strongly, and {kinds}; the mean of this over the {nearest} nearest; and the picture that "
        "activation maximization of the unit makes from this mean, on the unit's field alone, with the share of "
        "natural images that drive the unit less, wherever in them they drive it most."
    )
    figure = sheet("Facets of hidden units", groups, blocks, headings="first")
    return Picture("units", "Facets of hidden units", caption, figure)


def _unit_cells(made: MadeOfUnit, cluster: int, images: ImageSet) -> list[Cell]:
    facets = made.facets
    crops = facets.crops[torch.from_numpy(facets.nearest[cluster][: _ACROSS**2])]
    own = facets.indices[torch.from_numpy(facets.facets.labels == cluster)]
    words = [f"{len(own)} images"]
    if "facets" in images.provides:
        names = [images.facets[f] for f in images.facet_labels[own].tolist()]  # type: ignore[attr-defined]
        common = max(sorted(set(names)), key=names.count)
        words = [f"{shortened(common, 20)}", f"{100 * names.count(common) / len(names):.0f} % of {len(own)}"]
    shown = Cell(single(made.images[cluster]), [f"above {_share(made.quantiles[cluster])}"])
    return [Cell(several(crops, _ACROSS), words, smooth=True), Cell(single(facets.means[cluster])), shown]


def shortened(name: str, letters: int = _LETTERS) -> str:
    """At most so many letters, cut at the end."""
    return name if len(name) <= letters else f"{name[: letters - 1].rstrip()}…"


def _share(quantile: float) -> str:
    """ "all", or "99.7 %": rounded down, so that only what is above every image is above all."""
    return "all" if quantile == 1 else f"{int(1000 * quantile) / 10:g} %"
