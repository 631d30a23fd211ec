"""How well a captioner says what an image shows, on images that it hasn't learned from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from replications.ppgn.captioner import LSTMCaptioner
from replications.ppgn.told import SLOTS, Told

READ = ("facet", "colour", "side", "place", "time")


@dataclasses.dataclass(frozen=True)
class CaptionerErrors:
    """perplexity: exp of the mean negative log-probability of a word given those before it, ends included; lower is
    better, 1 is the least. accuracy: by slot the share of images in which it is read rightly (`read_slots`), 0 to 1."""

    images: int
    perplexity: float
    accuracy: dict[str, float]


def captioner_errors(captioner: LSTMCaptioner, images: Tensor, told: Sequence[Told]) -> CaptionerErrors:
    """images: (n, 3, H, W) in [0, 1]; told: what their captions tell."""
    captions = [one.caption for one in told]
    logs = captioner.of_own(images, captions)
    words = int((captioner.indices(captions) >= 0).sum())
    read = read_slots(captioner, images, told)
    accuracy = {slot: _share(values, [one.value(slot) for one in told]) for slot, values in read.items()}
    return CaptionerErrors(len(told), math.exp(-float(logs.sum()) / words), accuracy)


def read_slots(captioner: LSTMCaptioner, images: Tensor, told: Sequence[Told]) -> dict[str, list[str]]:
    """For each of SLOTS what the captioner takes each image for: of the captions that tell the same but for this slot
    the most probable one's value. A class is that of the facet. images: (n, 3, H, W) in [0, 1]."""
    choices = [[one.but(slot, value).caption for slot in READ for value in SLOTS[slot]] for one in told]
    logs = captioner.of_all(images, choices)
    read: dict[str, list[str]] = {}
    parts = logs.split([len(SLOTS[slot]) for slot in READ], 1)
    for slot, part in zip(READ, parts, strict=True):
        read[slot] = [SLOTS[slot][i] for i in part.argmax(1).tolist()]
    read["class"] = [facet.partition("/")[0] for facet in read["facet"]]
    return {slot: read[slot] for slot in SLOTS}


def another(images: Tensor) -> Tensor:
    """The images, each at the place of another."""
    return torch.roll(images, 1, 0)


def _share(found: Sequence[str], wanted: Sequence[str]) -> float:
    return sum(a == b for a, b in zip(found, wanted, strict=True)) / len(wanted)
