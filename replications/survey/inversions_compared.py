"""Both families of network inversion side by side: pictures found by optimization, and by a network in one pass.

Mahendran & Vedaldi 2015 look for a picture that the layer can't tell from the image; Dosovitskiy & Brox 2016 train a
network to give the image, which ends in the mean of all images that it could be. Each is best by its own measure, so
both are taken by four: the distance of the layer's features and that of the pixels from the image's (in % of the mean
distance of two test images), MS-SSIM, and the perceptual distance in a held-out network. The survey of Qin et al. 2018
shows the pictures of both; here they are of the same images.

Set before any of it was measured: differences, optimization minus network, are means over images with 95 % intervals
(BCa bootstrap). No claim of the ledger is about them, so they decide nothing. Pixels of optimized pictures are cut to
[0, 1], as those of the networks are there anyway; of each image there is one start. Where several networks invert a
layer, the first does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from metrics.ms_ssim import ms_ssim, scales_that_fit
from metrics.perceptual import Backbone, paired
from metrics.statistics import paired_difference
from replications.multifaceted.judge import perceptual_layers
from replications.networks.network import Network
from replications.suite.context import seed_of
from replications.suite.interface import Context, Direction, Experiment, Measurement, Outcome, Table
from replications.survey.inversion import Inversion
from replications.survey.inversion_networks import InvertedLayer, lacking_inversions, load_inversions
from replications.survey.inversions_compared_drawing import picture_of_both, picture_of_measures
from replications.survey.inverted_images import Material, lacking_images, material
from replications.survey.inverted_layers import at_size, strength_of
from replications.survey.preimages import Task, make_preimages
from replications.survey.representation_error import Scale

OPTIMIZED, BY_NETWORK = "by optimization", "by a network"


class Measure(NamedTuple):
    unit: str
    better: Direction


FEATURES, PIXELS, STRUCTURE, PERCEPTUAL = "feature error", "image error", "MS-SSIM", "perceptual distance"
MEASURES = {
    FEATURES: Measure("% of the mean distance of two test images' features", "lower"),
    PIXELS: Measure("% of the mean distance of two test images", "lower"),
    STRUCTURE: Measure("similarity; 1 is the same", "higher"),
    PERCEPTUAL: Measure("distance in the held-out network", "lower"),
}

Found = Mapping[str, Mapping[str, np.ndarray]]  # by family, by measure: (images,)


@dataclasses.dataclass(frozen=True)
class InversionsCompared(Experiment):
    """inversions: as of `InversionByNetwork`; those of layers are compared, the class probabilities' are not.

    inversion, strengths, statistics, batch: of the optimization, as of `InversionByOptimization`. images: inverted.
    reference: test images, whose distances errors are measured by. shown: images drawn.
    """

    name: ClassVar[str] = "inversions_compared"
    title: ClassVar[str] = "Inversion by optimization and by a network, compared"
    paper: ClassVar[str] = "survey"
    answers: ClassVar[tuple[str, ...]] = ("SUR-3",)
    needs: ClassVar[tuple[Literal["network", "evaluator", "data"], ...]] = ("network", "evaluator", "data")

    inversions: Mapping[str, Any] | None
    inversion: Inversion
    strengths: Sequence[tuple[float, float]]
    images: int
    reference: int
    statistics: int
    batch: int
    shown: int

    def __post_init__(self) -> None:
        if min(self.images, self.reference) < 2 or self.shown < 1:
            raise ValueError(
                "expected at least 2 images, 2 of reference and 1 shown; found "
                f"images={self.images}, reference={self.reference}, shown={self.shown}"
            )

    def missing(self, context: Context) -> str | None:
        size = context.data.validation.size
        lacking = lacking_inversions(self.inversions, context.network, size)
        lacking = lacking or lacking_images(context, self.images, self.reference, self.statistics)
        if lacking is None and context.network.input_size != size:
            return f"compares images as the network sees them, {context.network.input_size} pixels; these have {size}"
        return lacking

    def run(self, context: Context) -> Outcome:
        assert self.inversions is not None
        network = context.network
        given = material(context, self.images, self.reference, self.statistics)
        inverted = load_inversions(self.inversions, network)
        layers = {layer: several[0] for layer, several in inverted.items() if layer in network.layers}
        pictures = self._pictures(context, layers, given)
        backbone = _backbone(context.evaluator)
        found: dict[str, dict[str, dict[str, np.ndarray]]] = {}
        outcome = Outcome()
        for layer, by_family in pictures.items():
            known = torch.stack([~images.isnan().flatten(1).any(1) for images in by_family.values()]).all(0)
            if not bool(known.all()):
                outcome.notes.append(
                    f"{layer}: {int((~known).sum())} images without features, or whose pixels ran away, are left out."
                )
            if int(known.sum()) < 2:
                continue
            scale = Scale.of(_features(network, layer, given.reference, self.batch))
            found[layer] = {
                family: self._measured(network, layer, images[known], given.images[known], given, scale, backbone)
                for family, images in by_family.items()
            }
        for layer, by_measure in found.items():
            for family, numbers in by_measure.items():
                outcome.measurements += [
                    Measurement(f"{name} {family}/{layer}", numbers[name].tolist(), unit, "image", better)
                    for name, (unit, better) in MEASURES.items()
                    if name in numbers
                ]
        outcome.tables.append(_table(found, backbone.name))
        shown = {
            layer: {family: images[: self.shown] for family, images in by_family.items()}
            for layer, by_family in pictures.items()
        }
        outcome.pictures.append(picture_of_both(given.images[: self.shown], shown))
        if found:
            units = {name: unit for name, (unit, _) in MEASURES.items()}
            outcome.pictures.append(picture_of_measures(found, units))
        return outcome

    def _pictures(
        self, context: Context, layers: Mapping[str, InvertedLayer], given: Material
    ) -> dict[str, dict[str, Tensor]]:
        """By layer and family (n, 3, S, S) in [0, 1]; nan where there is none."""
        network = context.network
        tasks = [
            Task(
                name=layer,
                network=network,
                layer=layer,
                settings=dataclasses.replace(self.inversion, total_variation=self._strength(network, layer)),
                statistics=given.statistics,
                images=given.images,
                seeds=torch.tensor([[seed_of(context.seed, "start", i)] for i in range(self.images)]),
                reference=given.reference,
                batch=self.batch,
            )
            for layer in layers
        ]
        made = make_preimages(tasks, context.workspace / "layers", context.progress)
        optimized = {
            layer: torch.where(found.diverged[..., None, None, None], torch.nan, found.images)[:, 0]
            for layer, found in made.items()
        }
        return {
            layer: {OPTIMIZED: optimized[layer], BY_NETWORK: one.of_images(given.images)}
            for layer, one in layers.items()
        }

    def _strength(self, network: Network, layer: str) -> float:
        return at_size(strength_of(network, layer, self.strengths), network.input_size)

    def _measured(
        self,
        network: Network,
        layer: str,
        pictures: Tensor,
        images: Tensor,
        given: Material,
        scale: Scale,
        backbone: Backbone,
    ) -> dict[str, np.ndarray]:
        """By measure (n,)."""
        features = [_features(network, layer, part, self.batch).flatten(1).double() for part in (pictures, images)]
        found = {
            FEATURES: scale.percent((features[0] - features[1]).norm(dim=1)),
            PIXELS: given.scale.percent((pictures - images).flatten(1).double().norm(dim=1)),
            PERCEPTUAL: paired(backbone, pictures, images),
        }
        if scales := scales_that_fit(*images.shape[-2:]):
            found[STRUCTURE] = ms_ssim(pictures, images, scales)
        return {name: values.cpu().numpy() for name, values in found.items()}


def _features(network: Network, layer: str, images: Tensor, batch: int) -> Tensor:
    with torch.inference_mode():
        return torch.cat([network.forward_to(layer, part) for part in images.split(batch)])


def _backbone(evaluator: Network) -> Backbone:
    """Perceptual distances in the held-out network, by the last rectified layer at each size of map."""
    layers = perceptual_layers(evaluator)

    def maps(images: Tensor) -> list[Tensor]:
        found = evaluator.activations(layers, images)
        return [found[layer].cpu() for layer in layers]

    return Backbone(f"{evaluator.name}/{'+'.join(layers)}", maps)


def _table(found: Mapping[str, Found], backbone: str) -> Table:
    names = [name for name in MEASURES if all(name in by[OPTIMIZED] for by in found.values())]
    rows: list[list[str | float | None]] = []
    for layer, by_family in found.items():
        cells = []
        for name in names:
            optimized, by_network = by_family[OPTIMIZED][name], by_family[BY_NETWORK][name]
            difference = "{:+.3g} ({:+.3g} to {:+.3g})".format(*paired_difference(optimized, by_network))
            cells.append(f"{optimized.mean():.3g}; {by_network.mean():.3g}; {difference}")
        rows.append([layer, len(by_family[OPTIMIZED][PIXELS]), *cells])
    columns = ["layer", "images", *(f"{name} ({MEASURES[name].better} is better)" for name in names)]
    caption = (
        "Means over images: by optimization; by a network; the first minus the second with a 95 % interval. Errors are "
        f"in % of the mean distance of two test images; perceptual distances in {backbone}."
    )
    return Table("families", "Two families of inversion", columns, rows, caption)
