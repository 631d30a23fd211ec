"""What experiments share that dissect layers of the network at hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from replications.data.concepts.concept_set import ConceptSet
from replications.suite.interface import Context, Experiment
from replications.survey.concept_choice import concept_set, content, lacking
from replications.survey.dissection.cache import cached
from replications.survey.dissection.result import Dissection


@dataclasses.dataclass(frozen=True)
class DissectedLayers(Experiment):
    """layers: numbers of the paper's layers. concepts: a configuration of conf/concepts. batch: images at a time."""

    paper: ClassVar[str] = "survey"
    needs: ClassVar[tuple[Literal["network"], ...]] = ("network",)

    layers: Sequence[int]
    concepts: Mapping[str, Any] | None
    batch: int

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("expected at least one layer, found none")

    def missing(self, context: Context) -> str | None:
        absent = [number for number in self.layers if number not in context.network.unit_layers]
        if absent:
            return f"needs the paper's layers {absent}, which network '{context.network.name}' doesn't name"
        return lacking(self.concepts, context.network)

    def reads(self, context: Context) -> dict[str, str]:
        return content(self.concepts, context.network)

    def dissected(self, context: Context) -> tuple[ConceptSet, dict[int, Dissection]]:
        """What is labelled, and the dissection of each layer by its number."""
        network = context.network
        names = {number: network.feature_map_layer(number) for number in self.layers}
        concepts = concept_set(self.concepts, network)
        found = cached(network, list(names.values()), concepts, batch=self.batch, progress=context.progress)
        return concepts, {number: found[name] for number, name in names.items()}
