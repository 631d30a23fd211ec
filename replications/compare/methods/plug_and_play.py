"""The variants of Plug & Play Generative Networks (Nguyen et al. 2017): PPGN-x, DGN-AM, PPGN-h, Joint and Noiseless.

A class is asked for by its log-probability among the classes, a hidden unit by its log-probability among the units at
its position, with the gradient as released (`ppgn.unit_pictures`). Of hidden units it is what their rectification
reads: a rectified unit that is silent has no gradient.

- Equal compute: each picture is the end of a chain of its own, of exactly `passes` steps, with the variant's settings
  for classes (conf/sampler, conf/ppgn); what falls along a chain falls so much faster. Hidden units have these settings
  too: the released task for them differs only in that a chain starts anew every 100 steps, from then on with an epsilon
  1 drawn at random, and here every chain ends at its first end.
- Published: classes as the variant's settings say, each picture the end of a chain of its own. Hidden units by the task
  `hidden` where the variant has one: one chain for each unit and set that starts anew every 100 steps, the code before
  each new start being a picture. PPGN-x and DGN-AM have no such task; there hidden units are asked for as classes are.

What a step costs: the network runs forward to what is asked and back; the generator forward and back; an autoencoder
forward alone, which counts as half a pass. The joint priors read the encoder, which is the network itself: where the
layer of the code lies below what is asked that costs nothing more, else (hidden units of lower layers) half a pass is
counted, which is too much, since what lies below both runs once. The last look at a chain's end, from which nothing
follows, isn't counted.

Deviations, with their reasons:
- The released code keeps samples of hidden units whose probability is at least 0.98. All are kept, as a method is to
  make as many pictures as every other; whether they drive the unit is measured.
- Where real codes lie is told by training images of the set, up to as many as conf/ppgn says, and not by others. The
  generators and autoencoders were trained on all training images, of which other methods see the set's alone.
- The generator of DGN-AM and PPGN-h is that of the noiseless joint variant (`ppgn.variants`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor

from replications.compare.material import Material
from replications.compare.method import ComparedMethod, Family, Made
from replications.compare.protocol import Protocol
from replications.compare.subjects import LookedAt, Subject
from replications.networks.network import Network
from replications.ppgn.class_sets import sized
from replications.ppgn.conditions import LogSoftmax, Reads, of_class
from replications.ppgn.parts import AT_ONCE, sample
from replications.ppgn.unit_pictures import Task, ppgn_pictures
from replications.ppgn.variants import Variant, Variants, check_variant, missing
from replications.suite.interface import Context

FORWARD = 0.5  # of a forward and backward pass; for what isn't trained both halves cost about the same
ONLY_ENDS = 1_000_000  # more steps than any chain has: only its start and its end are kept
HIDDEN = "hidden"  # the task of conf/sampler


@dataclass(frozen=True)
class PlugAndPlay(ComparedMethod):
    """variant: a name of `ppgn.variants`. ppgn: a configuration of conf/ppgn. Raises ValueError for another variant."""

    title: str
    variant: str
    ppgn: Mapping[str, Any]

    family: ClassVar[Family] = "generative"
    optimizes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_variant(self.ppgn, self.variant)

    def missing(self, context: Context, protocol: Protocol) -> str | None:
        return missing(self.ppgn, context, [self.variant])

    def visualize(self, material: Material, passes: int | None) -> Made:
        variants = Variants(self.ppgn, material.network, LookedAt(material.images, material.indices), material.device)
        changes: dict[str, Any] = {} if passes is None else {"steps": passes}
        variant = variants.get(self.variant, **changes, keep_every=ONLY_ENDS)
        starts_anew = passes is None and HIDDEN in self.ppgn["samplers"][self.variant].get("tasks", {})
        alone = [i for i, one in enumerate(material.subjects) if one.kind == "class" or not starts_anew]
        anew = [i for i in range(len(material.subjects)) if i not in alone]
        images: dict[int, Tensor] = {}
        costs: dict[int, tuple[float, float]] = {}
        notes: list[str] = []
        if alone:
            chosen = [material.subjects[i] for i in alone]
            made, said = _ends(material, variant, chosen)
            images |= dict(zip(alone, made, strict=True))
            costs |= {i: _cost(variant, material.subjects[i], variant.sampler.settings.steps) for i in alone}
            notes += said
        if anew:
            restarted = variants.get(self.variant, task=HIDDEN)
            every = restarted.sampler.settings.reset_every
            tasks = [Task(material.subjects[i].unit, material.number) for i in anew]
            # of a context it reads the network, the seed, the workspace and the progress
            found = ppgn_pictures(cast(Context, material), restarted, tasks, material.pictures)
            images |= dict(zip(anew, found.images, strict=True))
            costs |= {i: _cost(restarted, material.subjects[i], every) for i in anew}
            notes += found.notes
        shown = torch.stack([sized(images[i].clamp(0, 1), material.network.input_size) for i in sorted(images)])
        own, generator = (sum(column) / len(costs) for column in zip(*costs.values(), strict=True))
        looked_at = float(min(int(self.ppgn["known_images"]), len(material.indices)))
        return Made(shown, own, generator, looked_at, tuple(notes))


def asked(network: Network, subject: Subject) -> Reads:
    """The condition on a unit: see the head of the file."""
    if subject.kind == "class":
        return of_class(network, subject.unit.channel)
    return Reads(network, LogSoftmax(subject.asked, "own_logit"))


def _ends(material: Material, variant: Variant, subjects: Sequence[Subject]) -> tuple[Tensor, list[str]]:
    """(subjects, n, 3, H, W): the ends of n chains of each, and notes on those that came to nothing."""
    n = material.pictures
    chains = sample(
        variant.sampler,
        [asked(material.network, subject) for subject in subjects for _ in range(n)],
        seed=material.seed,
        numbers=[material.number * n + i for _ in subjects for i in range(n)],
        folder=material.workspace,
        name=variant.name,
        at_once=_even_parts(len(subjects) * n) if material.device.type == "cpu" else None,
        progress=material.progress,
    )
    notes = [f"The chain of {chains.names[i]} diverged in step {step}." for i, step in chains.diverged.items()]
    return variant.made(chains.codes).unflatten(0, (len(subjects), n)), notes


def _even_parts(chains: int) -> int:
    """Chains of a part, of an even number of parts of about the same size, so that two cores end together."""
    return -(-chains // (2 * -(-chains // (2 * AT_ONCE))))


def _cost(variant: Variant, subject: Subject, steps: int) -> tuple[float, float]:
    """Forward and backward passes for one picture: of the network, and of generator and autoencoder."""
    network, prior = variant.network, variant.sampler.prior.kind
    own = float(steps)
    if prior == "joint" and variant.layer not in {node.name for node in network.ancestors(subject.asked.layer)}:
        own += FORWARD * steps
    generator = 0.0 if variant.layer is None else steps + FORWARD  # the last for the picture itself
    return own, generator + (FORWARD * steps if prior == "dae" else 0.0)
