"""The classes and facets of facetworld: how each is drawn, named and captioned."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from replications.data.facetworld.brush import Brush
from replications.data.facetworld.objects import animals, face, vehicles
from replications.data.facetworld.randomness import Stream


@dataclasses.dataclass(frozen=True)
class Facet:
    """One way in which a class is seen.

    phrase: follows the class and its colours in a caption.
    mirrors: whether the mirror image is as natural (lettering is not).
    """

    draw: Callable[[Brush, Stream], None]
    phrase: str
    mirrors: bool = True


CLASSES: dict[str, dict[str, Facet]] = {
    "face": {
        "frontal": Facet(face.face_frontal, "seen from the front"),
        "profile": Facet(face.face_profile, "in profile"),
        "hat": Facet(face.face_hat, "under a hat"),
        "glasses": Facet(face.face_glasses, "with dark glasses and a beard"),
    },
    "dog": {
        "frontal": Facet(animals.dog_frontal, "whose head is seen from the front"),
        "standing": Facet(animals.dog_standing, "standing sideways"),
        "sitting": Facet(animals.dog_sitting, "sitting"),
    },
    "car": {
        "side": Facet(vehicles.car_side, "seen from the side"),
        "front": Facet(vehicles.car_front, "seen from the front"),
        "top": Facet(vehicles.car_top, "seen from above"),
    },
}
CLASS_NAMES = tuple(CLASSES)
FACET_NAMES = tuple(f"{name}/{facet}" for name, facets in CLASSES.items() for facet in facets)
FACETS = tuple((name, facet) for name, facets in CLASSES.items() for facet in facets.values())
FACETS_OF_CLASS = tuple(
    tuple(number for number, (owner, _) in enumerate(FACETS) if owner == name) for name in CLASS_NAMES
)
PARTS = (
    "backdrop",
    "beard",
    "body",
    "brow",
    "bumper",
    "cheek",
    "chest",
    "cloud",
    "collar",
    "door",
    "ear",
    "eye",
    "floor",
    "glasses",
    "grass",
    "grille",
    "hair",
    "handle",
    "hat",
    "head",
    "headlight",
    "hill",
    "leg",
    "mirror",
    "moon",
    "mouth",
    "muzzle",
    "neck",
    "nose",
    "pavement",
    "paw",
    "plate",
    "road",
    "roof",
    "sand",
    "skin",
    "sky",
    "snow",
    "star",
    "stripe",
    "sun",
    "tail",
    "taillight",
    "tongue",
    "wall",
    "water",
    "wheel",
    "window",
)
