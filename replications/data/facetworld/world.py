"""The classes and facets of facetworld: how each is drawn, named and captioned."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from replications.data.facetworld.brush import Brush
from replications.data.facetworld.objects import animals, buildings, face, plants, things, vehicles, water_and_air
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
    "market": {
        "shelves": Facet(buildings.market_shelves, "with shelves of produce"),
        "front": Facet(buildings.market_front, "with an awning and a shop window", mirrors=False),
        "stall": Facet(buildings.market_stall, "stall under an umbrella"),
    },
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
    "flower": {
        "closeup": Facet(plants.flower_closeup, "seen from close by"),
        "field": Facet(plants.flower_field, "growing with many others"),
        "vase": Facet(plants.flower_vase, "in a vase with two others"),
    },
    "house": {
        "gable": Facet(buildings.house_gable, "with a pitched roof"),
        "flats": Facet(buildings.house_flats, "of many flats"),
        "hut": Facet(buildings.house_hut, "that is a round hut"),
    },
    "fish": {
        "side": Facet(water_and_air.fish_side, "swimming alone"),
        "shoal": Facet(water_and_air.fish_shoal, "in a shoal"),
        "bowl": Facet(water_and_air.fish_bowl, "in a bowl"),
    },
    "tree": {
        "round": Facet(plants.tree_round, "with a round crown"),
        "conifer": Facet(plants.tree_conifer, "that is a fir"),
        "palm": Facet(plants.tree_palm, "that is a palm"),
        "bare": Facet(plants.tree_bare, "with bare branches"),
    },
    "boat": {
        "sail": Facet(things.boat_sail, "under sail"),
        "steamer": Facet(things.boat_steamer, "under steam"),
        "rowing": Facet(things.boat_rowing, "with oars"),
    },
    "bird": {
        "flying": Facet(water_and_air.bird_flying, "flying"),
        "perched": Facet(water_and_air.bird_perched, "on a branch"),
        "swimming": Facet(water_and_air.bird_swimming, "swimming"),
    },
    "clock": {
        "wall": Facet(things.clock_wall, "that is round"),
        "tower": Facet(things.clock_tower, "on a tower"),
        "digital": Facet(things.clock_digital, "with glowing figures", mirrors=False),
        "alarm": Facet(things.clock_alarm, "with two bells"),
    },
    "cup": {
        "mug": Facet(things.cup_mug, "seen from the side"),
        "above": Facet(things.cup_above, "on a saucer, seen from above"),
        "glass": Facet(things.cup_glass, "of glass with a straw"),
    },
}
CLASS_NAMES = tuple(CLASSES)
FACET_NAMES = tuple(f"{name}/{facet}" for name, facets in CLASSES.items() for facet in facets)
FACETS = tuple((name, facet) for name, facets in CLASSES.items() for facet in facets.values())
FACETS_OF_CLASS = tuple(
    tuple(number for number, (owner, _) in enumerate(FACETS) if owner == name) for name in CLASS_NAMES
)
PARTS = (
    "awning",
    "backdrop",
    "band",
    "beak",
    "beard",
    "bell",
    "bench",
    "body",
    "bowl",
    "branch",
    "brow",
    "bubble",
    "bumper",
    "button",
    "cabin",
    "case",
    "cheek",
    "chest",
    "chimney",
    "cloth",
    "cloud",
    "collar",
    "crown",
    "dial",
    "display",
    "door",
    "drink",
    "ear",
    "eye",
    "figure",
    "fin",
    "flag",
    "floor",
    "foot",
    "fruit",
    "funnel",
    "glass",
    "glasses",
    "grass",
    "gravel",
    "grille",
    "hair",
    "hammer",
    "hand",
    "handle",
    "hat",
    "head",
    "headlight",
    "heart",
    "hill",
    "hull",
    "ice",
    "inside",
    "label",
    "leaf",
    "ledge",
    "leg",
    "mark",
    "mast",
    "mirror",
    "moon",
    "mouth",
    "muzzle",
    "neck",
    "nose",
    "oar",
    "pavement",
    "paw",
    "petal",
    "plate",
    "pole",
    "porthole",
    "produce",
    "rim",
    "road",
    "roof",
    "sail",
    "sand",
    "saucer",
    "shelf",
    "sign",
    "skin",
    "sky",
    "smoke",
    "snow",
    "spoon",
    "star",
    "steam",
    "stem",
    "straw",
    "stripe",
    "sun",
    "table",
    "tail",
    "taillight",
    "tongue",
    "trunk",
    "umbrella",
    "vase",
    "wall",
    "water",
    "wheel",
    "window",
    "wing",
)
