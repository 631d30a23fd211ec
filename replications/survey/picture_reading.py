"""What is read off pictures: the class, the facet, and where the object is; by two readers.

The viewer is the held-out network, which has only ever seen real images. Class and facet are its own answers. Where the
object is it wasn't taught, so a linear reading of its last maps is learnt from real training images whose boxes are
known. A learner reads the same maps linearly for all three, and has learnt them from pictures of the kind that it is
shown: blurred ones aren't strange to it, and what it can't read is no longer there for it.

Linear readings are ridge regressions, their strength chosen by leave-one-out; classes and facets are the largest of one
number each. A place read outside the image is brought to its edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from replications.data.image_set import DataSource, ImageSet
from replications.networks.network import Network, UnknownClass

_BATCH = 100
_STRENGTHS = tuple(10.0**power for power in range(-1, 6))


@dataclass(frozen=True, eq=False)
class Reading:
    """Of n pictures, or what is true of n images. classes: (n,) of the data's classes. facets: (n,) of its facets, or
    None where they aren't told. places: (n, 2) float64, y and x of the object's centre in pixels, or None."""

    classes: Tensor
    facets: Tensor | None
    places: Tensor | None

    def of(self, order: Tensor) -> Reading:
        """Of the pictures at `order`."""
        facets, places = (None if part is None else part[order] for part in (self.facets, self.places))
        return Reading(self.classes[order], facets, places)


def lacking_classes(evaluator: Network, data: DataSource) -> str | None:
    """Which class of the data the viewer doesn't tell, as one sentence, or None."""
    try:
        for name in data.classes:
            outputs_of(evaluator, name)
    except UnknownClass as error:
        return f"needs a held-out network that tells the classes of {data.name}: {error}"
    return None


def outputs_of(evaluator: Network, name: str) -> list[int]:
    """The outputs for a class: those of its facets ("dog/standing"), or its own. Raises UnknownClass."""
    facets = [i for i, own in enumerate(evaluator.classes) if "/" in own and own.partition("/")[0] == name]
    return facets or [evaluator.class_index(name)]


def truth_of(images: ImageSet, indices: Tensor) -> Reading:
    """What is known of images."""
    labels = getattr(images, "facet_labels", None) if "facets" in images.provides else None
    return Reading(images.labels[indices], None if labels is None else labels[indices], places_of(images, indices))


def places_of(images: Any, indices: Tensor) -> Tensor | None:
    """(n, 2) float64: y and x of the centre of the object's box in pixels; nan where none is seen. None: unknown."""
    if "boxes" not in images.provides:
        return None
    boxes = torch.from_numpy(images.annotations(indices).boxes).double()
    centres = torch.stack([boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]], 1) / 2
    centres[(boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])] = float("nan")
    return centres


class Viewer:
    """layer: of the evaluator, whose maps are read. own: what is read of them by who learnt from real images."""

    def __init__(self, evaluator: Network, data: DataSource, learnt_from: Tensor) -> None:
        """learnt_from: (m,) the training images by which linear readings are learnt.

        Raises UnknownClass where the evaluator doesn't tell a class of the data.
        """
        self.network = evaluator
        self._outputs = [outputs_of(evaluator, name) for name in data.classes]
        facets: Sequence[str] = getattr(data.validation, "facets", ())
        self._facets = [evaluator.classes.index(f) for f in facets] if set(facets) <= set(evaluator.classes) else []
        self.layer = _last_maps(evaluator)
        self.own = self.learner(data.train.images(learnt_from), truth_of(data.train, learnt_from))

    def read(self, pictures: Tensor) -> tuple[Reading, np.ndarray]:
        """pictures: (n, 3, H, W) in [0, 1], of the size of the training images. Gives the maps too, for learners."""
        probabilities, maps = self._looked(pictures)
        classes = torch.stack([probabilities[:, outputs].sum(1) for outputs in self._outputs], 1).argmax(1)
        facets = probabilities[:, self._facets].argmax(1) if self._facets else None
        return Reading(classes, facets, self.own.read(maps).places), maps

    def learner(self, pictures: Tensor, truth: Reading) -> Learner:
        """One who learns from pictures whose truth is known; those whose object isn't seen are left out."""
        seen = torch.ones(len(pictures), dtype=torch.bool) if truth.places is None else ~truth.places.isnan().any(1)
        chosen = seen.nonzero().flatten()
        _, maps = self._looked(pictures[chosen])
        return Learner(maps, truth.of(chosen), pictures.shape[-1])

    @torch.inference_mode()
    def _looked(self, pictures: Tensor) -> tuple[Tensor, np.ndarray]:
        """Probabilities (n, outputs), and maps (n, D)."""
        last = self.network.layers[-1]
        found = [self.network.activations([last, self.layer], part) for part in pictures.split(_BATCH)]
        probabilities = torch.cat([one[last].flatten(1).softmax(1).cpu() for one in found])
        return probabilities, torch.cat([one[self.layer].flatten(1).cpu() for one in found]).double().numpy()


class Learner:
    """Reads class, facet and place linearly off maps, as far as they were known of those that it learnt from."""

    def __init__(self, maps: np.ndarray, truth: Reading, size: int) -> None:
        """maps: (m, D). size: of the pictures, height and width in pixels."""
        self._size = size
        classes = torch.nn.functional.one_hot(truth.classes)
        facets = None if truth.facets is None else torch.nn.functional.one_hot(truth.facets)
        self._widths = (classes.shape[1], 0 if facets is None else facets.shape[1])
        targets = [part.double() for part in (classes, facets, truth.places) if part is not None]
        self._linear = _ridge(maps, torch.cat(targets, 1).numpy())

    def read(self, maps: np.ndarray) -> Reading:
        """maps: (n, D)."""
        found = torch.from_numpy(self._linear(maps))
        classes, facets, places = found.split([*self._widths, found.shape[1] - sum(self._widths)], 1)
        return Reading(
            classes.argmax(1),
            facets.argmax(1) if facets.shape[1] else None,
            places.clamp(0, self._size) if places.shape[1] else None,
        )


def _last_maps(network: Network) -> str:
    """The last layer whose output has positions; where none has, what the last one reads."""
    shapes = {node.name: network.shape(node.name) for node in network.nodes}
    maps = [name for name, shape in shapes.items() if len(shape) == 3 and shape[1] > 1]
    return maps[-1] if maps else network.nodes[-1].inputs[0]


def _ridge(maps: np.ndarray, targets: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A function from maps (n, D) to (n, T). maps: (m, D), targets: (m, T) to learn from."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = make_pipeline(StandardScaler(), RidgeCV(alphas=_STRENGTHS)).fit(maps, targets)
    return lambda shown: np.asarray(fitted.predict(shown), dtype=np.float64)
