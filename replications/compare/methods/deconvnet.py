"""Deconvnet projections of the training images that excite a unit most (Zeiler & Fergus 2014, Sec. 4 and Fig. 2).

Each of these images gives one picture: the unit taken down to pixels with the image's switches, all else in its layer
set to zero. Of a hidden unit it is the position where the channel fires most strongly in that image, as in Fig. 2: at
the unit's own position, the centre of the map, most of these images don't excite it, and nothing would come down. So a
picture shows what excites the channel, where in the image it does. Classes are taken down from their logit, through the
fully connected layers.

A picture is the whole of the network's input, zero (mid-grey) where the unit sees nothing, in RGB, its contrast
stretched as for Fig. 2. That takes no notice of how large the values are, so projections start from 1 in place of the
activation; a negative logit is thus shown with the sign that raises it (`survey.ways_back` does the same).

Deviations: the images are the training images that all methods may look at, not a validation set; a projection is shown
whole and not cut to what the unit sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from replications.compare.material import Material
from replications.compare.method import ComparedMethod, Family, Made
from replications.compare.protocol import Protocol
from replications.compare.subjects import Subject
from replications.suite.interface import Context
from replications.zeiler.deconvnet import normalize_for_display, project, record, strongest
from replications.zeiler.deconvnet_rules import KINDS

GREY = 0.5  # how zero is shown


@dataclass(frozen=True)
class Deconvnet(ComparedMethod):
    """One projection of each of the images that excite a unit most, the strongest first."""

    title: str

    family: ClassVar[Family] = "projection"
    optimizes: ClassVar[bool] = False

    def missing(self, context: Context, protocol: Protocol) -> str | None:
        network = context.network
        for node in network.ancestors(network.layers[-1]):
            if node.kind not in KINDS:
                return (
                    f"needs operations that the deconvnet has rules for, and '{node.name}' of network '{network.name}' "
                    f"({node.kind}) has none; there are rules for {', '.join(KINDS)}"
                )
        return None

    def visualize(self, material: Material, passes: int | None) -> Made:
        subjects = material.subjects
        made = [
            _projections(material, subject)
            for subject in material.progress(subjects, "taking units down to pixels", len(subjects))
        ]
        empty = sum(int((images == GREY).flatten(1).all(1).sum()) for images in made)
        said = f"{empty} of {len(made) * material.pictures} projections are zero everywhere, and shown grey."
        # one pass up and one down for a picture
        looked_at = float(len(material.indices))
        return Made(torch.stack(made), passes=1.0, looked_at=looked_at, notes=(said,) if empty else ())


def _projections(material: Material, subject: Subject) -> Tensor:
    """(n, 3, S, S) in [0, 1], on the CPU."""
    network, unit = material.network, subject.unit
    images = material.pictures_of(material.exciting(subject, material.pictures))
    switches = record(network, images, unit.layer)
    found = project(switches, strongest(switches, [unit.channel]), start="one").full().cpu()
    shown = normalize_for_display(found.flip(1) if network.preprocessing.order == "bgr" else found)
    # of images that the unit is silent on there is nothing to show
    silent = shown.new_full((material.pictures - len(shown), *shown.shape[1:]), GREY)
    return torch.cat([shown, silent])
