"""What a viewer who has only ever seen real images reads off pictures: the class, the facet, and where the object is.

The viewer is the held-out network. Class and facet are its own answers. Where the object is it wasn't taught, so a
linear reading of its last maps is learnt from real training images whose boxes are known (ridge regression, its
strength chosen by leave-one-out), and then applied to whatever is shown; a place read outside the image is brought to
its edge.
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
    """layer: of the evaluator, whose maps tell places."""

    def __init__(self, evaluator: Network, data: DataSource, learnt_from: Tensor) -> None:
        """learnt_from: (m,) the training images by which the reading of places is learnt.

        Raises UnknownClass where the evaluator doesn't tell a class of the data.
        """
        self.network, self._side = evaluator, data.train.size
        self._outputs = [outputs_of(evaluator, name) for name in data.classes]
        facets: Sequence[str] = getattr(data.validation, "facets", ())
        self._facets = [evaluator.classes.index(f) for f in facets] if set(facets) <= set(evaluator.classes) else []
        self.layer = _last_maps(evaluator)
        self._place: Callable[[np.ndarray], np.ndarray] | None = None
        places = places_of(data.train, learnt_from) if self.layer is not None else None
        if places is not None:
            seen = ~places.isnan().any(1)
            _, maps = self._looked(data.train, learnt_from[seen])
            self._place = _ridge(maps, places[seen].numpy())

    def read(self, pictures: Tensor) -> Reading:
        """pictures: (n, 3, H, W) in [0, 1], of the size of the training images."""
        return self._read(*self._joined(pictures.split(_BATCH)))

    def _read(self, probabilities: Tensor, maps: np.ndarray) -> Reading:
        classes = torch.stack([probabilities[:, outputs].sum(1) for outputs in self._outputs], 1).argmax(1)
        facets = probabilities[:, self._facets].argmax(1) if self._facets else None
        places = None if self._place is None else torch.from_numpy(self._place(maps)).clamp(0, self._side)
        return Reading(classes, facets, places)

    def _looked(self, images: ImageSet, indices: Tensor) -> tuple[Tensor, np.ndarray]:
        return self._joined([part for _, part, _ in images.batches(_BATCH, indices)])

    @torch.inference_mode()
    def _joined(self, parts: Sequence[Tensor]) -> tuple[Tensor, np.ndarray]:
        last = self.network.layers[-1]
        wanted = [last] if self.layer is None else [last, self.layer]
        found = [self.network.activations(wanted, part) for part in parts]
        probabilities = torch.cat([one[last].flatten(1).softmax(1).cpu() for one in found])
        maps = torch.cat([one[wanted[-1]].flatten(1).cpu() for one in found]).double().numpy()
        return probabilities, maps


def _last_maps(network: Network) -> str | None:
    """The last layer whose output has positions."""
    shapes = {node.name: network.shape(node.name) for node in network.nodes}
    maps = [name for name, shape in shapes.items() if len(shape) == 3 and shape[1] > 1]
    return maps[-1] if maps else None


def _ridge(maps: np.ndarray, places: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A function from maps (n, D) to places (n, 2). maps: (m, D), places: (m, 2) to learn from."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = make_pipeline(StandardScaler(), RidgeCV(alphas=_STRENGTHS)).fit(maps, places)
    return lambda shown: np.asarray(fitted.predict(shown), dtype=np.float64)
