"""Makes the pictures of one set by one method, or finds them made: a changed measure makes no picture again."""

from __future__ import annotations

import dataclasses
import json
import shutil

from torch import Tensor

from replications.compare.kept import digest_of, held, keep, path_of
from replications.compare.material import Material
from replications.compare.method import ComparedMethod, Made
from replications.compare.protocol import Protocol
from replications.compare.subjects import Subject
from replications.suite.identity import code_of, named_files
from replications.suite.interface import Context

_COSTS = ("passes", "generator_passes", "looked_at")


def make(
    context: Context,
    method: ComparedMethod,
    protocol: Protocol,
    subjects: tuple[Subject, ...],
    number: int,
    passes: int | None,
) -> Made:
    """The pictures of set `number` of each subject. passes: see `ComparedMethod.visualize`.

    They are kept under all that determines them. An interrupted set leaves its finished parts, where the method keeps
    some, and goes on with the next.

    Raises:
        ValueError: the method made other pictures than it was asked for; and what it raises itself.
    """
    key = _digest(context, method, protocol, subjects, number, passes)
    kept = held("made", key)
    if kept is not None:
        costs = json.loads(kept[1]["costs"])
        return Made(kept[0]["images"], **costs, notes=tuple(json.loads(kept[1]["notes"])))
    workspace = path_of("parts", key).with_suffix("")
    made = method.visualize(Material(context, protocol, subjects, number, workspace), passes)
    made.check(len(subjects), protocol.pictures, context.network.input_size)
    images: Tensor = made.images.detach().float().cpu()
    costs = {name: float(getattr(made, name)) for name in _COSTS}
    keep("made", key, {"images": images}, {"costs": json.dumps(costs), "notes": json.dumps(list(made.notes))})
    shutil.rmtree(workspace, ignore_errors=True)
    return Made(images, **costs, notes=tuple(made.notes))


def fields_of(method: ComparedMethod) -> dict[str, object]:
    """Its parameters as plain values."""
    return dataclasses.asdict(method)  # type: ignore[call-overload]


def _digest(
    context: Context,
    method: ComparedMethod,
    protocol: Protocol,
    subjects: tuple[Subject, ...],
    number: int,
    passes: int | None,
) -> str:
    """Of what determines the pictures; what they are measured by is no part of it, nor what a method is called."""
    fields = fields_of(method)
    return digest_of(
        {
            "method": [f"{type(method).__module__}.{type(method).__qualname__}", {**fields, "title": None}],
            "files": named_files(fields),
            "targets": code_of(fields),
            "passes": passes if method.optimizes else None,
            "network": context.network.fingerprint,
            "device": context.network.device.type,
            "images": context.data.train.fingerprint,
            "protocol": [protocol.pictures, protocol.training_images, protocol.liked],
            "subjects": [[subject.title, subject.unit.name, subject.asked.name, subject.name] for subject in subjects],
            "set": [context.seed, number],
        },
        type(method).__module__,
    )
