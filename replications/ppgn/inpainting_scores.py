"""Images with holes, and how well they are filled: one number an image and measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from metrics.filling import edge_step, region_error
from metrics.perceptual import paired
from replications.multifaceted.judge import Judge
from replications.ppgn.class_sets import class_probabilities
from replications.ppgn.comparisons import Floats, Measure

MEASURES: Mapping[str, Measure] = {
    "error in the hole": Measure(
        "grey levels, 0 to 255, root mean square difference from the real image within the hole", "lower"
    ),
    "error around the hole": Measure(
        "grey levels, 0 to 255, root mean square difference of what was generated from the real image around the hole, "
        "before it is pasted",
        "lower",
    ),
    "perceptual distance": Measure(
        "squared distance, of the filled image to the real one in the evaluator's maps at unit length", "lower"
    ),
    "class probability": Measure("0 to 1, the evaluator's for the image's class, facets summed", "higher", True),
    "class named": Measure("share, 1 where the class is the likeliest to the evaluator", "higher", True),
    "step across the edge": Measure(
        "grey levels, 0 to 255, mean step across the edge of the hole; best as the image itself has it", "none"
    ),
}
SELDOM_SHOWN = ("step across the edge",)


@dataclass(frozen=True, eq=False)
class Cases:
    """n images with a hole each.

    data: the name of the set they are from. indices: (n,) which they are there. sets: (n,) which set of images each
    belongs to. classes: (n,) names. images: (n, 3, S, S) in [0, 1]. holes: (n, S, S) bool.
    """

    data: str
    indices: Tensor
    sets: Tensor
    classes: tuple[str, ...]
    images: Tensor
    holes: Tensor

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def size(self) -> int:
        """Pixels of an image's side."""
        return int(self.holes.shape[-1])

    @property
    def side(self) -> int:
        """Pixels of a hole's side."""
        return int(self.holes[0].any(0).sum())

    @property
    def called(self) -> list[str]:
        """Each image and its hole, in words that are no other's."""
        corners = [hole.nonzero()[0].tolist() for hole in self.holes]
        pairs = zip(self.indices.tolist(), corners, strict=True)
        return [f"{self.data} {i} without {self.side} pixels from {top}, {left}" for i, (top, left) in pairs]

    def filled(self, made: Tensor) -> Tensor:
        """(n, 3, S, S): what was made in the holes, the images around them."""
        return torch.where(self.holes[:, None], made, self.images)

    def chosen(self, rows: Tensor) -> Cases:
        """Those of `rows` (n,) bool."""
        names = tuple(name for name, own in zip(self.classes, rows.tolist(), strict=True) if own)
        return Cases(self.data, self.indices[rows], self.sets[rows], names, self.images[rows], self.holes[rows])


def score(judge: Judge, cases: Cases, filled: Tensor, made: Tensor | None = None) -> dict[str, Floats]:
    """By measure (n,) values. filled: (n, 3, S, S) in [0, 1].

    made: what was generated of the whole images; None for fillings that make no more than the hole, whose error around
    it means nothing and is left out.
    """
    names = list(dict.fromkeys(cases.classes))
    own = torch.tensor([names.index(name) for name in cases.classes])
    probabilities = class_probabilities(judge, judge.see(filled), names)
    found = {
        "error in the hole": region_error(filled, cases.images, cases.holes),
        "perceptual distance": paired(judge.backbone, filled, cases.images),
        "class probability": probabilities.gather(1, own[:, None])[:, 0],
        "class named": (probabilities.argmax(1) == own).double(),
        "step across the edge": edge_step(filled, cases.holes),
    }
    if made is not None:
        found["error around the hole"] = region_error(made, cases.images, ~cases.holes)
    return {measure: found[measure].numpy() for measure in MEASURES if measure in found}
