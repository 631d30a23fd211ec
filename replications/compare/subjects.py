"""Which units are compared on, by a rule that looks at no picture, and what each likes among natural images.

Classes: the first ones of the data, in their own order, that the network has a unit for and that have at least `liked`
training images and, among the validation images looked at, as many as pictures are made and more than
`natural_clusters`. Hidden units: in each layer channels in a random order (of the run's seed, not of a set's) at the
centre of their map, if they
- fire for at least a tenth of the validation images looked at, and
- like at least two facets, where the images' facets are known and the evaluator tells them: each at least `least_share`
  of the `liked` images that excite the unit most. Facets of any class count, for hidden units mix classes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from replications.compare.kept import digest_of, held, keep
from replications.compare.protocol import Protocol
from replications.compare.randomness import generator_of
from replications.data.image_set import ImageSet
from replications.multifaceted.images import preferred_images
from replications.multifaceted.unit_fields import before_rectification, centre, responses
from replications.networks.network import Network, UnknownClass
from replications.networks.unit import Unit
from replications.ppgn.unit_scores import liked_facets
from replications.suite.interface import Context

FIRES = 0.1  # share of the validation images that a hidden unit has to fire for
LIKED_FACETS = 2  # that a hidden unit has to like

_RULE = (
    "classes",
    "hidden",
    "liked",
    "least_share",
    "pictures",
    "natural_clusters",
)  # of a protocol, what units depend on


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A unit that pictures are made of.

    title: for people, not shared by two subjects. number: of a hidden unit's layer in the paper.
    unit: as it stands in its layer: a hidden one rectified, at the centre of its map; a class's logit.
    asked: what is maximized: what the rectification of a hidden unit reads; a class's logit.
    name: of the class, as the images call it.
    natural: (N,) its activation on the validation images looked at, the highest over its map.
    liked: (m,) which of these it likes: of a class its images, in order; of a hidden unit the most exciting
        ones, strongest first.
    facets: what it likes among the evaluator's outputs, with their shares among `liked`, the commonest first (of a
        class all of its own); empty where facets aren't told.
    """

    title: str
    kind: Literal["class", "hidden"]
    number: int | None
    unit: Unit
    asked: Unit
    name: str | None
    natural: Tensor
    liked: Tensor
    facets: Mapping[str, float]


class LookedAt(ImageSet):
    """Some of the images of a set, in order."""

    def __init__(self, whole: ImageSet, indices: Tensor) -> None:
        self.whole, self.indices = whole, indices
        self.name, self.classes, self.size, self.provides = whole.name, whole.classes, whole.size, whole.provides
        self.labels = whole.labels[indices]
        self.titles: tuple[str, ...] = tuple(getattr(whole, "titles", whole.classes))
        if "facets" in whole.provides:
            self.facets: tuple[str, ...] = whole.facets  # type: ignore[attr-defined]
            self.facet_labels: Tensor = whole.facet_labels[indices]  # type: ignore[attr-defined]

    @property
    def fingerprint(self) -> str:
        chosen = hashlib.sha256(self.indices.numpy().tobytes()).hexdigest()[:16]
        return f"{self.whole.fingerprint} {chosen}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self.whole.images(self.indices[torch.as_tensor(indices, dtype=torch.int64)])


@dataclasses.dataclass(frozen=True, eq=False)
class Chosen:
    """subjects: the units. validation: the images looked at, which `natural` and `liked` of the subjects count in.

    notes: on layers with fewer units than were asked for.
    """

    subjects: tuple[Subject, ...]
    validation: LookedAt
    notes: tuple[str, ...] = ()


def choose(context: Context, protocol: Protocol) -> Chosen:
    """The units of a run; found once for a network, its images and a protocol, and kept with what drives them.

    Raises DeadFeatures where a unit's activation is the same on all images.
    """
    network, validation = context.network, looked_at(context, protocol)
    choice = _Choice(context, protocol, validation)
    key = digest_of(
        {
            "network": network.fingerprint,
            "device": network.device.type,
            "images": [context.data.train.fingerprint, validation.fingerprint],
            "facets": choice.facets,
            "protocol": {name: getattr(protocol, name) for name in _RULE},
            "seed": context.seed,
        },
        __name__,
    )
    kept = held("units", key)
    if kept is None:
        found, notes = choice.made()
        kept = (
            {"natural": torch.stack([natural for _, natural in found])},
            {
                "units": json.dumps([one for one, _ in found]),
                "notes": json.dumps(notes),
            },
        )
        keep("units", key, *kept)
    tensors, said = kept
    pairs = zip(json.loads(said["units"]), tensors["natural"], strict=True)
    return Chosen(tuple(choice.subject(*pair) for pair in pairs), validation, tuple(json.loads(said["notes"])))


def looked_at(context: Context, protocol: Protocol) -> LookedAt:
    """The validation images of a run, drawn at random."""
    whole = context.data.validation
    order = torch.randperm(len(whole), generator=generator_of(context.seed, "validation images"))
    return LookedAt(whole, order[: protocol.validation_images].sort().values)


def known_classes(context: Context, protocol: Protocol, validation: LookedAt) -> list[int]:
    """The labels of the classes that can be compared on, in the order of the data, no more than are asked for.

    validation: the images looked at.
    """
    train, least = context.data.train, max(protocol.pictures, protocol.natural_clusters + 1)
    found = []
    for label, name in enumerate(validation.classes):
        enough = int((validation.labels == label).sum()) >= least and name in train.classes
        if not enough or int((train.labels == train.classes.index(name)).sum()) < protocol.liked:
            continue
        try:
            context.network.class_index(name)
        except UnknownClass:
            continue
        found.append(label)
    return found[: protocol.classes]


def unit_layer(network: Network, number: int) -> str:
    """Whose channels are the units of a layer of the paper: feature maps where there are some. Raises UnknownLayer."""
    return network.unit_layers.get(number) or network.paper_layer(number)


class _Choice:
    """What is chosen from and by what rule. facets: whether they are known and told."""

    def __init__(self, context: Context, protocol: Protocol, validation: LookedAt) -> None:
        self.context, self.protocol, self.validation = context, protocol, validation
        self.network = context.network
        known = set(getattr(validation, "facets", ()))
        self.facets = bool(known) and known <= set(context.evaluator.classes)

    def made(self) -> tuple[list[tuple[dict[str, Any], Tensor]], list[str]]:
        """For each unit what it is, and (N,) its activations; notes."""
        last = self.network.layers[-1]
        layers = {n: unit_layer(self.network, n) for n, count in self.protocol.hidden.items() if count}
        wanted = list(dict.fromkeys([last, *layers.values()]))
        found = responses(self.network, wanted, self.validation.whole, self.validation.indices, self.context)
        chosen: list[tuple[dict[str, Any], Tensor]] = []
        notes = []
        labels = known_classes(self.context, self.protocol, self.validation)
        for label in labels:
            channel = self.network.class_index(self.validation.classes[label])
            chosen.append(({"label": label, "channel": channel}, found[last].strongest[:, channel]))
        if self.protocol.classes is not None and len(labels) < self.protocol.classes:
            notes.append(
                f"Only {len(labels)} of the {self.protocol.classes} classes asked for are known to "
                f"{self.network.name} and have images enough."
            )
        for n, layer in layers.items():
            strongest, count = found[layer].strongest, self.protocol.hidden[n]
            order = torch.randperm(strongest.shape[1], generator=generator_of(self.context.seed, "units", n)).tolist()
            able = [channel for channel in order if self._can_be_asked(strongest[:, channel], layer, channel)]
            chosen += [({"number": n, "channel": c}, strongest[:, c]) for c in able[:count]]
            if len(able) < count:
                also = f" and like {LIKED_FACETS} facets" if self.facets else ""
                notes.append(
                    f"Layer {n}: only {len(able)} of the {count} units asked for fire for {100 * FIRES:g} % of the "
                    f"images{also}."
                )
        return chosen, notes

    def subject(self, what: Mapping[str, Any], natural: Tensor) -> Subject:
        channel = int(what["channel"])
        if "label" in what:
            label = int(what["label"])
            name, title = self.validation.classes[label], self.validation.titles[label]
            if self.validation.titles.count(title) > 1:
                title = f"{title} ({name})"
            unit = Unit(self.network.layers[-1], channel)
            liked = (self.validation.labels == label).nonzero().flatten()
            own = {facet: share for facet, share in self._facets(liked, 0).items() if facet.startswith(f"{name}/")}
            return Subject(title, "class", None, unit, unit, name, natural, liked, own)
        number = int(what["number"])
        layer = unit_layer(self.network, number)
        unit = Unit(layer, channel, centre(self.network, layer) if len(self.network.shape(layer)) == 3 else None)
        asked = before_rectification(self.network, unit)[0]
        liked = preferred_images(natural, self.protocol.liked, unit.name)
        facets = self._facets(liked, self.protocol.least_share)
        return Subject(f"layer {number}, unit {channel}", "hidden", number, unit, asked, None, natural, liked, facets)

    def _can_be_asked(self, natural: Tensor, layer: str, channel: int) -> bool:
        if float((natural > natural.min()).double().mean()) < FIRES:
            return False
        liked = preferred_images(natural, self.protocol.liked, f"{layer}:{channel}")
        return not self.facets or len(self._facets(liked, self.protocol.least_share)) >= LIKED_FACETS

    def _facets(self, liked: Tensor, least: float) -> dict[str, float]:
        if not self.facets:
            return {}
        return liked_facets(self.validation.facet_labels[liked], self.validation.facets, least)
