"""One look at the pictures that a method made: all that measures ask of them, computed once and only when asked for.

A held-out network judges (`multifaceted.judge`); natural images of what each unit likes stand beside
(`compare.references`). What is seen of a set of pictures depends on that set alone, whatever else is looked at, so that
sets can be looked at in any order and number and give the same values.

Decisions that all measures share:
- A hidden unit's activation on a picture is its highest over the map, for every method: so its activations on natural
  images are taken too, and a picture needn't say where the unit is meant to stand.
- Driving: at least as high as the 0.95 quantile of the unit's own activations on natural images. "Matched activation"
  is that level; pictures below it show nothing, and stay in the count (see `metrics.diversity`).
- Forced choice: only maximal references are shown, as many as there are pictures; queries are validation images, ranked
  by the unit's activation; the model that chooses is the judge's features at unit length. The trials of a unit and set
  depend on the run's seed and their names, so every method has the same ones.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from metrics.activation import activation_quantiles
from metrics.diversity import Matched
from metrics.forced_choice import ForcedChoice, draw_trials, feature_distances, margins, reference_distances
from metrics.fragments import count_peaks
from metrics.ms_ssim import ms_ssim_pairs, scales_that_fit
from metrics.pairs import PairDistances
from metrics.perceptual import all_pairs
from metrics.transferability import transfer
from replications.compare.protocol import Protocol
from replications.compare.references import MOST, NaturalImages, Progress, References
from replications.compare.subjects import Subject
from replications.data.image_set import ImageSet
from replications.multifaceted.evidence_maps import (
    Counting,
    counting_errors,
    evidence_maps,
    reads_any_size,
    spatial_layers,
)
from replications.multifaceted.judge import Judge, Seen
from replications.networks.network import Network, UnknownClass
from replications.networks.unit import unit_activations

MATCHED_QUANTILE = 0.95
# As fixed by controls on facetworld's training images (conf/experiment/multifaceted/center_bias.yaml).
COUNTING = Counting(enlarged=1.5, cells=6, height=0.3, prominence=0.1)
_CONTROLS = 4  # natural images of a class, by which the layer that counts best is chosen


class Eyes:
    """Looks at pictures of `subjects`, units of `network`.

    evaluator: the network that judges. others: networks beside it that no method optimizes, for transfer. validation:
    the images looked at, which `natural` and `liked` of the subjects count in. generator: of random numbers by a name;
    depends on that and the run's seed, not on the method. progress: wraps what takes long (a context's).
    notes: what can't be measured here, as sentences.
    """

    def __init__(
        self,
        network: Network,
        evaluator: Network,
        others: Mapping[str, Network],
        validation: ImageSet,
        protocol: Protocol,
        subjects: Sequence[Subject],
        generator: Callable[..., torch.Generator],
        progress: Progress | None = None,
    ) -> None:
        self.network, self.protocol, self.subjects, self.generator = network, protocol, tuple(subjects), generator
        self.judge = Judge(evaluator, validation, clusters=protocol.natural_clusters)
        self.naturally = NaturalImages(self.judge, network.input_size, progress)
        self.others = tuple(Judge(other, validation, clusters=protocol.natural_clusters) for other in others.values())
        self._lacking: dict[tuple[float, float] | None, str | None] = {}
        self.notes = tuple(self._undefined())

    def look(self, made: Mapping[int, Tensor]) -> Iterator[tuple[int, Subject, Looked]]:
        """Set by set and subject by subject. made: by the set's number (subjects, n, 3, S, S) in [0, 1].

        Raises ValueError for pictures of another number of subjects or size, or beyond [0, 1].
        """
        size = self.network.input_size
        for number, images in made.items():
            if images.ndim != 5 or len(images) != len(self.subjects) or tuple(images.shape[2:]) != (3, size, size):
                raise ValueError(
                    f"expected pictures ({len(self.subjects)}, n, 3, {size}, {size}), found {tuple(images.shape)}"
                )
            if not bool(images.isfinite().all()) or float(images.amin()) < 0 or float(images.amax()) > 1:
                raise ValueError(f"expected pictures in [0, 1], found others in set {number}")
            for subject, own in zip(self.subjects, images, strict=True):
                yield number, subject, Looked(subject, number, own, self)

    def references(self, subject: Subject) -> References:
        """The natural images that pictures of a unit are compared with."""
        return self._references[subject.unit.name]

    def members(self, subject: Subject) -> list[int]:
        """The judge's outputs that are facets which the unit likes; none where facets aren't told."""
        return [self._outputs[name] for name in subject.facets]

    def liked_outputs(self, subject: Subject) -> list[int]:
        """The judge's outputs for what the unit likes: its facets, or the class itself; none where it knows neither."""
        return self.members(subject) or _outputs_of(self.judge, subject)

    @functools.cached_property
    def counting_layer(self) -> str | None:
        """The judge's layer that counts things best in natural images of the classes; None where it can't count."""
        classes = [one for one in self.subjects if one.kind == "class" and _outputs_of(self.judge, one)]
        layers = spatial_layers(self.judge.network)
        if not classes or not layers or not reads_any_size(self.judge.network):
            return None
        images = [(cast(str, one.name), self.judge.images.images(one.liked[:_CONTROLS])) for one in classes]
        with torch.inference_mode(False):  # evidence takes gradients
            errors = counting_errors(self.judge, [(name, one.clone()) for name, one in images], layers, COUNTING)
        return min(errors, key=lambda layer: errors[layer])

    # ------------------------------------------------------------------------------------------------- internals

    @functools.cached_property
    def _outputs(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.judge.network.classes)}

    @functools.cached_property
    def _references(self) -> _ByUnit:
        return _ByUnit(self)

    def _undefined(self) -> Iterator[str]:
        if not any(self.members(one) for one in self.subjects):
            yield f"{self.judge.name} doesn't tell facets, so what takes known facets isn't measured."
        unknown = [one.title for one in self.subjects if one.kind == "class" and not self.liked_outputs(one)]
        if unknown:
            yield f"{self.judge.name} doesn't know {', '.join(unknown)}."
        for window in dict.fromkeys((None, self.protocol.hard_queries)):
            if said := self._too_few(window):
                yield f"No {'' if window is None else 'harder '}forced choice: {said}."

    def _too_few(self, window: tuple[float, float] | None) -> str | None:
        """Why trials can't be drawn, or None."""
        if window not in self._lacking:
            some = torch.arange(len(self.judge.images)).double()[:, None]
            count, trials = self.protocol.pictures, self.protocol.trials
            try:
                draw_trials(some, [0], trials=trials, references=count, query_quantiles=window)
                self._lacking[window] = None
            except ValueError as error:  # says how many images there are and how many it takes
                self._lacking[window] = str(error)
        return self._lacking[window]

    def right(self, looked: Looked, window: tuple[float, float] | None) -> float:
        """The share of right choices by the pictures, nan where there are no trials."""
        subject, count = looked.subject, len(looked.images)
        if self._too_few(window) is not None or count != self.protocol.pictures:
            return math.nan
        seed = self.generator("trials", subject.unit.name, looked.number).initial_seed() % 2**63
        trials = draw_trials(
            subject.natural.double()[:, None],
            [seed],
            trials=self.protocol.trials,
            references=count,
            query_quantiles=window,
        )
        distances = reference_distances(trials, feature_distances(looked.seen.features, self.naturally.pool, 1))
        return float(ForcedChoice("pictures", self.judge.name, trials, margins(distances)).per_unit[0])

    def things(self, subject: Subject, images: Tensor) -> Tensor | None:
        """(n,) how many things of the class the judge finds in each picture; None where it can't count them."""
        if subject.kind != "class" or self.counting_layer is None or not _outputs_of(self.judge, subject):
            return None
        layer = self.counting_layer
        with torch.inference_mode(False):  # evidence takes gradients
            maps = evidence_maps(self.judge, cast(str, subject.name), images.clone(), [layer], COUNTING)[layer]
        return count_peaks(maps, COUNTING.height, COUNTING.prominence)

    def transferred(self, looked: Looked) -> Tensor | None:
        """(n,) in [0, 1]: the probability of the class, mean over judge and others; None where none knows it.

        Raises NotHeldOut for a network of the name of the one that the pictures are for.
        """
        subject, tables = looked.subject, {}
        if outputs := _outputs_of(self.judge, subject):
            tables[self.judge.name] = _own_and_rest(looked.probabilities, outputs)
        for other in self.others:
            if outputs := _outputs_of(other, subject):
                with torch.inference_mode():
                    tables[other.name] = _own_and_rest(other.network.probabilities(looked.images).cpu(), outputs)
        if not tables:
            return None
        targets = torch.zeros(len(looked), dtype=torch.int64)
        return transfer(tables, targets, optimized_on=[self.network.name], k=1).per_picture("probability")


class _ByUnit(dict[str, References]):
    """References by the unit's name, found when first asked for."""

    def __init__(self, eyes: Eyes) -> None:
        super().__init__()
        self._eyes, self._subjects = eyes, {one.unit.name: one for one in eyes.subjects}

    def __missing__(self, name: str) -> References:
        eyes, subject = self._eyes, self._subjects[name]
        order = torch.randperm(len(subject.liked), generator=eyes.generator("references", name))
        drawn = subject.liked[order[:MOST]].sort().values
        seed = eyes.generator("natural clusters", name).initial_seed() % 2**32
        self[name] = eyes.naturally.references(drawn, eyes.protocol.natural_clusters, seed)
        return self[name]


@dataclasses.dataclass(frozen=True, eq=False)
class Looked:
    """A set of n pictures of one unit, and what is seen of it. images: (n, 3, S, S) in [0, 1]; number: of the set."""

    subject: Subject
    number: int
    images: Tensor
    eyes: Eyes

    def __len__(self) -> int:
        return len(self.images)

    @functools.cached_property
    def activations(self) -> Tensor:
        """(n,) of the unit, the highest over its map."""
        unit = self.subject.unit
        return unit_activations(self.eyes.network, unit.layer, self.images, [unit.channel], "max")[:, 0]

    @functools.cached_property
    def quantiles(self) -> Tensor:
        """(n,) float64 in [0, 1] of the activations among those on natural images."""
        return activation_quantiles(self.activations[:, None], self.subject.natural[:, None])[:, 0]

    @property
    def driving(self) -> Tensor:
        """(n,) bool, which pictures drive the unit as strongly as is asked."""
        return self.matched.reached

    @property
    def matched(self) -> Matched:
        return Matched(self.quantiles, MATCHED_QUANTILE)

    @functools.cached_property
    def seen(self) -> Seen:
        """What the judge makes of the pictures."""
        return self.eyes.judge.see(self.images)

    @property
    def probabilities(self) -> Tensor:
        """(n, the judge's outputs)."""
        return self.seen.probabilities

    @property
    def members(self) -> list[int]:
        """The judge's outputs that are facets which the unit likes; none where facets aren't told."""
        return self.eyes.members(self.subject)

    @property
    def liked_outputs(self) -> list[int]:
        """The judge's outputs for what the unit likes; none where it tells none."""
        return self.eyes.liked_outputs(self.subject)

    @property
    def natural(self) -> References:
        """The natural images to compare with."""
        return self.eyes.references(self.subject)

    @functools.cached_property
    def distances(self) -> PairDistances:
        """(n, n) perceptual ones, in the judge."""
        return all_pairs(self.eyes.judge.backbone, self.images)

    @functools.cached_property
    def structural(self) -> PairDistances | None:
        """(n, n) in [0, 1]: 1 - MS-SSIM; None where the pictures are too small for it."""
        scales = scales_that_fit(*self.images.shape[2:])
        return ms_ssim_pairs(self.images, scales) if scales else None

    @functools.cached_property
    def transferred(self) -> Tensor | None:
        """(n,) in [0, 1]: the class's probability by other networks; None for a hidden unit."""
        return self.eyes.transferred(self)

    @functools.cached_property
    def things(self) -> Tensor | None:
        """(n,) how many things of the class each picture shows; None for a hidden unit."""
        return self.eyes.things(self.subject, self.images)

    def right(self, window: tuple[float, float] | None) -> float:
        """The share of right forced choices. window: quantiles between which the queries lie; None for the highest."""
        return self.eyes.right(self, window)


def _outputs_of(judge: Judge, subject: Subject) -> list[int]:
    """The judge's outputs for a class; none where it doesn't know it, and for a hidden unit."""
    if subject.kind != "class" or subject.name is None:
        return []
    try:
        return judge.outputs_of(subject.name)
    except UnknownClass:
        return []


def _own_and_rest(probabilities: Tensor, outputs: Sequence[int]) -> Tensor:
    """(n, 2) float64: of the class, and of everything else."""
    own = probabilities[:, outputs].double().sum(1)
    return torch.stack([own, (probabilities.double().sum(1) - own).clamp_min(0)], 1)
