"""Trainings of architectures that the zoo doesn't know by itself.

A job names its architecture, and the process that trains it looks the name up. What is added here is known wherever a
`SurveyJob` is: a process that is handed one imports this module to unpack it.
"""

from __future__ import annotations

import dataclasses

from replications.training.job import ARCHITECTURES, TrainingJob

ARCHITECTURES.update(
    {
        "zfnet_variant": "replications.networks.zfnet_variants",
        "zfnet_small_variant": "replications.networks.zfnet_variants",
        "zfnet_small_fine": "replications.networks.fine_first_layer",
    }
)


@dataclasses.dataclass(frozen=True, eq=False)
class SurveyJob(TrainingJob):
    """A network to train, of any architecture that this module adds or that the zoo knows."""

    @classmethod
    def of(cls, job: TrainingJob, architecture: str, **arguments: object) -> SurveyJob:
        """`job` with another architecture, and with `arguments` over its own."""
        fields = {field.name: getattr(job, field.name) for field in dataclasses.fields(job)}
        return cls(**{**fields, "architecture": architecture, "arguments": {**job.arguments, **arguments}})
