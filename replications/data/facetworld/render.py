"""One picture of facetworld from (seed, part, index): its place in the balance, its scene, its pixels, its labels.

Three streams of random numbers make a picture, none of which can shift another: the scene (place, time, light,
clutter), the placement (where, how large, how turned) and the object (colours, texture, shape). The first two and the
colours are drawn before the class has any say, so nothing but the object's own shape predicts the class.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from replications.data.facetworld.brush import Brush, Style, draw_style
from replications.data.facetworld.canvas import (
    SAMPLES,
    Paint,
    Paints,
    Pen,
    Placement,
    Point,
    colour_samples,
    downsample,
    outlined,
    turn,
)
from replications.data.facetworld.randomness import Stream, scramble
from replications.data.facetworld.scenes import Light, Scene, draw_scene, paint_front, paint_scene
from replications.data.facetworld.world import FACETS, FACETS_OF_CLASS

_SCENE, _BACKGROUND, _PLACEMENT, _OBJECT = range(4)
_RIM = 1 / 128


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that was chosen for a picture before the object's shape is drawn."""

    facet: int
    scene: Scene
    placement: Placement
    style: Style


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A picture on its grid of samples, before colours or labels are looked up.

    samples: (grid, grid) uint8 numbers of paints. object_samples: (grid, grid) bool, where the object is seen.
    key_points: in frame coordinates (x, y), all of them, seen or not.
    """

    recipe: Recipe
    paints: Paints
    samples: np.ndarray
    object_samples: np.ndarray
    key_points: dict[str, Point]


def labels(seed: int, part: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Class and facet number of the first `count` pictures, (count,) int64 each, without drawing them.

    Every 12 pictures in a row hold each class once, and every k pictures in a row of a class with k facets hold each
    facet once, in an order hashed from (seed, part, position). A longer set begins with a shorter one.
    """
    classes = len(FACETS_OF_CLASS)
    rounds = -(-count // classes)
    label = _shuffled_rounds(rounds, classes, seed, part, 0).reshape(-1)
    facet = np.empty_like(label)
    for number, facets in enumerate(FACETS_OF_CLASS):
        order = _shuffled_rounds(-(-rounds // len(facets)), len(facets), seed, part, number + 1).reshape(-1)
        facet[label == number] = np.asarray(facets)[order[:rounds]]
    return label[:count], facet[:count]


def _shuffled_rounds(rounds: int, members: int, seed: int, part: int, salt: int) -> np.ndarray:
    """(rounds, members) int64: each row a permutation of the members, a function of its row number alone."""
    start = scramble(np.asarray([seed], dtype=np.uint64)) + np.uint64(part * 1000 + salt)
    keys = scramble(scramble(start) + np.arange(rounds * members, dtype=np.uint64))
    return np.argsort(keys.reshape(rounds, members), axis=1, kind="stable").astype(np.int64)


def recipe(seed: int, part: int, index: int, facet: int) -> Recipe:
    """The scene, placement and style of a picture; of these the facet decides only whether mirroring is allowed."""
    scene = draw_scene(Stream(seed, part, index, _SCENE))
    placement = _draw_placement(Stream(seed, part, index, _PLACEMENT))
    if not FACETS[facet][1].mirrors:
        placement = placement.unmirrored()
    return Recipe(facet, scene, placement, draw_style(_object_stream(seed, part, index)))


def _object_stream(seed: int, part: int, index: int) -> Stream:
    return Stream(seed, part, index, _OBJECT)


def _draw_placement(stream: Stream) -> Placement:
    scale = stream.uniform(0.32, 0.46)
    cosine, sine = turn(stream.uniform(-12.0, 12.0))
    room = 0.5 - 0.94 * scale
    x, y = 0.5 + room * stream.uniform(-1, 1), 0.5 + room * stream.uniform(-1, 1)
    return Placement(x, y, scale, cosine, sine, stream.chance(0.5))


def draw(seed: int, part: int, index: int, facet: int, size: int, *, with_object: bool = True) -> Drawing:
    """The picture on its grid of samples; without the object everything else is the same."""
    chosen = recipe(seed, part, index, facet)
    grid = size * SAMPLES
    paints = Paints()
    background = Pen(paints, grid)
    paint_scene(background, chosen.scene, Stream(seed, part, index, _BACKGROUND))
    samples = background.samples()
    name, drawn_as = FACETS[facet]
    brush = Brush(paints, grid, chosen.placement, name, chosen.style)
    if with_object:
        stream = _object_stream(seed, part, index)
        draw_style(stream)
        drawn_as.draw(brush, stream)
        rim = paints.number(Paint(name, "", "plain", "black", chosen.style.outline, chosen.style.outline))
        object_layer = outlined(brush.samples(), rim, max(1, round(grid * _RIM)))
        samples = np.where(object_layer > 0, object_layer, samples)
    else:
        object_layer = brush.samples()
    seen = object_layer > 0
    if chosen.scene.before:
        front = Pen(paints, grid)
        paint_front(front, chosen.scene)
        cover = front.samples()
        samples = np.where(cover > 0, cover, samples)
        seen = seen & (cover == 0)
    return Drawing(chosen, paints, samples, seen, brush.key_points)


def picture(drawing: Drawing) -> np.ndarray:
    """The drawing as an anti-aliased, lit picture: (3, size, size) uint8."""
    grid = drawing.samples.shape[0]
    y, x = drawing.recipe.scene.offset
    rgbx = colour_samples(drawing.samples, drawing.paints, (int(y * grid), int(x * grid)))
    return lit(downsample(rgbx), drawing.recipe.scene.light)


def lit(rgb: np.ndarray, light: Light) -> np.ndarray:
    """(size, size, 3) uint8 under a light: (3, size, size) uint8. Integers only."""
    size = rgb.shape[0]
    steps = 2 * np.arange(size, dtype=np.int32) - (size - 1)
    field = (steps[None, :] * light.across + steps[:, None] * light.down) // size
    planes = rgb.transpose(2, 0, 1).astype(np.int32)
    middle = np.asarray(light.middle, dtype=np.int32)[:, None, None]
    return np.minimum((planes * (middle + field) + 128) >> 8, 255).astype(np.uint8)
