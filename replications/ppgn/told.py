"""What the captions of facetworld tell, slot by slot, and captions that tell something else in one slot.

Everything follows from the recipe of a picture, which is drawn without the picture.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import torch
from torch import Tensor

from replications.data.facetworld import render
from replications.data.facetworld.caption import caption
from replications.data.facetworld.dataset import PARTS_OF_THE_WORLD, FacetSet
from replications.data.facetworld.palette import BODY_COLOURS
from replications.data.facetworld.scenes import SCENES, TIMES
from replications.data.facetworld.world import CLASS_NAMES, FACET_NAMES, FACETS, FACETS_OF_CLASS

_ACROSS = {"left": 0.4, "middle": 0.5, "right": 0.6}  # a place across the frame that the caption calls so
_IN_WORDS = {"left": ", on the left, ", "middle": ", in the middle, ", "right": ", on the right, "}
_MIDDLING = 0.39  # a scale that the caption calls neither small nor large

SLOTS: dict[str, tuple[str, ...]] = {
    "class": CLASS_NAMES,
    "facet": FACET_NAMES,
    "colour": BODY_COLOURS,
    "side": tuple(_ACROSS),
    "place": SCENES,
    "time": TIMES,
}


@dataclasses.dataclass(frozen=True)
class Told:
    """A caption and what it tells: the recipe of a picture that has it."""

    recipe: render.Recipe

    @property
    def caption(self) -> str:
        return caption(self.recipe)

    def value(self, slot: str) -> str:
        """What it tells in one of SLOTS."""
        recipe = self.recipe
        if slot == "side":
            return next(side for side, words in _IN_WORDS.items() if words in self.caption)
        values = {
            "class": FACETS[recipe.facet][0],
            "facet": FACET_NAMES[recipe.facet],
            "colour": recipe.style.names[0],
            "place": recipe.scene.place,
            "time": recipe.scene.time,
        }
        return values[slot]

    def but(self, slot: str, value: str) -> Told:
        """The same with another facet, colour, side, place or time. (A class is told by its facets.)"""
        recipe = self.recipe
        if slot == "facet":
            return Told(dataclasses.replace(recipe, facet=FACET_NAMES.index(value)))
        if slot == "colour":
            style = dataclasses.replace(recipe.style, names=(value, *recipe.style.names[1:]))
            return Told(dataclasses.replace(recipe, style=style))
        if slot == "side":
            placement = dataclasses.replace(recipe.placement, x=_ACROSS[value])
            return Told(dataclasses.replace(recipe, placement=placement))
        if slot == "place":
            return Told(dataclasses.replace(recipe, scene=dataclasses.replace(recipe.scene, place=value)))
        if slot == "time":
            return Told(dataclasses.replace(recipe, scene=dataclasses.replace(recipe.scene, time=value)))
        raise ValueError(f"a caption can be changed in its facet, colour, side, place or time, not in its '{slot}'")

    def mirrored(self) -> Told:
        """What the mirror image has for a caption."""
        other = {"left": "right", "middle": "middle", "right": "left"}[self.value("side")]
        return self if other == "middle" else self.but("side", other)

    @property
    def mirrors(self) -> bool:
        """Whether the mirror image is one that the world might show; lettering has none."""
        return FACETS[self.recipe.facet][1].mirrors


def told_of(images: FacetSet, indices: Iterable[int] | Tensor | None = None) -> list[Told]:
    """What the captions of the images at `indices` tell; None for all of them."""
    wanted = torch.arange(len(images)) if indices is None else torch.as_tensor(indices)
    part = PARTS_OF_THE_WORLD[images.part]
    facets = images.facet_labels[wanted].tolist()
    return [
        Told(render.recipe(images.seed, part, index, facet))
        for index, facet in zip(wanted.tolist(), facets, strict=True)
    ]


def plain_captions(generator: torch.Generator) -> list[Told]:
    """One caption of each class, in short: of a middling, untextured object without things around it.

    Facet, colour, side, place and time are drawn; of a slot's values none (but the facets') is told again before all
    have been told.
    """

    def drawn(values: tuple[str, ...]) -> list[str]:
        rounds = [torch.randperm(len(values), generator=generator) for _ in range(-(-len(CLASS_NAMES) // len(values)))]
        even = torch.cat(rounds)[: len(CLASS_NAMES)]
        return [values[i] for i in even[torch.randperm(len(even), generator=generator)].tolist()]

    slots = {slot: drawn(SLOTS[slot]) for slot in ("colour", "side", "place", "time")}
    found = []
    for i, facets in enumerate(FACETS_OF_CLASS):
        facet = facets[int(torch.randint(len(facets), (), generator=generator))]
        one = Told(_plain(facet))
        for slot, values in slots.items():
            one = one.but(slot, values[i])
        found.append(one)
    return found


def _plain(facet: int) -> render.Recipe:
    """A recipe without texture and without clutter."""
    recipe = render.recipe(0, 0, 0, facet)
    return dataclasses.replace(
        recipe,
        style=dataclasses.replace(recipe.style, texture="plain"),
        scene=dataclasses.replace(recipe.scene, behind=(), before=()),
        placement=dataclasses.replace(recipe.placement, scale=_MIDDLING),
    )
