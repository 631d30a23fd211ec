"""A caption in plain words.

The grammar, with its choices in the order of the sentence:

    caption  := "a" [size] colour [texture] class phrase "," place time [clutter]
    size     := "small" | "large"                     (nothing for a middling one)
    colour   := the name of the object's first colour (palette.BODY_COLOURS)
    texture  := a name of textures.OBJECT_TEXTURES    (nothing where plain)
    phrase   := the facet's (world.CLASSES), e.g. "seen from the side"
    place    := where in the frame, "on the left" | "in the middle" | "on the right", then the scene, e.g. "on a beach"
    time     := "by day" | "in the evening" | "at night"
    clutter  := ", with" number kind {"and" number kind}
"""

from __future__ import annotations

from replications.data.facetworld.render import Recipe
from replications.data.facetworld.world import FACETS

_PLACES = {
    "meadow": "in a meadow",
    "beach": "on a beach",
    "street": "before a brick wall",
    "room": "in a room",
    "snow": "in the snow",
    "sea": "out at sea",
    "desert": "in the desert",
    "studio": "before a plain backdrop",
}
_TIMES = {"day": "by day", "evening": "in the evening", "night": "at night"}
_NUMBERS = ("no", "a", "two", "three", "four")
_PLURALS = {"ball": "balls", "box": "boxes", "stone": "stones", "post": "posts"}
_SMALL, _LARGE = 0.36, 0.42
_LEFT, _RIGHT = 0.46, 0.54


def caption(recipe: Recipe) -> str:
    """The sentence for a picture, from its recipe alone."""
    name, facet = FACETS[recipe.facet]
    placement, scene, style = recipe.placement, recipe.scene, recipe.style
    size = "small" if placement.scale < _SMALL else "large" if placement.scale > _LARGE else ""
    texture = "" if style.texture == "plain" else style.texture
    first = [word for word in (size, style.names[0], texture, name) if word]
    article = "an" if first[0][0] in "aeiou" else "a"
    side = "on the left" if placement.x < _LEFT else "on the right" if placement.x > _RIGHT else "in the middle"
    words = f"{article} {' '.join(first)} {facet.phrase}, {side}, {_PLACES[scene.place]} {_TIMES[scene.time]}"
    things = [thing.kind for thing in (*scene.behind, *scene.before)]
    counted = [(kind, things.count(kind)) for kind in dict.fromkeys(things)]
    named = [f"{_NUMBERS[count]} {kind if count == 1 else _PLURALS[kind]}" for kind, count in counted]
    return f"{words}, with {' and '.join(named)}" if named else words
