"""The labels of a batch of images, packed so that a pixel is looked up once for several categories.

The numbers of several categories (or of overlapping layers of one) make one code of a pixel, as digits make a number;
counts by code are then summed to counts by concept.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from torch import Tensor

_MOST_CODES = 512  # what a code may number: counts by unit and code are to stay small


@dataclasses.dataclass(frozen=True)
class Packed:
    """Codes of pixels: those of (category, concepts) `digits`, the last one counting fastest.

    codes: (n * size * size,) int16, image by image and row by row.
    """

    digits: tuple[tuple[str, int], ...]
    codes: Tensor

    @property
    def count(self) -> int:
        return math.prod(size for _, size in self.digits)

    def by_concept(self, counts: Tensor) -> dict[str, Tensor]:
        """counts: (..., count) by code -> for each category (..., concepts); those of overlapping layers added."""
        lead = counts.dim() - 1
        spread = counts.unflatten(lead, [size for _, size in self.digits])
        found: dict[str, Tensor] = {}
        for place, (category, _) in enumerate(self.digits):
            others = [lead + other for other in range(len(self.digits)) if other != place]
            summed = spread.sum(others) if others else spread
            found[category] = found[category] + summed if category in found else summed
        return found


class Labels:
    """Of a batch of n images.

    packed: the categories with labels of pixels. whole: (n, L) int64 of each category with labels of whole images.
    has: (n,) bool for each category, whether the image has a label of it.
    size: of the images, in pixels.
    """

    def __init__(self, labels: Mapping[str, Tensor], concepts: Mapping[str, int], size: int) -> None:
        """labels: (n, L, size, size) or (n, L, 1, 1) for each category. concepts: how many numbers each has.

        Raises ValueError for a number that its category doesn't have, or labels of another size.
        """
        self.size = size
        self.images = len(next(iter(labels.values())))
        self.has = {category: values.flatten(1).amax(1) > 0 for category, values in labels.items()}
        self.whole: dict[str, Tensor] = {}
        planes: list[tuple[str, int, Tensor]] = []
        for category, values in labels.items():
            _check(category, values, concepts[category], size)
            if values.shape[2] == 1 and size > 1:
                self.whole[category] = values[:, :, 0, 0].long()
            else:
                planes += [(category, concepts[category], layer.flatten()) for layer in values.unbind(1)]
        self.packed = _packed(planes)


def _check(category: str, values: Tensor, count: int, size: int) -> None:
    if values.dim() != 4 or tuple(values.shape[2:]) not in ((size, size), (1, 1)):
        raise ValueError(
            f"expected labels of '{category}' as (n, layers, {size}, {size}) or (n, layers, 1, 1), "
            f"found {tuple(values.shape)}"
        )
    least, most = (int(value) for value in values.aminmax())
    if least < 0 or most >= count:
        raise ValueError(f"category '{category}' has the numbers 0 to {count - 1}, found {least} to {most}")


def _packed(planes: list[tuple[str, int, Tensor]]) -> list[Packed]:
    found: list[Packed] = []
    for category, count, codes in planes:
        if found and found[-1].count * count <= _MOST_CODES:
            found[-1] = Packed((*found[-1].digits, (category, count)), found[-1].codes * count + codes)
        else:
            found.append(Packed(((category, count),), codes))
    return found
