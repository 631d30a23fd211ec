"""What is known of every pixel: labels looked up from the same drawing that gives the picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from replications.data.facetworld.canvas import SAMPLES
from replications.data.facetworld.caption import caption
from replications.data.facetworld.palette import COLOUR_NAMES
from replications.data.facetworld.render import Drawing
from replications.data.facetworld.scenes import CLUTTER, SCENES
from replications.data.facetworld.textures import TEXTURES
from replications.data.facetworld.world import CLASS_NAMES, PARTS

NONE = "none"
NAMES: dict[str, tuple[str, ...]] = {
    "object": (NONE, *CLASS_NAMES, *CLUTTER),
    "part": (NONE, *PARTS),
    "texture": (NONE, *TEXTURES),
    "colour": (NONE, *COLOUR_NAMES),
    "scene": (NONE, *SCENES),
}
_NUMBERS = {category: {name: number for number, name in enumerate(names)} for category, names in NAMES.items()}


@dataclasses.dataclass(frozen=True)
class Annotations:
    """What is known of n pictures.

    labels: for each category of NAMES, (n, size, size) uint8; a value's name is names[category][value], 0 is none.
        object: the class (its label + 1) or the kind of clutter; 0 on the background. part: of the object or of the
        scene. texture and colour: of the surface (the colour is the surface's first, before the light).
        scene: the place, over the whole picture.
        A pixel has the labels of the sample at its centre.
    names: for each category the names by value.
    masks: (n, size, size) bool, where the object is seen.
    key_points: for each picture the names of the points that are seen and where, (y, x) in pixels; int() of them gives
        the pixel. left_ and right_ are those of the image, whichever way the object looks.
    boxes: (n, 4) int64 top, left, bottom, right of what is seen of the object, half-open, in pixels.
    captions: one sentence a picture; grammar in caption.py.
    """

    labels: dict[str, np.ndarray]
    names: dict[str, tuple[str, ...]]
    masks: np.ndarray
    key_points: list[dict[str, tuple[float, float]]]
    boxes: np.ndarray
    captions: list[str]


def annotate(drawings: Sequence[Drawing], size: int) -> Annotations:
    """The annotations of drawings of pictures of `size` x `size` pixels."""
    labels: dict[str, list[np.ndarray]] = {category: [] for category in NAMES}
    masks, key_points, boxes = [], [], []
    for drawing in drawings:
        for category, plane in _label_planes(drawing).items():
            labels[category].append(plane)
        masks.append(_at_centres(drawing.object_samples))
        key_points.append(_seen_points(drawing))
        boxes.append(_box(drawing.object_samples))
    return Annotations(
        {category: np.asarray(planes, dtype=np.uint8).reshape(-1, size, size) for category, planes in labels.items()},
        dict(NAMES),
        np.asarray(masks, dtype=bool).reshape(-1, size, size),
        key_points,
        np.asarray(boxes, dtype=np.int64).reshape(-1, 4),
        [caption(drawing.recipe) for drawing in drawings],
    )


def _at_centres(samples: np.ndarray) -> np.ndarray:
    return samples[SAMPLES // 2 :: SAMPLES, SAMPLES // 2 :: SAMPLES]


def _label_planes(drawing: Drawing) -> dict[str, np.ndarray]:
    centres = _at_centres(drawing.samples)
    planes = {}
    for category in ("object", "part", "texture", "colour"):
        numbers = _NUMBERS[category]
        of_paint = [0] + [numbers[getattr(paint, category) or NONE] for paint in drawing.paints.listed]
        planes[category] = np.asarray(of_paint, dtype=np.uint8)[centres]
    planes["scene"] = np.full_like(centres, _NUMBERS["scene"][drawing.recipe.scene.place])
    return planes


def _seen_points(drawing: Drawing) -> dict[str, tuple[float, float]]:
    grid = drawing.samples.shape[0]
    size = grid // SAMPLES
    seen = {}
    for name, (x, y) in drawing.key_points.items():
        if 0 <= x < 1 and 0 <= y < 1 and drawing.object_samples[int(y * grid), int(x * grid)]:
            seen[name] = (y * size, x * size)
    return seen


def _box(seen: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if rows.size == 0:
        return 0, 0, 0, 0
    low, high = (rows[0] // SAMPLES, columns[0] // SAMPLES), (rows[-1] // SAMPLES + 1, columns[-1] // SAMPLES + 1)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
