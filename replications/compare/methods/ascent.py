"""Pictures of subjects by gradient ascent, within a number of passes of the network: what the optimizing methods share.

- Every picture is of all that the network reads, so that pictures of classes and of hidden units can be judged alike.
  What lies outside of the field of a hidden unit stays what the picture starts from.
- A unit's picture is optimized for what its rectification reads (`Subject.asked`): a rectified unit that is silent has
  no gradient.
- A schedule with octaves that climb a class's probability (nguyen2016_centre) climbs the activation of a hidden unit
  in them. Hidden units aren't exclusive as classes are, so there is no probability that the network itself tells. That
  among the units at its position, with the gradient that the code released with Plug & Play Generative Networks gives
  it, would be the same here: it goes to the unit's own value alone, and steps are normalized by the gradient's size.
- Equal compute: the iterations of each octave are shortened in proportion, at least one of each, so that all views
  together are at most so many; what is published with fewer passes stays as it is, and says so by their number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from replications.compare.material import Material
from replications.images import presets
from replications.images.pictures import make_pictures
from replications.images.presets import Method
from replications.networks.network import Network
from replications.networks.unit import Unit


def passes_of(method: Method) -> int:
    """How often the network reads a view of a picture, forwards and backwards."""
    return sum(octave.iterations * octave.views for octave in method.schedule)


def within(method: Method, passes: int | None) -> Method:
    """The method with as many iterations as can be, in proportion, and at most so many passes; None: as published.

    Raises ValueError where one iteration of each octave are more passes.
    """
    if passes is None or passes_of(method) <= passes:
        return method
    for wanted in range(passes, 0, -1):  # rounded octave by octave, a share may come to more than was wanted
        short = method.shortened(wanted / passes_of(method))
        if passes_of(short) <= passes:
            return short
    least = sum(octave.views for octave in method.schedule)
    raise ValueError(f"{method.name} has {least} passes with one iteration of each octave, so at least; found {passes}")


def built(preset: Mapping[str, Any], stepped: float) -> Method:
    """The method that a configuration of conf/method describes, on the whole canvas, with steps of `stepped` times the
    size."""
    return dataclasses.replace(presets.build(preset).stepped(stepped), canvas="whole")


def suited(method: Method, network: Network, unit: Unit) -> Method:
    """The method as it is used for a unit: a class has a probability, a hidden unit hasn't (see the head)."""
    if unit.is_class(network):
        return method
    octaves = tuple(dataclasses.replace(octave, value="activation") for octave in method.schedule)
    return dataclasses.replace(method, schedule=octaves)


def pictures(
    material: Material,
    method: Method,
    *,
    starts: Tensor | None = None,
    natural: Tensor | None = None,
    references: Mapping[Unit, Tensor] | None = None,
) -> tuple[Tensor, tuple[str, ...]]:
    """As many pictures of each subject as are asked for, (subjects, n, 3, S, S) in [0, 1], and notes on those that came
    to nothing.

    starts: (subjects, n, 3, H, W) in [0, 1]. natural, references: as for `Method.maximize`, by what is asked.

    A picture depends on the unit, the seed and the number of the set, and on the order of the subjects not even by
    rounding. Units of one layer are made together: how a picture is shown to the network may depend on the layer.
    """
    network, count, subjects = material.network, material.pictures, material.subjects
    attempts = material.restarts()
    made = torch.empty(len(subjects), count, 3, network.input_size, network.input_size)
    notes: list[str] = []
    for layer in sorted({subject.asked.layer for subject in subjects}):
        rows = [i for i, subject in enumerate(subjects) if subject.asked.layer == layer]
        rows.sort(key=lambda i: (subjects[i].asked.channel, subjects[i].asked.position or ()))
        wanted = [subjects[i].asked for i in rows for _ in range(count)]
        found = make_pictures(
            network,
            suited(method, network, wanted[0]),
            wanted,
            seed=material.seed,
            restarts=attempts * len(rows),
            starts=None if starts is None else starts[rows].flatten(0, 1),
            natural=natural,
            references=references,
            folder=material.workspace,
            name=layer,
            progress=material.progress,
        )
        made[rows] = found.images.unflatten(0, (len(rows), count))
        notes += found.trouble([subjects[i].title for i in rows for _ in range(count)])
    return made, tuple(notes)
